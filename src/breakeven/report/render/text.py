"""A document as plain text for terminals: no colour, no control characters, readable when piped."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from breakeven.report.document import (
    MARK,
    Align,
    Assumption,
    Block,
    Chart,
    Document,
    Items,
    Provenance,
    Risk,
    Source,
    Table,
    Text,
    Verdict,
)

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SPACE = re.compile(r"[\t\r\n\x0b\x0c]+")
_WIDEST_CELL = 60
_NARROWEST_CELL = 14
_WIDEST_TABLE = 180


def render(document: Document, *, width: int = 100) -> str:
    """The document as text, wrapped to `width` columns; tables keep their own width."""
    return "\n".join(_lines(document, width)) + "\n"


def _lines(document: Document, width: int) -> Iterator[str]:
    title = clean(document.title)
    yield from (title, "=" * len(title))
    if document.subtitle:
        yield from _wrap(document.subtitle, width)
    for section in document.sections:
        heading = clean(section.title)
        yield from ("", heading, "-" * len(heading))
        for block in section.blocks:
            yield from block_lines(block, width)
    if document.meta:
        yield ""
        yield from (f"{clean(name)}: {clean(value)}" for name, value in document.meta)


def clean(text: str) -> str:
    """Text without control characters, so that a name from outside cannot steer a terminal."""
    return MARK.sub(r"[\1]", _CONTROL.sub("", " ".join(_SPACE.split(text))))


def block_lines(block: Block, width: int) -> Iterator[str]:  # noqa: PLR0911 - one return per kind of block
    """The lines of one block."""
    match block:
        case Verdict():
            return _verdict(block, width)
        case Text():
            return _wrap(block.text, width)
        case Items():
            return (line for item in block.items for line in _wrap(item, width, "- "))
        case Table():
            return table_lines(block)
        case Chart():
            return _wrap(f"{block.title}: {block.summary}", width)
        case Assumption():
            return _assumption(block, width)
        case Risk():
            return _wrap(block.text, width, "! ")
        case Provenance():
            return (line for source in block.sources for line in _wrap(source_line(source), width, "  "))


def _wrap(text: str, width: int, first: str = "") -> Iterator[str]:
    later = " " * len(first)
    wrapper = textwrap.TextWrapper(width, initial_indent=first, subsequent_indent=later, break_long_words=False)
    wrapper.break_on_hyphens = False
    yield from wrapper.wrap(clean(text)) or [""]


def _verdict(block: Verdict, width: int) -> Iterator[str]:
    yield from _wrap(block.sentence, width)
    if block.figure:
        yield clean(f"  {block.figure}" + (f"  ({block.interval})" if block.interval else ""))


def _assumption(block: Assumption, width: int) -> Iterator[str]:
    note = f"; {block.note}" if block.note else ""
    yield from _wrap(f"{block.name} = {block.value} ({block.source}, {block.as_of}{note})", width, "- ")


def source_line(source: Source) -> str:
    """One footnote as a line: mark, what, value, source, date and the rest that is known."""
    extra = ", ".join(part for part in (source.basis, source.licence, source.url, source.note) if part)
    tail = f" ({extra})" if extra else ""
    return f"[{source.mark}] {source.key} = {source.value}: {source.source}, {source.as_of}{tail}"


def table_lines(block: Table) -> Iterator[str]:
    """A table in columns; where it is wider than a terminal, its widest columns of words wrap."""
    rows = [tuple(clean(cell) for cell in row) for row in (block.columns, *block.rows)]
    widths = _widths(rows, block.aligns)
    yield from ("", clean(block.caption))
    yield from _row(rows[0], widths, block.aligns)
    yield "  ".join("-" * width for width in widths)
    for row in rows[1:]:
        yield from _row(row, widths, block.aligns)
    if block.note:
        yield from _wrap(block.note, 100)


def _widths(rows: list[tuple[str, ...]], aligns: tuple[Align, ...]) -> list[int]:
    """As wide as the longest cell, but no wider than allowed: numbers keep their line, words give way."""
    widths = [min(_WIDEST_CELL, max(1, *(len(row[at]) for row in rows))) for at in range(len(rows[0]))]
    while sum(widths) + 2 * len(widths) > _WIDEST_TABLE:
        words = [at for at, align in enumerate(aligns) if align == "left" and widths[at] > _NARROWEST_CELL]
        words = [at for at in words if at] or words  # what names the row gives way last
        if not words:
            return widths
        widths[max(words, key=lambda at: widths[at])] -= 1
    return widths


def _row(cells: tuple[str, ...], widths: list[int], aligns: tuple[Align, ...]) -> Iterator[str]:
    wrapped = [textwrap.wrap(cell, width) or [""] for cell, width in zip(cells, widths, strict=True)]
    for at in range(max(map(len, wrapped))):
        parts = (
            (lines[at] if at < len(lines) else "").rjust(width)
            if align == "right"
            else (lines[at] if at < len(lines) else "").ljust(width)
            for lines, width, align in zip(wrapped, widths, aligns, strict=True)
        )
        yield "  ".join(parts).rstrip()
