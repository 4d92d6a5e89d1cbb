"""Medians of many short rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.workload.arrivals import Vector


def medians(rows: NDArray[np.float64], nothing: float = 0.0) -> Vector:
    """The median of each row without what is missing (NaN); `nothing` where all of it is."""
    gone = np.isnan(rows)
    if not gone.any():
        return np.asarray(np.median(rows, axis=1))
    ordered = np.sort(np.where(gone, np.inf, rows), axis=1)
    there, every = rows.shape[1] - gone.sum(axis=1), np.arange(len(rows))
    low = ordered[every, np.maximum(there - 1, 0) // 2]
    high = ordered[every, np.minimum(there // 2, rows.shape[1] - 1)]
    return np.asarray(np.where(there > 0, (np.where(there > 0, low, 0) + np.where(there > 0, high, 0)) / 2, nothing))
