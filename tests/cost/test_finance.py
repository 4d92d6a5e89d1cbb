"""Laws of money over time, and the reference values of two independent libraries (pyxirr, numpy-financial)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.depreciation import book_value, straight_line_month
from breakeven.cost.finance import annuity, irr, npv, payback

CAPEX, SAVING, MONTHS, RATE = 833_806, 71_138.5, 60, 0.1 / 12
REFERENCE = [  # residual share, npv, irr a month, annuity a month
    (0.0, 2_514_353.75, 0.08466731, 17_715.9134),
    (0.15, 2_590_370.42, 0.08476731, 16_100.7839),
]


def flows(residual_share: float) -> list[float]:
    return [-CAPEX, *[SAVING] * (MONTHS - 1), SAVING + CAPEX * residual_share]


@pytest.mark.parametrize(("share", "value", "rate", "level"), REFERENCE)
def test_reference_values(share: float, value: float, rate: float, level: float) -> None:
    """NPV, IRR, annuity and payback of the LP2225 purchase equal the reference to its printed digits."""
    assert npv(RATE, flows(share)) == pytest.approx(value, abs=0.01)
    assert irr(flows(share)) == pytest.approx(rate, abs=1e-8)
    assert annuity(CAPEX, RATE, MONTHS, CAPEX * share) == pytest.approx(level, abs=1e-3)
    assert payback(0.0, flows(share)) == 12
    assert payback(RATE, flows(share)) == 13


@given(capex=st.floats(1, 1e7), rate=st.floats(0, 0.05), periods=st.integers(1, 120), share=st.floats(0, 1))
def test_an_annuity_pays_the_purchase_back(capex: float, rate: float, periods: int, share: float) -> None:
    """The present value of all payments and of the residual is the purchase price."""
    level = annuity(capex, rate, periods, capex * share)
    paid = npv(rate, [0.0, *[level] * (periods - 1), level + capex * share])
    assert paid == pytest.approx(capex, rel=1e-6)


@given(capex=st.floats(1, 1e7), share=st.floats(0, 1), life=st.integers(1, 120))
def test_straight_line_ends_at_the_residual(capex: float, share: float, life: int) -> None:
    """After its life a purchase stands in the books at its residual, and stays there."""
    residual = capex * share
    assert book_value(capex, residual, life, 0) == capex
    assert book_value(capex, residual, life, life) == pytest.approx(residual, abs=1e-6 * capex)
    assert book_value(capex, residual, life, life + 7) == pytest.approx(residual, abs=1e-6 * capex)


@given(capex=st.floats(1, 1e7), rate=st.floats(0, 0.05), periods=st.integers(1, 120))
def test_capital_never_costs_less_than_nothing(capex: float, rate: float, periods: int) -> None:
    """An annuity is at least straight-line depreciation: interest is never negative."""
    assert annuity(capex, rate, periods) >= straight_line_month(capex, 0, periods) * (1 - 1e-9)


def test_no_return_where_the_flows_do_not_change_sign() -> None:
    """Without an outlay, or without a return, there is no internal rate and no payback."""
    assert irr([100.0, 10.0]) is None
    assert irr([-100.0, -10.0]) is None
    assert payback(0.0, [-100.0, 10.0]) is None


def test_a_life_has_a_month() -> None:
    """Writing off over no time is refused."""
    with pytest.raises(ValueError, match="month"):
        straight_line_month(100, 0, 0)
    with pytest.raises(ValueError, match="period"):
        annuity(100, 0.1, 0)
