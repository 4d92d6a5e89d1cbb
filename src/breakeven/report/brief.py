"""Documents made shorter for a terminal: without details, and without footnotes that nobody asked for."""

from __future__ import annotations

import re
from collections.abc import Callable

import msgspec

from breakeven.report.document import Block, Document, Provenance, Section, Table

_MARKS = re.compile(r"(?:\[\^[0-9]{1,4}\]-?)+")
_ONLY_MARKS = re.compile(r"(?:\[\^[0-9]{1,4}\]|-)*")


def without_details(document: Document) -> Document:
    """The document without tables of detail."""
    return _kept(document, lambda block: not (isinstance(block, Table) and block.detail))


def without_sources(document: Document) -> Document:
    """The document without its footnotes and the marks that point to them."""
    kept = _kept(document, lambda block: not isinstance(block, Provenance))
    sections = (
        Section(title=section.title, blocks=tuple(unmarked(block) for block in section.blocks))
        for section in kept.sections
    )
    return msgspec.structs.replace(kept, sections=tuple(sections))


def _kept(document: Document, wanted: Callable[[Block], bool]) -> Document:
    """The blocks that are wanted; sections without any go too."""
    sections = (
        Section(title=section.title, blocks=tuple(block for block in section.blocks if wanted(block)))
        for section in document.sections
    )
    return msgspec.structs.replace(document, sections=tuple(one for one in sections if one.blocks))


def unmarked(block: Block) -> Block:
    """A block without marks; columns of a table that hold nothing else go."""
    whole = _narrow(block) if isinstance(block, Table) else block
    return msgspec.structs.replace(whole, **{name: _plain(getattr(whole, name)) for name in whole.__struct_fields__})


def _narrow(table: Table) -> Table:
    places = [at for at in range(len(table.columns)) if not _notes([row[at] for row in table.rows])]
    return msgspec.structs.replace(
        table,
        columns=tuple(table.columns[at] for at in places),
        rows=tuple(tuple(row[at] for at in places) for row in table.rows),
        align=tuple(table.aligns[at] for at in places),
    )


def _notes(cells: list[str]) -> bool:
    """Whether a column holds marks alone."""
    return any(_MARKS.search(cell) for cell in cells) and all(_ONLY_MARKS.fullmatch(cell) for cell in cells)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _MARKS.sub("", value)
    return tuple(_plain(one) for one in value) if isinstance(value, tuple) else value
