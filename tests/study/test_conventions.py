"""Conventions: what print leaves unsaid is stated or asked for, changes what it says, and is kept with the result."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import StudyError
from breakeven.study.compute import compute

ONE = {"servers": "1 server"}
NO_MONTH = {"hours_per_month": None, "horizon_months": 12}
STATE_IT = "hours_per_month"


@given(st.sampled_from([720, 730, 176, 168]), st.floats(0.01, 1000), st.integers(1, 9))
def test_an_hourly_price_is_paid_in_the_hours_of_the_month(option, hours, price, servers):
    """Price x servers x hours per month, and as many a year as twelve months have."""
    costed = option(
        {"fleet": {"servers": f"{servers} server"}, "lines": {"x": f"{price} USD/server/h"}},
        conventions={"hours_per_month": hours},
    )
    assert costed.first_month[0] == pytest.approx(price * servers * hours)
    named = costed.context.scope.unit
    assert costed.money(costed.first_month, per="month").amount.to(named("USD/year"))[0, 0] == pytest.approx(
        price * servers * hours * 12
    )


@pytest.mark.parametrize(
    ("price", "month"),
    [
        ("12 USD/month", 12),
        ("144 USD/year", 12),
        ("36 USD/quarter", 12),
        ("0.5 USD/day", 0.5 * 730 / 24),
        ("3 USD/week", 3 / 7 * 730 / 24),
        ("0.001 USD/min", 0.001 * 60 * 730),
    ],
)
def test_a_price_per_any_time_is_one_per_month(option, price, month):
    """Twelve months a year, three a quarter, seven days a week, and the days and hours of the convention."""
    assert option({"lines": {"x": price}}).first_month[0] == pytest.approx(month)


HOURLY = [
    {"lines": {"x": "1 USD/h"}},
    {"lines": {"x": "1 USD/day"}},
    {"fleet": ONE, "rent": {"price": "2 USD/server/h"}},
    {"fleet": ONE, "power": {"per_server": "1 kW/server", "tariff": "0.1 USD/kWh"}},
    {"fleet": {**ONE, "used_hours": "176 h/month"}, "rent": {"price": "1 USD/server/h", "when": "used_hours"}},
    {"fleet": {"capacity": "1 request/s/server"}, "lines": {"x": "1 USD/server/month"}},
    {"fleet": {**ONE, "capacity": "1 token/s/server"}, "lines": {"x": "1 USD/server/month"}},
    {"provisioned": {"price": "1 USD/unit/h", "capacity": "5 request/s/unit"}},
]


@pytest.mark.parametrize("parts", HOURLY, ids=str)
def test_hours_and_months_meet_only_by_a_convention(study_of, shipped, parts):
    """A study that needs to know how long a month is, and does not say, is refused with the three in print."""
    body = {"demand": {"requests": "9 request/month"}, "options": {"it": parts}}
    with pytest.raises(StudyError) as failed:
        compute(study_of({**body, "conventions": NO_MONTH}), shipped)
    assert STATE_IT in failed.value.way_out
    assert failed.value.path[:2] == ("options", "it")
    compute(study_of({**body, "conventions": {**NO_MONTH, "hours_per_month": 720}}), shipped)


def test_a_month_of_hours_is_told_in_one_sentence(option):
    """Which price, what is missing, and the conventions that are in print."""
    with pytest.raises(StudyError) as failed:
        option({"lines": {"x": "1 USD/h"}}, conventions={"hours_per_month": None})
    assert failed.value.message == (
        "options.it.lines.x: 1 USD/h becomes a monthly amount, and the study has no month convention"
    )
    assert "hours_per_month: 730` (8760/12), 720 (30 days) or 176 (22 x 8 h)" in failed.value.way_out


def test_a_month_of_work_needs_its_days(option):
    """176 hours are no 7.3 days: what is per day asks for the days of such a month, and 22 of them are 22."""
    with pytest.raises(StudyError) as failed:
        option({"lines": {"x": "1 USD/day"}}, conventions={"hours_per_month": 176})
    assert "days_per_month: 22" in failed.value.way_out
    stated = option({"lines": {"x": "1 USD/day"}}, conventions={"hours_per_month": 176, "days_per_month": 22})
    assert stated.first_month[0] == pytest.approx(22)


@pytest.mark.parametrize("days", [7, 29])
def test_days_hold_the_hours_of_the_month(evaluated, days):
    """A month of 730 hours has no 7 days, and none of 25 hours."""
    conventions = {"hours_per_month": 730, "days_per_month": days}
    with pytest.raises(StudyError, match="has days of") as failed:
        evaluated({"conventions": conventions, "options": {"it": {"lines": {"x": "1 USD"}}}})
    assert failed.value.path == ("conventions", "days_per_month")


def test_a_study_of_months_alone_needs_no_hours(study_of, shipped):
    """Nothing is asked for that nothing depends on; the result says that it is not stated."""
    body = {"conventions": NO_MONTH, "options": {"it": {"lines": {"x": "5 USD/month", "y": "12 USD/year"}}}}
    found = compute(study_of(body), shipped)
    assert found.base.options[0].total == 72
    assert dict(found.conventions)["hours per month"] == "not stated"


@given(st.floats(-90, 499), st.sampled_from(["monthly", "effective"]), st.integers(1, 60))
def test_the_rate_of_a_month_follows_the_compounding(option, rate, compounding, months):
    """`monthly` is a twelfth of the rate, `effective` the rate that compounds to it in twelve months."""
    costed = option(
        {"lines": {"x": {"rate": "100 USD", "month": months}}},
        months=months,
        rate=f"{rate} %",
        conventions={"compounding": compounding},
    )
    each = 1 + rate / 1200 if compounding == "monthly" else (1 + rate / 100) ** (1 / 12)
    assert costed.present[0] == pytest.approx(100 * each**-months)


@pytest.mark.parametrize("rate", ["12 %", "12 %/year", 0.12, "1 %/month", "= twelve"])
def test_a_discount_rate_may_be_stated_in_any_way(option, rate):
    """A share is per year; 1 % a month are 12 % a year, compounded monthly."""
    costed = option({"lines": {"x": {"rate": "100 USD", "month": 12}}}, rate=rate, inputs={"twelve": "12 %/year"})
    assert costed.present[0] == pytest.approx(100 * 1.01**-12)


@pytest.mark.parametrize("rate", [10, "-100 %", "501 %", "5 USD", "5 %/h"])
def test_a_discount_rate_is_one_that_a_year_can_have(option, rate):
    """10 for 10 % is refused at its place, and so is what is no rate at all."""
    conventions = {"discount_rate": rate, "hours_per_month": None}
    with pytest.raises(StudyError) as failed:
        option({"lines": {"x": "1 USD"}}, conventions=conventions)
    assert failed.value.path == ("conventions", "discount_rate")


def test_without_a_rate_money_has_no_time_value(option):
    """Present cost is cash."""
    costed = option({"lines": {"x": "7 USD/month", "y": {"rate": "5 USD", "month": 30}}})
    assert costed.present[0] == costed.total[0] == 36 * 7 + 5


@given(st.integers(1, 600))
def test_the_study_ends_at_its_horizon(option, months):
    """Cash has the months 0 to the horizon, and what is paid a month is paid in each of them."""
    costed = option({"lines": {"x": "2 USD/month", "y": "3 USD"}}, months=months)
    assert costed.cash.shape == (1, months + 1)
    assert costed.cash[0, 0] == 3
    assert np.array_equal(costed.cash[0, 1:], np.full(months, 2.0))


def test_what_falls_due_after_the_horizon_is_told(study_of, shipped):
    """It costs nothing in the study, which warns of it; a term that does not fit is refused."""
    body = {"options": {"it": {"lines": {"x": "2 USD/month", "late": {"rate": "9 USD", "month": 40}}}}}
    found = compute(study_of(body), shipped)
    assert found.base.options[0].total == 72
    assert any("`late` falls due in month 40, the horizon is 36" in told for told in found.warnings)
    rent = {"fleet": ONE, "rent": {"price": "1 USD/server/h", "term": "4 year"}}
    with pytest.raises(StudyError, match="longer than the horizon of 36 months"):
        compute(study_of({"options": {"it": rent}}), shipped)


USED = {**ONE, "used_hours": "146 h/month"}


@pytest.mark.parametrize(
    ("opex", "when", "share"),
    [
        *[("always_on", None, 1), ("always_on", "used_hours", 0.2), ("used_hours", None, 0.2)],
        *[("used_hours", "always_on", 1), ("always_on", "always_on", 1), ("used_hours", "used_hours", 0.2)],
    ],
)
def test_hourly_costs_are_of_all_hours_or_of_used_ones(option, opex, when, share):
    """The convention says which, a line or part of its own may say otherwise."""
    stated = {} if when is None else {"when": when}
    parts = {
        "fleet": USED,
        "lines": {"hourly": {"rate": "1 USD/server/h", **stated}, "monthly": "9 USD/server/month"},
        "power": {"per_server": "1 kW/server", "tariff": "1 USD/kWh", **stated},
    }
    found = option(parts, conventions={"opex": opex})
    months = {flow.name: float(found.months_of(flow)[0]) for flow in found.flows}
    assert months == pytest.approx({"hourly": 730 * share, "power": 730 * share, "monthly": 9})


def test_a_commitment_is_paid_in_all_hours_whatever_the_convention(option):
    """Rent with a term is owed used or not; rent without one follows the convention."""
    for term, hours in (({}, 146), ({"term": "12 month"}, 730)):
        parts = {"fleet": USED, "rent": {"price": "1 USD/server/h", **term}}
        assert option(parts, conventions={"opex": "used_hours"}).first_month[0] == pytest.approx(hours)


@pytest.mark.parametrize("hours", ["800 h/month", "0 h/month", "30 h/day", "5 USD"])
def test_used_hours_are_a_share_of_the_month(option, hours):
    """More than all of them, none, or no hours at all are refused."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": {**ONE, "used_hours": hours}, "rent": {"price": "1 USD/server/h", "when": "used_hours"}})
    assert "used_hours" in failed.value.message


# ------------------------------------------------------------------------------------------------ other currencies

TO_USD = {"from": "EUR", "to": "USD", "rate": 1.25, "as_of": "2026-01-02", "source": "a central bank"}
TO_EUR = {**TO_USD, "from": "USD", "to": "EUR", "rate": 0.8}
MIXED = {"options": {"it": {"lines": {"x": "100 EUR/month", "y": "1 USD/month"}}}}


@pytest.mark.parametrize("fx", [[TO_USD], [TO_EUR]], ids=["to", "from"])
def test_another_currency_is_converted_at_a_dated_rate(study_of, shipped, fx):
    """Whichever way it is quoted; the rate is a fact with its source and day, under the line it was used for."""
    found = compute(study_of({**MIXED, "fx": fx}), shipped)
    x, y = found.base.options[0].lines
    assert (x.first_month, y.first_month, found.currency) == (pytest.approx(125), 1, "USD")
    (rate,) = [fact for fact in found.facts if "/fx/" in fact.key]
    assert (rate.value, rate.source, rate.as_of) == (fx[0]["rate"], "a central bank", "2026-01-02")
    assert rate.unit == f"{fx[0]['to']}/{fx[0]['from']}"
    assert rate.key in x.facts
    assert rate.key not in y.facts
    assert "of 2026-01-02" in x.formula


@pytest.mark.parametrize(
    "fx", [[], [{**TO_USD, "from": "GBP"}], [{**TO_USD, "to": "GBP"}]], ids=["none", "other from", "other to"]
)
def test_two_currencies_never_add_up_without_a_rate(study_of, shipped, fx):
    """Refused at the price, with the rate that is missing."""
    with pytest.raises(StudyError, match="100 EUR/month is in EUR, and the study is in USD") as failed:
        compute(study_of({**MIXED, "fx": fx}), shipped)
    assert "{from: EUR, to: USD" in failed.value.way_out
    assert failed.value.path == ("options", "it", "lines", "x", "rate")


def test_a_rate_that_nothing_needs_is_no_fact(study_of, shipped):
    """What a result rests on is what it was computed from."""
    body = {"options": {"it": {"lines": {"y": "1 USD/month"}}}, "fx": [TO_USD]}
    assert [fact.key for fact in compute(study_of(body), shipped).facts] == ["study/made-up/options.it.lines.y.rate"]


def test_money_in_a_denominator_is_converted_too(evaluated):
    """5 request/EUR are 4 request/USD where a euro is 1.25 dollars."""
    study = evaluated({"inputs": {"a": "5 request/EUR"}, "fx": [TO_USD], "options": MIXED["options"]})
    assert study.named("a").amount.to(study.scope.unit("request/USD"))[0, 0] == pytest.approx(4)


@pytest.mark.parametrize(
    ("body", "path", "told"),
    [
        ({"currency": "XYZ"}, ("currency",), "`XYZ` is no currency"),
        ({"fx": [{**TO_USD, "from": "ABC"}]}, ("fx", 0, "from"), "`ABC` is no currency"),
        ({"fx": [TO_USD, TO_EUR]}, ("fx", 1), "stated twice"),
        ({"fx": [{**TO_USD, "to": "EUR"}]}, ("fx", 0), "of one currency"),
    ],
)
def test_a_currency_has_one_name_and_one_rate(evaluated, body, path, told):
    """An unknown code, a second rate, or a rate of a currency to itself is refused where it stands."""
    with pytest.raises(StudyError, match=told) as failed:
        evaluated({**MIXED, **body})
    assert failed.value.path == path


def test_conventions_are_kept_with_the_result(study_of, shipped):
    """Every one of them, stated or not, so that the result can be made again."""
    conventions = {
        "hours_per_month": 720,
        "horizon_months": 18,
        "discount_rate": "9 %",
        "compounding": "effective",
        "opex": "used_hours",
    }
    body = {"conventions": conventions, "currency": "EUR", "options": {"it": {"lines": {"x": "1 EUR"}}}}
    assert dict(compute(study_of(body), shipped).conventions) == {
        "hours per month": "720",
        "days per month": "30",
        "horizon": "18 months",
        "discount rate": "9 %",
        "compounding": "effective",
        "hourly costs": "used hours",
        "currency": "EUR",
    }
    bare = {"conventions": {"horizon_months": 1}, "options": {"it": {"lines": {"x": "1 USD"}}}}
    assert dict(compute(study_of(bare), shipped).conventions) == {
        "hours per month": "not stated",
        "days per month": "not stated",
        "horizon": "1 months",
        "discount rate": "none",
        "compounding": "monthly",
        "hourly costs": "always on",
        "currency": "USD",
    }


@pytest.mark.parametrize(("stated", "on"), [({}, "2026-01-01"), ({"as_of": "2026-05-06"}, "2026-05-06")])
def test_prices_are_of_the_study_s_day_else_of_its_source_s(study_of, shipped, stated, on):
    """A result says of which day its prices are; a quantity may be of another."""
    body = {"options": {"it": {"lines": {"x": {"rate": {"value": "1 USD", "as_of": "2025-12-31"}}}}}, **stated}
    found = compute(study_of(body), shipped)
    assert found.as_of == on
    assert [fact.as_of for fact in found.facts] == ["2025-12-31"]
