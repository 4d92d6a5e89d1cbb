"""Change points: planted ones are found, chance makes none, and no cheaper partition exists."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.workload.change import changes, cuts

RATES = st.lists(st.floats(0, 50), min_size=6, max_size=12)


def cost(values, where, noise, penalty):
    bounds = [0, *where, len(values)]
    parts = [values[a:b] for a, b in pairwise(bounds)]
    return sum(((part - part.mean()) ** 2).sum() for part in parts) / noise + penalty * np.log(len(values)) * len(where)


@settings(max_examples=40)
@given(RATES)
def test_no_cheaper_partition_exists(values) -> None:
    """Against every partition into stretches of two windows or more, one by one."""
    values = np.array(values)
    found = cuts(values, 4.0, 3.0, shortest=2)
    places = range(2, len(values) - 1)
    every = [
        where
        for number in range(len(values) // 2)
        for where in combinations(places, number)
        if all(b - a >= 2 for a, b in zip((0, *where), (*where, len(values)), strict=False))
    ]
    least = min(cost(values, list(where), 4.0, 3.0) for where in every)
    assert cost(values, found, 4.0, 3.0) == pytest.approx(least)


def test_planted_steps_are_found() -> None:
    """20 requests a window, then 40, then 10: two changes, each within two windows of its place."""
    rng = np.random.default_rng(1)
    counts = np.concatenate([rng.poisson(rate, 200) for rate in (20, 40, 10)]).astype(float)
    found = changes(counts, 60.0, np.ones(600))
    assert [round(one.at_s / 60 / 100) for one in found] == [2, 4]
    assert all(abs(one.at_s / 60 - place) <= 2 for one, place in zip(found, (200, 400), strict=True))
    assert found[0].before_rps == pytest.approx(20 / 60, rel=0.1)
    assert found[1].after_rps == pytest.approx(10 / 60, rel=0.1)


def test_chance_makes_no_change() -> None:
    """Of forty Poisson series without a change at most two are said to have one."""
    rng = np.random.default_rng(2)
    said = sum(bool(changes(rng.poisson(30, 500).astype(float), 60.0, np.ones(500))) for _ in range(40))
    assert said <= 2


def test_the_hour_of_day_is_no_change() -> None:
    """With its daily shape divided out a rising and falling week has no lasting change."""
    at = np.arange(7 * 144)
    shape = 1 + 0.8 * np.sin(2 * np.pi * at / 144)
    counts = np.random.default_rng(3).poisson(100 * shape).astype(float)
    assert changes(counts, 600.0, shape) == ()
