"""Formulas: equal to Python's own arithmetic, safe to read from a stranger, and silent about nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.algebra import formula
from breakeven.algebra.amount import Amount, amount, number
from breakeven.algebra.formula import FormulaError
from breakeven.algebra.unit import UnitError, Units

NUMBERS = st.floats(-1e3, 1e3).map(lambda value: round(value, 3))
VALUES = {"a": 3.5, "b": -2.0, "c": 0.25}


def value(text: str, **names: float) -> float:
    known = {**VALUES, **names}
    return formula.evaluate(formula.parse(text), lambda name: number(known[name])).scalar


@st.composite
def trees(draw, depth: int = 4) -> str:
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from([*VALUES, *(repr(abs(draw(NUMBERS))) for _ in range(2))]))
    one, other = draw(trees(depth - 1)), draw(trees(depth - 1))
    pattern = draw(
        st.sampled_from(
            ["({} + {})", "({} - {})", "({} * {})", "-({} + {})", "max({}, {})", "min({}, {})", "abs({} - {})"]
        )
    )
    return pattern.format(one, other)


@given(trees())
def test_a_formula_is_what_python_makes_of_it(text):
    """Sums, products, signs, min, max and abs of plain numbers equal Python's own."""
    expected = eval(text, {"__builtins__": {}}, {**VALUES, "max": max, "min": min, "abs": abs})  # noqa: S307 - our text
    assert value(text) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@given(NUMBERS, NUMBERS)
def test_quotients_and_their_kin_are_pythons(one, other):
    """/, // and % follow Python, signs included."""
    assume(other)
    assert value("x / y", x=one, y=other) == pytest.approx(one / other)
    assert value("x // y", x=one, y=other) == one / other // 1
    assert value("x % y", x=one, y=other) == pytest.approx(one % other)


@given(NUMBERS, NUMBERS, NUMBERS)
def test_conditions_are_one_and_zero(one, two, three):
    """Comparisons, chained ones, `and`, `or`, `not` and `where` decide as Python does."""
    known = {"x": one, "y": two, "z": three}
    assert value("x < y <= z", **known) == float(one < two <= three)
    assert value("x < y and not y > z", **known) == float(one < two and not two > three)
    assert value("x == y or x != z", **known) == float(one == two or one != three)
    assert value("where(x > y, z, 1)", **known) == (three if one > two else 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 ** 10", 1024.0),
        ("sqrt(2)", math.sqrt(2)),
        ("exp(1) - log(2)", math.e - math.log(2)),
        ("sin(pi / 6) + cos(0)", 1.5),
        ("ceil(1.2) + floor(1.8)", 3.0),
        ("round(2.346, 2)", 2.35),
        ("round(1234, -2)", 1200.0),
        ("+3 - -2", 5.0),
        ("where(1 > 2, 1 / 0, 7)", 7.0),
        ("1e-3 * 1_000", 1.0),
    ],
)
def test_functions_and_constants(text, expected):
    """Each function is the one of its name; the side that `where` does not choose may be undefined."""
    assert value(text) == pytest.approx(expected, abs=1e-12)


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__",
    "(1).real",
    "sin(x).imag",
    "x[0]",
    "[x for x in y]",
    "lambda: 1",
    "(x := 1)",
    "'text'",
    "1j",
    "True",
    "None",
    "f'{x}'",
    "x if y else z",
    "{1: 2}",
    "x, y",
    "open(x)",
    "x.y(1)",
    "sin(x=1)",
    "max(*x)",
    "x @ y",
    "x << 9999",
    "x in y",
    "x is y",
    "~x",
    "await x",
    "x;y",
    "x\0",
    "",
    "1 +",
    "1" * 400,
    "9" * 2001,
    "x**1e301",
    "-" * 500 + "1",
    "(" * 250 + "1" + ")" * 250,
    "not " * 150 + "1",
    "+".join("1" * 500),
    "sin(" * 120 + "1" + ")" * 120,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_arithmetic_is_refused_before_it_is_computed(text):
    """A formula can compute and nothing else; what it may not hold is named with the formula."""
    with pytest.raises(FormulaError) as failed:
        formula.parse(text)
    assert failed.value.way_out


@given(st.text(alphabet="abcx019.+-*/%()<>=!, \n'[]{}:_", max_size=60))
def test_any_text_is_a_formula_or_an_error_of_formulas(text):
    """Whatever is typed, reading and computing it ends in a value or one error of units."""
    try:
        tree = formula.parse(text)
        formula.names(tree)
        found = formula.evaluate(tree, lambda _: number(2.0))
    except UnitError:
        return
    assert isinstance(found, Amount)


@pytest.mark.parametrize("text", ["9**9**9", "9.0**9**9**9", "exp(exp(exp(99)))", "10**10**10**10", "-9**9**9"])
def test_huge_powers_end_at_once_in_something_that_is_not_finite(text):
    """Powers are those of floats, so that none takes long; `undefined` names the first to overflow."""
    tree = formula.parse(text)
    assert not np.isfinite(formula.evaluate(tree, lambda _: number(1.0)).values).any()
    assert "has no finite value" in formula.undefined(tree, lambda _: number(1.0))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("a / (b + 2)", "`a / (b + 2)` divides by `b + 2`, which is 0"),
        ("1 + a % (c - 0.25)", "`a % (c - 0.25)` divides by `c - 0.25`, which is 0"),
        ("a // 0", "`a // 0` divides by `0`, which is 0"),
        ("log(c - 0.25) * 2", "`log(c - 0.25)` has no finite value"),
        ("sqrt(b)", "`sqrt(b)` has no finite value"),
        ("b ** 0.5", "`b ** 0.5` has no finite value"),
        ("a + b", ""),
        ("where(b == 0, 1, 1 / a)", ""),
    ],
)
def test_the_part_of_a_formula_that_has_no_value_is_named(text, cause):
    """The innermost part that is not finite while all of its own parts are is the cause."""
    assert formula.undefined(formula.parse(text), lambda name: number(VALUES[name])) == cause


def test_names_are_found_once_in_order_dotted_ones_whole_and_constants_never():
    """What a formula depends on is what a study must know."""
    tree = formula.parse("own.capex / (cloud - own.capex) + pi * max(own_vs_aws.months, cloud)")
    assert formula.names(tree) == ("own.capex", "cloud", "own_vs_aws.months")


UNITS = Units()


def with_units(text: str, **given: str) -> Amount:
    read = {name: amount(1.0, UNITS.parse(unit)) for name, unit in given.items()}
    return formula.evaluate(formula.parse(text), lambda name: read[name])


def test_units_follow_the_arithmetic():
    """Products and quotients carry dimensions; roots halve them; powers multiply them."""
    assert with_units("x / (y - z)", x="USD", y="USD/h", z="USD/h").dims == (("s", 1),)
    assert with_units("sqrt(x * x)", x="USD").dims == (("USD", 1),)
    assert with_units("x ** 2 / x", x="USD/h").dims == (("USD", 1), ("s", -1))
    assert with_units("x // y", x="token", y="token").dims == ()
    assert with_units("x < y", x="USD", y="USD").dims == ()


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x + y", "what is added is in EUR, and USD"),
        ("x - 1", "what is subtracted is in a plain number"),
        ("x < y", "one side of a comparison is in EUR"),
        ("x % y", "one side of % is in EUR"),
        ("max(x, 1)", "one side of `max`"),
        ("where(1, x, y)", "one side of `where` is in EUR"),
        ("exp(x)", "the argument of `exp` is in USD"),
        ("sqrt(x)", "square root"),
        ("2 ** x", "an exponent is a plain number, got USD"),
        ("x ** 0.5", "USD cannot be raised to 0.5"),
        ("x ** 10", "USD cannot be raised to 10"),
        ("x ** (1 / 0)", "USD cannot be raised to inf"),
        ("x ** (0 / 0)", "USD cannot be raised to nan"),
        ("round(x, y)", "the digits of `round` is in EUR"),
        ("round(1, 0.5)", "`round` keeps 0.5 decimals"),
        ("round(1, 99)", "`round` keeps 99 decimals"),
        ("ceil(t)", "`ceil` of a quantity in s does not say whole what"),
        ("round(t, 1)", "`round` of a quantity in s"),
        ("floor(x * t)", "`floor` of a quantity in USD*s"),
        ("min()", "`min` takes at least 1 values, got 0"),
        ("where(1, 2)", "`where` takes 3 values, got 2"),
        ("sin(1, 2)", "`sin` takes 1 values, got 2"),
    ],
)
def test_units_that_do_not_fit_are_named_both(text, names):
    """No formula mixes units, currencies or scales: the error says which meets which."""
    with pytest.raises(UnitError) as failed:
        with_units(text, x="USD", y="EUR", t="h")
    assert names in failed.value.message
    assert failed.value.way_out or "side" in failed.value.message
