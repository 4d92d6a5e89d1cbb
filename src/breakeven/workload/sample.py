"""Traces like a workload: for what-ifs, when there is no trace of the future."""

from __future__ import annotations

import math

import numpy as np

from breakeven.errors import UsageError
from breakeven.schema.workload import Trace, Workload, pack
from breakeven.workload.arrivals import Vector

CV_MAX = 20.0
"""Gaps burstier than this are drawn at it: nearly everything would arrive at one instant."""


def sample(workload: Workload, *, rng: np.random.Generator, n: int | None = None, span_s: float | None = None) -> Trace:
    """A trace of `n` requests, or of as many as `span_s` seconds hold, at the workload's mean rate.

    Gaps are Gamma with the workload's coefficient of variation. Tokens follow a quantile curve through the median and
    the 95th percentile whose mean is the workload's; input and output are drawn independently. The same generator state
    gives the same bytes. The drift of the rate and the order of bursts are not reproduced.

    Raises:
        UsageError: neither or both of `n` and `span_s` are given, or they hold fewer than two requests.
    """
    if (n is None) == (span_s is None):
        message = f"a sample needs a number of requests or a span, got n = {n} and span_s = {span_s}"
        raise UsageError(message, "give exactly one of them")
    count = n if n is not None else round(workload.rate_mean_rps * (span_s or 0.0))
    if count < 2:  # noqa: PLR2004 - a rate needs two arrivals
        message = f"a sample of {count} requests at {workload.rate_mean_rps:g} requests/s has no rate"
        raise UsageError(message, "ask for more requests or a longer span")
    mix = workload
    return Trace(
        name=f"{workload.use_case}-sample",
        arrival_s=pack(_arrivals(workload, count, rng)),
        input_tokens=pack(
            tokens(mix.input_tokens_mean, mix.input_tokens_p50, mix.input_tokens_p95, _shares(count, rng))
        ),
        output_tokens=pack(
            tokens(mix.output_tokens_mean, mix.output_tokens_p50, mix.output_tokens_p95, _shares(count, rng))
        ),
        source=f"sampled from a workload fitted on {workload.n} requests ({workload.source})",
    )


def _arrivals(workload: Workload, count: int, rng: np.random.Generator) -> Vector:
    variation = min(CV_MAX, max(0.02, workload.iat_cv if workload.iat_cv is not None else 1.0))
    gaps = rng.gamma(1 / variation**2, size=count - 1) + 1e-12
    span = count / workload.rate_mean_rps
    return np.concatenate([[0.0], np.cumsum(gaps) * (span / gaps.sum())])


def _shares(count: int, rng: np.random.Generator) -> Vector:
    """One uniform draw in each of `count` equal slices, shuffled: a small sample then keeps its percentiles."""
    return (rng.permutation(count) + rng.random(count)) / count


def tokens(mean: float, p50: float, p95: float, shares: Vector) -> Vector:
    """Token counts (whole, at least 1) at the given shares of a quantile curve with this median, p95 and mean.

    With one parameter r: p50 (2u)^r below the median, p50 + (p95 - p50) v^(4r) up to the 95th percentile (v from 0 to
    1), p95 (1 + w^3 / (2r)) above it (w from 0 to 1); r is where the mean agrees.
    """
    if p95 <= p50 or p50 <= 0:
        return np.full(len(shares), max(1.0, round(mean)))
    r = _solve(mean, p50, p95)
    low = p50 * (2 * shares) ** r
    middle = p50 + (p95 - p50) * np.clip((shares - 0.5) / 0.45, 0, 1) ** (4 * r)
    top = p95 * (1 + np.clip((shares - 0.95) / 0.05, 0, 1) ** 3 / (2 * r))
    drawn = np.where(shares < 0.5, low, np.where(shares < 0.95, middle, top))  # noqa: PLR2004 - the quantiles named
    return np.maximum(1.0, np.round(drawn))


def _solve(mean: float, p50: float, p95: float) -> float:
    """The parameter r by bisection on a log scale; the mean falls as r grows."""
    low, high = 1e-3, 1e3
    for _ in range(60):
        r = math.sqrt(low * high)
        low_part, middle = p50 / (1 + r), p50 + (p95 - p50) / (1 + 4 * r)
        if 0.5 * low_part + 0.45 * middle + 0.05 * p95 * (1 + 1 / (8 * r)) > mean:
            low = r
        else:
            high = r
    return math.sqrt(low * high)
