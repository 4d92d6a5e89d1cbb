"""Machines by the hour: what is paid in which hours, what comes on top, minimums, and offers of the catalog."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import StudyError

ONE = {"servers": "1 server"}
FLEET = {"servers": "3 server", "accelerators_per_server": "8 accelerator/server"}
price = st.floats(0, 1000)
share = st.floats(0, 1)
used_hours = st.integers(1, 730)


def months(costed):
    """Month 1 by line."""
    return {flow.name: costed.months_of(flow)[0] for flow in costed.flows}


def in_all_hours(costed):
    """What the option would cost a month if every hour were used."""
    return costed.in_all_hours(lambda _: True)[0]


@pytest.mark.parametrize(
    ("stated", "month"),
    [
        ("10 USD/server/h", 3 * 10 * 730),
        ("2 USD/accelerator/h", 24 * 2 * 730),
        ("50 USD/h", 50 * 730),
        ("7 USD/organisation/h", 7 * 730),
        ("7300 USD/server/month", 3 * 7300),
        ("12000 USD/server/year", 3 * 1000),
        ("0.5 USD/slot/h", 20 * 0.5 * 730),
    ],
)
def test_rent_is_a_price_times_what_it_is_per(option, stated, month):
    """Per server, accelerator, anything that is counted, or in all; by the hour, the month or the year."""
    fleet = {**FLEET, "counts": {"slots": "20 slot"}}
    found = option({"fleet": fleet, "rent": {"price": stated}}, units=("slot",))
    assert found.first_month[0] == pytest.approx(month)
    assert found.total[0] == pytest.approx(36 * month)


@pytest.mark.parametrize("hours", [176, 720, 730])
def test_a_month_has_the_hours_that_the_study_says(option, hours):
    """The convention alone decides how often an hourly price is paid, and no monthly one."""
    conventions = {"hours_per_month": hours}
    hourly = option({"fleet": ONE, "rent": {"price": "10 USD/server/h"}}, conventions=conventions)
    monthly = option({"fleet": ONE, "rent": {"price": "10 USD/server/month"}}, conventions=conventions)
    assert (hourly.first_month[0], monthly.first_month[0]) == pytest.approx((10 * hours, 10))


@pytest.mark.parametrize(
    ("when", "term", "opex", "hours"),
    [
        (None, None, "always_on", 730),
        (None, None, "used_hours", 176),
        ("used_hours", None, "always_on", 176),
        ("always_on", None, "used_hours", 730),
        (None, "12 month", "used_hours", 730),
        ("used_hours", "12 month", "always_on", 176),
    ],
)
def test_rent_is_paid_in_the_hours_it_says(option, when, term, opex, hours):
    """Used hours where the part or else the study says so; what is committed to for a term is paid in all hours."""
    rent = {"price": "10 USD/server/h", **({"when": when} if when else {}), **({"term": term} if term else {})}
    parts = {"fleet": {**ONE, "used_hours": "176 h/month"}, "rent": rent}
    assert option(parts, conventions={"opex": opex}).first_month[0] == pytest.approx(10 * hours)


@given(price, used_hours)
def test_used_hours_are_their_share_of_all_hours(option, rate, hours):
    """Paid by use, so many hours cost so many times the price; in all hours it would be that of 730."""
    fleet = {**ONE, "used_hours": f"{hours} h/month"}
    found = option({"fleet": fleet, "rent": {"price": f"{rate} USD/server/h", "when": "used_hours"}})
    assert found.first_month[0] == pytest.approx(rate * hours, abs=1e-9)
    assert in_all_hours(found) == pytest.approx(rate * 730, abs=1e-9)


def test_hours_that_nobody_states_are_all_hours(option):
    """Without `used_hours:` every hour is one in use, unless the rent is said to be paid in used ones."""
    rent = {"price": "1 USD/h"}
    used = {"conventions": {"opex": "used_hours"}}
    assert option({"fleet": ONE, "rent": rent}, **used).first_month[0] == 730
    with pytest.raises(StudyError, match="does not say how many"):
        option({"fleet": ONE, "rent": {**rent, "when": "used_hours"}})


@given(price, share, share, share, share)
def test_what_comes_on_top_is_a_share_of_the_rent(option, rate, overhead, lost, redone, support):
    """Each uplift is a line of its own, none is charged on another, and they sum to the month."""
    rent = {"price": f"{rate} USD/server/h", "overhead": overhead, "goodput_loss": lost}
    found = option({"fleet": ONE, "rent": {**rent, "interruption": redone, "support": support}})
    whole = rate * 730
    assert months(found) == pytest.approx(
        {
            "rent": whole,
            "autoscaling_overhead": whole * overhead,
            "goodput_loss": whole * lost,
            "spot_interruption": whole * redone,
            "support": whole * support,
        },
        abs=1e-9,
    )
    assert found.first_month[0] == pytest.approx(math.fsum(months(found).values()), rel=1e-12)


def test_upfront_is_paid_at_the_start(option):
    """Per server, in month 0, once."""
    rent = {"price": "10 USD/server/month", "upfront": "500 USD/server", "term": "36 month", "basis": "reserved"}
    found = option({"fleet": FLEET, "rent": rent})
    assert found.cash[0, 0] == 1500
    assert found.cash[0, 1:] == pytest.approx(np.full(36, 30.0))


@given(price, price, used_hours, share)
def test_a_minimum_is_the_least_that_is_paid(option, rate, least, hours, support):
    """The larger of use and minimum, and uplifts of what is paid."""
    fleet = {**ONE, "used_hours": f"{hours} h/month"}
    rent = {"price": f"{rate} USD/h", "when": "used_hours", "minimum": f"{least * 100} USD/month", "support": support}
    found = months(option({"fleet": fleet, "rent": rent}))
    paid = max(rate * hours, least * 100)
    assert found == pytest.approx({"rent": paid, "support": paid * support}, abs=1e-9)


@given(price, price, share, share, share)
def test_hours_beyond_those_of_the_work_count_towards_a_minimum(option, rate, least, overhead, lost, support):
    """Warm capacity and lost work are rented hours: with them at least the minimum is paid, and support on top."""
    rent = {"price": f"{rate} USD/server/h", "overhead": overhead, "goodput_loss": lost, "support": support}
    found = months(option({"fleet": ONE, "rent": {**rent, "minimum": f"{least * 1000} USD/month"}}))
    paid = sum(amount for name, amount in found.items() if name != "support")
    assert paid == pytest.approx(max(rate * 730 * (1 + overhead + lost), least * 1000))
    assert found["support"] == pytest.approx(found["rent"] * support)


@given(price, price, used_hours)
def test_a_minimum_is_not_saved_by_hours_that_are_not_used(option, rate, least, hours):
    """In all hours a rent with a minimum costs what it costs where all hours are used: it is not scaled up by use."""

    def cost(used):
        rent = {"price": f"{rate} USD/h", "when": "used_hours", "minimum": f"{least * 100} USD/month"}
        return option({"fleet": {**ONE, "used_hours": f"{used} h/month"}, "rent": rent})

    assert in_all_hours(cost(hours)) == pytest.approx(cost(730).first_month[0], abs=1e-9)


@given(price, price, used_hours)
def test_a_higher_price_or_more_hours_never_cost_less(option, rate, more, hours):
    """Monotone in price, in used hours and in the minimum."""

    def cost(size, used, least):
        rent = {"price": f"{size} USD/h", "when": "used_hours", "minimum": f"{least} USD/month"}
        return option({"fleet": {**ONE, "used_hours": f"{used} h/month"}, "rent": rent}).present[0]

    base = cost(rate, hours, 1000)
    assert cost(rate + more, hours, 1000) >= base
    assert cost(rate, 730, 1000) >= base * (1 - 1e-12)
    assert cost(rate, hours, 1000 + more) >= base


def test_prices_of_months_are_paid_in_their_months(option):
    """A step takes over in its month; a trend compounds from month 1 on; a minimum holds in each of them."""
    stepped = {"value": "10 USD/server/month", "steps": ((3, "4 USD/server/month"),)}
    parts = {"fleet": ONE, "rent": {"price": stepped, "minimum": "5 USD/month"}}
    assert option(parts, months=4).cash[0, 1:] == pytest.approx([10, 10, 5, 5])
    falling = {"value": "10 USD/server/month", "trend": "-19 %/year"}
    assert option({"fleet": ONE, "rent": {"price": falling}}, months=7).cash[0, 7] == pytest.approx(9)


@pytest.mark.parametrize(
    ("rent", "fleet", "month"),
    [
        ({"offer": "azure-nd96isr-v5-h100-on-demand"}, {"servers": "2 server"}, 2 * 98.32 * 730),
        ({"offer": "azure-nd96isr-v5-h100-on-demand"}, {"accelerators": "12 accelerator"}, 2 * 98.32 * 730),
        (
            {"offer": "azure-nd96isr-v5-h100-reserved-3y", "basis": "reserved", "term": "36 month"},
            {"servers": "1 server"},
            43.16 * 730,
        ),
        ({"offer": "lambda-cpu-4x-general-on-demand"}, {"counts": {"cores": "16 vcpu"}}, 16 * 0.05 * 730),
        ({"offer": "lambda-cpu-4x-general-on-demand", "price": "1 USD/server/h"}, {"servers": "1 server"}, 730),
    ],
    ids=str,
)
def test_an_offer_is_rented_by_what_it_is_sold(option, rent, fleet, month):
    """Instances by the server, processors by the vCPU; a stated price comes before that of the offer."""
    found = option({"fleet": fleet, "rent": rent}, as_of="2026-06-01")
    assert found.first_month[0] == pytest.approx(month)
    named = [fact for fact in found.flows[0].facts if fact.startswith(f"offer/{rent['offer']}@")]
    assert bool(named) is ("price" not in rent)


@pytest.mark.parametrize(
    ("rent", "told"),
    [
        ({"offer": "azure-nd96isr-v5-h100-on-demand"}, ""),
        ({"basis": "on_demand"}, "-spot is a spot price, and `rent.basis` says on_demand"),
        ({"basis": "spot"}, "without `interruption:` counts as never reclaimed"),
        ({"basis": "spot", "interruption": "12 %"}, ""),
    ],
    ids=str,
)
def test_spot_is_warned_of_where_it_is_taken_for_more(option, rent, told):
    """A spot price under another name, and spot that nobody reclaims, are told; spot with its losses is not."""
    rent = {"offer": "azure-nd96isr-h100-v5-h100-sxm-spot", **rent}
    found = option({"fleet": ONE, "rent": rent}, as_of="2026-06-01")
    warned = [text for text in found.context.scope.warnings if "spot price" in text or "spot capacity" in text]
    assert len(warned) == bool(told)
    assert told in "".join(warned)


@settings(max_examples=20)
@given(st.lists(st.tuples(price, share), min_size=2, max_size=4))
def test_many_draws_at_once_are_what_they_are_one_at_a_time(evaluated, draws):
    """Drawn prices and overheads, with a minimum: money and hours of each row are those of its draw."""

    def body(rate, overhead):
        rent = {"price": f"{rate!r} USD/server/h", "when": "used_hours", "overhead": overhead}
        fleet = {**ONE, "used_hours": "176 h/month"}
        return {"options": {"it": {"fleet": fleet, "rent": {**rent, "minimum": "50000 USD/month"}}}}

    drawn = {
        "options.it.rent.price": np.array([rate for rate, _ in draws]) / 3600,
        "options.it.rent.overhead": np.array([overhead for _, overhead in draws]),
    }
    together = evaluated(body(1.0, 0.1), drawn).option("it")
    alone = [evaluated(body(*draw)).option("it") for draw in draws]
    assert together.present == pytest.approx([one.present[0] for one in alone], rel=1e-9)
    assert together.in_all_hours(lambda _: True) == pytest.approx([in_all_hours(one) for one in alone], rel=1e-9)


@pytest.mark.parametrize(
    "rent",
    [
        {},
        {"price": {"value": None}},
        {"offer": "api-openai-o3"},
        {"price": "1 USD/h", "minimum": {"value": None}},
        {"price": "1 USD/h", "upfront": {"value": None}},
        {"price": "1 USD/h", "support": {"value": None}},
        {"price": "1 USD/h", "overhead": {"value": None}},
    ],
    ids=str,
)
def test_rent_without_a_price_is_unpriced_and_never_nothing(evaluated, rent):
    """Beside a priced line too, the option stays out of every ranking."""
    parts = {"fleet": ONE, "rent": rent, "lines": {"x": "5 USD/month"}}
    study = evaluated({"as_of": "2026-06-01", "options": {"it": parts}})
    assert study.option("it").context.unpriced
    assert study.priced() == ()


BAD = [
    ({"price": "-1 USD/h"}, "`rent.price` of option `it` is -1 USD/h: a price is not negative", "negative rate"),
    ({"price": "1 USD/rack/h"}, "option `it` does not say how many racks", "`fleet: counts:`"),
    ({"price": "1 user/month"}, "1 user/month comes to user, not to an amount of USD", "USD/month"),
    ({"price": "1 EUR/h"}, "1 EUR/h is in EUR, and the study is in USD", "fx"),
    ({"price": "1 USD/month", "when": "used_hours"}, "`rent.price` is 1 USD/month, which is no price an hour", "when"),
    ({"term": "48 month"}, "the term of 48 month is longer than the horizon of 36 months", "horizon_months: 48"),
    ({"term": "10 day"}, "the term of 10 day is less than a month", "36 month"),
    ({"term": "3 server"}, "`3 server` is in server", ""),
    ({"minimum": "5 USD"}, "the minimum is in USD, and USD/s is needed", "per time"),
    ({"minimum": "-5 USD/month"}, "-5 USD/month: a price is not negative", ""),
    ({"upfront": "5 USD/month"}, "5 USD/month comes to USD/s, not to an amount of USD", ""),
    ({"upfront": "5 USD/rack"}, "does not say how many racks", ""),
    ({"overhead": "-5 %"}, "`options.it.rent.overhead` is -5 %, and must be between 0 and 1,000 %", "`%`"),
    ({"support": "5 USD"}, "is in USD, and a plain number is needed", ""),
    ({"price": None, "offer": "nobody-h100"}, "nobody-h100", ""),
]


@pytest.mark.parametrize(("rent", "told", "way_out"), BAD, ids=[told for _, told, _ in BAD])
def test_what_cannot_be_rented_so_is_refused(option, rent, told, way_out):
    """One sentence names the quantity and what it meets, another the way out; the path is where it stands."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": ONE, "rent": {"price": "1 USD/h", **rent}})
    assert told in failed.value.message
    assert failed.value.way_out
    assert way_out in failed.value.way_out
    assert failed.value.path[:3] == ("options", "it", "rent")


@pytest.mark.parametrize(
    ("used", "told"), [("800 h/month", "must be above 0 and at most 100 % of the month"), ("3 server", "used_hours")]
)
def test_more_hours_than_the_month_has_are_refused(option, used, told):
    """Used hours are a share of the month, and the convention says how long that is."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": {**ONE, "used_hours": used}, "rent": {"price": "1 USD/h", "when": "used_hours"}})
    assert told in failed.value.message
    assert failed.value.way_out


def test_hours_and_months_meet_by_a_convention_alone(option):
    """Without one an hourly price has no month; a monthly one needs none."""
    conventions = {"hours_per_month": None}
    with pytest.raises(StudyError, match="no month convention") as failed:
        option({"fleet": ONE, "rent": {"price": "1 USD/h"}}, conventions=conventions)
    assert "hours_per_month: 730" in failed.value.way_out
    assert option({"fleet": ONE, "rent": {"price": "9 USD/month"}}, conventions=conventions).first_month[0] == 9
