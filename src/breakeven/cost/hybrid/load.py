"""An hourly load, what it needs, and its load-duration curve in blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Load = NDArray[np.float64]
"""Units in use in each hour: replicas, accelerators, or whatever is owned and rented by the hour."""


def needed(load: Load, headroom: float = 0.0) -> Load:
    """Units to be provided in each hour: load x (1 + headroom).

    Raises:
        ValueError: there is no hour, a load is negative or not finite, or the headroom is negative.
    """
    hours = np.asarray(load, dtype=np.float64)
    if hours.ndim != 1 or hours.size == 0 or not np.isfinite(hours).all() or hours.min() < 0:
        message = f"a load is one finite figure >= 0 per hour, got shape {hours.shape}, {_extremes(hours)}"
        raise ValueError(message)
    if not (np.isfinite(headroom) and headroom >= 0):
        message = f"headroom is a share >= 0 of the load, got {headroom}"
        raise ValueError(message)
    return hours * (1 + headroom)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A load-duration curve in blocks: hours sorted by need, cut at `starts`; a block stands for its mean.

    The mean keeps unit-hours, and makes any convex cost of a block a lower bound of the cost of its hours (Jensen): a
    block that no kink of the cost falls into is exact.
    """

    need: Load
    starts: NDArray[np.intp]

    @property
    def hours(self) -> Load:
        """Hours of each block."""
        return np.diff(self.starts, append=self.need.size).astype(np.float64)

    @property
    def level(self) -> Load:
        """Mean need of each block, ascending."""
        return np.asarray(np.add.reduceat(self.need, self.starts) / self.hours)

    def split(self, *kinks: float) -> Curve:
        """The curve with the blocks cut in which these needs fall."""
        cuts = np.searchsorted(self.need, kinks)
        return replace(self, starts=np.union1d(self.starts, cuts[cuts < self.need.size]))


def curve(need: Load, blocks: int) -> Curve:
    """The load-duration curve: a block per distinct level where there are at most `blocks`, else equal hours.

    Raises:
        ValueError: there is no block.
    """
    if blocks < 1:
        message = f"a load-duration curve has at least one block, got {blocks}"
        raise ValueError(message)
    ascending = np.sort(need)
    starts = np.flatnonzero(np.diff(ascending, prepend=-1.0))
    if starts.size > blocks:
        starts = np.linspace(0, need.size, blocks, endpoint=False).astype(np.intp)
    return Curve(need=ascending, starts=starts)


def _extremes(hours: Load) -> str:
    return f"from {hours.min():g} to {hours.max():g}" if hours.size else "no hour"
