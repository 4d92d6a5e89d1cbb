"""Laws of the cheapest mix of several types and terms: what it equals, conserves, and is never made dearer by."""

import itertools
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breakeven.cost.hybrid.base import best_base
from breakeven.cost.hybrid.load import Load
from breakeven.cost.hybrid.mix import best_mix
from breakeven.cost.hybrid.offers import Commitment, Mix, Spot
from breakeven.errors import UsageError

ON_DEMAND = 3.9
OWNED = Commitment(name="owned", usd_per_machine_h=8 * 1.1, units_per_machine=8, most=6)
YEARLY = Commitment(name="1 year", usd_per_machine_h=2.3, term_periods=1)
SPOT = Spot(usd_per_unit_h=1.2, most_share=0.25)
OFFERS = (
    OWNED,
    Commitment(name="owned, small", usd_per_machine_h=1.38, most=20),
    Commitment(name="3 years", usd_per_machine_h=1.7),
    Commitment(name="2 years", usd_per_machine_h=(2.0, 1.9, 1.8), term_periods=2),
    YEARLY,
    Commitment(name="1 year of 8", usd_per_machine_h=8 * 2.1, units_per_machine=8, term_periods=1),
)

prices = st.floats(0.05, 4)
whole_loads = arrays(np.int64, 30, elements=st.integers(0, 12)).map(lambda load: load.astype(float))


def three_years(seed: int, hours: int = 400) -> Load:
    """A load that grows from year to year, with a daily rhythm and noise."""
    rng = np.random.default_rng(seed)
    day = 40 + 25 * np.sin(2 * np.pi * np.arange(hours) / 24)
    return np.concatenate([day * growth * rng.lognormal(0, 0.15, hours) for growth in (1, 1.4, 2.1)])


def of(mix: Mix, name: str) -> int:
    return next(index for index, part in enumerate(mix.parts) if part.name == name)


def check_conservation(mix: Mix, need: Load) -> None:
    """Served = need, cost = sum of parts, nothing serves more than it is paid for, and the bound holds."""
    assert sum(part.served_unit_h for part in mix.parts) == pytest.approx(need.sum(), rel=1e-9, abs=1e-9)
    assert mix.need_unit_h == pytest.approx(need.sum())
    assert mix.cost_usd == pytest.approx(sum(part.cost_usd for part in mix.parts))
    assert all(part.served_unit_h <= part.paid_unit_h * (1 + 1e-12) for part in mix.parts)
    assert all(part.idle_share is None or -1e-9 <= part.idle_share <= 1 for part in mix.parts)
    assert mix.bound_usd <= mix.cost_usd
    assert mix.gap <= 1e-6


def test_one_type_is_the_reference() -> None:
    """The MILP finds the 70 units and 1,048,442.43 USD of enumeration, on 27 blocks."""
    hours = np.arange(8760)
    daily = 50 + 35 * np.sin(2 * np.pi * (hours % 24 - 9) / 24)
    load = np.round(daily + 10 * (hours // 24 % 7 < 5) + 60 * (hours % 168 == 60), 6)
    found = best_mix(load, [Commitment(name="own", usd_per_machine_h=1.38)], on_demand_usd_per_unit_h=ON_DEMAND)
    assert found.parts[0].machines == (70,)
    assert found.cost_usd == pytest.approx(1_048_442.4344, abs=1e-4)
    assert found.all_on_demand_usd == pytest.approx(1_964_664.0)
    assert found.blocks <= 100


@settings(max_examples=60, deadline=None)
@given(load=whole_loads, own=prices, burst=prices)
def test_one_type_equals_enumeration(load: Load, own: float, burst: float) -> None:
    """With a block for every level, a mix of one type to own costs what `best_base` costs."""
    offer = Commitment(name="own", usd_per_machine_h=own)
    found = best_mix(load, [offer], on_demand_usd_per_unit_h=burst, blocks=13)
    assert found.cost_usd == pytest.approx(best_base(load, own, burst).cost_usd, rel=1e-6, abs=1e-9)
    check_conservation(found, load)


@settings(max_examples=30, deadline=None)
@given(load=arrays(np.float64, 200, elements=st.floats(0, 500)), own=prices, burst=prices, blocks=st.integers(1, 40))
def test_few_blocks_reach_the_same_cost(load: Load, own: float, burst: float, blocks: int) -> None:
    """However coarse the curve at first, splitting it where the answer cuts ends at the cost of enumeration."""
    offer = Commitment(name="own", usd_per_machine_h=own)
    found = best_mix(load, [offer], on_demand_usd_per_unit_h=burst, blocks=blocks)
    assert found.cost_usd == pytest.approx(best_base(load, own, burst).cost_usd, rel=2e-6, abs=1e-9)


def enumerated(load: Load, offers: list[Commitment], spot: Spot | None, periods: int) -> float:
    """Every number of machines of every term, priced hour by hour in plain Python."""
    terms = [(offer, start) for offer in offers for start in range(periods - (offer.term_periods or periods) + 1)]
    hours = load.size // periods
    best = math.inf
    enough = [range(math.ceil(load.max() / offer.units_per_machine) + 1) for offer, _ in terms]
    for counts in itertools.product(*enough):
        capacity, running, cost = [0.0] * periods, {offer.name: [0] * periods for offer in offers}, 0.0
        for count, (offer, start) in zip(counts, terms, strict=True):
            term = offer.term_periods or periods
            cost += count * offer.usd_per_machine_h * hours * term
            for period in range(start, start + term):
                capacity[period] += count * offer.units_per_machine
                running[offer.name][period] += count
        if any(offer.most is not None and max(running[offer.name]) > offer.most for offer in offers):
            continue
        for hour, need in enumerate(load.tolist()):
            left = max(need - capacity[hour // hours], 0.0)
            cheap = min(left, spot.most_share * need) if spot and spot.usd_per_unit_h < ON_DEMAND else 0.0
            cost += cheap * (spot.usd_per_unit_h if spot else 0) + (left - cheap) * ON_DEMAND
        best = min(best, cost)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_several_terms_equal_brute_force(seed: int) -> None:
    """Two types, two terms, two periods, a limit and spot: no combination of machines costs less."""
    rng = np.random.default_rng(seed)
    load = np.concatenate([rng.uniform(0, 4, 5), rng.uniform(0, 7, 5)])
    offers = [
        Commitment(name="own", usd_per_machine_h=2.5 * rng.uniform(0.6, 1.4), units_per_machine=2.5, most=2),
        Commitment(name="year", usd_per_machine_h=rng.uniform(1, 3), term_periods=1),
    ]
    spot = Spot(usd_per_unit_h=rng.uniform(1, 5), most_share=0.3) if seed % 2 else None
    found = best_mix(load, offers, on_demand_usd_per_unit_h=ON_DEMAND, spot=spot, periods=2)
    check_conservation(found, load)
    assert found.cost_usd == pytest.approx(enumerated(load, offers, spot, 2), rel=1e-6)


@pytest.mark.parametrize("spot", [None, SPOT])
@pytest.mark.parametrize("seed", [1, 2])
def test_three_years_of_six_offers(seed: int, spot: Spot | None) -> None:
    """The answer is proven within a millionth, conserves every unit-hour, and keeps every limit in every year."""
    load = three_years(seed)
    found = best_mix(load, OFFERS, on_demand_usd_per_unit_h=ON_DEMAND, spot=spot, periods=3, headroom=0.1)
    check_conservation(found, load * 1.1)
    assert found.cost_usd < found.all_on_demand_usd
    for offer, part in zip(OFFERS, found.parts, strict=False):
        assert part.name == offer.name
        assert len(part.machines) == len(part.started) == 3
        assert offer.most is None or max(part.machines) <= offer.most
        assert part.paid_unit_h == pytest.approx(sum(part.machines) * offer.units_per_machine * 400)
    assert [part.name for part in found.parts[6:]] == (["spot", "on_demand"] if spot else ["on_demand"])


def test_terms_run_as_long_as_they_are_paid() -> None:
    """Machines of a two-period term started in a period run in it and in the next; a full term starts at once."""
    load = np.repeat([2.0, 5.0, 9.0], 50)
    two = Commitment(name="two", usd_per_machine_h=1.0, term_periods=2)
    found = best_mix(load, [two], on_demand_usd_per_unit_h=50.0, periods=3).parts[0]
    first, second, third = found.started
    assert third == 0
    assert found.machines == (first, first + second, second)
    assert found.cost_usd == pytest.approx((first + second) * 100)
    whole = Commitment(name="whole", usd_per_machine_h=1.0)
    assert best_mix(load, [whole], on_demand_usd_per_unit_h=50.0, periods=3).parts[0].started == (9, 0, 0)


def test_yearly_terms_follow_a_growing_load() -> None:
    """Where a year at a time costs no more, each year gets what it needs."""
    load = np.repeat([2.0, 5.0, 9.0], 50)
    found = best_mix(load, [replace(YEARLY, usd_per_machine_h=1.0)], on_demand_usd_per_unit_h=9.0, periods=3)
    assert found.parts[0].machines == found.parts[0].started == (2, 5, 9)
    assert found.parts[0].idle_share == pytest.approx(0)


def test_waiting_for_a_price_that_falls() -> None:
    """A term keeps the price of the period it starts in: worth committing to in the second period, not in the first."""
    load = np.full(100, 3.0)
    falling = Commitment(name="falling", usd_per_machine_h=(2.0, 0.5), term_periods=1)
    found = best_mix(load, [falling], on_demand_usd_per_unit_h=(1.0, 0.9), periods=2)
    assert found.parts[0].machines == (0, 3)
    assert found.cost_usd == pytest.approx(3 * 50 * 1.0 + 3 * 50 * 0.5)
    assert found.all_on_demand_usd == pytest.approx(3 * 50 * 1.0 + 3 * 50 * 0.9)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), most=st.integers(0, 8), more=st.integers(1, 5))
def test_more_cheap_capacity_never_makes_it_dearer(seed: int, most: int, more: int) -> None:
    """A looser limit, and one more offer, leave every earlier mix possible."""
    load = three_years(seed, 60)
    ask = {"on_demand_usd_per_unit_h": ON_DEMAND, "periods": 3}
    tight = best_mix(load, [replace(OWNED, most=most), YEARLY], **ask).cost_usd
    assert best_mix(load, [replace(OWNED, most=most + more), YEARLY], **ask).cost_usd <= tight * (1 + 1e-6)
    assert best_mix(load, [replace(OWNED, most=most), YEARLY, OFFERS[1]], **ask).cost_usd <= tight * (1 + 1e-6)
    assert best_mix(load, [replace(OWNED, most=most), YEARLY], **ask, spot=SPOT).cost_usd <= tight * (1 + 1e-6)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_spot_keeps_its_share_of_every_hour(share: float) -> None:
    """Never more than its share: with nothing committed it serves exactly that, at its own price."""
    load = three_years(3, 50)
    found = best_mix(load, [], on_demand_usd_per_unit_h=ON_DEMAND, spot=replace(SPOT, most_share=share), periods=3)
    assert [part.name for part in found.parts] == ["spot", "on_demand"]
    assert found.parts[0].served_unit_h == pytest.approx(share * load.sum())
    assert found.parts[0].cost_usd == pytest.approx(share * load.sum() * 1.2)
    check_conservation(found, load)


def test_spot_that_is_dearer_is_left_alone() -> None:
    """Per period: spot serves in the one where it is cheaper, and not in the other."""
    load = np.full(20, 4.0)
    found = best_mix(
        load, [], on_demand_usd_per_unit_h=1.0, spot=Spot(usd_per_unit_h=(0.5, 1.5), most_share=0.5), periods=2
    )
    assert found.parts[0].served_unit_h == pytest.approx(20)
    assert found.cost_usd == pytest.approx(20 * 0.5 + 60 * 1.0)


def test_on_demand_alone() -> None:
    """Without offers there is nothing to decide, and the answer is what on-demand costs."""
    found = best_mix(np.arange(10.0), [], on_demand_usd_per_unit_h=2.0)
    assert found.cost_usd == found.bound_usd == found.all_on_demand_usd == pytest.approx(90)
    assert found.parts[0].idle_share == 0


def test_no_load_costs_nothing() -> None:
    """Nothing needed, nothing bought, no gap."""
    found = best_mix(np.zeros(6), OFFERS, on_demand_usd_per_unit_h=ON_DEMAND, periods=3)
    assert (found.cost_usd, found.gap) == (0, 0)
    assert all(part.idle_share is None for part in found.parts)


def test_the_cheapest_unit_serves_first() -> None:
    """Of two committed types the one with the cheaper unit carries the base, whatever the order they are offered in."""
    load = np.array([4.0] * 50 + [6.0] * 50)
    cheap = Commitment(name="cheap", usd_per_machine_h=1.0, most=4)
    dear = Commitment(name="dear", usd_per_machine_h=1.5)
    for offers in ([cheap, dear], [dear, cheap]):
        found = best_mix(load, offers, on_demand_usd_per_unit_h=9.0)
        assert [part.name for part in found.parts] == [*(offer.name for offer in offers), "on_demand"]
        assert found.parts[of(found, "cheap")].idle_share == pytest.approx(0)
        assert found.parts[of(found, "dear")].idle_share == pytest.approx(0.5)


def test_the_same_question_has_the_same_answer() -> None:
    """Twice the same inputs, twice the same mix."""
    ask = {"on_demand_usd_per_unit_h": ON_DEMAND, "spot": SPOT, "periods": 3}
    assert best_mix(three_years(5), OFFERS, **ask) == best_mix(three_years(5), OFFERS, **ask)


BAD = {
    "names": [YEARLY, YEARLY],
    "term": [replace(YEARLY, term_periods=4)],
    "units per machine": [replace(YEARLY, units_per_machine=0.0)],
    "most": [replace(YEARLY, most=-1)],
    "price": [replace(YEARLY, usd_per_machine_h=-1.0)],
    "for each of 3 periods": [replace(YEARLY, usd_per_machine_h=(1.0, 2.0))],
}


@pytest.mark.parametrize("what", BAD)
def test_impossible_offers_are_refused(what: str) -> None:
    """Each with what is wrong named, before anything is solved."""
    with pytest.raises(ValueError, match=what):
        best_mix(np.ones(30), BAD[what], on_demand_usd_per_unit_h=1.0, periods=3)


def test_impossible_questions_are_refused() -> None:
    """Periods that do not divide the hours, and a share of more than all."""
    for periods in (0, 7):
        with pytest.raises(ValueError, match="periods"):
            best_mix(np.ones(30), OFFERS, on_demand_usd_per_unit_h=1.0, periods=periods)
    with pytest.raises(ValueError, match="share"):
        best_mix(np.ones(30), [], on_demand_usd_per_unit_h=1.0, spot=replace(SPOT, most_share=1.1))


def test_without_scipy_the_way_out_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is asked for only where a mix is, and named."""
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    assert best_base(np.ones(3), 1.0, 2.0).units == 1
    with pytest.raises(UsageError, match="scipy") as refused:
        best_mix(np.ones(3), [YEARLY], on_demand_usd_per_unit_h=1.0)
    assert "breakeven[plan]" in refused.value.way_out


def brute_with_use(need: Load, offers: tuple[Commitment, ...], rented: float) -> float:
    """The least cost over every whole number of machines of each offer in each period, in plain loops."""
    best = math.inf
    starts = [(offer, at) for offer in offers for at in range(offer.first_period, len(need))]
    for counts in itertools.product(range(4), repeat=len(starts)):
        cost = 0.0
        for (offer, at), count in zip(starts, counts, strict=True):
            cost += count * offer.usd_per_machine_h * (len(need) - at) * need.shape[1]
        for period, hours in enumerate(need):
            for hour in hours:
                left = hour
                for offer in sorted(offers, key=lambda one: one.used_usd_per_unit_h):
                    have = sum(n for (one, at), n in zip(starts, counts, strict=True) if one is offer and at <= period)
                    part = min(left, have * offer.units_per_machine)
                    left -= part
                    cost += part * offer.used_usd_per_unit_h
                cost += left * rented
        best = min(best, cost)
    return best


@settings(max_examples=25, deadline=None)
@given(
    load=arrays(np.int64, 6, elements=st.integers(0, 3)).map(lambda load: load.astype(float)),
    fixed=st.tuples(prices, prices),
    used=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    late=st.integers(0, 1),
)
def test_offers_whose_use_costs_equal_enumeration(
    load: Load, fixed: tuple[float, float], used: tuple[float, float], late: int
) -> None:
    """Bought at any period to the end, some not before the second, and paid for use as well: nothing is cheaper."""
    offers = tuple(
        Commitment(
            name=name, usd_per_machine_h=usd, used_usd_per_unit_h=use, to_the_end=True, first_period=first, most=3
        )
        for name, usd, use, first in zip("ab", fixed, used, (0, late), strict=True)
    )
    found = best_mix(load, offers, on_demand_usd_per_unit_h=4.0, periods=2, blocks=10)
    assert found.cost_usd == pytest.approx(brute_with_use(load.reshape(2, -1), offers, 4.0), rel=1e-6, abs=1e-9)
    check_conservation(found, load)
