"""What a check of published values found."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Checked(Noun, frozen=True, kw_only=True):
    """One expected value and what the study computes for it, in the same unit; None is never."""

    case: str
    name: str
    expected: float | None
    actual: float | None
    unit: str
    passed: bool
    published: str
    inferred: str = ""


class Broken(Noun, frozen=True, kw_only=True):
    """A study that cannot be read or computed, and why."""

    case: str
    error: str


class CheckReport(Noun, frozen=True, kw_only=True):
    """What `tco check` found: how many cases and values, those not reproduced, and the cases that say nothing."""

    cases: int
    checked: int
    failed: tuple[Checked, ...]
    broken: tuple[Broken, ...] = ()
    values: tuple[Checked, ...] = ()
    """All of them, reproduced or not."""
