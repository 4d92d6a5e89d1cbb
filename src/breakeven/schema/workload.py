"""Demand: a trace in columns, and the workload fitted to it."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Literal

from breakeven.schema.noun import Noun

Shape = Literal["steady", "bursty", "event_driven", "unknown"]


def pack(values: Iterable[float]) -> bytes:
    """Numbers to one little-endian float64 column."""
    return array("d", values).tobytes()


class Trace(Noun, frozen=True, kw_only=True):
    """Requests as columns of little-endian float64, so that millions never become Python objects.

    `numpy.frombuffer(trace.arrival_s)` reads a column without a copy. Arrivals are seconds from the first, ascending.
    """

    name: str
    arrival_s: bytes
    input_tokens: bytes
    output_tokens: bytes
    source: str = ""

    @property
    def n(self) -> int:
        """Number of requests."""
        return len(self.arrival_s) // 8

    def column(self, name: str) -> memoryview[float]:
        """A column as a read-only view of doubles."""
        return memoryview(getattr(self, name)).cast("d")

    def middle(self, most: int) -> Trace:
        """At most so many requests in a row, from the middle."""
        if self.n <= most:
            return self
        start = (self.n - most) // 2
        arrivals, into, out = (
            self.column(name)[start : start + most] for name in ("arrival_s", "input_tokens", "output_tokens")
        )
        first = arrivals[0]
        return Trace(
            name=self.name,
            arrival_s=pack(arrival - first for arrival in arrivals),
            input_tokens=into.tobytes(),
            output_tokens=out.tobytes(),
            source=self.source,
        )


class Workload(Noun, frozen=True, kw_only=True):
    """Demand of one use case, with the evidence for its shape.

    Rates are requests per second: mean over the span, 95th percentile and maximum over windows of `window_s`.
    `iat_cv` is the coefficient of variation of inter-arrival times (Poisson: 1), `idc` the variance / mean of counts
    per window (Poisson: 1). Tokens are per request. Mean and p95 always both.
    """

    use_case: str
    n: int
    span_s: float
    rate_mean_rps: float
    rate_p95_rps: float
    rate_max_rps: float
    window_s: float
    iat_cv: float | None
    idc: float | None
    shape: Shape
    input_tokens_mean: float
    input_tokens_p50: float
    input_tokens_p95: float
    output_tokens_mean: float
    output_tokens_p50: float
    output_tokens_p95: float
    cached_share: float = 0.0
    evidence: tuple[str, ...] = ()
    source: str = ""
    rows_scored_mean: float = 1.0
