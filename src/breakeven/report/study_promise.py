"""How a study will be held to what it says: each figure of the chosen option, and what it is measured by later."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.report.citation import Citations
from breakeven.report.currency import cash
from breakeven.report.document import Align, Block, Table, Text
from breakeven.report.study_table import facts_of, named, said
from breakeven.report.words import review
from breakeven.schema.tco import Tco, TcoOption

LEFT: Align = "left"
RIGHT: Align = "right"
INVOICES = "invoices of the month; a FOCUS file by `breakeven focus import`"
LEDGER = "the ledger, by `breakeven report`"
MEASURED = {
    "requests": LEDGER,
    "useful": LEDGER,
    "cost_per_request": LEDGER,
    "cost_per_useful": LEDGER,
    "used_of_capacity": LEDGER,
    "energy": "the meter of the place",
    "carbon": "the meter, and the grid's intensity of that month",
}
"""Figures of an option that are measured later, and by what."""


def promise_blocks(tco: Tco, best: TcoOption | None, known: Citations) -> tuple[Block, ...]:
    """What the chosen option promises, and when to look again."""
    rule = Text(
        text="What differs goes back into the study: change the input, keep the file. The same file, facts and seed "
        f"give the same bytes. {review(tco.as_of)}"
    )
    if best is None:
        return (rule,)
    table = Table(
        caption=f"What {named(best)} promises",
        columns=("figure", "promised", "measured by", "rests on"),
        rows=tuple(_rows(tco, best, known)),
        align=(LEFT, RIGHT, LEFT, LEFT),
    )
    return (table, rule)


def _rows(tco: Tco, best: TcoOption, known: Citations) -> Iterator[tuple[str, ...]]:
    marks = known.marks(facts_of(best))
    yield ("cash of month 1", cash(best.first_month, tco.currency), INVOICES, marks)
    yield ("cash over the horizon", cash(best.total, tco.currency), INVOICES, marks)
    figures = {one.name.rpartition(".")[2]: one.figure for one in best.figures}
    for name, by in MEASURED.items():
        if name in figures and figures[name].value is not None:
            yield (name.replace("_", " "), said(figures[name]), by, known.marks(figures[name].facts))
