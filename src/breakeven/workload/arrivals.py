"""What arrival times say: burstiness at several scales, silences, and clocks that tick."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.schema.noun import Noun

Vector = NDArray[np.float64]

SCALES_S = (1.0, 10.0, 60.0)
SILENCE_S = 30.0
TICK_SHARE = 0.5
"""Fewer distinct arrival times than this share of requests: the clock of the log ticks."""
TICKS = 10
"""Fewer distinct times than this do not show a clock."""
WINDOWS = 10
"""Fewer windows than this are fitted to the span."""


class Silence(Noun, frozen=True, kw_only=True):
    """Gaps of more than 30 s and more than 20 mean gaps: how many, the longest, and their share of the span."""

    count: int
    longest_s: float
    share: float


def spread_ticks(arrivals: Vector) -> tuple[Vector, float]:
    """Ascending arrivals spread evenly over the tick of their clock, and the tick in seconds (0 when it does not tick).

    A log that stamps whole batches makes the tick look like bursts; the users did not arrive at one instant.
    """
    distinct, counts = np.unique(arrivals, return_counts=True)
    if len(distinct) < TICKS or len(distinct) > TICK_SHARE * len(arrivals):
        return arrivals, 0.0
    tick = float(np.median(np.diff(distinct)))
    width = np.minimum(tick, np.append(np.diff(distinct), tick))
    within = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    return np.repeat(distinct, counts) + np.repeat(width, counts) * within, tick


def variation(arrivals: Vector) -> float | None:
    """Coefficient of variation of the gaps, standard deviation / mean (Poisson: 1); None with fewer than two gaps."""
    gaps = np.diff(arrivals)
    return float(gaps.std() / gaps.mean()) if len(gaps) > 1 and gaps.mean() > 0 else None


def counts(arrivals: Vector, window_s: float) -> Vector:
    """Requests in each whole window from the first arrival; the cut-off last window is left out if there are others."""
    since = arrivals - arrivals[0]
    whole = max(1, int(since[-1] // window_s))
    return np.bincount((since // window_s).astype(int), minlength=whole)[:whole].astype(np.float64)


def window_of(span_s: float, window_s: float) -> float:
    """The window for rates: as asked, or, of a span under ten of them, the nearest that divides it.

    Else most of the cut-off last window would go uncounted, and the 95th percentile could lie below the mean.
    """
    if span_s >= WINDOWS * window_s:
        return window_s
    return span_s / max(1, round(span_s / window_s)) * (1 - 1e-12)


def dispersion(arrivals: Vector, window_s: float) -> float | None:
    """IDC: variance / mean of counts per window (Poisson: 1); None below ten windows, where it says nothing."""
    found = counts(arrivals, window_s)
    return float(found.var() / found.mean()) if len(found) >= 10 and found.mean() > 0 else None  # noqa: PLR2004


def variation_within(arrivals: Vector, window_s: float) -> float | None:
    """Median over windows with at least 20 arrivals of the gaps' variation: bursts without the drift of the rate."""
    windows = ((arrivals - arrivals[0]) // window_s).astype(int)
    parts = np.split(arrivals, np.flatnonzero(np.diff(windows)) + 1)
    found = [value for part in parts if len(part) >= 20 and (value := variation(part)) is not None]  # noqa: PLR2004
    return float(np.median(found)) if found else None


def silences(arrivals: Vector) -> Silence:
    """Long gaps; none when there are none."""
    gaps = np.diff(arrivals)
    span = float(arrivals[-1] - arrivals[0])
    long = gaps[gaps > max(SILENCE_S, 20 * gaps.mean())] if len(gaps) else gaps
    if not len(long):
        return Silence(count=0, longest_s=0.0, share=0.0)
    return Silence(count=len(long), longest_s=float(long.max()), share=float(long.sum() / span))
