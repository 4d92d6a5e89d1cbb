"""Documents in the forms that people read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.report.document import Document, Provenance
from breakeven.report.render import html, markdown, pdf, text

FORMATS: dict[str, Callable[[Document], str]] = {"text": text.render, "markdown": markdown.render, "html": html.render}
SUFFIXES = {"md": "markdown", "txt": "text"}


def in_form(document: Document, form: str) -> str:
    """A document as text, markdown or html."""
    return FORMATS[form](document)


def brief(document: Document, *, sources: bool) -> str:
    """A document as text for a terminal; without `sources` it only says how many facts stand behind it."""
    facts = document.sources()
    if sources or not facts:
        return text.render(document)
    kept = tuple(
        section for section in document.sections if not any(isinstance(block, Provenance) for block in section.blocks)
    )
    short = text.render(msgspec.structs.replace(document, sections=kept))
    return f"{short}\n{len(facts)} sourced facts stand behind these numbers: add --sources, or --json"


def content(document: Document, form: str, *, as_of: str) -> bytes:
    """A document as bytes: text, md, html or pdf (the extra `pdf`)."""
    if form == "pdf":
        return pdf.render(document, as_of=as_of)
    return in_form(document, SUFFIXES.get(form, form)).encode()


def write(path: Path, made: bytes) -> None:
    """A file, whole or not at all."""
    files.write_atomically(path, made)
