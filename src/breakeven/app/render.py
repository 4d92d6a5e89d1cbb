"""Documents in the forms that people read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from breakeven.assembly import files
from breakeven.errors import UsageError
from breakeven.report import brief as shorter
from breakeven.report.document import Document
from breakeven.report.render import html, markdown, pdf, text

FORMATS: dict[str, Callable[[Document], str]] = {"text": text.render, "markdown": markdown.render, "html": html.render}
SUFFIXES = {"md": "markdown", "txt": "text"}


def in_form(document: Document, form: str) -> str:
    """A document as text, markdown or html."""
    return FORMATS[form](document)


def brief(document: Document, *, sources: bool, everything: bool = True) -> str:
    """A document as text for a terminal.

    Without `sources` it only says how many facts stand behind it; without `everything` tables of detail are left out.
    """
    facts, whole = document.sources(), len(tuple(document.blocks()))
    shown = document if everything else shorter.without_details(document)
    left_out = whole - len(tuple(shown.blocks()))
    tables = "1 table of detail is" if left_out == 1 else f"{left_out} tables of detail are"
    lines = [f"{tables} left out: add --all"] if left_out else []
    if facts and not sources:
        shown = shorter.without_sources(shown)
        lines.append(f"{len(facts)} sourced facts stand behind these numbers: add --sources, or --json")
    return "\n".join([text.render(shown), *lines]) if lines else text.render(shown)


def content(document: Document, form: str, *, as_of: str) -> bytes:
    """A document as bytes: text, md, html or pdf (the extra `pdf`)."""
    if form == "pdf":
        return pdf.render(document, as_of=as_of)
    return in_form(document, SUFFIXES.get(form, form)).encode()


def write(path: Path, made: bytes) -> None:
    """A file, whole or not at all.

    Raises:
        UsageError: it cannot be written there.
    """
    try:
        files.write_atomically(path, made)
    except OSError as error:
        message = f"cannot write {path}: {(error.strerror or str(error)).lower()}"
        raise UsageError(message, "name a file in a folder that can be written to") from error
