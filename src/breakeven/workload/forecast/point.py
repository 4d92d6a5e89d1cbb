"""The middle of a forecast: what came at this hour lately, moved by how far the last windows were off it.

With z the logarithm of counts (plus a tenth of their median), t the last window, l the lead:

    S(t + l) + rho_l (level(t) - S(t)),    0 <= rho_l <= 1

S is the median of the windows around the same hour of recent days (the last two and the same day of the last two weeks,
where three weeks are known), the level an average of the last few windows, rho_l the slope that past windows had.
All use only what was known at t, for every t at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.schema.noun import Noun
from breakeven.workload.arrivals import Vector
from breakeven.workload.median import medians

DAY_S = 86_400.0
DAYS = 4
SEASONAL_FROM = 3
"""Days below which no hour of day is used."""
WEEKLY_FROM = 21
HALF_LIFE = 3.0
"""Windows in which the level forgets half."""
CLIP = 4.0
"""Times the median deviation beyond which a window does not pull the slope any further."""
OFFSET = 0.1


class Logs(Noun, frozen=True, kw_only=True):
    """Counts on a logarithmic scale: log(count + offset)."""

    offset: float

    def of(self, counts: Vector) -> Vector:
        """To the scale."""
        return np.asarray(np.log(counts + self.offset))

    def back(self, scaled: Vector) -> Vector:
        """To counts, never below 0."""
        return np.maximum(np.exp(np.minimum(scaled, 700.0)) - self.offset, 0.0)


def logs(counts: Vector) -> Logs:
    """The scale of counts: a tenth of the median of those above 0 is added, at least half a request."""
    there = counts[counts > 0]
    return Logs(offset=max(0.5, OFFSET * float(np.median(there))) if len(there) else 0.5)


def level(scaled: Vector) -> Vector:
    """The average of the last few windows at each one, missing ones passed over."""
    keep, found, last = 0.5 ** (1 / HALF_LIFE), np.full(len(scaled), np.nan), np.nan
    for k, value in enumerate(scaled.tolist()):
        if value == value:  # noqa: PLR0124 - NaN is not itself
            last = value if last != last else keep * last + (1 - keep) * value  # noqa: PLR0124
        found[k] = last
    return found


def day_of(step_s: float) -> int:
    """Windows of a day."""
    return max(1, round(DAY_S / step_s))


def seasonal(scaled: Vector, targets: NDArray[np.int64], known: NDArray[np.int64], day: int) -> Vector:
    """S at the targets from windows up to `known`: NaN where there is none."""
    ahead = int((targets - known).max())
    back = -(-ahead // day) if ahead > 0 else 1
    backs = [back + k for k in range(DAYS)]
    if len(scaled) >= WEEKLY_FROM * day:
        weeks = -(-ahead // (7 * day)) if ahead > 0 else 1
        backs = [back, back + 1, 7 * weeks, 7 * (weeks + 1)]
    rows = []
    for days in backs:
        for beside in (-1, 0, 1):
            at = targets - days * day + beside
            there = (at >= 0) & (at <= known)
            rows.append(np.where(there, scaled[np.clip(at, 0, len(scaled) - 1)], np.nan))
    return medians(np.stack(rows, axis=1), nothing=float("nan"))


class Middle(Noun, frozen=True, kw_only=True):
    """The middle at one lead: `errors` of the past by the window they were about (NaN before), and what comes next."""

    lead: int
    errors: bytes
    ahead: float


def middles(scaled: Vector, leads: list[int], day: int) -> list[Middle]:
    """The middle of each lead, and how far it was off in the past."""
    n = len(scaled)
    now, near = np.arange(n), level(scaled)
    if n < SEASONAL_FROM * day:
        return [_flat(scaled, near, lead) for lead in leads]
    base = seasonal(scaled, now, now - 1, day)
    return [_one(scaled, near, base, lead, day) for lead in leads]


def _flat(scaled: Vector, near: Vector, lead: int) -> Middle:
    errors = np.full(len(scaled), np.nan)
    errors[lead:] = scaled[lead:] - near[:-lead]
    return Middle(lead=lead, errors=errors.tobytes(), ahead=float(near[-1]))


def _one(scaled: Vector, near: Vector, base: Vector, lead: int, day: int) -> Middle:
    n = len(scaled)
    expected = seasonal(scaled, np.arange(n) + lead, np.arange(n), day)
    off = near - base
    slope = _slopes(scaled[lead:] - expected[:-lead], off[:-lead], lead)
    moved = expected + slope * np.where(np.isnan(off), 0.0, off)
    moved = np.where(np.isnan(moved), near, moved)
    errors = np.full(n, np.nan)
    errors[lead:] = np.where(np.isnan(expected[:-lead]), np.nan, scaled[lead:] - moved[:-lead])
    return Middle(lead=lead, errors=errors.tobytes(), ahead=float(moved[-1]))


def _slopes(missed: Vector, off: Vector, lead: int) -> Vector:
    """Slope rho at each window from pairs whose outcome was known by then, each pair's pull limited."""
    both = ~np.isnan(missed) & ~np.isnan(off)
    a, b = (_limited(values, both) for values in (off, missed))
    slope = np.clip(np.cumsum(a * b) / (np.cumsum(a * a) + 1e-9), 0.0, 1.0)
    return np.concatenate([np.zeros(lead), slope])


def _limited(values: Vector, both: NDArray[np.bool_]) -> Vector:
    """0 where one of the pair is missing; the limit is that of the first half, as it was known early."""
    early = values[: max(len(values) // 2, 1)]
    early = early[~np.isnan(early)]
    limit = CLIP * float(np.median(np.abs(early))) + 1e-9 if len(early) else 1e-9
    return np.where(both, np.clip(np.where(both, values, 0.0), -limit, limit), 0.0)
