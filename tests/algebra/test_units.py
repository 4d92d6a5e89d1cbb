"""Units as people write them: factors, dimensions, calendars and currencies."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.algebra.unit import (
    COUNTS,
    CURRENCIES,
    ONE,
    PHYSICAL,
    Calendar,
    Unit,
    UnitError,
    Units,
    currencies,
    multiply,
    power,
    require,
    shown,
)

NAMES = sorted({*PHYSICAL, *COUNTS, *CURRENCIES})
CALENDARS = st.sampled_from([720.0, 730.0, 744.0, 176.0]).map(lambda hours: Calendar(hours_per_month=hours))
UNITS = Units()


@given(
    st.lists(st.sampled_from(NAMES), min_size=1, max_size=4), st.lists(st.sampled_from("*/"), min_size=3, max_size=3)
)
def test_a_product_of_units_has_the_product_of_their_factors_and_dimensions(names, signs):
    """Parsing is a homomorphism: what stands after `/` divides, what stands after `*` multiplies."""
    text, dims, factor = names[0], UNITS.parse(names[0]).dims, UNITS.parse(names[0]).factor
    for sign, name in zip(signs, names[1:], strict=False):
        one, direction = UNITS.parse(name), 1 if sign == "*" else -1
        text, dims, factor = f"{text}{sign}{name}", multiply(dims, one.dims, direction), factor * one.factor**direction
    found = UNITS.parse(text)
    assert found.dims == dims
    assert math.isclose(found.factor, factor, rel_tol=1e-12)


@given(st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_a_unit_over_itself_is_a_plain_number(one, other):
    """u/u = 1, and (u/v)*(v/u) = 1."""
    assert UNITS.parse(f"{one}/{one}").dims == ()
    assert math.isclose(UNITS.parse(f"{one}/{one}").factor, 1.0)
    back = UNITS.parse(f"{one}/{other}*{other}/{one}")
    assert (back.dims, math.isclose(back.factor, 1.0, rel_tol=1e-12)) == ((), True)


@given(st.sampled_from(NAMES), st.integers(-4, 4), st.integers(-4, 4))
def test_powers_of_dimensions_add(name, first, second):
    """d^a x d^b = d^(a+b), and nothing is left of d^0."""
    dims = UNITS.parse(name).dims
    assert multiply(power(dims, first), power(dims, second)) == power(dims, first + second)
    assert power(dims, 0) == ()


@given(CALENDARS, st.sampled_from(["month", "quarter", "year"]))
def test_a_calendar_turns_months_into_the_hours_it_states(calendar, name):
    """A month is as many hours as the study says, a year is twelve of them."""
    hours = Units(calendar).parse(name).factor / Units(calendar).parse("h").factor
    assert hours == pytest.approx({"month": 1, "quarter": 3, "year": 12}[name] * calendar.hours_per_month)


@pytest.mark.parametrize(
    ("hours", "stated", "days", "day_hours"),
    [(720, None, 30, 24), (730, None, 730 / 24, 24), (744, None, 31, 24), (176, 22, 22, 8), (730, 30, 30, 730 / 30)],
)
def test_days_are_whole_in_whole_months_and_stated_in_others(hours, stated, days, day_hours):
    """A month of 672 to 744 hours has days of 24 hours; another one says how many days it has."""
    calendar = Calendar(hours_per_month=hours, days_per_month=stated)
    assert calendar.days == pytest.approx(days)
    units = Units(calendar)
    assert units.parse("day").factor / units.parse("h").factor == pytest.approx(day_hours)


def test_without_a_calendar_hours_months_and_days_stay_apart():
    """Nothing that print leaves unsaid is guessed: the three are different dimensions until a convention is stated."""
    assert len({UNITS.parse(name).dims for name in ("h", "month", "day")}) == 3
    with pytest.raises(UnitError, match=r"1/s, and 1/month is needed") as failed:
        require("the rate", UNITS.parse("1/h").dims, UNITS.parse("1/month").dims)
    assert "hours_per_month" in failed.value.way_out


def test_a_working_month_has_no_days_until_they_are_stated():
    """176 hours are 22 days of 8 hours only because somebody says so."""
    worked = Units(Calendar(hours_per_month=176))
    assert worked.parse("day").dims == (("day", 1),)
    assert worked.parse("month").dims == (("s", 1),)


@given(st.sampled_from(sorted(CURRENCIES)), st.sampled_from(sorted(CURRENCIES)))
def test_two_currencies_never_agree(one, other):
    """Each ISO 4217 code is a dimension of its own; only the same one fits."""
    if one == other:
        require("a price", UNITS.parse(one).dims, UNITS.parse(other).dims)
        return
    with pytest.raises(UnitError, match=f"{one}.*{other}") as failed:
        require("a price", UNITS.parse(one).dims, UNITS.parse(other).dims)
    assert "fx" in failed.value.way_out
    assert currencies(UNITS.parse(f"{one}/{other}").dims) == tuple(sorted((one, other)))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("USD/GPU/hour", "USD/accelerator/h"),
        ("tokens/s", "token/s"),
        ("Mtokens", "1000000 token"),
        ("USD/1,000 requests", "USD/1000 request"),
        ("kW*h", "kWh"),
        ("USD·h", "h*USD"),
        ("org", "organisation"),
        ("%/yr", "%/year"),
        ("TB", "1000 GB"),
        ("", "fraction"),
        ("days", "day"),
        ("USD/ 1e3 request", "USD/1000 request"),
    ],
)
def test_spellings_of_one_unit_are_one_unit(text, same):
    """Plurals, aliases, thousands separators and the order of factors change nothing."""
    one, other = UNITS.parse(text), UNITS.parse(same)
    assert one.dims == other.dims
    assert math.isclose(one.factor, other.factor, rel_tol=1e-12)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("USD/0 request", "multiples of 0"),
        ("USD/1.2.3 request", "1.2.3"),
        ("USD/1e999 request", "1e999"),
        ("USD/1,5 request", "1,5 request"),
        ("0,15 USD", "0,15 USD"),
        ("kWs", "kWs"),
        ("GBs", "GBs"),
        ("USD//h", "``"),
        ("/h", "``"),
        ("USD/(GPU*h)", "(GPU"),
        ("USX", "currencies are ISO 4217"),
        ("kw", "kW"),
        ("usd", "`USD`"),
        ("USD/1M tokens", "Mtok"),
        ("1e300 PWh*1e300 PWh", "too large"),
        ("1e300 PWh", "1e300"),
        ("acelerator", "accelerator"),
        ("$/h", "$"),
        ("x" * 300, "at most 200 characters"),
        ("USD^2", "USD^2"),
    ],
)
def test_what_is_no_unit_is_refused_with_its_own_text(text, names):
    """No part of a unit is guessed, dropped or zero: one sentence names it, and one says what to write."""
    with pytest.raises(UnitError) as failed:
        UNITS.parse(text)
    assert names in f"{failed.value.message} {failed.value.way_out}"
    assert failed.value.way_out


def test_a_study_may_name_things_of_its_own():
    """Own names are dimensions like any other, singular and plural."""
    units = Units(own=frozenset({"meal"}))
    assert units.parse("USD/meals").dims == (("USD", 1), ("meal", -1))
    with pytest.raises(UnitError, match="unknown unit `meal`"):
        UNITS.parse("USD/meal")


@given(st.text(max_size=30))
def test_any_text_is_a_unit_or_an_error_of_units(text):
    """Parsing never fails in another way, and never yields a factor that is zero or infinite."""
    try:
        found = UNITS.parse(text)
    except UnitError:
        return
    assert 0 < found.factor < math.inf


def test_dimensions_are_shown_as_people_write_them():
    """What multiplies comes first, each divisor after its own slash."""
    assert shown(()) == "a plain number"
    assert shown(UNITS.parse("USD/accelerator/h").dims) == "USD/accelerator/s"
    assert shown(UNITS.parse("1/month").dims) == "1/month"
    assert Unit((), 1.0, "another text") == ONE


@pytest.mark.parametrize(
    ("got", "wanted", "way"),
    [
        ("kW", "kWh", "power is in W and kW, energy in Wh and kWh"),
        ("USD/server", "USD/accelerator", "per what"),
        ("USD/organisation", "USD", "per what"),
        ("B", "token", "correct the unit"),
    ],
)
def test_a_mismatch_says_what_is_likely_meant(got, wanted, way):
    """Power for energy and per accelerator for per server are told apart by name."""
    with pytest.raises(UnitError) as failed:
        require("the figure", UNITS.parse(got).dims, UNITS.parse(wanted).dims)
    assert way in failed.value.way_out
