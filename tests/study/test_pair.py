"""Two options compared: every sense of break-even against a plain loop over months, and put back into the study."""

from __future__ import annotations

import math

import numpy as np
import numpy_financial
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.errors import StudyError
from breakeven.study.compute import compute

CAPITAL = st.integers(1, 200_000)
MONTHLY = st.integers(0, 9_000)
CHANGE = st.sampled_from([-60, -20, 0, 15, 60])
RATES = st.sampled_from([0, 3, 10, 40])


@pytest.fixture(scope="module")
def pair(evaluated):
    """An owner with capital and running costs against a rival with a bill; both change in % a year, demand a month."""

    def found(capital, care, bill, *, months=48, rate=0, residual=0, **yearly):
        falls, rises = (yearly.get(name, 0) for name in ("falls", "rises"))
        body = {
            "conventions": {"horizon_months": months, "discount_rate": f"{rate} %"},
            "demand": {"requests": "1000 request/month", "growth": f"{yearly.get('growth', 0)} %/month"},
            "options": {
                "own": {
                    "purchase": {"price": f"{capital} USD", "residual": f"{residual} %", "life": f"{months} month"},
                    "lines": {"care": {"rate": {"value": f"{care} USD/month", "trend": f"{rises} %/year"}}},
                },
                "rent": {
                    "lines": {"bill": {"rate": {"value": f"{bill / 1000} USD/request", "trend": f"{falls} %/year"}}}
                },
            },
        }
        return evaluated(body).pair("own", "rent")

    return found


def savings(capital, care, bill, months, falls=0, rises=0, growth=0):
    """What is saved in each month, month 0 first: by the definition of each trend."""
    years = [month / 12 for month in range(months)]
    owned = [care * (1 + rises / 100) ** year for year in years]
    rented = [bill * (1 + falls / 100) ** year * (1 + growth / 100) ** (12 * year) for year in years]
    return [-float(capital), *(rent - own for rent, own in zip(rented, owned, strict=True))]


def crossings(flows):
    """Every time at which the running sum reaches zero from below, linear within its month; and its end."""
    total, found = 0.0, []
    for month, flow in enumerate(flows):
        if total + flow >= 0 and (total < 0 or month == 0):
            found.append(month - 1 + -total / flow if month else 0.0)
        total += flow
    return found, total


def same(one, other):
    assert float(one) == pytest.approx(math.nan if other is None else other, rel=1e-9, abs=1e-9, nan_ok=True)


CASE = given(CAPITAL, MONTHLY, MONTHLY, CHANGE, CHANGE, st.sampled_from([0, 4]))


@CASE
def test_break_even_is_the_first_time_the_saving_reaches_zero(pair, capital, care, bill, falls, rises, growth):
    """Against a loop over the months, with trends and growth on both sides; never is nan."""
    found, _ = crossings(savings(capital, care, bill, 48, falls, rises, growth))
    versus = pair(capital, care, bill, falls=falls, rises=rises, growth=growth)
    same(versus.months[0], found[0] if found else None)


@CASE
def test_lasting_break_even_is_the_last_time_unless_it_ends_below(pair, capital, care, bill, falls, rises, growth):
    """The month from which the saving is never below zero again; never where it ends below."""
    flows = savings(capital, care, bill, 48, falls, rises, growth)
    found, end = crossings(flows)
    assume(abs(end) > 1e-6)
    versus = pair(capital, care, bill, falls=falls, rises=rises, growth=growth)
    same(versus.lasting_months[0], found[-1] if found and end >= 0 else None)


@given(CAPITAL, MONTHLY, MONTHLY, CHANGE, RATES)
def test_discounted_break_even_is_the_first_whole_month(pair, capital, care, bill, falls, rate):
    """First month whose discounted savings sum to the capital."""
    versus = pair(capital, care, bill, falls=falls, rate=rate)
    total, first = 0.0, None
    for month, flow in enumerate(savings(capital, care, bill, 48, falls)):
        total += flow / (1 + rate / 1200) ** month
        first = month if total >= 0 and first is None else first
    assume(abs(total) > 1e-6)
    named = versus.owner.context.scope.named("own_vs_rent.discounted_months").amount
    same(named.to(versus.owner.context.scope.unit("month"))[0, 0], first)


@given(st.integers(1, 40), st.integers(1, 999))
def test_what_comes_back_at_the_horizon_to_the_cent_does_come_back(pair, months, saving):
    """The capital of as many months as the study has is back in the last of them, however floats are rounded."""
    versus = pair(months * saving / 10, 0, saving / 10, months=months)
    assert versus.months[0] == pytest.approx(months)
    assert versus.lasting_months[0] == pytest.approx(months)


def test_what_comes_back_before_the_purchase_is_the_start_itself(evaluated):
    """An owner that needs less capital than its rival has nothing to wait for."""
    options = {"own": {"lines": {"x": "5 USD"}}, "rent": {"lines": {"x": "7 USD", "y": "1 USD/month"}}}
    versus = evaluated({"options": options}).pair("own", "rent")
    assert (versus.months[0], versus.lasting_months[0], versus.extra[0]) == (0, 0, -2)


@pytest.fixture(scope="module")
def dipping(study_of, shipped):
    """A saving that reaches zero in month 5, is paid out of again in month 8, and comes back in month 10 or never."""

    def found(later, months=12):
        own = {"lines": {"build": "100 USD", "more": {"rate": f"{later} USD", "month": 8}}}
        body = {
            "conventions": {"horizon_months": months},
            "options": {"own": own, "rent": {"lines": {"bill": "20 USD/month"}}},
        }
        figures = compute(study_of(body), shipped).base.pairs[0].figures
        return {one.name.removeprefix("own_vs_rent."): one.figure for one in figures}

    return found


def test_a_saving_that_dips_again_shows_both_months(dipping):
    """The first crossing and the one for good stand beside each other where they differ, and only there."""
    found = dipping(100)
    assert (found["months"].value, found["lasting_months"].value, found["lasting_months"].unit) == (5, 10, "month")
    assert "for good" in found["lasting_months"].note
    assert "lasting_months" not in dipping(60)
    assert dipping(60)["months"].value == 5


def test_a_saving_that_ends_below_zero_never_lasts(dipping):
    """It has come back once, and is shown as never for good; what never comes back is said once."""
    found = dipping(500)
    assert found["months"].value == 5
    assert found["lasting_months"].value is None
    assert found["lasting_months"].note.startswith("never: the saving is below zero at the horizon")
    assert found["whole_months"].value == 5
    assert "lasting_months" not in dipping(500, months=4)
    assert dipping(500, months=4)["months"].value is None


@given(CAPITAL, MONTHLY, MONTHLY, CHANGE, st.integers(1, 50_000))
def test_more_extra_capital_is_never_an_earlier_break_even(pair, capital, care, bill, falls, more):
    """Neither the first one, nor the one for good, nor a better present value."""
    less, dearer = (pair(size, care, bill, falls=falls, rate=10) for size in (capital, capital + more))
    for name in ("months", "lasting_months", "discounted_months"):
        before, after = (float(np.nan_to_num(getattr(one, name), nan=np.inf)[0]) for one in (less, dearer))
        assert after >= before - 1e-9, name
    assert dearer.npv[0] < less.npv[0]


@pytest.mark.parametrize(("hours", "months"), [(720, 11.883), (730, 11.721), (176, 48.615)])
def test_hours_are_months_of_the_study_s_convention(evaluated, hours, months):
    """833,806 / (98.32 - 0.87) are 8,556 h, whatever a month has; months are those of the convention."""
    options = {
        "own": {"purchase": {"price": "833806 USD"}, "lines": {"care": "0.87 USD/h"}},
        "rent": {"lines": {"bill": "98.32 USD/h"}},
    }
    study = evaluated({"conventions": {"hours_per_month": hours, "horizon_months": 60}, "options": options})
    found = study.named("own_vs_rent.hours").amount.to(study.scope.unit("h"))[0, 0]
    assert found == pytest.approx(833_806 / (98.32 - 0.87))
    assert study.pair("own", "rent").months[0] == pytest.approx(found / hours)
    assert found / hours == pytest.approx(months, abs=1e-3)


@given(CAPITAL, MONTHLY, MONTHLY, st.integers(0, 100), RATES)
def test_npv_is_what_the_rival_costs_more_today(pair, capital, care, bill, residual, rate):
    """Rival's present cost - owner's = the savings discounted, resale at the horizon."""
    versus = pair(capital, care, bill, residual=residual, rate=rate)
    flows = savings(capital, care, bill, 48)
    flows[-1] += capital * residual / 100
    assert versus.npv[0] == pytest.approx(versus.rival.present[0] - versus.owner.present[0])
    assert versus.npv[0] == pytest.approx(numpy_financial.npv(rate / 1200, flows), abs=1e-6)


@given(st.integers(1_000, 50_000), st.integers(0, 900), st.integers(1_000, 9_000), st.integers(0, 100))
def test_the_internal_rate_makes_the_difference_worth_nothing(pair, capital, care, bill, residual):
    """At the rate a month, NPV is 0; it is numpy_financial's; a year compounds twelve of them."""
    versus = pair(capital, care, bill, residual=residual)
    flows = savings(capital, care, bill, 48)
    flows[-1] += capital * residual / 100
    rate = float(versus.irr[0])
    assert numpy_financial.npv(rate, flows) == pytest.approx(0, abs=1e-6 * capital)
    assert rate == pytest.approx(numpy_financial.irr(flows), rel=1e-6, abs=1e-9)
    named = versus.owner.context.scope.named
    assert named("own_vs_rent.irr_year").amount.scalar == pytest.approx((1 + rate) ** 12 - 1)


def test_no_rate_is_earned_where_nothing_is_saved(pair):
    """Without a change of sign the rate is never, and its reason is told."""
    assert math.isnan(pair(1000, 500, 400).irr[0])
    assert not math.isnan(pair(1000, 500, 600).irr[0])


@given(st.permutations(range(8)), st.floats(0.001, 1000))
def test_options_of_the_same_lines_are_alike_in_any_order(evaluated, order, k):
    """Sums of floats differ by their order; what differs by nothing else pays back at once and earns no rate."""

    def lines(numbers):
        rates = [f"{0.7 * k * number} USD" for number in numbers]
        falling = [
            {"value": f"{rate}/month", "trend": f"-{number} %/year"}
            for rate, number in zip(rates, numbers, strict=True)
        ]
        paid = zip(numbers, rates, falling, strict=True)
        return {f"x{number}": {"rate": rate if number % 2 else falls} for number, rate, falls in paid}

    options = {name: {"lines": lines(numbers)} for name, numbers in (("a", order), ("b", sorted(order)))}
    versus = evaluated({"options": options}).pair("a", "b")
    assert (versus.months[0], versus.lasting_months[0], versus.discounted_months[0]) == (0, 0, 0)
    assert math.isnan(versus.irr[0])
    assert not versus.saved.any()


@given(st.floats(0.01, 100))
def test_what_costs_alike_at_full_use_breaks_even_at_full_use(evaluated, rent):
    """All hours of the month are the most that there are, however floats are rounded."""
    owner = {f"x{at}": f"{730 * rent * share} USD/month" for at, share in enumerate((0.1, 0.7, 0.2))}
    rival = {"fleet": {"servers": "1 server"}, "rent": {"price": f"{rent} USD/server/h"}}
    (share,) = evaluated({"options": {"own": {"lines": owner}, "rent": rival}}).pair("own", "rent").utilisation()
    assert share == pytest.approx(1)
    assert share <= 1


@pytest.mark.parametrize("back", ["0.0000001 USD", "1e-300 USD"])
def test_capital_that_is_all_lost_earns_no_rate(study_of, shipped, back):
    """A rate of -100 % is none; the other figures are shown all the same."""
    owner = {"lines": {"build": "1000000 USD", "back": {"rate": f"-{back}", "month": 1}}}
    body = {"conventions": {"horizon_months": 1}, "options": {"a": owner, "b": {"lines": {"x": "0 USD"}}}}
    found = {one.name: one.figure for one in compute(study_of(body), shipped).base.pairs[0].figures}
    assert found["a_vs_b.irr_year"].value is None or found["a_vs_b.irr_year"].value > -1
    assert found["a_vs_b.extra_capital"].value == 1e6


@given(CAPITAL, MONTHLY, st.integers(1, 9_000), CHANGE, CHANGE)
def test_spend_put_back_is_what_comes_back_at_the_horizon(pair, capital, care, bill, falls, rises):
    """A little more of the rival's month 1 comes back for good, a little less does not; its trend is kept."""
    spend = float(pair(capital, care, bill, falls=falls, rises=rises).spend()[0])
    more, less = (pair(capital, care, spend * by, falls=falls, rises=rises) for by in (1.001, 0.999))
    assert not math.isnan(more.lasting_months[0])
    assert math.isnan(less.lasting_months[0])


@given(CAPITAL, MONTHLY, st.integers(1, 9_000), CHANGE, RATES)
def test_price_factor_put_back_makes_both_cost_alike(pair, capital, care, bill, falls, rate):
    """Rival's prices x the factor: NPV turns there."""
    factor = float(pair(capital, care, bill, falls=falls, rate=rate).price_factor()[0])
    found = [pair(capital, care, bill * factor * by, falls=falls, rate=rate).npv[0] for by in (0.999, 1, 1.001)]
    assert found[0] < 0 < found[2]
    assert found[1] == pytest.approx(0, abs=1e-6 * capital)


def served(capacity="1 request/s/server", requests="1000000 request/month", price=0.002):
    return {
        "demand": {"requests": requests},
        "options": {
            "own": {
                "fleet": {"capacity": capacity},
                "purchase": {"price": "36000 USD/server"},
                "lines": {"care": "0.0001 USD/request"},
            },
            "api": {"lines": {"bill": f"{price} USD/request"}},
        },
    }


def volume(evaluated, **stated):
    study = evaluated(served(**stated))
    return float(study.volume("own", "api").amount.to(study.scope.unit("request/month"))[0, 0])


@pytest.mark.parametrize("requests", ["1000000 request/month", "40000 request/month", "50 request/s"])
def test_volume_put_back_turns_the_decision(evaluated, requests):
    """Demand from which owning costs less a month: 1,000 USD a server / 0.0019 USD saved a request."""
    found = volume(evaluated, requests=requests)
    assert found == pytest.approx(1000 / 0.0019, rel=1e-3)
    gains = []
    for by in (0.99, 1.001):
        again = evaluated(served(requests=f"{found * by} request/month"))
        gains.append(again.option("api").annuity[0] - again.option("own").annuity[0])
    assert gains[0] < 0 < gains[1]


@pytest.mark.parametrize("price", [0.1, 0.7, 1.1, 3.3, 4.7])
def test_options_that_cost_alike_are_alike_whatever_they_cost(evaluated, price):
    """Three servers against as many as the demand needs: a draw from the third server on, at any price."""
    lines = {"a": f"{price} USD/server/month", "b": f"{price / 3} USD/server/month", "c": f"{price * 7} USD/month"}
    owner = {"lines": {**lines, "a": f"{3 * price} USD/month"}, "fleet": {"servers": "3 server"}}
    options = {"own": owner, "rival": {"lines": lines, "fleet": {"capacity": "1 request/h/server"}}}
    study = evaluated({"demand": {"requests": "730 request/month"}, "options": options})
    found = study.volume("own", "rival").amount.to(study.scope.unit("request/h"))[0, 0]
    assert found == pytest.approx(2, rel=1e-3)


def test_a_volume_that_is_never_or_always(evaluated):
    """Never where no demand is enough, 0 where any is; a study without a demand is asked for one."""
    assert math.isnan(volume(evaluated, price=0.0001))
    assert math.isnan(volume(evaluated, capacity="0.0001 request/s/server"))
    assert volume(evaluated, price=1000) == 0
    with pytest.raises(StudyError, match="needs a demand"):
        evaluated({"options": served()["options"] | {"own": {"lines": {"x": "1 USD"}}}}).volume("own", "api")


def rented(share, *, power=0, rent=10, residual=0, upfront=0):
    """Both used for a share of the month: the owner's power and the rival's rent follow it."""
    hours = {"servers": "1 server", "used_hours": f"{share * 730} h/month"}
    return {
        "conventions": {"hours_per_month": 730, "horizon_months": 36, "discount_rate": "10 %"},
        "options": {
            "own": {
                "fleet": hours,
                "purchase": {"price": "100000 USD/server", "residual": f"{residual} %"},
                "lines": {"current": {"rate": f"{power} USD/server/h", "when": "used_hours"}, "place": "200 USD/month"},
            },
            "rent": {
                "fleet": hours,
                "rent": {"price": f"{rent} USD/server/h", "when": "used_hours", "overhead": "10 %"},
                "lines": {"setup": f"{upfront} USD"},
            },
        },
    }


@given(st.floats(0, 6), st.floats(1, 60), st.sampled_from([0, 30]), st.sampled_from([0, 5000]), st.floats(0.05, 1))
def test_utilisation_is_where_used_hours_make_both_cost_alike(evaluated, power, rent, residual, upfront, stated):
    """Whatever share the study states: put back, a little more use favours owning and a little less renting."""
    parts = {"power": power, "rent": rent, "residual": residual, "upfront": upfront}
    (share,) = evaluated(rented(stated, **parts)).pair("own", "rent").utilisation()
    if math.isnan(share):
        assert evaluated(rented(1.0, **parts)).pair("own", "rent").npv[0] < 0
        return
    if share < 0.99:
        assert evaluated(rented(share * 1.01, **parts)).pair("own", "rent").npv[0] > 0
    assert evaluated(rented(share * 0.99, **parts)).pair("own", "rent").npv[0] < 0


def test_utilisation_counts_rent_of_all_hours_as_if_used_hours_alone_were_paid(evaluated):
    """A commitment is paid in all hours; the question is the same as for rent by the hour."""
    body = rented(1.0)
    body["options"]["rent"]["rent"]["when"] = "always_on"
    assert evaluated(body).pair("own", "rent").utilisation() == evaluated(rented(1.0)).pair("own", "rent").utilisation()


@pytest.mark.parametrize(
    ("figure", "told"), [("utilisation", "`b` rents nothing by the hour"), ("capital_annuity", "`a` purchases nothing")]
)
def test_a_figure_that_has_no_meaning_is_left_out_and_says_why(evaluated, study_of, shipped, figure, told):
    """No utilisation without rent, no capital annuity without a purchase; asked for by name it is an error."""
    body = {"options": {"a": {"lines": {"x": "9 USD", "y": "1 USD/month"}}, "b": {"lines": {"y": "2 USD/month"}}}}
    shown = {one.name for one in compute(study_of(body), shipped).base.pairs[0].figures}
    assert "a_vs_b.months" in shown
    assert f"a_vs_b.{figure}" not in shown
    with pytest.raises(StudyError, match=told):
        evaluated(body).named(f"a_vs_b.{figure}")


@given(CAPITAL, st.integers(0, 100), RATES)
def test_capital_annuity_pays_the_purchase_back(pair, capital, residual, rate):
    """The level payment of a loan over the horizon that leaves the resale: numpy_financial's pmt."""
    found = float(pair(capital, 5, 5, residual=residual, rate=rate).capital_annuity()[0])
    assert -found == pytest.approx(numpy_financial.pmt(rate / 1200, 48, capital, -capital * residual / 100), abs=1e-6)


def test_a_difference_is_between_two_options_of_the_study(evaluated):
    """A pair of one option, or of one that does not exist, is refused at its place."""
    options = {name: {"lines": {"x": f"{size} USD"}} for name, size in (("a", 5), ("b", 3))}
    for wrong in (["a", "a"], ["a", "c"]):
        with pytest.raises(StudyError, match="is no pair of two options") as failed:
            evaluated({"options": options, "pairs": [["a", "b"], wrong]}).pairs()
        assert failed.value.path == ("pairs", 1)


def test_unstated_pairs_are_those_that_need_more_capital(evaluated):
    """Each option with a price against each that needs less; nothing pays back against its like."""
    options = {name: {"lines": {"x": f"{size} USD"}} for name, size in (("a", 5), ("b", 3), ("c", 3))}
    options["d"] = {"lines": {"x": {"rate": {"value": None}}}}
    found = [(one.owner.name, one.rival.name) for one in evaluated({"options": options}).pairs()]
    assert found == [("a", "b"), ("a", "c")]


def test_a_pair_without_a_price_is_a_warning(evaluated):
    """It is named, and the others are compared all the same."""
    options = {"a": {"lines": {"x": "5 USD"}}, "b": {"lines": {"x": "3 USD"}}, "c": {"purchase": {}}}
    study = evaluated({"options": options, "pairs": [["a", "c"], ["a", "b"]]})
    assert [one.name for one in study.pairs()] == ["a_vs_b"]
    assert list(study.scope.warnings) == ["a is not compared with c: `c` is unpriced"]
    with pytest.raises(StudyError, match="npv` is unpriced: option `c`"):
        study.named("a_vs_c.npv")
