"""When the rate changed for good: the cheapest cut of a series into level stretches (optimal partitioning).

Each stretch costs its squared deviations from its mean over the noise's variance, each cut a penalty; the least sum is
found exactly (Jackson et al. 2005). Counts are taken as 2 sqrt(n + 3/8), whose noise does not grow with the level.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from breakeven.schema.demand import Change
from breakeven.workload.arrivals import Vector

PENALTY = 3.0
"""Of a cut, times the logarithm of the number of windows; BIC has 2 for a cut and a level."""
SHORTEST = 5
"""Windows of a stretch at least: one window is a spike."""
MOST = 20


def cuts(found: Vector, noise_variance: float, penalty: float = PENALTY, shortest: int = SHORTEST) -> list[int]:
    """Where the cheapest partition of a series cuts, ascending."""
    n = len(found)
    sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (found, found**2))
    price = penalty * math.log(max(n, 2))
    best, last = np.full(n + 1, np.inf), np.zeros(n + 1, dtype=int)
    best[0] = -price
    for end in range(shortest, n + 1):
        starts = np.arange(0, end - shortest + 1)
        deviation = squares[end] - squares[starts] - (sums[end] - sums[starts]) ** 2 / (end - starts)
        cost = best[starts] + deviation / noise_variance + price
        last[end] = int(np.argmin(cost))
        best[end] = cost[last[end]]
    where, end = [], n
    while end > 0 and last[end] > 0:
        end = int(last[end])
        where.append(end)
    return where[::-1]


def changes(counts: Vector, step_s: float, factors: Vector) -> tuple[Change, ...]:
    """Lasting changes of a series of counts after its daily shape was divided out; missing windows are passed over."""
    there = np.flatnonzero(~np.isnan(counts))
    level = np.maximum(counts[there] / np.maximum(factors[there], 1e-3), 0)
    if len(level) < 2 * SHORTEST:
        return ()
    steady = 2 * np.sqrt(level + 0.375)
    found = cuts(steady, _long_run_variance(steady), shortest=max(SHORTEST, len(level) // 100))[:MOST]
    bounds = [0, *found, len(level)]
    means = [float(np.median(level[a:b])) / step_s for a, b in pairwise(bounds)]
    return tuple(
        Change(at_s=float(there[cut] * step_s), before_rps=means[k], after_rps=means[k + 1])
        for k, cut in enumerate(found)
    )


def _long_run_variance(steady: Vector) -> float:
    """The variance that a mean of many windows has, times their number: neighbours that go together make it larger.

    From differences, so that the changes sought do not count: half the mean square over 1 window states the noise, over
    more windows what wanders with it.
    """
    far = max(1, min(12, len(steady) // 20))
    near = float(np.median(np.abs(np.diff(steady)))) ** 2
    wide = float(np.median(np.abs(steady[far:] - steady[:-far]))) ** 2
    unit = 2 * 0.6745**2  # the median of |difference| of two normal variables is 0.6745 sqrt(2) deviations
    wander = max(wide - near, 0.0) / unit
    return max(near / unit + 2 * far * wander, 1.0)
