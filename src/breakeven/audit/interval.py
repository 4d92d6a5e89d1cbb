"""Intervals that need no distribution: order statistics for percentiles, Wilson for shares, square roots for counts.

All are two-sided at 80 % (10 % in each tail), the level of every `Figure` that does not say otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.8
TAIL = (1 - CONFIDENCE) / 2
Z = 1.2815515655446004
"""The standard normal quantile at 1 - TAIL."""


def percentile_interval(ascending: Sequence[float], share: float) -> tuple[float, float] | None:
    """Order-statistic interval of a percentile (Conover 1999, section 3.2); None when the sample is too small for one.

    The number of values at or below the true percentile is binomial, whatever the distribution; values are taken as
    independent, so with queueing the interval is somewhat too narrow.
    """
    n = len(ascending)
    if n == 0:
        return None
    cdf = binomial_cdf(n, share)
    below = int(np.searchsorted(cdf, TAIL, side="right"))
    above = int(np.searchsorted(cdf, 1 - TAIL, side="left")) + 1
    if below < 1 or above > n:
        return None
    return ascending[below - 1], ascending[above - 1]


def binomial_cdf(n: int, share: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """P(B <= k) for k = 0..n of a binomial with n trials, by log probabilities.

    Raises:
        ValueError: `share` lies outside the open interval 0..1.
    """
    if not 0 < share < 1:
        message = f"a percentile with an interval lies inside 0..1, got {share}"
        raise ValueError(message)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(np.arange(1, n + 1)))))
    k = np.arange(n + 1)
    log_choose = log_factorial[n] - log_factorial - log_factorial[::-1]
    probability = np.exp(log_choose + k * math.log(share) + (n - k) * math.log1p(-share))
    cumulative: np.ndarray[tuple[int], np.dtype[np.float64]] = np.cumsum(probability)
    return cumulative


def smallest_sample(share: float) -> int:
    """The fewest values for which `percentile_interval` exists: max(share, 1 - share)^n <= TAIL."""
    return math.ceil(math.log(TAIL) / math.log(max(share, 1 - share)))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson (1927) score interval of a share.

    Raises:
        ValueError: n is not positive or successes lie outside 0..n.
    """
    if n <= 0 or not 0 <= successes <= n:
        message = f"a share needs 0 <= successes <= n and n > 0, got {successes} of {n}"
        raise ValueError(message)
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def count_interval(count: int, dispersion: float = 1.0) -> tuple[float, float]:
    """Interval of the expectation of a count by its square root (variance of sqrt is dispersion / 4).

    `dispersion` is variance / mean of the count; 1 for Poisson arrivals, more for bursty ones.
    """
    half = Z * math.sqrt(dispersion) / 2
    root = math.sqrt(count)
    return max(0.0, root - half) ** 2, (root + half) ** 2
