"""A mix beside the choice in a memo: which of both is enacted, who serves at which load, what the mix promises."""

from __future__ import annotations

from typing import Literal

import msgspec

from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.decided import named
from breakeven.report.document import Align, Block, Table
from breakeven.report.document import Text as Paragraph
from breakeven.schema.plan import Mix, Plan

LEFT: Align = "left"
RIGHT: Align = "right"
Enacts = Literal["", "choice", "mix"]
"""What the files beside a memo enact; "" where there are none."""


def enacting(plan: Plan, enacts: Enacts) -> str:
    """Which of both is enacted by what; nothing where the plan has no mix of several parts."""
    if plan.mix is msgspec.UNSET:
        return ""
    if enacts == "mix":
        return "The files beside this memo enact the mix."
    beside = {"": "", "choice": " The files beside this memo enact the choice"}[enacts]
    beside += f"{', those in mix/ the mix' if plan.mix.cheaper else ''}." if beside else ""
    return f"`breakeven apply` enacts the choice alone, `breakeven apply --mix` the mix.{beside}"


def enacted_blocks(plan: Plan, known: Citations, enacts: Enacts) -> tuple[Block, ...]:
    """Which of both is enacted, what the parts carry at other loads, and what the mix promises."""
    mix = plan.mix
    if mix is msgspec.UNSET:
        return ()
    return Paragraph(text=enacting(plan, enacts)), _levels(mix), _promises(mix, known)


def _levels(mix: Mix) -> Table:
    rows = [
        (
            level.name,
            f"{level.rate_rps:.3g}",
            *(number.share(share) for _, share in level.shares),
            _beyond(level.beyond),
        )
        for level in mix.levels
    ]
    return Table(
        caption="Who serves at which load, in the order in which the parts fill",
        columns=("load", "requests/s", *mix.order, "beyond"),
        rows=tuple(rows),
        align=(LEFT, *(RIGHT for _ in range(len(mix.order) + 2))),
        note="With as many replicas as the mix has; beyond is what they do not carry, and more would have to.",
        detail=True,
    )


def _beyond(share: float) -> str:
    return number.share(share) if share > 0 else "-"


def _promises(mix: Mix, known: Citations) -> Table:
    rows = [
        (
            named(one, mix.promises),
            number.figure(one.predicted),
            one.predicted.note or one.predicted.how,
            known.marks((*one.predicted.facts, "workload")),
        )
        for one in mix.promises
    ]
    return Table(
        caption="Promises of the mix, where it is enacted",
        columns=("metric", "promised (80 % interval)", "how", "rests on"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, LEFT, LEFT),
        detail=True,
    )
