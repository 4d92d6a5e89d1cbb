"""A mix seen together: what is split over parts is the same as before it was."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.audit.actual import of_cost, of_goodput_share
from breakeven.audit.mixed import together

SAME = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def parted(whole, at):
    """An observation in two: the first so many requests and in-budget ones, with money in proportion."""
    first = msgspec.structs.replace(
        whole,
        deployment="one",
        n=at,
        in_budget=min(at, whole.in_budget),
        cost_pico_usd=whole.cost_pico_usd * at // whole.n,
        share=whole.share * at / whole.n,
        ttft_s=whole.ttft_s[:at],
    )
    rest = msgspec.structs.replace(
        whole,
        deployment="other",
        n=whole.n - at,
        in_budget=whole.in_budget - first.in_budget,
        cost_pico_usd=whole.cost_pico_usd - first.cost_pico_usd,
        share=whole.share - first.share,
        ttft_s=whole.ttft_s[at:],
    )
    return first, rest


@SAME
@given(at=st.integers(0, 200), share=st.sampled_from([1.0, 0.9, 0.05]))
def test_parts_by_the_request_are_as_one(seen, at, share) -> None:
    """Two APIs of one price cost together what one would have, at the same attainment."""
    whole = seen(capacity_pico_usd=0, share=share)
    found = together(parted(whole, at))
    assert found.capacity_pico_usd == 0
    assert (found.n, found.in_budget, found.ttft_s) == (whole.n, whole.in_budget, whole.ttft_s)
    assert found.share == pytest.approx(share)
    assert of_cost(found, per=1000.0, useful=False).value == of_cost(whole, per=1000.0, useful=False).value
    assert of_goodput_share(found) == of_goodput_share(whole)


@SAME
@given(at=st.integers(0, 200), capacity=st.integers(10**6, 10**12), share=st.sampled_from([1.0, 0.9, 0.05]))
def test_capacity_is_split_by_nothing_but_its_price(seen, at, capacity, share) -> None:
    """However the requests fall on two machines, the mix costs what a machine of both prices would."""
    whole = seen(capacity_pico_usd=2 * capacity, share=share)
    first, rest = (msgspec.structs.replace(one, capacity_pico_usd=capacity) for one in parted(whole, at))
    found = of_cost(together((first, rest)), per=1000.0, useful=False)
    assert found.value == pytest.approx(of_cost(whole, per=1000.0, useful=False).value)


def test_capacity_and_requests_add_up(seen) -> None:
    """A base of 3.6 USD an hour and an API: money a second is the sum, in a holdout's shadow as well."""
    for share in (1.0, 0.5):
        base = seen(n=150, in_budget=150, share=0.75 * share)
        burst = seen(n=50, in_budget=30, share=0.25 * share, capacity_pico_usd=0, up_s=0.0, cost_pico_usd=2 * 10**10)
        found = of_cost(together((base, burst)), per=1.0, useful=False)
        assert found.value == pytest.approx((0.1 * share + 0.02) / 180)


def test_a_part_that_served_nothing_still_costs(seen) -> None:
    """Capacity that nobody asked is paid for: the unit cost doubles with a second machine that is as dear."""
    alone = of_cost(together((seen(),)), per=1.0, useful=False).value
    idle = seen(n=0, answered=0, in_budget=0, share=0.0, span_s=0.0, cost_pico_usd=0, ttft_s=(), tpot_s=(), total_s=())
    assert of_cost(together((seen(), idle)), per=1.0, useful=False).value == pytest.approx(2 * alone)
