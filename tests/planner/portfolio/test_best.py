"""Laws of the portfolio: it equals brute force, its lines sum, and no offer, price or placing makes it dearer."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio import search
from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.fractile import busy_share, divisible_usd, fractile_rps
from breakeven.planner.portfolio.load import Duration, duration, duration_of_arrivals
from breakeven.planner.portfolio.tiers import Tiers, tiers_of
from breakeven.schema.portfolio import Portfolio, Unit

OWNED = Unit(name="owned", kind="owned", goodput_rps=4.0, fixed_usd_per_h=4.4, variable_usd_per_busy_h=1.0, replicas=8)
YEARLY = Unit(name="yearly", kind="reserved_1y", goodput_rps=1.0, fixed_usd_per_h=2.0, term_months=12)
RENTED = Unit(name="rented", kind="on_demand", goodput_rps=1.0, fixed_usd_per_h=3.2)
SPOT = Unit(name="spot", kind="spot", goodput_rps=1.0, fixed_usd_per_h=1.2, most_share=0.2)
API = Unit(name="api", kind="api", usd_per_request=3.5 / 3600)

prices = st.floats(0.1, 5.0).map(lambda price: round(price, 2))
sizes = st.sampled_from([1.0, 2.0, 2.5, 4.0])
shares = st.sampled_from([1.0, 0.9, 0.5])
curves = st.lists(st.integers(0, 9), min_size=1, max_size=6).map(lambda rates: duration(rates, window_s=3600))


def committed(name: str) -> st.SearchStrategy[Unit]:
    return st.builds(
        Unit,
        name=st.just(name),
        kind=st.sampled_from(["owned", "reserved_1y", "provisioned"]),
        goodput_rps=sizes,
        fixed_usd_per_h=prices,
        variable_usd_per_busy_h=st.sampled_from([0.0, 0.3]),
        spare=st.sampled_from([0, 0, 1]),
        least=st.sampled_from([0, 0, 1]),
        useful_share=shares,
    )


def by_use(name: str, kind: str) -> st.SearchStrategy[Unit]:
    return st.builds(
        Unit,
        name=st.just(name),
        kind=st.just(kind),
        goodput_rps=sizes,
        fixed_usd_per_h=prices,
        most_share=st.sampled_from([0.3, 0.8]) if kind == "spot" else st.just(1.0),
        useful_share=shares,
    )


api = st.builds(Unit, name=st.just("api"), kind=st.just("api"), usd_per_request=prices.map(lambda p: p / 3600))
offers = st.tuples(
    st.lists(st.one_of(committed("a")), min_size=0, max_size=1),
    st.lists(st.one_of(committed("b")), min_size=0, max_size=1),
    st.lists(by_use("spot", "spot"), max_size=1),
    st.lists(by_use("rented", "on_demand"), max_size=1),
    st.lists(api, min_size=1, max_size=1),
).map(lambda found: [unit for some in found for unit in some])


def brute(load: Duration, units: Sequence[Unit]) -> float:
    """The least cost per useful prediction, or cost where nothing is useful, over every whole choice, in plain loops.

    Every number of each committed unit, and in every window every split that whole units allow. A ratio's minimum over
    windows that are chosen apart is found by trying each ratio: the least cost - worth x useful is nought at it.
    """
    fixed = [unit for unit in units if unit.committed]
    [by_request] = [unit for unit in units if unit.kind == "api"]
    spot = next((unit for unit in units if unit.kind == "spot"), None)
    rented = next((unit for unit in units if unit.kind == "on_demand"), None)
    ranges = [range(unit.least, max(unit.least, math.ceil(load.peak_rps / unit.goodput_rps)) + 1) for unit in fixed]
    worth, last = 0.0, math.inf
    while True:
        best = math.inf, 0.0, 0.0
        for counts in itertools.product(*ranges):
            cost, good = 0.0, 0.0
            for unit, count in zip(fixed, counts, strict=True):
                cost += (count + (unit.spare if count else 0)) * unit.fixed_usd_per_h * 730
            order = sorted(zip(fixed, counts, strict=True), key=lambda one: net(one[0], worth))
            for rate, hours in zip(load.rate_rps, load.hours, strict=True):
                left = rate
                for unit, count in order:
                    part = min(left, count * unit.goodput_rps)
                    left -= part
                    cost += part / unit.goodput_rps * unit.variable_usd_per_busy_h * hours
                    good += part * 3600 * hours * unit.useful_share
                money, right = burst(rate, left, spot, rented, by_request, worth)
                cost, good = cost + money * hours, good + right * hours
            best = min(best, (cost - worth * good, cost, good))
        if best[2] <= 0:
            return best[1]
        ratio = best[1] / best[2]
        if ratio >= last * (1 - 1e-12):
            return last
        worth = last = ratio


def net(unit: Unit, worth: float) -> float:
    own = unit.usd_per_request if unit.goodput_rps is None else unit.variable_usd_per_busy_h / 3600 / unit.goodput_rps
    return own - worth * unit.useful_share


def burst(
    rate: float, left: float, spot: Unit | None, rented: Unit | None, by_request: Unit, worth: float
) -> tuple[float, float]:
    """USD and useful predictions an hour of the best split of what is left in one window."""
    found = []
    allowed = min(left, spot.most_share * rate) if spot else 0.0
    for j in range(math.ceil(allowed / spot.goodput_rps) + 1 if spot else 1):
        one = min(allowed, j * spot.goodput_rps) if spot else 0.0
        for k in range(math.ceil((left - one) / rented.goodput_rps) + 1 if rented else 1):
            two = min(left - one, k * rented.goodput_rps) if rented else 0.0
            rest = left - one - two
            cost = rest * 3600 * by_request.usd_per_request
            cost += j * spot.fixed_usd_per_h if spot else 0.0
            cost += k * rented.fixed_usd_per_h if rented else 0.0
            good = 3600 * rest * by_request.useful_share
            good += 3600 * one * spot.useful_share if spot else 0.0
            good += 3600 * two * rented.useful_share if rented else 0.0
            found.append((cost - worth * good, cost, good))
    _, cost, good = min(found)
    return cost, good


@settings(max_examples=100, deadline=None)
@given(load=curves, units=offers)
def test_it_equals_brute_force(load: Duration, units: list[Unit]) -> None:
    """No whole mix of owned, committed, spot, on-demand and API costs less per useful prediction."""
    found = best_portfolio(load, units)
    each = found.cost_per_useful_prediction_usd
    assert (found.monthly_usd if each is None else each) == pytest.approx(brute(load, units), rel=1e-9, abs=1e-9)
    assert found.gap == 0


@settings(max_examples=40, deadline=None)
@given(load=curves, units=offers, may_wait=st.booleans())
def test_lines_and_shares_sum(load: Duration, units: list[Unit], may_wait: bool) -> None:
    """Lines sum to the total, parts to the lines, shares to one, and no part serves more than it is paid for."""
    tiers = Tiers(critical=0.25, important=0.5, opportunistic=0.25, may_wait=may_wait)
    found = best_portfolio(load, units, tiers=tiers)
    check_sums(found)
    assert found.bill.total_usd == found.monthly_usd


def check_sums(found: Portfolio) -> None:
    assert sum(part.monthly_usd for part in found.parts) == pytest.approx(found.monthly_usd, rel=1e-12, abs=1e-9)
    if found.requests:
        assert sum(part.share for part in found.parts) == pytest.approx(1)
        assert sum(part.requests for part in found.parts) == pytest.approx(found.requests)
        for tier in found.tiers:
            assert sum(share for _, share in tier.shares) == pytest.approx(1)
            assert tier.share == pytest.approx(sum(share * tier.share for _, share in tier.shares))
        drawn = sum(slice_.hours * sum(slice_.carried_rps) for slice_ in found.curve) * 3600
        assert drawn == pytest.approx(found.requests * (0.75 if found.placing == "deferred" else 1))
    assert all(part.idle_share is None or -1e-9 <= part.idle_share <= 1 for part in found.parts)
    assert all(part.regret_less_usd is None or part.regret_less_usd >= 0 for part in found.parts)


def cost(found: Portfolio) -> float:
    each = found.cost_per_useful_prediction_usd
    return found.monthly_usd if each is None else each


@settings(max_examples=30, deadline=None)
@given(load=curves, units=offers, factor=st.floats(0.2, 1.0), at=st.integers(0, 9))
def test_more_options_or_a_lower_price_never_cost_more(
    load: Duration, units: list[Unit], factor: float, at: int
) -> None:
    """A further offer is ignored or helps; a price that falls is ignored or helps."""
    full = cost(best_portfolio(load, units))
    changed = units[at % len(units)]
    cheaper = msgspec.structs.replace(
        changed,
        fixed_usd_per_h=changed.fixed_usd_per_h * factor,
        variable_usd_per_busy_h=changed.variable_usd_per_busy_h * factor,
        usd_per_request=changed.usd_per_request * factor,
    )
    assert cost(best_portfolio(load, [cheaper if unit is changed else unit for unit in units])) <= full * (1 + 1e-9)
    if changed.kind != "api" and not changed.least:
        assert full <= cost(best_portfolio(load, [unit for unit in units if unit is not changed])) * (1 + 1e-9)


@settings(max_examples=30, deadline=None)
@given(load=curves, units=offers, parts=st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 4)))
def test_placing_tiers_apart_never_costs_more(load: Duration, units: list[Unit], parts: tuple[int, int, int]) -> None:
    """The tiers are placed apart only where that is cheaper, per useful prediction."""
    total = sum(parts)
    critical, important, rest = (part / total for part in parts)
    tiers = Tiers(critical=critical, important=important, opportunistic=rest, may_wait=True)
    apart = best_portfolio(load, units, tiers=tiers)
    strictest = tiers.present[0]
    together = best_portfolio(load, units, tiers=tiers_of({strictest: 1.0}))
    assert cost(apart) <= cost(together) * (1 + 1e-9)
    assert apart.together_usd == pytest.approx(together.monthly_usd)


def test_critical_work_is_on_spot_only_with_on_demand_behind_it() -> None:
    """Without on-demand no critical request goes to spot; with it, up to the spot's share."""
    load = duration([3, 5, 8], window_s=3600)
    alone = best_portfolio(load, [SPOT, API], tiers=tiers_of({"critical": 1.0}))
    assert {part.name for part in alone.parts} == {"api"}
    backed = best_portfolio(load, [SPOT, RENTED, API], tiers=tiers_of({"critical": 1.0}))
    assert 0 < next(part.share for part in backed.parts if part.name == "spot") <= SPOT.most_share + 1e-12


def test_opportunistic_work_fills_idle_hours_and_spot() -> None:
    """Work that may wait leaves the peak: fewer machines, busier ones, and the rest on spot; critical work is not."""
    load = duration([10] * 12 + [30] * 12, window_s=3600)
    tiers = Tiers(critical=0.6, opportunistic=0.4, important=0.0, may_wait=True)
    found = best_portfolio(load, [OWNED, SPOT, API], tiers=tiers)
    assert found.placing == "deferred"
    assert found.monthly_usd < found.together_usd
    shares = {one.tier: dict(one.shares) for one in found.tiers}
    assert "spot" not in shares["critical"]
    assert shares["opportunistic"]["owned"] > 0


def divisible(unit: Unit, size: float) -> Unit:
    """A unit in pieces so small that whole ones hardly matter."""
    factor = size / (unit.goodput_rps or 1.0)
    return msgspec.structs.replace(
        unit,
        goodput_rps=size,
        fixed_usd_per_h=unit.fixed_usd_per_h * factor,
        variable_usd_per_busy_h=unit.variable_usd_per_busy_h * factor,
    )


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 99), fixed=st.floats(0.2, 3.0), variable=st.floats(0.0, 0.5))
def test_the_closed_form_agrees_where_units_are_divisible(seed: int, fixed: float, variable: float) -> None:
    """P(D > Q) = F / (Vb - V): the fractile's cost is the portfolio's within 0.1 %, and no rate costs less."""
    load = duration(np.random.default_rng(seed).gamma(4, 5, 300), window_s=3600)
    owned = Unit(name="own", kind="owned", goodput_rps=1, fixed_usd_per_h=fixed, variable_usd_per_busy_h=variable)
    owned = divisible(owned, load.peak_rps / 1000)
    rate = fractile_rps(load, owned, API)
    closed = float(divisible_usd(load, owned, API, rate)[0])
    everything = divisible_usd(load, owned, API, np.append(load.rate_rps, 0.0))
    assert closed == pytest.approx(everything.min(), rel=1e-12)
    assert best_portfolio(load, [owned, API]).monthly_usd == pytest.approx(closed, rel=1e-3)


def test_too_many_choices_are_bounded_by_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where not every choice is weighed, the answer is the same or its gap says how far it can be off."""
    load = duration(np.random.default_rng(1).gamma(4, 3, 60), window_s=3600)
    units = [OWNED, YEARLY, msgspec.structs.replace(YEARLY, name="small", goodput_rps=0.5, fixed_usd_per_h=1.1), API]
    exact = best_portfolio(load, units)
    monkeypatch.setattr(search, "MOST_CELLS", 1)
    found = best_portfolio(load, units)
    assert exact.gap == 0
    assert found.gap is not None
    assert exact.monthly_usd <= found.monthly_usd * (1 + 1e-12)
    assert found.monthly_usd * (1 - found.gap) <= exact.monthly_usd
    assert found.gap < 0.02


def test_a_unit_that_never_pays_has_no_busy_share() -> None:
    """A base whose variable cost alone exceeds the burst is never owned."""
    dear = msgspec.structs.replace(OWNED, variable_usd_per_busy_h=99.0)
    assert math.isinf(busy_share(dear, API))
    assert fractile_rps(duration([1, 2], window_s=60), dear, API) == 0


def test_a_peak_inside_a_window_is_carried_and_its_mean_is_charged() -> None:
    """Capacity follows the highest minute of an hour; an API is paid by the request all the same."""
    minutes = np.concatenate([np.full(60, 1.0), np.full(30, 0.5), np.full(30, 1.5)])
    arrivals = np.concatenate([60 * at + np.arange(0, 60, 1 / rate) for at, rate in enumerate(minutes)] + [[7200.0]])
    load = duration_of_arrivals(arrivals, window_s=3600, peak_s=60)
    assert load.rate_rps == pytest.approx([1.0, 1.5], rel=0.03)
    assert load.mean_rps == pytest.approx(1.0, rel=0.01)
    found = best_portfolio(load, [API])
    assert found.monthly_usd == pytest.approx(load.requests * API.usd_per_request)


def test_what_cannot_follow_is_held_or_left_out_by_name() -> None:
    """On-demand that takes ten minutes is held through windows of a minute, spot is left out, and both are said."""
    slow, gone = (msgspec.structs.replace(unit, lead_s=600, fixed_usd_per_h=0.5) for unit in (RENTED, SPOT))
    found = best_portfolio(duration([1, 2], window_s=60), [slow, gone, API])
    [held] = found.parts
    assert (held.name, held.committed, held.units) == ("rented", True, 2)
    assert found.monthly_usd == pytest.approx(2 * 0.5 * 730)
    assert found.left_out == (("spot", "lead time: 600 s > windows of 60 s"),)


def test_bad_input_says_what_is_wrong() -> None:
    """Each message names the thing and its values."""
    load = duration([1, 9], window_s=60)
    with pytest.raises(InfeasibleError, match="peak of 9 requests/s: limits allow 8"):
        best_portfolio(load, [msgspec.structs.replace(OWNED, most=2)])
    with pytest.raises(ValueError, match="sum to 1"):
        tiers_of({"critical": 0.5})
    with pytest.raises(ValueError, match="different names"):
        best_portfolio(load, [API, API])
    with pytest.raises(ValueError, match="goodput > 0"):
        best_portfolio(load, [msgspec.structs.replace(OWNED, goodput_rps=None)])
    with pytest.raises(ValueError, match="one finite figure >= 0 a window"):
        duration([1, -1], window_s=60)
    with pytest.raises(ValueError, match="less than one window"):
        duration_of_arrivals([0.0, 5.0], window_s=60)
