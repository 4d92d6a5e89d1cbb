"""Histograms of latencies: mergeable, and percentiles within the stated error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger.days import histogram
from breakeven.metric import latency

VALUES = st.lists(st.floats(1e-6, 1e4), min_size=1, max_size=60)


@given(VALUES)
def test_percentiles_are_within_the_stated_error(values: list[float]) -> None:
    """Of any latencies, each percentile lies within `ERROR` of the exact one, and the mean is exact."""
    found = histogram.latency(histogram.of(values))
    for share, told in ((0.50, found.p50_s), (0.95, found.p95_s), (0.99, found.p99_s)):
        assert told == pytest.approx(latency.percentile(sorted(values), share), rel=histogram.ERROR * (1 + 1e-9))
    assert found.mean_s == pytest.approx(sum(values) / len(values), rel=1e-9, abs=1e-9)


@given(VALUES, VALUES)
def test_the_histogram_of_two_parts_is_that_of_the_whole(some: list[float], others: list[float]) -> None:
    """Days merge into a period without their rows."""
    assert histogram.merged([histogram.of(some), histogram.of(others)]) == histogram.of([*some, *others])
