"""Laws of schedules: what they sum to, and what they never do. The table of yearly shares is MACRS' five-year class."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.depreciation import (
    book_value,
    by_year,
    declining_balance,
    straight_line,
    straight_line_month,
)

FIVE_YEARS = (0.20, 0.32, 0.192, 0.1152, 0.1152, 0.0576)

usd = st.floats(0.01, 1e8)
share = st.floats(0, 1)
life = st.integers(1, 120)
factor = st.floats(0.2, 8)
tables = st.lists(st.floats(0, 1), min_size=1, max_size=10).filter(lambda shares: sum(shares) > 1e-3)


def obeys(capex: float, residual: float, schedule: tuple[float, ...]) -> None:
    """Sums to capex - residual, is never negative, and the book value never falls below the residual."""
    assert math.fsum(schedule) == pytest.approx(capex - residual, rel=1e-9, abs=1e-9 * capex)
    assert min(schedule) >= 0
    books = [book_value(capex, schedule, age) for age in range(len(schedule) + 3)]
    assert books[0] == capex
    assert min(books) >= residual - 1e-9 * capex
    assert all(after <= before for before, after in pairwise(books))
    assert books[-1] == pytest.approx(residual, abs=1e-9 * capex)


@given(capex=usd, kept=share, months=life)
def test_straight_line(capex: float, kept: float, months: int) -> None:
    """The same amount every month of the life, down to the residual and no further."""
    schedule = straight_line(capex, capex * kept, months)
    assert set(schedule) == {straight_line_month(capex, capex * kept, months)}
    assert len(schedule) == months
    obeys(capex, capex * kept, schedule)


@given(capex=usd, kept=share, months=life, times=factor)
def test_declining_balance(capex: float, kept: float, months: int, times: float) -> None:
    """Whatever factor, life and residual: all of it is written off, never more, never less than nothing."""
    schedule = declining_balance(capex, capex * kept, months, times)
    assert len(schedule) == months
    obeys(capex, capex * kept, schedule)


@given(capex=usd, table=tables)
def test_by_year(capex: float, table: list[float]) -> None:
    """A table of shares writes off the whole price, twelve equal months a year."""
    shares = [part / sum(table) for part in table]
    schedule = by_year(capex, shares)
    assert len(schedule) == 12 * len(shares)
    for year, part in enumerate(shares):
        assert sum(schedule[12 * year : 12 * year + 12]) == pytest.approx(capex * part, rel=1e-9, abs=1e-12)
    obeys(capex, 0.0, schedule)


@given(capex=usd, kept=st.floats(0, 0.9), months=st.integers(2, 120), times=st.floats(1, 4))
def test_declining_balance_is_ahead_of_straight_line(capex: float, kept: float, months: int, times: float) -> None:
    """It falls faster at first: at every age the books stand no higher than by straight line."""
    residual = capex * kept
    fast, even = declining_balance(capex, residual, months, times), straight_line(capex, residual, months)
    for age in range(months + 1):
        assert book_value(capex, fast, age) <= book_value(capex, even, age) + 1e-9 * capex


@given(capex=usd, kept=st.floats(0, 0.9), months=st.integers(2, 120))
def test_amounts_never_rise(capex: float, kept: float, months: int) -> None:
    """A double declining balance, and the straight line it switches to, never writes off more than the month before."""
    schedule = declining_balance(capex, capex * kept, months)
    assert all(after <= before + 1e-9 * capex for before, after in pairwise(schedule))


def test_double_declining_balance_by_hand() -> None:
    """100 over 5 periods, no residual: 40, 24, 14.4, then straight line writes off more: 10.8, 10.8."""
    assert declining_balance(100, 0, 5) == pytest.approx((40, 24, 14.4, 10.8, 10.8))


def test_declining_balance_stops_at_the_residual() -> None:
    """100 over 5 periods down to 30: 40, 24, then only 6 are left to write off."""
    assert declining_balance(100, 30, 5) == pytest.approx((40, 24, 6, 0, 0))


def test_a_slow_factor_is_straight_line() -> None:
    """A factor of 1 starts as straight line, and straight line writes off more from then on."""
    assert declining_balance(100, 0, 5, factor=1) == pytest.approx((20,) * 5)


def test_a_fast_factor_takes_all_at_once() -> None:
    """A factor beyond the life cannot write off more than there is."""
    assert declining_balance(100, 10, 3, factor=9) == pytest.approx((90, 0, 0))


def test_five_year_table() -> None:
    """Six tax years: 20, 32, 19.2, 11.52, 11.52 and 5.76 percent of the price."""
    schedule = by_year(120_000, FIVE_YEARS)
    assert [sum(schedule[12 * year : 12 * year + 12]) for year in range(6)] == pytest.approx(
        [24_000, 38_400, 23_040, 13_824, 13_824, 6_912]
    )
    assert book_value(120_000, schedule, 36) == pytest.approx(120_000 * 0.288)


@given(capex=usd, kept=share, months=life)
def test_straight_line_stays_at_the_residual(capex: float, kept: float, months: int) -> None:
    """After its life a purchase stands in the books at its residual, and stays there; before it, at its price."""
    residual = capex * kept
    schedule = straight_line(capex, residual, months)
    assert book_value(capex, schedule, 0) == book_value(capex, schedule, -3) == capex
    assert book_value(capex, schedule, months) == pytest.approx(residual, abs=1e-9 * capex)
    assert book_value(capex, schedule, months + 7) == pytest.approx(residual, abs=1e-9 * capex)


@pytest.mark.parametrize("method", [straight_line, declining_balance])
@pytest.mark.parametrize(("capex", "residual"), [(100, 101), (100, -1), (-5, 0), (math.nan, 0), (100, math.nan)])
def test_a_residual_lies_between_nothing_and_the_price(
    method: Callable[[float, float, int], tuple[float, ...]], capex: float, residual: float
) -> None:
    """More than the price, or less than nothing, cannot be what a purchase is written down to."""
    with pytest.raises(ValueError, match="residual"):
        method(capex, residual, 12)


def test_a_life_has_a_month() -> None:
    """Writing off over no time is refused."""
    for method in (straight_line_month, straight_line):
        with pytest.raises(ValueError, match="month"):
            method(100, 0, 0)
    with pytest.raises(ValueError, match="month"):
        declining_balance(100, 0, 0)


@pytest.mark.parametrize("times", [0.0, -2.0, math.nan, math.inf])
def test_a_factor_is_above_nothing(times: float) -> None:
    """A balance that does not decline is refused."""
    with pytest.raises(ValueError, match="factor"):
        declining_balance(100, 0, 12, times)


@pytest.mark.parametrize("table", [(), (0.5, 0.4), (20, 32, 19.2, 11.52, 11.52, 5.76), (1.2, -0.2), (math.nan, 1)])
def test_a_table_that_is_not_shares_is_refused(table: tuple[float, ...]) -> None:
    """Shares sum to 1: a year left out, or percent written for fractions, is caught rather than scaled."""
    with pytest.raises(ValueError, match="sum to"):
        by_year(100, table)
