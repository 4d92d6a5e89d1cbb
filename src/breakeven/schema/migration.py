"""A cut-over checked: what was measured before and after it, and whether it is the same."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Change = Literal["same", "changed", "not_enough_evidence"]


class Compared(Noun, frozen=True, kw_only=True):
    """A measure before and after: means, by how much it changed, and how rare that is among shuffled days."""

    name: str
    unit: str
    before: float | None
    after: float | None
    days_before: int
    days_after: int
    change: float | None
    p: float | None
    verdict: Change


class Migration(Noun, frozen=True, kw_only=True):
    """The check of a cut-over."""

    cut_over: str
    verdict: Change
    measures: tuple[Compared, ...]
    remarks: tuple[str, ...] = ()
