"""A document: a few kinds of block that every renderer knows, and nothing about where it is shown.

Text may hold footnote marks such as `[^3]`; they point to the provenance entry with that mark. `Document.problems`
says which do not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Literal

from breakeven.schema.noun import Noun

Tone = Literal["good", "warn", "bad", "neutral"]
Align = Literal["left", "right"]

MARK = re.compile(r"\[\^([0-9]{1,4})\]")
"""A footnote mark in a text."""


class Verdict(Noun, frozen=True, kw_only=True, tag="verdict"):
    """The answer in one sentence, with the headline figure and its interval as text."""

    sentence: str
    figure: str = ""
    interval: str = ""
    tone: Tone = "neutral"


class Text(Noun, frozen=True, kw_only=True, tag="text"):
    """A paragraph."""

    text: str


class Items(Noun, frozen=True, kw_only=True, tag="list"):
    """A list of sentences."""

    items: tuple[str, ...]


class Table(Noun, frozen=True, kw_only=True, tag="table"):
    """Rows of text under a caption; the first column names the row. `align` has one entry per column.

    A `detail` is left out of short answers: its gist stands elsewhere in the document.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: tuple[Align, ...] = ()
    note: str = ""
    detail: bool = False

    @property
    def aligns(self) -> tuple[Align, ...]:
        """One alignment per column; left where none is stated."""
        default: Align = "left"
        return self.align or (default,) * len(self.columns)


class Chart(Noun, frozen=True, kw_only=True, tag="chart"):
    """A drawing made by `report.chart`, and the same in words for readers without pictures."""

    title: str
    svg: str
    summary: str


class Assumption(Noun, frozen=True, kw_only=True, tag="assumption"):
    """Something taken as given: its value, where it comes from and since when."""

    name: str
    value: str
    source: str
    as_of: str
    note: str = ""


class Risk(Noun, frozen=True, kw_only=True, tag="risk"):
    """What would change the decision, or could go wrong."""

    text: str
    tone: Tone = "warn"


class Source(Noun, frozen=True, kw_only=True):
    """One footnote: what a number rests on."""

    mark: int
    key: str
    value: str
    source: str
    as_of: str
    url: str = ""
    licence: str = ""
    basis: str = ""
    note: str = ""


class Provenance(Noun, frozen=True, kw_only=True, tag="provenance"):
    """The footnotes, in the order of their marks."""

    sources: tuple[Source, ...]


Block = Verdict | Text | Items | Table | Chart | Assumption | Risk | Provenance


class Section(Noun, frozen=True, kw_only=True):
    """A heading and what stands under it."""

    title: str
    blocks: tuple[Block, ...]


class Document(Noun, frozen=True, kw_only=True):
    """What every renderer takes. `meta` are name and value pairs of the imprint: ids, seed, dates."""

    title: str
    subtitle: str = ""
    sections: tuple[Section, ...]
    meta: tuple[tuple[str, str], ...] = ()
    version: int = 1

    def blocks(self) -> Iterator[Block]:
        """All blocks in reading order."""
        for section in self.sections:
            yield from section.blocks

    def sources(self) -> tuple[Source, ...]:
        """All footnotes."""
        return tuple(source for block in self.blocks() if isinstance(block, Provenance) for source in block.sources)

    def problems(self) -> tuple[str, ...]:
        """Marks without a footnote, and footnotes without source or date; empty when every number can be traced."""
        known = {source.mark for source in self.sources()}
        dangling = sorted({mark for block in self.blocks() for mark in marks(block)} - known)
        unsourced = [source.key for source in self.sources() if not (source.source and source.as_of)]
        return (
            *(f"[^{mark}] has no footnote" for mark in dangling),
            *(f"{key} has no source or date" for key in unsourced),
        )


def marks(block: Block) -> set[int]:
    """The footnote marks used in a block."""
    return {int(found) for text in texts(block) for found in MARK.findall(text)}


def texts(block: Block) -> tuple[str, ...]:  # noqa: PLR0911 - one return per kind of block
    """Every text of a block that may hold marks."""
    match block:
        case Verdict():
            return block.sentence, block.figure, block.interval
        case Items():
            return block.items
        case Table():
            return block.caption, block.note, *(cell for row in block.rows for cell in row)
        case Chart():
            return block.title, block.summary
        case Assumption():
            return block.value, block.note
        case Provenance():
            return ()
        case Text() | Risk():
            return (block.text,)


def cite(text: str, numbers: Iterable[int]) -> str:
    """A text followed by its footnote marks, each once, ascending; three or more in a row as first to last."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return text + "".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    if len(run) > 2:  # noqa: PLR2004 - two marks are shorter than a range
        return f"[^{run[0]}]-[^{run[-1]}]"
    return "".join(f"[^{number}]" for number in run)
