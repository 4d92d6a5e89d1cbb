"""Lines of a study's own: what a rate is per, when it is paid, what a share is of, and sums that lose nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import StudyError
from breakeven.study.compute import compute

ONE = {"servers": "1 server"}
FLEET = {
    "servers": "3 server",
    "accelerators_per_server": "8 accelerator/server",
    "counts": {"seats": "40 seat", "staff": "0.5 FTE"},
}
DEMAND = {
    "requests": "1000000 request/month",
    "input_tokens": "1000 token/request",
    "output_tokens": "500 token/request",
    "useful": "50 %",
    "egress": "20 kB/request",
    "flows": {"meals": "5000 meal/month"},
}
UNITS = ("seat", "meal")
amounts = st.integers(-(10**6), 10**6)
months_ = st.integers(1, 40)


def flow(costed, name):
    return next(one for one in costed.flows if one.name == name)


def cash(costed, name):
    return flow(costed, name).cash(costed.horizon)[0]


@pytest.mark.parametrize(
    ("rate", "month"),
    [
        ("100 USD/month", 100),
        ("1200 USD/year", 100),
        ("300 USD/quarter", 100),
        ("1 USD/h", 730),
        ("10 USD/server/month", 30),
        ("10 USD/accelerator/month", 240),
        ("10 USD/organisation/month", 10),
        ("10 USD/seat/month", 400),
        ("120000 USD/FTE/year", 5000),
        ("2 USD/1000 request", 2000),
        ("0.01 USD/useful_prediction", 5000),
        ("2 USD/Mtok", 3000),
        ("0.09 USD/GB", 1.8),
        ("0.04 USD/meal", 200),
        ("-50 USD/month", -50),
    ],
)
def test_a_rate_is_multiplied_by_what_it_is_per(option, rate, month):
    """Time, machines, people, requests, tokens, bytes or things of the study's own: the unit alone says it."""
    found = option({"fleet": FLEET, "lines": {"it": rate}}, demand=DEMAND, units=UNITS)
    assert cash(found, "it") == pytest.approx(np.array([0.0, *[month] * 36]))


@pytest.mark.parametrize(
    ("rate", "count", "month"),
    [
        ("120000 USD/FTE/year", "0.25 FTE/server", 0.25 * 3 * 10_000),
        ("0.1 USD/GB", "3 GB/seat/month", 0.3 * 40),
        ("0.1 USD/kWh", "5 kW", 0.5 * 730),
        ("10 USD/month", 4, 40),
        ("10 USD/month", "25 %", 2.5),
        ("2 USD/request", "10 %", 200_000),
    ],
)
def test_a_count_says_how_much_of_it(option, rate, count, month):
    """Rate x count x what both together are still per."""
    line = {"rate": rate, "count": count}
    found = option({"fleet": FLEET, "lines": {"it": line}}, demand=DEMAND, units=UNITS)
    assert found.first_month[0] == pytest.approx(month)


@given(amounts, st.integers(0, 40), st.integers(1, 24))
def test_a_one_off_is_paid_in_its_months(option, amount, month, every):
    """Once in its month; with `every` again and again, and not at the horizon, where nobody needs it any more."""
    once = option({"lines": {"it": {"rate": f"{amount} USD", "month": month}}})
    again = option({"lines": {"it": {"rate": f"{amount} USD", "month": month, "every": f"{every} month"}}})
    assert cash(once, "it").tolist() == [amount * (at == month) for at in range(37)]
    due = set(range(month, 36, every))
    assert cash(again, "it").tolist() == [amount * (at in due) for at in range(37)]


def test_a_one_off_is_per_thing_and_of_its_month_s_price(option):
    """10 USD a seat for 40 seats; bought again later at the price of then."""
    line = {"rate": {"value": "10 USD/seat", "steps": ((12, "5 USD/seat"),)}, "every": "12 month"}
    found = option({"fleet": FLEET, "lines": {"it": line}}, units=UNITS)
    assert cash(found, "it")[[0, 12, 24]] == pytest.approx([400, 200, 200])
    assert cash(found, "it").sum() == pytest.approx(800)


@given(amounts, months_, months_)
def test_a_recurring_line_is_paid_from_its_first_month_to_its_last(option, amount, since, until):
    """Months outside `since` and `until` cost nothing, those inside all of it."""
    first, last = sorted((since, until))
    found = option({"lines": {"it": {"rate": f"{amount} USD/month", "since": first, "until": last}}})
    assert cash(found, "it") == pytest.approx(np.array([amount * (first <= at <= last) for at in range(37)]))


@given(amounts, months_)
def test_a_line_cut_in_two_is_the_whole_line(option, amount, cut):
    """Until one month and since the next, a line costs in each month what it does uncut."""
    rate = f"{amount} USD/month"
    whole = option({"lines": {"it": rate}})
    parts = option({"lines": {"a": {"rate": rate, "until": cut}, "b": {"rate": rate, "since": cut + 1}}})
    assert parts.cash[0] == pytest.approx(whole.cash[0])


@pytest.mark.parametrize(
    ("when", "opex", "hours"),
    [
        (None, "always_on", 730),
        (None, "used_hours", 176),
        ("used_hours", "always_on", 176),
        ("always_on", "used_hours", 730),
    ],
)
def test_an_hourly_line_is_paid_in_the_hours_it_says(option, when, opex, hours):
    """Used hours where the line or else the study says so; a monthly line costs its month."""
    lines = {"it": {"rate": "1 USD/h", **({"when": when} if when else {})}, "flat": "100 USD/month"}
    found = option({"fleet": {"used_hours": "176 h/month"}, "lines": lines}, conventions={"opex": opex})
    assert cash(found, "it")[1] == pytest.approx(hours)
    assert cash(found, "flat")[1] == pytest.approx(100)
    assert (flow(found, "it").used is not None) is (hours == 176)


@given(amounts, st.floats(0, 2), st.floats(0, 2))
def test_a_share_of_a_share_is_their_product(option, amount, share, of_it):
    """Recurring and paid once alike: no part of what a share is of is lost on the way."""
    rent = {"price": f"{abs(amount)} USD/server/month", "upfront": "500 USD/server"}
    lines = {"a": {"rate": share, "of": "rent"}, "b": {"rate": of_it, "of": "a"}, "c": "-3 USD", "d": "10 % of c"}
    found = option({"fleet": ONE, "rent": rent, "lines": lines})
    whole = np.array([500.0, *[abs(amount)] * 36])
    assert cash(found, "a") == pytest.approx(whole * share, abs=1e-9)
    assert cash(found, "b") == pytest.approx(whole * share * of_it, abs=1e-9)
    assert cash(found, "d").sum() == pytest.approx(-0.3)


@pytest.mark.parametrize(
    ("of", "month"),
    [("rent", 120 * 1.5), ("support", 60), ("power", 3 * 73), ("api", 30), ("licence", 240), ("lines", 250)],
)
def test_a_share_is_of_a_part_or_of_a_line(option, of, month):
    """A part is all of its lines, its uplifts too; `lines` are all those above."""
    parts = {
        "fleet": FLEET,
        "rent": {"price": "120 USD/month", "support": "50 %"},
        "power": {"per_server": "1 kW/server", "tariff": "0.1 USD/kWh"},
        "api": {"request": "0.00003 USD/request"},
    }
    lines = {"licence": "10 USD/accelerator/month", "other": "10 USD/month", "it": {"rate": "10 %", "of": of}}
    found = option({**parts, "lines": lines}, demand={"requests": "1000000 request/month"}, units=UNITS)
    assert cash(found, "it")[1:] == pytest.approx(np.full(36, month / 10))


def test_a_yearly_share_is_of_what_is_bought(option):
    """12 % a year of what a purchase or a one-off cost is 1 % of it in each month after."""
    lines = {"set_up": {"rate": "1000 USD", "month": 12}, "care": "12 %/year of set_up", "more": "6 %/year of purchase"}
    found = option({"fleet": FLEET, "purchase": {"price": "2000 USD/server"}, "lines": lines}, units=UNITS)
    assert cash(found, "care") == pytest.approx(np.array([0.0] * 13 + [10.0] * 24))
    assert cash(found, "more") == pytest.approx(np.array([0.0] + [30.0] * 36))
    cut = option({"lines": {"set_up": "1000 USD", "care": {"rate": "12 %/year", "of": "set_up", "until": 6}}})
    assert cash(cut, "care").sum() == pytest.approx(60)


def test_a_share_may_change_with_the_months(option):
    """A rate that steps is taken of each month at its own size."""
    rate = {"value": "10 %", "steps": ((3, "20 %"),)}
    found = option({"lines": {"base": "100 USD/month", "it": {"rate": rate, "of": "base"}}}, months=4)
    assert cash(found, "it") == pytest.approx(np.array([0, 10, 10, 20, 20]))
    again = {"rate": "100 USD", "every": "2 month"}
    found = option({"lines": {"base": again, "it": {"rate": rate, "of": "base"}}}, months=5)
    assert cash(found, "it") == pytest.approx(np.array([10, 0, 10, 0, 20, 0]))


def test_the_short_form_is_the_long_one(study_of):
    """`12 %/year of purchase` is a rate and what it is of."""
    lines = "{a: 12 %/year of purchase, b: {rate: 12 %/year, of: purchase}}"
    study = study_of(f"options: {{it: {{purchase: {{price: 5 USD}}, lines: {lines}}}}}")
    assert study.options["it"].lines["a"] == study.options["it"].lines["b"]


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("accelerator", 24), ("gpu", 24), ("server", 3), ("organisation", 1), ("seat", 40), ("FTE", 0.5)],
)
def test_a_licence_costs_what_it_says_it_is_per(option, unit, factor):
    """Per accelerator is eight times per server, and anything that is counted will do."""
    found = option({"fleet": FLEET, "lines": {"nvaie_licence": f"4500 USD/{unit}/year"}}, units=UNITS)
    assert found.first_month[0] == pytest.approx(375 * factor)


@pytest.mark.parametrize("name", ["licence", "software_license", "licences"])
@pytest.mark.parametrize("rate", ["4500 USD/year", "4500 USD", "4500 USD/h"])
def test_a_licence_that_does_not_say_per_what_is_refused(option, name, rate):
    """It could be for all, for each server or for each accelerator: both sizes are told."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": FLEET, "lines": {name: rate}}, units=UNITS)
    message = failed.value.message
    assert f"the licence `{name}`" in message
    assert "does not say per what (per accelerator it comes to 24 x that, per server it comes to 3 x that)" in message
    assert "`/accelerator`, `/server` or `/organisation`" in failed.value.way_out
    assert failed.value.path == ("options", "it", "lines", name)


def test_lines_are_grouped_by_their_category(evaluated):
    """Training and inference are sums of their lines over the horizon, shares included."""
    lines = {
        "a": {"rate": "10 USD/month", "category": "training"},
        "b": {"rate": "7 USD", "category": "training"},
        "c": "5 USD/month",
        "d": {"rate": "10 %", "of": "a", "category": "training"},
    }
    study = evaluated({"options": {"it": {"lines": lines}}})
    assert study.named("it.training").amount.scalar == pytest.approx(36 * 11 + 7)
    assert study.named("it.inference").amount.scalar == pytest.approx(36 * 5)
    assert study.named("it.lines.a").amount.to(study.scope.unit("USD/month"))[0, 0] == pytest.approx(10)
    assert study.named("it.lines.b").amount.scalar == pytest.approx(7)


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.sampled_from(["USD/month", "USD", "USD/h"])), min_size=1, max_size=8)
)
def test_lines_sum_to_the_totals_exactly(study_of, shipped, rates):
    """What is shown adds up to the last digit: totals, first month and present cost are the sums of their lines."""
    lines = {f"line_{at}": f"{size!r} {unit}" for at, (size, unit) in enumerate(rates)}
    study = study_of({"options": {"it": {"lines": {**lines, "share": "12.3 % of lines"}}}})
    (found,) = compute(study, shipped).base.options
    for name in ("total", "first_month", "present"):
        assert round(math.fsum(getattr(line, name) for line in found.lines), 6) == getattr(found, name), name
    assert len(found.lines) == len(rates) + 1


@given(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1))
def test_a_higher_rate_or_share_never_costs_less(option, rate, more, share):
    """Monotone in rates and shares; income is a negative rate and lowers the cost."""

    def cost(size, part, income=0.0):
        lines = {"a": f"{size} USD/month", "b": {"rate": part, "of": "a"}, "income": f"{-income} USD/month"}
        return option({"lines": lines}, rate="8 %").present[0]

    base = cost(rate, share)
    assert cost(rate + more, share) >= base
    assert cost(rate, share + 0.5) >= base
    assert cost(rate, share, income=more) <= base


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0, 1e6), st.floats(0, 1)), min_size=2, max_size=4))
def test_many_draws_at_once_are_what_they_are_one_at_a_time(evaluated, draws):
    """Drawn rates, counts, one-offs and shares: each row is the study of that draw."""

    def body(rate, share):
        lines = {
            "a": {"rate": "= rate / month", "count": "= share", "since": 4},
            "b": {"rate": "= rate", "month": 3, "every": "9 month"},
            "c": {"rate": "= share", "of": "a"},
            "d": {"rate": "= share / year", "of": "b"},
        }
        return {"inputs": {"rate": f"{rate!r} USD", "share": share}, "options": {"it": {"lines": lines}}}

    drawn = {
        "inputs.rate": np.array([rate for rate, _ in draws]),
        "inputs.share": np.array([share for _, share in draws]),
    }
    together = evaluated(body(1.0, 0.5), drawn).option("it")
    alone = [evaluated(body(*draw)).option("it") for draw in draws]
    assert together.cash == pytest.approx(np.array([one.cash[0] for one in alone]), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ({"rate": "10 USD", "month": 50}, "line `it` falls due in month 50, the horizon is 36"),
        ({"rate": "10 USD/month", "since": 50}, "line `it` begins in month 50, the horizon is 36"),
        ({"rate": "10 USD", "month": 36}, ""),
        ({"rate": "10 USD/month", "since": 36, "until": 50}, ""),
    ],
    ids=str,
)
def test_a_line_that_is_never_paid_is_warned_of(option, line, told):
    """What falls behind the horizon costs nothing, and the study says so."""
    found = option({"lines": {"it": line}})
    warned = [text for text in found.context.scope.warnings if "horizon" in text]
    assert len(warned) == bool(told)
    assert told in "".join(warned)
    assert found.total[0] == (0 if told else 10)


@pytest.mark.parametrize(
    "lines",
    [
        {"x": {"rate": {"value": None}}},
        {"x": "= price"},
        {"x": {"rate": "5 USD/month", "count": {"value": None}}},
        {"x": {"rate": "5 USD/month", "count": "= price"}},
        {"base": {"rate": {"value": None}}, "x": "10 % of base"},
        {"x": "10 % of rent"},
    ],
    ids=str,
)
def test_a_line_without_a_price_is_unpriced_and_never_nothing(evaluated, lines):
    """No rate, no count, or a share of what has none: the line is named, and the option is in no ranking."""
    parts = {"rent": {"price": {"value": None}}} if "10 % of rent" in lines.values() else {}
    parts = {**parts, "lines": {"priced": "5 USD/month", **lines}}
    study = evaluated({"inputs": {"price": {"value": None}}, "options": {"it": parts}})
    assert "lines.x" in study.option("it").context.unpriced
    assert study.priced() == ()
    assert study.option("it").total[0] == 180


BAD = [
    ({"x": "5 kW"}, "5 kW is no money, and says of nothing what it is a share", "12 %/year of purchase"),
    ({"x": "12 %/year"}, "12 %/year is no money", "of purchase"),
    ({"x": "5 USD/rack/month"}, "option `it` does not say how many racks", "`fleet: counts:`"),
    ({"x": "5 USD/request"}, "does not say how many requests", "`demand: requests:`"),
    ({"x": "5 EUR/month"}, "5 EUR/month is in EUR, and the study is in USD", "fx"),
    ({"x": {"rate": "5 USD", "since": 3}}, "`since:` of line `x` has no meaning: 5 USD is paid once", "unit"),
    ({"x": {"rate": "5 USD", "until": 3}}, "`until:` of line `x` has no meaning: 5 USD is paid once", "unit"),
    ({"x": {"rate": "5 USD/month", "month": 3}}, "5 USD/month is paid again and again", "unit"),
    ({"x": {"rate": "5 USD/month", "every": "3 month"}}, "`every:` of line `x` has no meaning", "unit"),
    ({"x": {"rate": "5 USD/month", "since": 9, "until": 3}}, "is paid from month 9 until month 3", "`since`"),
    ({"x": {"rate": "5 USD/month", "when": "used_hours"}}, "which is no price an hour", "`when:`"),
    ({"x": {"rate": "5 USD", "every": "0 month"}}, "the term of 0 month is less than a month", "36 month"),
    ({"x": {"rate": "5 USD", "every": "3 server"}}, "`3 server` is in server", ""),
    ({"x": "10 % of rent"}, "line `x` is a share of `rent`, which option `it` does not have", "it has purchase"),
    ({"x": "10 % of y", "y": "5 USD"}, "line `x` is a share of `y`", "lines see the ones above them"),
    ({"x": {"rate": "10 %", "of": "purchase", "count": 2}}, "`count:` of line `x` has no meaning", "state a price"),
    ({"x": {"rate": "10 %", "of": "purchase", "month": 2}}, "it is a share of `purchase`", "state a price"),
    ({"x": {"rate": "10 %", "of": "purchase", "until": 9}}, "10 % of purchase is paid once", "unit"),
    ({"y": "5 USD/month", "x": "12 %/year of y"}, "12 %/year is per time, and y is no purchase", "12 % of y"),
    ({"x": "5 USD of purchase"}, "a share of a purchase is in USD, and 1/s is needed", ""),
    ({"x": "12 %/server of purchase"}, "a share of a purchase is in 1/server, and 1/s is needed", ""),
]


@pytest.mark.parametrize(("lines", "told", "way_out"), BAD, ids=[told for _, told, _ in BAD])
def test_a_line_that_cannot_be_meant_is_refused(option, lines, told, way_out):
    """One sentence names the line and what it meets, another the way out; the path is where it stands."""
    with pytest.raises(StudyError) as failed:
        option({"fleet": ONE, "purchase": {"price": "100 USD/server"}, "lines": lines})
    assert told in failed.value.message
    assert failed.value.way_out
    assert way_out in failed.value.way_out
    assert failed.value.path[:4] == ("options", "it", "lines", "x")


def test_a_yearly_share_of_what_also_recurs_is_refused(option):
    """A share of rent is paid at the start and in each month: it is no purchase that could be kept up."""
    rent = {"price": "100 USD/server/month", "upfront": "1000 USD/server"}
    with pytest.raises(StudyError, match="is per time, and a is no purchase"):
        option({"fleet": ONE, "rent": rent, "lines": {"a": "10 % of rent", "b": "12 %/year of a"}})
