"""Intervals cover what they promise, and say when there is too little data."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.audit.interval import (
    CONFIDENCE,
    binomial_cdf,
    count_interval,
    percentile_interval,
    smallest_sample,
    wilson,
)

SHARES = st.floats(0.02, 0.98)


@given(st.integers(1, 200), SHARES)
def test_the_binomial_is_a_distribution(n: int, share: float) -> None:
    """It rises to one and agrees with the sum of exact terms."""
    cdf = binomial_cdf(n, share)
    assert all(a <= b + 1e-12 for a, b in pairwise(cdf))
    assert cdf[-1] == pytest.approx(1)
    exact = sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(n // 2 + 1))
    assert cdf[n // 2] == pytest.approx(exact, abs=1e-9)


@given(SHARES)
def test_the_smallest_sample_is_the_smallest(share: float) -> None:
    """With that many values there is an interval, with one fewer there is none."""
    n = smallest_sample(share)
    values = [float(at) for at in range(n)]
    assert percentile_interval(values, share) is not None
    assert percentile_interval(values[:-1], share) is None


def test_p95_needs_45_values_and_p50_needs_4() -> None:
    """The numbers the findings state."""
    assert (smallest_sample(0.95), smallest_sample(0.5)) == (45, 4)


@given(st.lists(st.floats(0, 100), min_size=4, max_size=80), SHARES)
def test_the_interval_is_made_of_values_seen_in_order(values: list[float], share: float) -> None:
    """Nothing is extrapolated."""
    found = percentile_interval(sorted(values), share)
    assert found is None or (found[0] <= found[1] and set(found) <= set(values))


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_percentile_intervals_cover_at_least_as_often_as_they_say(share: float) -> None:
    """Over 2,000 exponential samples of 100, the true percentile lies inside at least 80 % of intervals."""
    truth, generator = -math.log(1 - share), np.random.default_rng(7)
    samples = np.sort(generator.exponential(size=(2000, 100)), axis=1)
    inside = 0
    for row in samples:
        found = percentile_interval(row.tolist(), share)
        assert found is not None
        inside += found[0] <= truth <= found[1]
    assert inside / 2000 >= CONFIDENCE - 0.02


@given(st.integers(1, 500), st.data())
def test_wilson_holds_the_share_and_stays_inside_0_1(n: int, data: st.DataObject) -> None:
    """The interval contains the observed share and narrows with n."""
    successes = data.draw(st.integers(0, n))
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n <= high <= 1
    wider = wilson(successes * 4, n * 4)
    assert wider[1] - wider[0] <= high - low + 1e-12


@given(st.integers(0, 10_000), st.floats(1, 10))
def test_a_count_interval_holds_the_count_and_widens_with_dispersion(count: int, dispersion: float) -> None:
    """Bursty arrivals say less than Poisson ones."""
    low, high = count_interval(count)
    assert low <= count <= high
    wide_low, wide_high = count_interval(count, dispersion)
    assert wide_low <= low
    assert wide_high >= high


def test_poisson_counts_are_covered() -> None:
    """Over 4,000 Poisson draws with mean 60, about 80 % of intervals hold 60."""
    draws = np.random.default_rng(3).poisson(60, 4000)
    inside = sum(low <= 60 <= high for low, high in map(count_interval, map(int, draws)))
    assert inside / 4000 == pytest.approx(CONFIDENCE, abs=0.03)


@pytest.mark.parametrize(("successes", "n"), [(0, 0), (5, 4), (-1, 4)])
def test_an_impossible_share_is_refused(successes: int, n: int) -> None:
    """Both numbers are named."""
    with pytest.raises(ValueError, match=f"got {successes} of {n}"):
        wilson(successes, n)


@pytest.mark.parametrize("share", [0.0, 1.0, 2.0])
def test_a_percentile_at_the_edge_has_no_interval(share: float) -> None:
    """The minimum and the maximum of the world are not estimated."""
    with pytest.raises(ValueError, match=r"inside 0\.\.1"):
        percentile_interval([1.0, 2.0], share)
