"""Amounts: arithmetic of arrays with units, in the smallest shape that holds them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.algebra.amount import amount, number
from breakeven.algebra.unit import PHYSICAL, Calendar, UnitError, Units

UNITS = Units(Calendar(hours_per_month=730))
SIZES = st.floats(-1e9, 1e9).filter(lambda size: size == 0 or abs(size) > 1e-9)
TEXTS = st.sampled_from([*sorted(PHYSICAL), "USD/accelerator/h", "kgCO2/kWh", "USD/1000 request", "%/year"])


@given(SIZES, TEXTS)
def test_a_quantity_comes_back_in_the_unit_it_was_stated_in(size, text):
    """Round-trip: to(unit) undoes amount(unit), for every unit."""
    unit = UNITS.parse(text)
    assert amount(size, unit).to(unit)[0, 0] == pytest.approx(size, rel=1e-12)


@given(SIZES, TEXTS, SIZES, TEXTS)
def test_products_and_quotients_undo_each_other(one, first, other, second):
    """(a x b) / b = a, units included; a + b - b = a where units agree."""
    left, right = amount(one, UNITS.parse(first)), amount(other, UNITS.parse(second))
    if other:
        back = left * right / right
        assert (back.dims, back.scalar) == (left.dims, pytest.approx(left.scalar, rel=1e-9))
    assert (left + left - left).scalar == pytest.approx(left.scalar, rel=1e-9)
    assert (-left).scalar == -left.scalar


@given(SIZES, TEXTS, TEXTS)
def test_only_the_same_dimensions_add(size, first, second):
    """Sums and differences exist exactly where both have the same dimensions."""
    one, other = amount(size, UNITS.parse(first)), amount(size, UNITS.parse(second))
    if one.dims == other.dims:
        assert (one + other).dims == one.dims
        return
    with pytest.raises(UnitError, match="added"):
        one + other
    with pytest.raises(UnitError, match="subtracted"):
        one - other
    with pytest.raises(UnitError, match="the price is in"):
        one.to(UNITS.parse(second), "the price")


def test_shapes_stay_as_small_as_they_can():
    """A scalar is (1, 1), draws (n, 1), months (1, m); only what needs both is (n, m)."""
    scalar, draws, months = number(2.0), number(np.ones((5, 1))), number(np.ones((1, 7)))
    assert (scalar * scalar).values.shape == (1, 1)
    assert (scalar * draws + draws).values.shape == (5, 1)
    assert (scalar * months / months).values.shape == (1, 7)
    assert (draws * months).values.shape == (5, 7)


@given(st.integers(-9, 9), st.floats(0.5, 20))
def test_whole_powers_are_repeated_products(exponent, size):
    """x^n = x x ... x x, with n times the dimensions."""
    base, repeated = amount(size, UNITS.parse("USD/h")), number(1.0)
    for _ in range(abs(exponent)):
        repeated = repeated * base if exponent > 0 else repeated / base
    raised = base.raised(number(float(exponent)))
    assert raised.dims == repeated.dims
    assert raised.scalar == pytest.approx(repeated.scalar, rel=1e-9)


def test_a_quotient_by_zero_is_not_finite_and_says_nothing_yet():
    """The array keeps its inf for `where`; who asks for the value must ask for the cause."""
    found = (number(1.0) / number(0.0)).values
    assert np.isinf(found).all()
