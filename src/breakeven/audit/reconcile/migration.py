"""Is tracking the same before and after a cut-over? Days are compared, not rows.

Rows of one day share its weather, so a test over rows finds a difference every day. Each measure is one number a day;
its weekday's mean is taken away where both sides have every weekday; then the difference of means is set against the
differences that shuffled days give (permutation test, exact for exchangeable days; Good 2005, ch. 3). A measure has
changed when that is rarer than `ALPHA` shared by all measures (Bonferroni) and larger than a stated least change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from breakeven.schema.migration import Change, Compared, Migration
from breakeven.schema.noun import Noun

ALPHA = 0.01
"""The chance that any measure of an unchanged system is called changed."""
DRAWS = 20_000
FEWEST = 5
"""Days on each side below which nothing is said."""
WEEK = 7
SEED = 20_261_128

Scale = Literal["share", "ratio"]
LEAST: dict[Scale, float] = {"share": 0.01, "ratio": 0.05}
"""A smaller change matters to nobody: a point of a share, a twentieth of a length or volume."""


class Measure(Noun, frozen=True, kw_only=True):
    """One number a day (days since 1970). A `ratio` is compared by its logarithm."""

    name: str
    unit: str
    scale: Scale
    values: dict[int, float]


def check(measures: Sequence[Measure], cut_day: int, cut_over: str, remarks: Sequence[str] = ()) -> Migration:
    """Every measure before and after a day (the day itself is after)."""
    level = ALPHA / max(1, len(measures))
    found = tuple(_compared(one, cut_day, level) for one in measures)
    told = {one.verdict for one in found}
    verdict: Change = "changed" if "changed" in told else "same" if "same" in told else "not_enough_evidence"
    return Migration(cut_over=cut_over, verdict=verdict, measures=found, remarks=tuple(remarks))


def _compared(one: Measure, cut_day: int, level: float) -> Compared:
    days = sorted(one.values)
    before = [day for day in days if day < cut_day]
    after = [day for day in days if day >= cut_day]
    enough = min(len(before), len(after)) >= FEWEST
    change, p = _test(one, before, after) if enough else (None, None)
    return Compared(
        name=one.name,
        unit=one.unit,
        before=_mean(one, before),
        after=_mean(one, after),
        days_before=len(before),
        days_after=len(after),
        change=change,
        p=p,
        verdict=_verdict(one, change, p, level),
    )


def _verdict(one: Measure, change: float | None, p: float | None, level: float) -> Change:
    if change is None or p is None:
        return "not_enough_evidence"
    return "changed" if p <= level and abs(change) >= LEAST[one.scale] else "same"


def _mean(one: Measure, days: Sequence[int]) -> float | None:
    return float(np.mean([one.values[day] for day in days])) if days else None


def _test(one: Measure, before: Sequence[int], after: Sequence[int]) -> tuple[float, float]:
    """The change (of the share, or relative) and its two-sided p among shuffled days."""
    days = np.array([*before, *after])
    values = np.array([one.values[day] for day in days], dtype=float)
    if one.scale == "ratio":
        values = np.log(np.maximum(values, 1e-9))
    is_after = days >= after[0]
    values = _without_weekday(days, values, is_after)
    seen = float(values[is_after].mean() - values[~is_after].mean())
    shuffled = np.random.default_rng(SEED).permuted(np.tile(values, (DRAWS, 1)), axis=1)
    n = len(after)
    drawn = shuffled[:, :n].mean(axis=1) - shuffled[:, n:].mean(axis=1)
    p = (1 + int((np.abs(drawn) >= abs(seen) - 1e-12).sum())) / (DRAWS + 1)
    return (float(np.expm1(seen)) if one.scale == "ratio" else seen), p


def _without_weekday(
    days: np.ndarray[tuple[int], np.dtype[np.int64]],
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    is_after: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Values without what their weekday explains, where every weekday is on both sides; the change itself stays.

    What is left of each day is widened by the degrees of freedom that seven means and two levels took.
    """
    weekdays = days % WEEK
    both = all(set(weekdays[side]) == set(range(WEEK)) for side in (is_after, ~is_after))
    if not both:
        return values
    found = values.copy()
    level = np.where(is_after, values[is_after].mean(), values[~is_after].mean())
    for weekday in range(WEEK):
        mine = weekdays == weekday
        found[mine] -= (values - level)[mine].mean()
    wider = float(np.sqrt(len(days) / (len(days) - WEEK - 1)))
    return np.asarray(level + (found - level) * wider, dtype=np.float64)


def shares(name: str, parts: Mapping[int, int], wholes: Mapping[int, int]) -> Measure:
    """A share by day; days without anything to share are left out."""
    values = {day: parts.get(day, 0) / whole for day, whole in wholes.items() if whole}
    return Measure(name=name, unit="share", scale="share", values=values)


def lengths(name: str, values: Mapping[int, float | None], unit: str = "s") -> Measure:
    """A length of time or a volume by day; only what is positive has a ratio."""
    return Measure(
        name=name, unit=unit, scale="ratio", values={day: v for day, v in values.items() if v is not None and v > 0}
    )
