"""What a page shows, before it is HTML, JSON or CSV: the three say the same numbers because they share this."""

from __future__ import annotations

from typing import Literal

from breakeven.report.chart import axis
from breakeven.schema.noun import Basis, Figure, Noun

Page = Literal["overview", "unit-cost", "decide", "tracking", "verify"]
Tone = Literal["good", "warn", "bad", "plain"]


class Number(Noun, frozen=True, kw_only=True):
    """A figure and how it is written."""

    figure: Figure
    text: str

    @property
    def interval(self) -> str:
        """The interval in words; with one bound only, that bound; or nothing."""
        low, high = (
            "" if bound is None else axis.write(bound, self.figure.unit)
            for bound in (self.figure.low, self.figure.high)
        )
        if low and high:
            return low if low == high else f"{low} to {high}"
        return f"at least {low}" if low else f"at most {high}" if high else ""


class Words(Noun, frozen=True, kw_only=True):
    """A text cell; `badge` is a short mark after it, `tone` its colour (the text says it too)."""

    text: str
    badge: str = ""
    tone: Tone = "plain"
    href: str = ""


Cell = Number | Words


class Column(Noun, frozen=True, kw_only=True):
    """A column of a table; `key` names it in JSON and CSV; `interval` shows it under each number."""

    key: str
    title: str
    numeric: bool = True
    interval: bool = False


class Row(Noun, frozen=True, kw_only=True):
    """One row; `strong` is the chosen one or the sum."""

    cells: tuple[Cell, ...]
    strong: bool = False


class Table(Noun, frozen=True, kw_only=True):
    """A table; the first column names the row. `note` says how it adds up. A `folded` one opens on request."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    note: str = ""
    folded: bool = False


class Chart(Noun, frozen=True, kw_only=True):
    """A chart drawn for desks, tablets and phones; a `half` one shares its row on a desk."""

    key: str
    title: str
    wide: str
    medium: str
    narrow: str
    caption: str = ""
    half: bool = False


class Labelled(Noun, frozen=True, kw_only=True):
    """A number of its own, with its name."""

    key: str
    label: str
    number: Number
    detail: str = ""


class Empty(Noun, frozen=True, kw_only=True):
    """Nothing to show yet, and the commands that change that."""

    text: str
    commands: tuple[tuple[str, str], ...]


class Passage(Noun, frozen=True, kw_only=True):
    """A list in words."""

    title: str
    items: tuple[str, ...]


class View(Noun, frozen=True, kw_only=True):
    """One page. `emulated` says in words which of it no real machine measured."""

    page: Page
    title: str
    verdict: str
    tone: Tone = "plain"
    reason: str = ""
    numbers: tuple[Labelled, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()
    passages: tuple[Passage, ...] = ()
    warnings: tuple[str, ...] = ()
    emulated: str = ""
    period: str = ""
    start_s: float | None = None
    end_s: float | None = None
    empty: Empty | None = None
    use_cases: tuple[str, ...] = ()
    plans: tuple[tuple[str, str], ...] = ()


def number(figure: Figure, unknown: str = "") -> Number:
    """A figure as it is written; `unknown` is the word for None where "unpriced" or "unknown" would be wrong."""
    if figure.value is None and unknown:
        return Number(figure=figure, text=unknown)
    return Number(figure=figure, text=axis.write(figure.value, figure.unit))


def basis_of(value: float | None, known: Basis) -> Basis:
    """The basis of a value, unknown where there is none."""
    return "unknown" if value is None else known


def count(value: int | None, how: str, *, unknown: str = "not measurable") -> Number:
    """A count of ledger rows."""
    return number(Figure(value=value, unit="count", basis=basis_of(value, "measured"), how=how), unknown)
