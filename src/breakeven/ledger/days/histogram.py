"""Latencies counted in buckets whose width is a constant share of the value: mergeable, percentiles within 2.6 %.

Bucket k holds values from e^(k/20) to e^((k+1)/20) seconds; its geometric middle is off by at most e^(1/40) - 1. A
percentile between two order statistics is interpolated as `metric.latency.percentile` does, so that its error is no
larger than theirs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping

from breakeven.schema.noun import Noun
from breakeven.schema.statement import Latency

PER_E = 20
ERROR = math.expm1(1 / (2 * PER_E))
"""The relative error of a percentile at most: 2.53 %."""
ZERO = -10_000
"""The bucket of values that are not positive, which count as 0."""
_SMALLEST_S = 1e-12
NANO = 10**9


class Histogram(Noun, frozen=True, kw_only=True):
    """Counts by bucket, and the exact sum of the values in nanoseconds."""

    counts: dict[int, int] = {}
    total_ns: int = 0

    @property
    def n(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())


def bucket(value_s: float) -> int:
    """The bucket of a value."""
    return ZERO if value_s <= _SMALLEST_S else math.floor(PER_E * math.log(value_s))


def middle_s(place: int) -> float:
    """What a bucket's values are taken for."""
    return 0.0 if place == ZERO else math.exp((place + 0.5) / PER_E)


def of(values_s: Iterable[float]) -> Histogram:
    """The histogram of values in seconds."""
    kept = list(values_s)
    return Histogram(counts=dict(Counter(map(bucket, kept))), total_ns=sum(round(one * NANO) for one in kept))


def merged(parts: Iterable[Histogram]) -> Histogram:
    """The histogram of all values that the parts counted."""
    counts: Counter[int] = Counter()
    total_ns = 0
    for part in parts:
        counts.update(part.counts)
        total_ns += part.total_ns
    return Histogram(counts=dict(counts), total_ns=total_ns)


def latency(found: Histogram) -> Latency:
    """Percentiles within `ERROR`, and the exact mean."""
    n = found.n
    if not n:
        return Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)
    p50_s, p95_s, p99_s = (_percentile(found.counts, n, share) for share in (0.50, 0.95, 0.99))
    return Latency(n=n, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, mean_s=found.total_ns / n / NANO)


def _percentile(counts: Mapping[int, int], n: int, share: float) -> float:
    position = share * (n - 1)
    below = math.floor(position)
    low, high = (_at(counts, min(rank, n - 1)) for rank in (below, below + 1))
    return low + (high - low) * (position - below)


def _at(counts: Mapping[int, int], rank: int) -> float:
    """The value of one rank, from 0."""
    for place in sorted(counts):
        rank -= counts[place]
        if rank < 0:
            return middle_s(place)
    message = f"no value has rank {rank} beyond the last"
    raise ValueError(message)
