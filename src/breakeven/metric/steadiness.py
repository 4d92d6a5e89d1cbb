"""How much a quantity moved about its mean."""

from __future__ import annotations

import statistics
from collections.abc import Sequence


def variation(values: Sequence[float]) -> float:
    """Coefficient of variation: standard deviation over the mean; infinite where the mean is not above 0."""
    mean = statistics.fmean(values) if values else 0.0
    return statistics.pstdev(values, mean) / mean if mean > 0 else float("inf")
