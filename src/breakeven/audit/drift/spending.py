"""What a month's spending will come to: the days so far, and the rest drawn from days like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from breakeven.schema.noun import Noun

ENOUGH_DAYS = 3
DRAWS = 4_000
_WEEK = 7


class Outlook(Noun, frozen=True, kw_only=True):
    """Quantiles of the month's total in USD, the chance of passing a limit, and the day on which the median does."""

    p5_usd: float
    p50_usd: float
    p95_usd: float
    over: float | None = None
    day_reached: int | None = None


def forecast(
    spent_usd: Mapping[int, float], first: int, today: int, end: int, *, limit_usd: float | None, seed: int = 0
) -> Outlook | None:
    """The total of the days `first` <= day < `end`, of which those before `today` are whole; None below three days.

    `spent_usd` is by UTC day and may reach back before the month; the last four weeks before `today` are what the rest
    is drawn from: whole days, of the same kind (weekday or weekend) once each kind was seen twice. Today counts with
    what is spent already, or a drawn day where that is more.
    """
    past = {day: usd for day, usd in spent_usd.items() if today - 4 * _WEEK <= day < today}
    if len(past) < ENOUGH_DAYS:
        return None
    rng = np.random.default_rng(seed)
    done = sum(usd for day, usd in spent_usd.items() if first <= day < today)
    drawn = np.column_stack([rng.choice(_alike(past, day), DRAWS) for day in range(today, end)] or [np.zeros(DRAWS)])
    drawn[:, 0] = np.maximum(drawn[:, 0], spent_usd.get(today, 0.0)) if end > today else 0.0
    paths = done + np.cumsum(_level(drawn, past, rng), axis=1)
    p5, p50, p95 = (float(one) for one in np.quantile(paths[:, -1], (0.05, 0.5, 0.95)))
    if limit_usd is None:
        return Outlook(p5_usd=p5, p50_usd=p50, p95_usd=p95)
    passed = np.median(paths, axis=0) > limit_usd
    reached = today + int(np.argmax(passed)) if passed.any() else None
    return Outlook(
        p5_usd=p5, p50_usd=p50, p95_usd=p95, over=float(np.mean(paths[:, -1] > limit_usd)), day_reached=reached
    )


def _alike(past: Mapping[int, float], day: int) -> Sequence[float]:
    """Days of the same kind, or all of them."""
    same = [usd for one, usd in past.items() if _weekend(one) == _weekend(day)]
    other = len(past) - len(same)
    return same if min(len(same), other) > 1 else list(past.values())


def _level(drawn: np.ndarray, past: Mapping[int, float], rng: np.random.Generator) -> np.ndarray:
    """Draws of the days, and with them of their mean: a few days know the level only so well."""
    values = np.array(list(past.values()))
    means = rng.choice(values, (DRAWS, len(values))).mean(axis=1)
    base = values.mean()
    levelled: np.ndarray = drawn * (means / base if base > 0 else np.ones(DRAWS))[:, None]
    return levelled


def _weekend(day: int) -> bool:
    # Day 0, 1 January 1970, was a Thursday.
    return (day + 3) % _WEEK >= _WEEK - 2
