"""What a trace's arrivals say of the rate: the one definition behind a workload and a profile."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from breakeven.errors import EvidenceError
from breakeven.schema.workload import Trace
from breakeven.workload.arrivals import Vector, counts, spread_ticks, window_of


class Seen(NamedTuple):
    """Ascending arrivals as stamped, and spread over their clock's tick; rates by window, requests/s."""

    stamped: Vector
    arrivals: Vector
    tick_s: float
    span_s: float
    window_s: float
    rates: Vector

    @property
    def mean_rps(self) -> float:
        """Requests / (last - first arrival)."""
        return len(self.arrivals) / self.span_s

    @property
    def p95_rps(self) -> float:
        """95th percentile over the windows."""
        return float(np.percentile(self.rates, 95))

    @property
    def max_rps(self) -> float:
        """The highest window."""
        return float(self.rates.max())


def seen(trace: Trace, name: str, window_s: float) -> Seen:
    """The arrivals of a trace and its rates in windows of about `window_s`.

    Raises:
        EvidenceError: fewer than two requests, or all at one instant.
    """
    stamped = np.sort(np.frombuffer(trace.arrival_s, dtype="<f8"))
    arrivals, tick_s = spread_ticks(stamped)
    span_s = float(arrivals[-1] - arrivals[0]) if trace.n > 1 else 0.0
    if span_s <= 0:
        message = f"trace {trace.name!r} of {name!r} has {trace.n} requests over {span_s:g} s"
        raise EvidenceError(message, "record at least two requests at different times")
    window = window_of(span_s, window_s)
    return Seen(stamped, arrivals, tick_s, span_s, window, counts(arrivals, window) / window)
