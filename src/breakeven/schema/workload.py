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


def pack_integers(values: Iterable[int]) -> bytes:
    """Whole numbers to one little-endian int64 column."""
    return array("q", values).tobytes()


class Trace(Noun, frozen=True, kw_only=True):
    """Requests as columns of little-endian float64, so that millions never become Python objects.

    `numpy.frombuffer(trace.arrival_s)` reads a column without a copy. Arrivals are seconds from the first, ascending.
    A request of 0 output tokens is one prompt step: it has a first token's time but no TPOT.

    Two columns are empty where a source has none. `priority`: whole numbers, the lower the more urgent. Prefix blocks:
    request i has the hashes `block_hashes[block_offsets[i]:block_offsets[i + 1]]` (little-endian int64, both), one for
    each `hash_block_tokens` tokens of its prompt; an equal hash means an equal prompt up to the end of that block.
    """

    name: str
    arrival_s: bytes
    input_tokens: bytes
    output_tokens: bytes
    source: str = ""
    priority: bytes = b""
    block_offsets: bytes = b""
    block_hashes: bytes = b""
    hash_block_tokens: int = 0

    @property
    def n(self) -> int:
        """Number of requests."""
        return len(self.arrival_s) // 8

    def column(self, name: str) -> memoryview[float]:
        """A column as a read-only view of doubles."""
        return memoryview(getattr(self, name)).cast("d")

    def integers(self, name: str) -> memoryview[int]:
        """`block_offsets` or `block_hashes` as a read-only view of integers."""
        return memoryview(getattr(self, name)).cast("q")

    def middle(self, most: int) -> Trace:
        """At most so many requests in a row, from the middle."""
        if self.n <= most:
            return self
        start = (self.n - most) // 2
        first = self.column("arrival_s")[start]
        offsets, hashes = self._blocks(start, start + most)
        return Trace(
            name=self.name,
            arrival_s=pack(arrival - first for arrival in self.column("arrival_s")[start : start + most]),
            input_tokens=self.input_tokens[8 * start : 8 * (start + most)],
            output_tokens=self.output_tokens[8 * start : 8 * (start + most)],
            source=self.source,
            priority=self.priority[8 * start : 8 * (start + most)],
            block_offsets=offsets,
            block_hashes=hashes,
            hash_block_tokens=self.hash_block_tokens,
        )

    def _blocks(self, start: int, end: int) -> tuple[bytes, bytes]:
        """Offsets and hashes of the requests from `start` to before `end`."""
        if not self.block_offsets:
            return b"", b""
        offsets = self.integers("block_offsets")[start : end + 1]
        first, last = offsets[0], offsets[-1]
        return pack_integers(offset - first for offset in offsets), self.block_hashes[8 * first : 8 * last]


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
