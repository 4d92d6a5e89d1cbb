"""Demand: what has to be served, however it is stated, as flows by month."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import StudyError
from breakeven.study.demand import SCALE

SIZE = st.floats(1, 1e6)
CHANGE = st.floats(-50, 100)
OPTIONS = {"it": {"lines": {"x": "1 USD/month"}}}


@pytest.fixture(scope="module")
def flow(evaluated):
    """A flow of a demand in a unit, by month."""

    def found(name, unit, *, months=12, hours=730, days=None, drawn=None, **demand):
        conventions = {"hours_per_month": hours, "days_per_month": days, "horizon_months": months}
        study = evaluated({"conventions": conventions, "demand": demand, "options": OPTIONS}, drawn)
        return study.named(f"demand.{name}").amount.to(study.scope.unit(unit))

    return found


@given(SIZE)
def test_a_flow_is_the_same_per_second_day_month_or_year(flow, size):
    """730 h make a month, twelve of them a year, and 730/24 days a month; prediction is another word for request."""
    ways = [
        f"{size} request/month",
        f"{size * 12} request/year",
        f"{size / 730 * 24} request/day",
        f"{size / 730} request/h",
        f"{size / 730 / 3600} request/s",
        f"{size} prediction/month",
    ]
    assert [flow("requests", "request/month", requests=way)[0, 0] for way in ways] == pytest.approx([size] * 6)


@pytest.mark.parametrize(
    ("hours", "days", "month"), [(720, None, 30), (730, None, 730 / 24), (176, 22, 22), (168, 21, 21)]
)
def test_a_day_is_one_of_the_days_of_the_month(flow, hours, days, month):
    """As many as are stated, else those that the hours of a whole month make."""
    found = flow("requests", "request/month", hours=hours, days=days, requests="100 request/day")
    assert found[0, 0] == pytest.approx(100 * month)


@given(SIZE, CHANGE)
def test_growth_compounds_from_month_1_on(flow, size, change):
    """Month k has size x (1 + g)^(k - 1) where g is per month, and ^((k - 1) / 12) where it is per year."""
    months = np.arange(12)
    monthly = flow("requests", "request/month", requests=f"{size} request/month", growth=f"{change} %/month")
    yearly = flow("requests", "request/month", requests=f"{size} request/month", growth=f"{change} %/year")
    assert monthly[0] == pytest.approx(size * (1 + change / 100) ** months)
    assert yearly[0] == pytest.approx(size * (1 + change / 100) ** (months / 12))


GROWN = [
    ("= g", {"g": "3 %/month"}, 0.03, 1),
    ("= -g", {"g": "3 %/month"}, -0.03, 1),
    ("= 2 * g", {"g": "3 %/month"}, 0.06, 1),
    ("= -g", {"g": "3 %/year"}, -0.03, 12),
    ("= g / 2", {"g": "6 %"}, 0.03, 12),
    ("= (b - a) / a", {"a": "100 USD/month", "b": "103 USD/month"}, 0.03, 12),
    (0.03, {}, 0.03, 12),
]


@pytest.mark.parametrize(("growth", "inputs", "change", "per"), GROWN, ids=[str(case[:2]) for case in GROWN])
def test_a_growth_by_formula_keeps_the_period_of_what_it_is_computed_from(evaluated, growth, inputs, change, per):
    """3 % a month are 3 % a month behind a minus sign too; a share without a period is per year."""
    demand = {"requests": "100 request/month", "growth": growth}
    study = evaluated({"inputs": inputs, "demand": demand, "options": OPTIONS})
    found = study.named("demand.requests").amount.to(study.scope.unit("request/month"))[0]
    assert found == pytest.approx(100 * (1 + change) ** (np.arange(36) / per))


@given(SIZE, SIZE, CHANGE, st.sampled_from(["input_tokens", "output_tokens", "egress"]))
def test_a_flow_per_request_is_the_flow_times_the_requests(flow, requests, each, change, name):
    """Stated per request or as a flow, it is the same in every month, and grows once."""
    thing = "B" if name == "egress" else "token"
    demand = {"requests": f"{requests} request/month", "growth": f"{change} %/year"}
    per_request = flow(name, f"{thing}/month", **demand, **{name: f"{each} {thing}/request"})
    as_flow = flow(name, f"{thing}/month", growth=demand["growth"], **{name: f"{each * requests} {thing}/month"})
    assert per_request[0] == pytest.approx(as_flow[0])
    assert per_request[0, -1] == pytest.approx(requests * each * (1 + change / 100) ** (11 / 12))


@pytest.mark.parametrize("cached", ["40 %", 0.4, "600 token/request", "60000 token/month"])
def test_cached_input_is_a_share_of_the_input_or_a_flow_of_its_own(flow, cached):
    """40 % of 1,500 tokens are 600; the input itself stays what it was."""
    demand = {"requests": "100 request/month", "input_tokens": "1500 token/request", "cached_input_tokens": cached}
    assert flow("cached_input_tokens", "token/month", **demand)[0, 0] == pytest.approx(60_000)
    assert flow("input_tokens", "token/month", **demand)[0, 0] == pytest.approx(150_000)


@pytest.mark.parametrize(
    ("more", "output"),
    [
        ({}, 300),
        ({"reasoning_tokens": "1000 token/request"}, 1300),
        ({"samples": 4}, 1200),
        ({"reasoning_tokens": "1000 token/request", "samples": 4}, 5200),
    ],
)
def test_reasoning_and_samples_are_generated_and_billed(flow, more, output):
    """Output = (answer + reasoning) x samples; tokens = input + output; input is read once for all samples."""
    demand = {"requests": "10 request/month", "input_tokens": "7 token/request", "output_tokens": "300 token/request"}
    assert flow("output_tokens", "token/month", **demand, **more)[0, 0] == pytest.approx(10 * output)
    assert flow("tokens", "token/month", **demand, **more)[0, 0] == pytest.approx(10 * (output + 7))


def test_tokens_are_what_is_stated_of_them(flow):
    """Input alone, or output alone, is all tokens there are; reasoning alone is output."""
    assert flow("tokens", "token/month", input_tokens="5 Mtok/month")[0, 0] == pytest.approx(5e6)
    assert flow("tokens", "token/month", output_tokens="5 Mtok/month")[0, 0] == pytest.approx(5e6)
    assert flow("output_tokens", "token/month", reasoning_tokens="5 Mtok/month")[0, 0] == pytest.approx(5e6)


@given(SIZE, st.floats(0, 1), st.floats(0.001, 10), CHANGE)
def test_value_is_the_worth_of_what_becomes_useful(flow, requests, share, worth, change):
    """Useful = requests x share; value = useful x worth; a worth per request takes all of them."""
    demand = {"requests": f"{requests} request/month", "useful": share, "growth": f"{change} %/year"}
    last = (1 + change / 100) ** (11 / 12)
    assert flow("useful", "useful_prediction/month", **demand)[0, -1] == pytest.approx(requests * share * last)
    each = flow("value", "USD/month", **demand, value=f"{worth} USD/useful_prediction")
    assert each[0, -1] == pytest.approx(requests * share * worth * last)
    of_all = flow("value", "USD/month", **demand, value=f"{worth} USD/request")
    assert of_all[0, -1] == pytest.approx(requests * worth * last)


@given(st.floats(1, 24))
def test_the_busiest_hour_is_stated_in_two_ways(flow, ratio):
    """Peak / mean, or the share of a day's requests in its busiest hour: share = ratio / hours of the day."""
    demand = {"requests": "3600 request/h"}
    assert flow("peak_rate", "request/s", **demand, peak_to_mean=ratio)[0, 0] == pytest.approx(ratio)
    shared = flow("peak_rate", "request/s", **demand, peak_hour_share=f"{ratio / 24 * 100} %")
    assert shared[0, 0] == pytest.approx(ratio)


def test_the_busiest_hour_is_of_the_hours_that_a_day_of_work_has(flow):
    """20 % of a day's 120,000 requests are 24,000 an hour, whether the day has 24 hours or 8."""
    demand = {"requests": "120000 request/day", "peak_hour_share": "20 %"}
    for hours, days in ((730, None), (720, None), (176, 22)):
        assert flow("peak_rate", "request/h", hours=hours, days=days, **demand)[0, 0] == pytest.approx(24_000)


def test_without_a_peak_the_busiest_rate_is_the_mean(flow):
    """And it grows as the requests do."""
    found = flow("peak_rate", "request/h", requests="730 request/month", growth="10 %/month")
    assert found[0] == pytest.approx(1.1 ** np.arange(12))


def test_a_flow_of_the_study_s_own_grows_and_prices_what_is_per_it(option):
    """`50000 meal/day` at `0.04 USD/meal` is 2,000 USD a day, growing."""
    demand = {"flows": {"meals": "50000 meal/day"}, "growth": "5 %/month"}
    costed = option(
        {"lines": {"meals": "0.04 USD/meal"}}, demand=demand, units=["meal"], conventions={"hours_per_month": 720}
    )
    assert costed.cash[0, 1:] == pytest.approx(60_000 * 1.05 ** np.arange(36))


@given(st.floats(0.01, 100))
def test_a_multiple_of_the_demand_multiplies_every_flow_once(flow, factor):
    """However a flow is stated: itself, per request, as a share, or as worth."""
    demand = {
        "requests": "100 request/month",
        "input_tokens": "5 token/request",
        "cached_input_tokens": "40 %",
        "output_tokens": "700 token/month",
        "useful": "50 %",
        "value": "2 USD/useful_prediction",
        "growth": "3 %/month",
        "flows": {"sessions": "9 session/month"},
    }
    units = {
        "requests": "request/month",
        "tokens": "token/month",
        "cached_input_tokens": "token/month",
        "output_tokens": "token/month",
        "value": "USD/month",
        "sessions": "session/month",
    }
    for name, unit in units.items():
        one, many = (flow(name, unit, drawn={SCALE: np.array([by])}, **demand) for by in (1.0, factor))
        assert many[0] == pytest.approx(one[0] * factor), name


ONE = "100 request/month"
WRONG = [
    ({"requests": "100 USD/month"}, "requests", "is no flow of requests", ("demand", "requests")),
    ({"requests": "100 request"}, "requests", "is no flow of requests", ("demand", "requests")),
    ({"requests": "-5 request/month"}, "requests", "must be 0 or more", ("demand", "requests")),
    ({"input_tokens": "5 token/request"}, "input_tokens", "states no requests", ("demand", "input_tokens")),
    ({"requests": ONE, "input_tokens": "5 token"}, "input_tokens", "is no flow of tokens", ("demand", "input_tokens")),
    ({"requests": ONE, "egress": "5 token/month"}, "egress", "is no flow of Bs", ("demand", "egress")),
    ({"cached_input_tokens": "40 %"}, "cached_input_tokens", "`demand.input_tokens` is needed", ("demand",)),
    (
        {"input_tokens": "9 token/month", "cached_input_tokens": "140 %"},
        *("cached_input_tokens", "between 0 and 100 %", ("demand", "cached_input_tokens")),
    ),
    ({"output_tokens": "9 token/month", "samples": 0}, "output_tokens", "above 0", ("demand", "samples")),
    ({"requests": ONE, "useful": "101 %"}, "useful", "between 0 and 100 %", ("demand", "useful")),
    ({"requests": ONE, "useful": "5 USD"}, "useful", "a plain number is needed", ("demand", "useful")),
    ({"requests": ONE}, "useful", "`demand.useful` is needed", ("demand",)),
    ({"requests": ONE, "value": "1 USD/useful_prediction"}, "value", "does not say which share", ("demand", "value")),
    ({"requests": ONE, "useful": 1, "value": "1 USD/token"}, "value", "is in USD/token", ("demand", "value")),
    ({"requests": ONE, "useful": 1, "value": "1 USD/month"}, "value", "USD/useful_prediction", ("demand", "value")),
    ({"requests": ONE, "value": "1 token/request"}, "value", "USD/request is needed", ("demand", "value")),
    ({"requests": ONE, "peak_to_mean": 0.5}, "peak_rate", "must be 1 or more", ("demand", "peak_to_mean")),
    (
        {"requests": ONE, "peak_hour_share": "2 %"},
        "peak_rate",
        "holds at least 4.17%, not 2 %",
        ("demand", "peak_hour_share"),
    ),
    ({"requests": ONE, "peak_hour_share": "120 %"}, "peak_rate", "0 and 100 %", ("demand", "peak_hour_share")),
    (
        {"requests": ONE, "peak_to_mean": 2, "peak_hour_share": "20 %"},
        *("peak_rate", "stated twice", ("demand", "peak_to_mean")),
    ),
    ({"requests": ONE, "growth": "-100 %/month"}, "requests", "by 100 % or more", ("demand", "growth")),
    ({"requests": ONE, "growth": "5 USD/month"}, "requests", "a trend is in", ("demand", "growth")),
    ({"requests": ONE, "growth": "1e40 %/month"}, "requests", "beyond any number", ("demand", "growth")),
    ({"flows": {"sessions": "-1 session/month"}}, "sessions", "must be 0 or more", ("demand", "flows", "sessions")),
]


@pytest.mark.parametrize(("demand", "name", "told", "path"), WRONG, ids=[f"{case[1]}-{case[2]}" for case in WRONG])
def test_a_demand_that_says_nothing_computable_is_refused(flow, demand, name, told, path):
    """The sentence names the quantity, the path is where it stands, and there is a way out."""
    with pytest.raises(StudyError) as failed:
        flow(name, "1/month", **demand)
    assert told in failed.value.message
    assert failed.value.path == path
    assert failed.value.way_out


@pytest.mark.parametrize(("hours", "asked"), [(None, "hours_per_month: 730"), (176, "days_per_month: 22")])
def test_a_busiest_hour_needs_to_know_how_long_a_day_is(flow, hours, asked):
    """The way out asks for the convention that is missing, and not for one that is stated."""
    with pytest.raises(StudyError, match="how long a day of use is") as failed:
        flow("peak_rate", "request/s", hours=hours, requests="100 request/month", peak_hour_share="20 %")
    assert asked in failed.value.way_out


def test_a_figure_that_is_stated_wrongly_is_no_figure_that_is_left_out(study_of, shipped):
    """What the study does not state is left out of its figures; what it states wrongly is an error."""
    from breakeven.study.compute import compute

    demand = {"requests": ONE, "useful": "50 %"}
    named = {
        one.name for one in compute(study_of({"demand": demand, "options": OPTIONS}), shipped).base.options[0].figures
    }
    assert "it.cost_per_useful" in named
    assert "it.value" not in named
    with pytest.raises(StudyError, match="USD/useful_prediction is needed"):
        compute(study_of({"demand": {**demand, "value": "1 USD/token"}, "options": OPTIONS}), shipped)
