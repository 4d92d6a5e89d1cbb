"""Drift, spending and alerts: what changed, what it will come to, and what somebody should be told."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Scale = Literal["log", "share"]
"""How days are compared: ratios of positive figures, or differences of shares."""
Direction = Literal["up", "down", "either"]
"""Which way is bad."""


class Day(Noun, frozen=True, kw_only=True):
    """A metric on one UTC day (days since 1970), over `n` rows."""

    day: int
    value: float
    n: int


class Series(Noun, frozen=True, kw_only=True):
    """A metric of one use case or deployment by day, ascending; days without enough rows are left out."""

    metric: str
    key: str
    unit: str
    days: tuple[Day, ...]
    scale: Scale = "log"
    bad: Direction = "up"


DriftVerdict = Literal["steady", "worse", "better", "changed", "not_enough_evidence"]


class Drift(Noun, frozen=True, kw_only=True):
    """The recent days of a series against those before. `low`..`high` is the 95 % interval of the change.

    `change` is a ratio less 1 on the log scale, a difference on the share scale; `p` is two-sided. `since` is the day
    on which the change most likely began.
    """

    metric: str
    key: str
    unit: str
    verdict: DriftVerdict
    baseline: float | None = None
    recent: float | None = None
    change: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    since: str = ""
    days: int = 0
    note: str = ""


class Spending(Noun, frozen=True, kw_only=True):
    """Money of a budget (or of everything, without one) in its month, and what it will come to: USD.

    `over` is the chance that the limit is passed; None without a limit, or without enough days to say.
    """

    budget: str
    scope: str
    month: str
    spent_usd: float
    limit_usd: float | None = None
    p5_usd: float | None = None
    p50_usd: float | None = None
    p95_usd: float | None = None
    over: float | None = None
    day_reached: str = ""
    days: int = 0
    unpriced: int = 0
    note: str = ""


Severity = Literal["info", "warning", "critical"]


class Alert(Noun, frozen=True, kw_only=True):
    """Something that somebody should be told. `id` stays the same while it lasts."""

    id: str
    severity: Severity
    metric: str
    key: str
    message: str
    value: float | None = None
    limit: float | None = None
