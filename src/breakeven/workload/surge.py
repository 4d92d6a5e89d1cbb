"""What stands out of a series of counts: spikes over the local base, the noise around it, stretches of nothing."""

from __future__ import annotations

import numpy as np

from breakeven.schema.noun import Noun
from breakeven.workload.arrivals import Vector
from breakeven.workload.median import medians

AROUND = 72
"""Windows to each side of which the local base is the median: at five minutes, six hours."""
SPIKE, SURGE = 10.0, 3.0
"""Times the base."""
BEYOND = 5.0
"""Poisson deviations over the base without which a window with few requests is no spike."""
FEW_EXPECTED = 10.0
"""A window in which so many were to be expected and none came is a silence."""


class Surges(Noun, frozen=True, kw_only=True):
    """Shares of windows and of requests. `noise` is the robust deviation around the base over the base, beyond Poisson.

    `highest` is the largest count over its local base.
    """

    spike_windows: int
    spike_share: float
    surge_share: float
    highest: float
    noise: float
    silent_share: float
    windows: int


def base(counts: Vector, around: int = AROUND) -> Vector:
    """The running median, NaN left out; the level from which a window stands out."""
    width = min(around, max(2, len(counts) // 4))
    padded = np.pad(counts, width, mode="reflect" if len(counts) > width else "edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * width + 1)
    return medians(windows)


def surges(counts: Vector, due: Vector | None = None) -> Surges:
    """What stands out of counts per window, those without a value left out; `due` are those expected at each hour."""
    there = ~np.isnan(counts)
    found, level = counts[there], base(counts)[there]
    total = float(found.sum()) or 1.0
    clear = found > level + BEYOND * np.sqrt(np.maximum(level, 1.0))
    spikes, surging = (clear & (found > times * np.maximum(level, 1.0)) for times in (SPIKE, SURGE))
    expected = np.maximum(level, found.mean()) if due is None else due[there]
    return Surges(
        spike_windows=int(spikes.sum()),
        spike_share=float(found[spikes].sum()) / total,
        surge_share=float(found[surging].sum()) / total,
        highest=float((found / np.maximum(level, 1.0)).max()),
        noise=_noise(found, level),
        silent_share=float(np.mean((found == 0) & (expected >= FEW_EXPECTED))),
        windows=len(found),
    )


def _noise(found: Vector, level: Vector) -> float:
    """Robust deviation from neighbours over the level, without a Poisson process's own."""
    middle = float(np.median(level[level > 0])) if (level > 0).any() else 0.0
    if middle <= 0 or len(found) < 3:  # noqa: PLR2004 - a difference and its median
        return 0.0
    steps = np.abs(np.diff(found)) / np.sqrt(2) / 0.6745  # the median of |normal| is 0.6745 deviations
    relative = float(np.median(steps[1:] / np.maximum(level[2:], 1.0))) if len(steps) > 1 else 0.0
    return float(np.sqrt(max(relative**2 - 1 / max(middle, 1.0), 0.0)))
