"""Throughput in units: how many a rate takes, what they cost, and what becomes of the traffic that does not fit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import StudyError

UNIT = {"price": "10 USD/unit/month", "capacity": "100 token/s/unit"}
OVERFLOW = {"input": "1 USD/Mtok", "output": "4 USD/Mtok"}
SECONDS = 730 * 3600


def rate(tokens):
    """A demand of so many tokens a second."""
    return {"input_tokens": f"{tokens!r} token/s"}


def months(costed):
    """Month 1 by line."""
    return {flow.name: costed.months_of(flow)[0] for flow in costed.flows}


def units(costed):
    return costed.context.figures["units"].amount.values[0]


def over(costed):
    return costed.context.figures["overflow_share"].amount.values[0]


@given(st.integers(1, 10_000), st.integers(0, 10**6))
def test_units_are_enough_for_the_mean_rate_and_no_more(option, carried, tokens):
    """The whole number of units that carries the rate, of which one less would not."""
    found = option({"provisioned": {**UNIT, "capacity": f"{carried} token/s/unit"}}, demand=rate(tokens))
    assert units(found)[0] == math.ceil(tokens / carried)
    assert over(found)[0] == 0
    assert found.first_month[0] == pytest.approx(10 * math.ceil(tokens / carried))


@given(st.integers(1, 999), st.sampled_from([0.1, 0.3, 0.7, 1.1, 2.3]))
def test_a_rate_that_units_carry_exactly_takes_no_further_one(option, count, carried):
    """So many times the capacity takes so many units, all of it fits, whatever the last digits of the floats say."""
    found = option({"provisioned": {**UNIT, "capacity": f"{carried} token/s/unit"}}, demand=rate(count * carried))
    assert (units(found)[0], over(found)[0]) == (count, 0)


@pytest.mark.parametrize(
    ("tokens", "step", "least", "sold"),
    [
        (0, None, None, 0),
        (1, None, None, 1),
        (420, None, None, 5),
        (420, "5 unit", None, 5),
        (501, "5 unit", None, 10),
        (0, "5 unit", "15 unit", 15),
        (420, "5 unit", "15 unit", 15),
        (1501, "5 unit", "15 unit", 20),
        (1e-9, "5 unit", None, 5),
    ],
)
def test_units_are_sold_in_steps_from_a_least_number_on(option, tokens, step, least, sold):
    """Rounded up to whole steps, and never below the least that is sold."""
    stated = {"step": step, "minimum_units": least}
    parts = {"provisioned": {**UNIT, **{name: one for name, one in stated.items() if one}}}
    found = option(parts, demand=rate(float(tokens)))
    assert units(found)[0] == sold
    assert months(found)["provisioned_units"] == pytest.approx(10 * sold)


@given(st.floats(0, 1e5), st.floats(0, 1e5), st.integers(1, 20))
def test_a_higher_rate_never_takes_fewer_units(option, tokens, more, step):
    """Monotone in demand, for any step."""
    provisioned = {**UNIT, "step": f"{step} unit"}
    low, high = (option({"provisioned": provisioned}, demand=rate(one)) for one in (tokens, tokens + more))
    assert units(high)[0] >= units(low)[0]
    assert units(low)[0] % step == 0


def test_a_price_an_hour_is_paid_in_all_hours(option):
    """Units are a commitment: 1 USD an hour is 730 a month, in a study of used hours too."""
    provisioned = {**UNIT, "price": "1 USD/unit/h", "term": "12 month"}
    for opex in ("always_on", "used_hours"):
        parts = {"fleet": {"used_hours": "176 h/month"}, "provisioned": provisioned}
        assert option(parts, demand=rate(250), conventions={"opex": opex}).first_month[0] == pytest.approx(3 * 730)


def test_units_carry_tokens_of_both_kinds_or_requests(option):
    """A capacity in tokens carries input and output together; one in requests counts requests."""
    demand = {"requests": "36000 request/h", "input_tokens": "20 token/request", "output_tokens": "5 token/request"}
    assert units(option({"provisioned": UNIT}, demand=demand))[0] == 3
    by_request = {**UNIT, "capacity": "4 request/s/unit"}
    assert units(option({"provisioned": by_request}, demand=demand))[0] == 3


def test_growing_traffic_takes_its_units_month_by_month(option):
    """Without stated units there are enough in each month."""
    demand = {**rate(100), "growth": "100 %/month"}
    found = option({"provisioned": UNIT}, months=4, demand=demand)
    assert units(found) == pytest.approx([1, 2, 4, 8])
    assert found.cash[0, 1:] == pytest.approx([10, 20, 40, 80])


def test_what_does_not_fit_is_charged_as_you_go(option):
    """Two units carry half of 400 tokens a second; the other half pays 1 and 4 USD per million."""
    demand = {"input_tokens": "300 token/s", "output_tokens": "100 token/s"}
    found = option({"provisioned": {**UNIT, "units": "2 unit", "overflow": OVERFLOW}}, demand=demand)
    assert over(found)[0] == pytest.approx(0.5)
    assert months(found) == pytest.approx(
        {
            "provisioned_units": 20,
            "overflow_input_tokens": 150e-6 * SECONDS,
            "overflow_output_tokens": 4 * 50e-6 * SECONDS,
        }
    )


@given(st.floats(1, 1e5), st.integers(0, 2000))
def test_all_traffic_is_carried_or_overflows(option, tokens, count):
    """What the units carry at most and what is charged beside them are the demand."""
    parts = {"provisioned": {**UNIT, "units": f"{count} unit", "overflow": {"input": "1000000 USD/Mtok"}}}
    found = option(parts, demand=rate(tokens))
    charged = months(found)["overflow_input_tokens"] / SECONDS
    assert charged + min(tokens, 100 * count) == pytest.approx(tokens, rel=1e-8)


def test_a_stated_share_overflows_whatever_the_mean_rate_is(option):
    """Bursts overflow units that carry the mean: 18 % of all traffic is charged as you go."""
    demand = {"input_tokens": "300 token/s", "output_tokens": "100 token/s"}
    stated = {"units": "10 unit", "overflow_share": "18 %", "overflow": OVERFLOW}
    found = months(option({"provisioned": {**UNIT, **stated}}, demand=demand))
    assert found["overflow_input_tokens"] == pytest.approx(0.18 * 300e-6 * SECONDS)
    assert found["overflow_output_tokens"] == pytest.approx(4 * 0.18 * 100e-6 * SECONDS)


@given(st.floats(0, 1), st.floats(0, 1000))
def test_overflow_is_an_api_for_its_share(option, share, least):
    """Cache, batch, tiers, discount and minimum count in the overflow as they do in an API of that share."""
    api = {
        **OVERFLOW,
        "cached_input": "0.1 USD/Mtok",
        "batch_share": "20 %",
        "batch_discount": "50 %",
        "discount": "5 %",
        "tiers": ({"above": "200 Mtok/month", "input": "0.5 USD/Mtok"},),
        "minimum": f"{least} USD/month",
    }
    demand = {"input_tokens": "300 token/s", "cached_input_tokens": "10 %", "output_tokens": "100 token/s"}
    stated = {"units": "9 unit", "overflow_share": share, "overflow": api}
    units_beside = months(option({"provisioned": {**UNIT, **stated}}, demand=demand))
    alone = months(option({"api": api, "share": share}, demand=demand))
    assert units_beside.pop("provisioned_units") == pytest.approx(90)
    assert units_beside == pytest.approx({f"overflow_{name}": cost for name, cost in alone.items()})


@settings(max_examples=20)
@given(st.lists(st.floats(1, 1e4), min_size=2, max_size=4))
def test_many_draws_at_once_are_what_they_are_one_at_a_time(evaluated, draws):
    """Drawn capacities: each row has the units and the overflow of its draw."""

    def body(carried, **stated):
        provisioned = {**UNIT, "capacity": f"{carried!r} token/s/unit", **stated}
        return {"demand": rate(4000), "options": {"it": {"provisioned": provisioned}}}

    for stated in ({}, {"units": "3 unit", "overflow": OVERFLOW}):
        drawn = {"options.it.provisioned.capacity": np.array(draws)}
        together = evaluated(body(100.0, **stated), drawn).option("it").present
        alone = [evaluated(body(one, **stated)).option("it").present[0] for one in draws]
        assert np.broadcast_to(together, len(draws)) == pytest.approx(alone, rel=1e-9)


def test_results_may_name_units_and_overflow(evaluated):
    """`it.units` and `it.overflow_share` are figures of the option."""
    parts = {"provisioned": {**UNIT, "units": "2 unit", "overflow": OVERFLOW}}
    study = evaluated({"demand": rate(800), "options": {"it": parts}})
    assert study.named("it.units").amount.scalar == 2
    assert study.named("it.overflow_share").amount.scalar == pytest.approx(0.75)


@pytest.mark.parametrize(
    "stated",
    [
        {"price": {"value": None}},
        {"capacity": {"value": None}},
        {"units": "1 unit", "overflow": {"output": "1 USD/Mtok"}},
        {"units": "1 unit", "overflow": {**OVERFLOW, "minimum": {"value": None}}},
    ],
    ids=str,
)
def test_units_or_overflow_without_a_price_leave_the_option_unpriced(evaluated, stated):
    """Beside a priced line too: what has no price is never free."""
    parts = {"provisioned": {**UNIT, **stated}, "lines": {"gateway": "5 USD/month"}}
    study = evaluated({"demand": rate(800), "options": {"it": parts}})
    assert any(text.startswith(("provisioned", "input_tokens")) for text in study.option("it").context.unpriced)
    assert study.priced() == ()


BAD = [
    ({"units": "2 unit"}, "the units (2 unit) carry all but 75.0% of the traffic", "`overflow:`"),
    ({"overflow_share": "5 %"}, "carry all but 5.0% of the traffic", "`overflow:`"),
    ({"units": "2 unit", "minimum_units": "15 unit"}, "2 unit provisioned, and at least 15 unit", "`units: 15 unit`"),
    ({"units": "61 unit", "step": "5 unit"}, "61 unit provisioned, and they are sold in steps of 5 unit", "65 unit"),
    ({"units": "2 server"}, "is in server, and unit is needed", "say per what"),
    ({"units": "-2 unit"}, "is -2 unit, and must be 0 or more", ""),
    ({"step": "0 unit"}, "is 0 unit, and must be above 0", ""),
    ({"minimum_units": "-1 unit"}, "is -1 unit, and must be 0 or more", ""),
    ({"capacity": "0 token/s/unit"}, "is 0 token/s/unit, and must be above 0", ""),
    ({"capacity": "100 token/unit"}, "units from demand / capacity is in unit/s, and unit is needed", "per time"),
    ({"capacity": "100 token/s"}, "units from demand / capacity is in a plain number, and unit is needed", ""),
    ({"capacity": "100 request/s/unit"}, "provisioned units carry requests, and the study states none", "requests"),
    ({"price": "-10 USD/unit/month"}, "-10 USD/unit/month: a price is not negative", ""),
    ({"price": "10 USD/month"}, "comes to USD*unit, not to an amount of USD", ""),
    ({"term": "48 month"}, "longer than the horizon of 36 months", "horizon_months: 48"),
    ({"overflow_share": 18, "overflow": OVERFLOW}, "is 18, and must be between 0 and 100 %", "`%`"),
    ({"units": "2 unit", "overflow": {"request": "1 USD/request"}}, "has nothing to charge for", "requests"),
]


@pytest.mark.parametrize(("stated", "told", "way_out"), BAD, ids=[told for _, told, _ in BAD])
def test_what_cannot_be_provisioned_so_is_refused(option, stated, told, way_out):
    """One sentence names the quantity and what it meets, another the way out; the path is where it stands."""
    with pytest.raises(StudyError) as failed:
        option({"provisioned": {**UNIT, **stated}}, demand=rate(800))
    assert told in failed.value.message
    assert failed.value.way_out
    assert way_out in failed.value.way_out
    assert failed.value.path[:3] == ("options", "it", "provisioned")


@pytest.mark.parametrize("count", ["15 unit", "65 unit"])
def test_stated_units_are_the_least_or_whole_steps(option, count):
    """What is sold so is taken as it is stated."""
    stated = {"units": count, "minimum_units": "15 unit", "step": "13 unit"}
    assert months(option({"provisioned": {**UNIT, **stated}}, demand=rate(800))) == pytest.approx(
        {"provisioned_units": 10 * int(count.split()[0])}
    )
