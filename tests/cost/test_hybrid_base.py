"""Laws of the owned base of a load, and the reference that enumeration and a MILP solver agree on."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breakeven.cost.hybrid.base import Base, base_costs, best_base
from breakeven.cost.hybrid.load import Load, curve, needed

HOURS = np.arange(8760)
YEAR = np.round(
    50 + 35 * np.sin(2 * np.pi * (HOURS % 24 - 9) / 24) + 10 * (HOURS // 24 % 7 < 5) + 60 * (HOURS % 168 == 60),
    6,
)
"""A daily and a weekly rhythm with a peak every week."""
OWN, BURST = 1.38, 3.9

loads = st.integers(1, 60).flatmap(lambda hours: arrays(np.float64, hours, elements=st.floats(0, 40)))
price = st.floats(0.01, 10)
share = st.floats(0, 0.5)
spares = st.integers(0, 3)


def plain_cost(load: Load, units: int, own: float, burst: float, headroom: float, spare: int) -> float:
    """The definition, hour by hour."""
    hired = sum(max(hour * (1 + headroom) - units, 0.0) for hour in load.tolist())
    return own * (units + spare if units else 0) * load.size + burst * hired


def brute_force(load: Load, own: float, burst: float, headroom: float = 0.0, spare: int = 0) -> float:
    most = math.ceil(load.max() * (1 + headroom)) + 2
    return min(plain_cost(load, units, own, burst, headroom, spare) for units in range(most + 1))


def test_reference() -> None:
    """n* = 70 for 1,048,442.43 USD, against 1,752,876 owned and 1,964,664 rented; the quantile rule says 69.06."""
    found = best_base(YEAR, OWN, BURST)
    assert found.units == 70
    assert found.cost_usd == pytest.approx(1_048_442.4344, abs=1e-4)
    assert found.all_owned_usd == pytest.approx(1_752_876.0)
    assert found.all_burst_usd == pytest.approx(1_964_664.0)
    assert found.critical_fractile == pytest.approx(0.646154, abs=1e-6)
    assert found.quantile_units == pytest.approx(69.0587, abs=1e-4)


@pytest.mark.parametrize("seed", range(200))
def test_the_optimum_is_that_of_brute_force(seed: int) -> None:
    """On 200 random loads, in shape and size, no number of units costs less."""
    rng = np.random.default_rng(seed)
    load = rng.choice([rng.gamma(2, 8, 200), rng.poisson(6, 200), rng.uniform(0, 90, 200)])
    own, burst = rng.uniform(0.05, 4, 2)
    headroom, spare = float(rng.choice([0, 0.2])), int(rng.integers(3))
    found = best_base(load, own, burst, headroom, spare)
    assert found.cost_usd == pytest.approx(brute_force(load, own, burst, headroom, spare), rel=1e-12)
    assert found.cost_usd == pytest.approx(plain_cost(load, found.units, own, burst, headroom, spare), rel=1e-12)


@given(load=loads, own=price, burst=price, headroom=share, spare=spares)
def test_no_number_of_units_costs_less(load: Load, own: float, burst: float, headroom: float, spare: int) -> None:
    """Brute force agrees on whatever load: zeros, ties, whole and broken numbers, one hour."""
    found = best_base(load, own, burst, headroom, spare)
    assert found.cost_usd == pytest.approx(brute_force(load, own, burst, headroom, spare), rel=1e-9, abs=1e-9)


@given(load=loads, own=price, burst=price, headroom=share, spare=spares)
def test_the_curve_is_the_definition(load: Load, own: float, burst: float, headroom: float, spare: int) -> None:
    """One pass with cumulative sums equals the sum over hours at every number of units."""
    units = np.arange(45.0)
    costs = base_costs(needed(load, headroom), units, own, burst, spare)
    expected = [plain_cost(load, int(n), own, burst, headroom, spare) for n in units]
    assert costs == pytest.approx(expected, rel=1e-9, abs=1e-9)


@given(load=loads, own=price, burst=price, headroom=share, spare=spares)
def test_neighbours_are_regretted(load: Load, own: float, burst: float, headroom: float, spare: int) -> None:
    """One unit less or more never costs less, and costs exactly the regret stated; below nothing there is no unit."""
    found = best_base(load, own, burst, headroom, spare)
    more = plain_cost(load, found.units + 1, own, burst, headroom, spare)
    assert found.regret_more_usd >= -1e-9 * found.cost_usd
    assert found.cost_usd + found.regret_more_usd == pytest.approx(more, rel=1e-9, abs=1e-9)
    assert (found.regret_less_usd is None) == (found.units == 0)
    if found.regret_less_usd is not None:
        less = plain_cost(load, found.units - 1, own, burst, headroom, spare)
        assert found.regret_less_usd >= -1e-9 * found.cost_usd
        assert found.cost_usd + found.regret_less_usd == pytest.approx(less, rel=1e-9, abs=1e-9)


@given(load=loads, own=price, burst=price)
def test_neither_extreme_beats_the_hybrid(load: Load, own: float, burst: float) -> None:
    """All owned and all rented are two of the choices."""
    found = best_base(load, own, burst)
    assert found.cost_usd <= min(found.all_owned_usd, found.all_burst_usd) * (1 + 1e-12)


@given(load=loads, own=price, burst=price)
def test_the_quantile_rule_is_within_a_unit(load: Load, own: float, burst: float) -> None:
    """Own while P(load >= n) >= own / burst: the last unit owned is used that often, the next one is not."""
    found = best_base(load, own, burst)
    if found.units:
        assert np.mean(load > found.units - 1) >= own / burst - 1e-9
    assert np.mean(load > found.units + 1) <= own / burst + 1e-9


@given(load=loads, own=price, burst=price, headroom=share)
def test_every_need_is_served(load: Load, own: float, burst: float, headroom: float) -> None:
    """Served by owned units + burst = need, in unit-hours; hours that burst are those above n."""
    found = best_base(load, own, burst, headroom)
    need = load * (1 + headroom)
    assert found.burst_hours == np.count_nonzero(need > found.units)
    served = 0.0 if found.idle_share is None else (1 - found.idle_share) * found.units * load.size
    assert served + found.burst_unit_h == pytest.approx(need.sum(), rel=1e-9, abs=1e-9)


@given(load=loads, own=price, burst=price, headroom=share)
def test_headroom_is_a_larger_load(load: Load, own: float, burst: float, headroom: float) -> None:
    """A load with headroom is answered like the load that is larger by it."""
    assert best_base(load, own, burst, headroom) == best_base(load * (1 + headroom), own, burst)


@given(load=loads, own=price, burst=price, headroom=share, more=share)
def test_more_headroom_never_costs_less(load: Load, own: float, burst: float, headroom: float, more: float) -> None:
    """Safety is not free of charge, and never pays."""
    before = best_base(load, own, burst, headroom).cost_usd
    assert best_base(load, own, burst, headroom + more).cost_usd >= before * (1 - 1e-12)


@given(load=loads, own=price, burst=price, dearer=price)
def test_dearer_burst_never_owns_less(load: Load, own: float, burst: float, dearer: float) -> None:
    """The dearer the burst, the more is owned; the dearer owning, the less."""
    found = best_base(load, own, burst).units
    assert best_base(load, own, burst + dearer).units >= found
    assert best_base(load, own + dearer, burst).units <= found


def test_spares_are_paid_and_never_serve() -> None:
    """Two spares add two unit-years to the bill, stand idle, and leave the burst as it was."""
    plain, spared = best_base(YEAR, OWN, BURST), best_base(YEAR, OWN, BURST, spare_units=2)
    assert spared.units == plain.units
    assert spared.spare_units == 2
    assert spared.cost_usd == pytest.approx(plain.cost_usd + 2 * OWN * 8760)
    assert spared.burst_unit_h == plain.burst_unit_h
    assert plain.idle_share is not None
    assert spared.idle_share is not None
    assert (1 - spared.idle_share) * 72 == pytest.approx((1 - plain.idle_share) * 70)


def test_spares_can_make_renting_the_answer() -> None:
    """A purchase that needs more spares than it saves is not made, and then there are no spares."""
    load = np.full(100, 2.0)
    assert best_base(load, 1.0, 2.5).units == 2
    found = best_base(load, 1.0, 2.5, spare_units=4)
    assert (found.units, found.spare_units, found.idle_share) == (0, 0, None)
    assert found.cost_usd == found.all_burst_usd == pytest.approx(500)


def test_owning_that_is_dearer_is_never_done() -> None:
    """At own >= burst the fractile is 0 and nothing is owned; with free burst likewise; what is free is all owned."""
    for own, burst in ((4.0, 3.9), (3.9, 3.9), (1.0, 0.0), (0.0, 0.0)):
        found = best_base(YEAR, own, burst)
        assert (found.units, found.quantile_units) == (0, 0.0), (own, burst)
        assert found.critical_fractile == 0
    free = best_base(YEAR, 0.0, 1.0)
    assert (free.units, free.cost_usd, free.critical_fractile) == (145, 0, 1)


def test_of_equal_optima_the_smallest_purchase() -> None:
    """Where half the hours need 4 and half 8, and owning is worth exactly half, 4..8 all tie: 4."""
    assert best_base(np.array([4.0, 8.0] * 50), 1.0, 2.0).units == 4


def test_a_load_of_nothing_owns_nothing() -> None:
    """No load: no units, no cost."""
    found = best_base(np.zeros(24), OWN, BURST, spare_units=1)
    assert isinstance(found, Base)
    assert (found.units, found.cost_usd, found.all_owned_usd, found.burst_hours) == (0, 0, 0, 0)


def test_the_size_of_units_does_not_slow_the_answer() -> None:
    """Only whole numbers beside a need can be the optimum, so a load of billions has as few candidates."""
    found = best_base(YEAR * 1e8, OWN, BURST)
    assert found.units == pytest.approx(69.0587e8, rel=1e-3)


@pytest.mark.parametrize(
    "bad", [np.array([]), np.array([1.0, -0.1]), np.array([1.0, math.nan]), np.array([math.inf]), np.ones((2, 2))]
)
def test_an_impossible_load_is_refused(bad: Load) -> None:
    """No hour, a negative or unknown load, or a table instead of a row."""
    with pytest.raises(ValueError, match="load"):
        best_base(bad, OWN, BURST)


@pytest.mark.parametrize(
    "bad", [(-1.0, 1.0, 0.0, 0), (1.0, math.nan, 0.0, 0), (1.0, 1.0, 0.0, -1), (1.0, 1.0, -0.1, 0)]
)
def test_impossible_prices_are_refused(bad: tuple[float, float, float, int]) -> None:
    """Negative or unknown prices, spares and headroom are named, not computed with."""
    with pytest.raises(ValueError, match=r"prices|headroom"):
        best_base(YEAR, *bad)


@given(load=loads, blocks=st.integers(1, 30))
def test_a_curve_keeps_hours_and_unit_hours(load: Load, blocks: int) -> None:
    """Compressed or not: the same hours, the same unit-hours, ascending, no more blocks than asked for."""
    found = curve(load, blocks)
    assert found.hours.sum() == load.size
    assert found.hours.min() >= 1
    assert found.hours @ found.level == pytest.approx(load.sum(), rel=1e-9, abs=1e-9)
    assert found.level.size <= blocks
    assert np.all(np.diff(found.level) >= -1e-9)


@given(load=loads, blocks=st.integers(1, 30), units=st.floats(0, 45))
def test_blocks_bound_the_burst_from_below(load: Load, blocks: int, units: float) -> None:
    """A block's mean never bursts more than its hours; cut where the burst begins, it bursts exactly as much."""
    exact = np.maximum(load - units, 0).sum()
    found = curve(load, blocks)
    assert found.hours @ np.maximum(found.level - units, 0) <= exact + 1e-9
    split = found.split(units)
    assert split.hours @ np.maximum(split.level - units, 0) == pytest.approx(exact, rel=1e-9, abs=1e-9)
    assert split.hours.sum() == load.size


@given(load=arrays(np.int64, 50, elements=st.integers(0, 9)))
def test_few_levels_are_kept_exactly(load: Load) -> None:
    """With a block for each distinct level the curve is the load."""
    found = curve(load.astype(float), 10)
    levels, hours = np.unique(load, return_counts=True)
    assert found.level == pytest.approx(levels)
    assert found.hours.tolist() == hours.tolist()


def test_a_curve_has_a_block() -> None:
    """No block is no curve."""
    with pytest.raises(ValueError, match="block"):
        curve(np.ones(3), 0)
