"""The number of units: the cheapest on a load-duration curve is the one that trying all of them finds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.planner.placed.units import Shape, cheapest, enough, shape_of, sold
from breakeven.planner.portfolio.load import duration
from breakeven.schema.placed import Throughput

rates = st.lists(st.floats(min_value=0.0, max_value=50.0), min_size=1, max_size=12).filter(lambda found: sum(found) > 1)
capacities = st.builds(
    Throughput,
    tokens_per_s=st.just(100.0),
    minimum_units=st.integers(min_value=1, max_value=12),
    step=st.integers(min_value=1, max_value=5),
)
MONTH_S = 730 * 3600


def shaped(found: list[float]) -> tuple[Shape, float]:
    load = duration(np.array(found), window_s=3600.0)
    return shape_of(load), load.mean_rps


def on_sale(capacity: Throughput, most: int = 400) -> list[int]:
    steps = range(capacity.step, most, capacity.step)
    return sorted({capacity.minimum_units, *(units for units in steps if units >= capacity.minimum_units)})


@given(rates, capacities, st.floats(0.01, 5.0), st.floats(0.01, 50.0), st.floats(1e-6, 1e-2))
def test_the_cheapest_number_equals_brute_force(
    found: list[float], capacity: Throughput, each: float, unit_usd: float, request_usd: float
) -> None:
    """Of all numbers on sale none costs less, every overflowing request counted window by window."""
    shape, mean = shaped(found)
    requests = mean * MONTH_S
    best = cheapest(shape, mean, each, capacity, unit_usd=unit_usd * 730, request_usd=request_usd, requests=requests)

    def cost(units: int) -> float:
        above = sum(max(0.0, rate - units * each) for rate in found) / len(found) * MONTH_S
        return units * unit_usd * 730 + above * request_usd

    assert best in {capacity.minimum_units, sold(best, capacity)}
    tried = [cost(units) for units in on_sale(capacity, max(400, int(50 / each) + 20))]
    assert cost(best) == pytest.approx(min(tried), rel=1e-9)


@given(rates, st.floats(0.0, 60.0), st.floats(0.0, 60.0))
def test_more_units_never_carry_less(found: list[float], first: float, second: float) -> None:
    """The share that overflows falls with capacity, from all of it to nothing above the highest rate."""
    shape, _ = shaped(found)
    low, high = sorted((first, second))
    assert 0.0 <= shape.overflow(high) <= shape.overflow(low) + 1e-12
    assert shape.overflow(0.0) == pytest.approx(1.0)
    assert shape.overflow(max(shape.rates)) == 0.0


@given(rates, capacities, st.floats(0.01, 5.0), st.floats(0.01, 50.0), st.floats(1e-6, 1e-2), st.floats(0.1, 1.0))
def test_a_cheaper_unit_never_makes_the_month_dearer(
    found: list[float], capacity: Throughput, each: float, unit_usd: float, request_usd: float, cut: float
) -> None:
    """Nor are fewer of them held."""
    shape, mean = shaped(found)
    requests = mean * MONTH_S

    def held(price: float) -> tuple[int, float]:
        units = cheapest(shape, mean, each, capacity, unit_usd=price, request_usd=request_usd, requests=requests)
        return units, units * price + shape.overflow(units * each / mean) * requests * request_usd

    (dear, before), (cheap, after) = held(unit_usd * 730), held(unit_usd * cut * 730)
    assert after <= before * (1 + 1e-9)
    assert cheap >= dear


@given(st.floats(0.0, 1000.0), st.floats(0.01, 10.0), capacities)
def test_enough_units_carry_the_rate_and_are_on_sale(rate: float, each: float, capacity: Throughput) -> None:
    """The fewest that do: those sold next below carry less."""
    found = enough(rate, each, capacity)
    assert found * each >= rate * (1 - 1e-6)
    assert found == capacity.minimum_units or found % capacity.step == 0
    assert found - capacity.step < capacity.minimum_units or (found - capacity.step) * each < rate * (1 + 1e-6)


def test_a_request_takes_its_tokens_of_a_unit() -> None:
    """In one weighted rate, or in the tighter of two."""
    assert Throughput(tokens_per_s=1000.0, output_weight=4.0).unit_s(600.0, 100.0) == pytest.approx(1.0)
    apart = Throughput(input_tokens_per_s=600.0, output_tokens_per_s=50.0)
    assert apart.unit_s(600.0, 100.0) == pytest.approx(2.0)
    assert apart.unit_s(6000.0, 100.0) == pytest.approx(10.0)
