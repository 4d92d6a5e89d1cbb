"""Hour of day and day of week, by medians, so that one spike does not carry them."""

from __future__ import annotations

import numpy as np

from breakeven.workload.arrivals import Vector

DAY_S, WEEK_S = 86_400.0, 604_800.0
HOURS, DAYS = 24, 7
EXPLAINED = 0.1
"""A shape is one when it explains this share of the variation between windows at least."""


def daily(counts: Vector, step_s: float, start_s: float) -> tuple[float, ...]:
    """24 factors of mean 1: the median of each hour over the median of its day; empty below two days."""
    if len(counts) * step_s < 2 * DAY_S or step_s > DAY_S / HOURS:
        return ()
    times = start_s + np.arange(len(counts)) * step_s
    days = (times // DAY_S).astype(int)
    relative = _over_own_median(counts, days)
    return _factors(relative, ((times % DAY_S) // (DAY_S / HOURS)).astype(int), HOURS)


def weekly(counts: Vector, step_s: float, start_s: float) -> tuple[float, ...]:
    """7 factors of mean 1: the median of each day over the median of its week; empty below two weeks."""
    if len(counts) * step_s < 2 * WEEK_S or step_s > DAY_S:
        return ()
    times = start_s + np.arange(len(counts)) * step_s
    relative = _over_own_median(counts, (np.arange(len(counts)) * step_s // WEEK_S).astype(int))
    return _factors(relative, ((times // DAY_S) % DAYS).astype(int), DAYS)


def _over_own_median(counts: Vector, groups: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Vector:
    found = np.full(len(counts), np.nan)
    for group in np.unique(groups):
        inside = groups == group
        if not np.isnan(counts[inside]).all():
            middle = float(np.nanmedian(counts[inside]))
            found[inside] = counts[inside] / middle if middle > 0 else np.nan
    return found


def _factors(relative: Vector, places: np.ndarray[tuple[int], np.dtype[np.int64]], parts: int) -> tuple[float, ...]:
    medians = np.array([_median(relative[places == part]) for part in range(parts)])
    if np.isnan(medians).any() or medians.mean() <= 0:
        return ()
    return tuple(float(value) for value in medians / medians.mean())


def _median(found: Vector) -> float:
    there = found[~np.isnan(found)]
    return float(np.median(there)) if len(there) else float("nan")


def factors(shape: tuple[float, ...], n: int, step_s: float, start_s: float) -> Vector:
    """The daily factor of each window; 1 without a shape."""
    if not shape:
        return np.ones(n)
    times = start_s + (np.arange(n) + 0.5) * step_s
    return np.asarray(np.asarray(shape)[((times % DAY_S) // (DAY_S / HOURS)).astype(int)], dtype=np.float64)


def explained(counts: Vector, shape: tuple[float, ...], step_s: float, start_s: float) -> float:
    """Share of the absolute deviation from the median that the shape takes away; 0 where it takes none."""
    there = ~np.isnan(counts)
    found, expected = counts[there], factors(shape, len(counts), step_s, start_s)[there]
    middle = float(np.median(found)) if len(found) else 0.0
    total = float(np.abs(found - middle).sum())
    scaled = expected * (middle / float(np.median(expected)))
    return max(0.0, 1 - float(np.abs(found - scaled).sum()) / total) if total else 0.0
