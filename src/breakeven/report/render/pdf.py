"""A document as a tagged PDF: same document and date, same bytes; no browser, no system font, nothing from outside."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from types import ModuleType

from breakeven.errors import UsageError
from breakeven.report.document import Document
from breakeven.report.render import typst as markup

STANDARDS = ["ua-1", "a-2a"]
"""PDF/UA-1 for readers who listen, PDF/A-2a for the archive; both ask for tags, a language and embedded fonts."""


def render(document: Document, *, as_of: str) -> bytes:
    """The document as PDF, dated `as_of` (an ISO date), so that the clock is no input.

    Raises:
        UsageError: the extra `pdf` is not installed, or a text holds characters that no font at hand can show.
    """
    made, compiler = markup.render(document), _compiler()
    stamp = datetime.fromisoformat(f"{as_of}-01-01"[:10]).replace(tzinfo=UTC)
    inputs = {name: svg.decode() for name, svg in made.images.items()}
    try:
        return _compile(compiler, made.source, inputs, stamp, own_fonts=True)
    except compiler.TypstError:
        return _with_system_fonts(compiler, made.source, inputs, stamp)


def _compiler() -> ModuleType:
    try:
        return importlib.import_module("typst")
    except ImportError as error:
        message = "a PDF needs the package `typst`, which is not installed"
        raise UsageError(message, "pip install 'breakeven[pdf]'") from error


def _compile(compiler: ModuleType, source: str, inputs: dict[str, str], stamp: datetime, *, own_fonts: bool) -> bytes:
    made: bytes = compiler.compile(
        source.encode(),
        format="pdf",
        sys_inputs=inputs,
        pdf_standards=STANDARDS,
        timestamp=stamp,
        ignore_system_fonts=own_fonts,
    )
    return made


def _with_system_fonts(compiler: ModuleType, source: str, inputs: dict[str, str], stamp: datetime) -> bytes:
    """For scripts that the built-in fonts lack (Chinese, Arabic, emoji); bytes then depend on the machine's fonts."""
    try:
        return _compile(compiler, source, inputs, stamp, own_fonts=False)
    except compiler.TypstError as error:
        message = f"the PDF could not be made: {error.message}"
        raise UsageError(message, "install a font that has these characters, or write the memo as HTML") from error
