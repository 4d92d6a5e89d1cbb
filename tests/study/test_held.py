"""What stays once it is there: owned machines until the horizon, commitments until their term ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.study.figures import FIGURES
from breakeven.study.held import agreed, held

NEEDS = st.lists(st.integers(0, 9), min_size=1, max_size=30)


@given(NEEDS, st.none() | st.integers(1, 12))
def test_there_is_always_enough_and_nothing_begins_without_need(needs: list[int], term: int | None) -> None:
    """Enough in every month; what stands is what began within the term; more begins only where less stood."""
    need = np.array([needs], dtype=float)
    there, began = held(need, len(needs), term)
    for month in range(len(needs)):
        since = 0 if term is None else max(0, month - term + 1)
        assert there[0, month] == began[0, since : month + 1].sum()
        assert there[0, month] >= need[0, month]
        assert began[0, month] == 0 or there[0, month] == need[0, month]


@given(NEEDS)
def test_without_a_term_nothing_goes(needs: list[int]) -> None:
    """Owned machines are the most that was ever needed."""
    there, _ = held(np.array([needs], dtype=float), len(needs), None)
    assert there[0].tolist() == np.maximum.accumulate(needs).tolist()


def test_a_term_of_one_month_is_on_demand() -> None:
    """What is needed, and no more."""
    need = np.array([[3.0, 1.0, 4.0, 1.0, 5.0]])
    assert held(need, 5, 1).there.tolist() == need.tolist()


FALLING = {"requests": "10 request/s", "growth": "-50 %/year"}
SIZED = {"capacity": "1 request/s/server"}


def test_a_commitment_is_paid_until_it_ends(option: Callable[..., Any]) -> None:
    """Demand falls to half within the year: the term is paid whole, on demand only what is used."""
    rent = {"price": "1 USD/server/h"}
    on_demand = option({"fleet": SIZED, "rent": rent}, demand=FALLING, months=12)
    reserved = option({"fleet": SIZED, "rent": {**rent, "term": "12 month"}}, demand=FALLING, months=12)
    assert reserved.total[0] == pytest.approx(10 * 730 * 12)
    assert on_demand.total[0] < reserved.total[0]


def test_a_commitment_is_renewed_for_what_is_needed_then(option: Callable[..., Any]) -> None:
    """A year of ten, then a year of the five that are left."""
    rent = {"price": "1 USD/server/h", "term": "12 month"}
    found = option({"fleet": SIZED, "rent": rent}, demand=FALLING, months=24)
    assert found.total[0] == pytest.approx((10 + 5) * 730 * 12)


def test_an_upfront_is_paid_every_term(option: Callable[..., Any]) -> None:
    """A year paid ahead in a study of three is paid three times, and written off month by month."""
    rent = {"price": "0 USD/server/h", "basis": "reserved", "term": "12 month", "upfront": "12000 USD/server"}
    found = option({"fleet": {"servers": "2 server"}, "rent": rent}, months=36)
    assert found.cash[0][[0, 12, 24]].tolist() == [24000.0] * 3
    assert found.total[0] == 72000
    assert found.accounting.tolist() == [0.0, *[2000.0] * 36]


def test_an_upfront_is_paid_for_what_is_added(option: Callable[..., Any]) -> None:
    """Doubling demand, a lease that is paid ahead: five servers at the start, and five more as they come."""
    lease = {"payment": "10 USD/server/month", "term": "13 month", "upfront": "1000 USD/server"}
    growing = {"requests": "5 request/s", "growth": "100 %/year"}
    found = option({"fleet": SIZED, "lease": lease}, demand=growing, months=13)
    [paid] = [flow.once[0] for flow in found.flows if flow.name == "lease_upfront"]
    assert paid[0] == 5000
    assert paid.sum() == 10000


@pytest.mark.parametrize(("trend", "factor"), [("-30 %/month", 0.7), ("10 %/month", 1.1)])
def test_an_upfront_that_changes_is_paid_for_what_begins_alone(
    option: Callable[..., Any], trend: str, factor: float
) -> None:
    """Machines that stand owe nothing when the price moves; those that come pay that of the month they begin in."""
    lease = {
        "payment": "0 USD/server/month",
        "term": "3 month",
        "upfront": {"value": "1000 USD/server", "trend": trend},
    }
    growing = {"requests": "5 request/s", "growth": "20 %/month"}
    found = option({"fleet": SIZED, "lease": lease}, demand=growing, months=3)
    assert found.cash[0] == pytest.approx([5000, 1000 * factor, 2 * 1000 * factor**2, 0])


def test_owned_machines_are_cared_for_after_demand_has_fallen(option: Callable[..., Any]) -> None:
    """What was bought stays, and so does what it costs to keep."""
    buy = {"purchase": {"price": "1000 USD/server"}, "lines": {"care": "10 USD/server/month"}}
    found = option({"fleet": SIZED, **buy}, demand=FALLING, months=12)
    [care] = [flow.monthly for flow in found.flows if flow.name == "care"]
    assert care[0] == pytest.approx(100.0)


def test_a_price_that_stays_the_same_is_its_own_level(option: Callable[..., Any]) -> None:
    """However demand grows and money is discounted, an API at 1 USD a thousand costs 1 USD a thousand."""
    demand = {"requests": "1000000 request/month", "growth": "10 %/month", "useful": "50 %"}
    worth = {**demand, "value": "0.003 USD/useful_prediction"}
    found = option({"api": {"request": "0.001 USD/request"}}, demand=worth, months=36, rate="12 %")
    asked = ("cost_per_request", "accounting_per_request")
    prices = {name: FIGURES[name].compute(found).amount.scalar for name in asked}
    assert prices == pytest.approx({"cost_per_request": 0.001, "accounting_per_request": 0.001})
    assert FIGURES["cost_per_useful"].compute(found).amount.scalar == pytest.approx(0.002)
    assert FIGURES["return_on_spend"].compute(found).amount.scalar == pytest.approx(1.5)


def test_trade_ins_count_before_the_end(option: Callable[..., Any]) -> None:
    """What is fetched when machines are replaced is cash of that month; the last sale comes when all is over."""
    buy = {"price": "1000 USD/server", "life": "12 month", "residual": "40 %", "refresh": True}
    found = option({"fleet": {"servers": "1 server"}, "purchase": buy}, months=24)
    assert found.cash[0][[12, 24]].tolist() == [600.0, -400.0]
    assert found.recurring[0][[12, 24]].tolist() == [600.0, 0.0]


def test_a_fleet_is_sized_by_a_flow_of_the_study_s_own(option: Callable[..., Any]) -> None:
    """Images, meals or minutes size servers as requests do."""
    demand = {"flows": {"images": "7 image/s"}, "peak_to_mean": 2}
    found = option(
        {"fleet": {"capacity": "3 image/s/server"}, "rent": {"price": "1 USD/server/h"}}, demand=demand, units=["image"]
    )
    assert found.first_month[0] == 5 * 730


@given(NEEDS, st.none() | st.integers(1, 12))
def test_a_price_that_stays_the_same_is_paid_by_all(needs: list[int], term: int | None) -> None:
    """At one price, what is agreed is that price times what is there."""
    need, price = np.array([needs], dtype=float), np.full((1, len(needs)), 3.0)
    assert agreed(need, price, len(needs), term) == pytest.approx(3 * held(need, len(needs), term).there)


def test_a_commitment_keeps_its_price(option: Callable[..., Any]) -> None:
    """A price that halves every year is paid by the year that begins then; on demand it is paid month by month."""
    price = {"value": "8 USD/server/h", "trend": "-50 %/year"}
    fleet = {"servers": "1 server"}
    reserved = option({"fleet": fleet, "rent": {"price": price, "term": "12 month"}}, months=24)
    assert reserved.cash[0][1:] == pytest.approx([8 * 730] * 12 + [4 * 730] * 12)
    leased = option({"fleet": fleet, "lease": {"payment": price, "term": "24 month"}}, months=24)
    assert leased.cash[0][1:] == pytest.approx([8 * 730] * 24)
    assert option({"fleet": fleet, "rent": {"price": price}}, months=24).cash[0][13] == pytest.approx(4 * 730)
