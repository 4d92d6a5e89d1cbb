"""Laws of money over time, and the reference values of two independent libraries (pyxirr, numpy-financial)."""

import math

import numpy as np
import numpy_financial as nf
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from breakeven.cost.crossing import break_even_months
from breakeven.cost.depreciation import straight_line_month
from breakeven.cost.finance import (
    annuity,
    discount_factors,
    discounted_payback,
    equivalent_annuity,
    irr,
    npv,
    present_value,
    rate_per_month,
    simple_payback,
    year_effective,
)

CAPEX, SAVING, MONTHS, RATE = 833_806, 71_138.5, 60, 0.1 / 12
REFERENCE = [  # residual share, npv, irr a month, irr a year, annuity a month
    (0.0, 2_514_353.75, 0.08466731, 1.651909, 17_715.9134),
    (0.15, 2_590_370.42, 0.08476731, 1.654844, 16_100.7839),
]

money = st.floats(-1e6, 1e6)
rates = st.one_of(st.just(0.0), st.floats(1e-5, 0.2))
years = st.floats(-0.5, 2.0)


def flows(residual_share: float) -> list[float]:
    return [-CAPEX, *[SAVING] * (MONTHS - 1), SAVING + CAPEX * residual_share]


@pytest.mark.parametrize(("share", "value", "rate", "year", "level"), REFERENCE)
def test_reference_values(*, share: float, value: float, rate: float, year: float, level: float) -> None:
    """NPV, IRR, annuity and paybacks of the LP2225 purchase equal the reference to its printed digits."""
    assert npv(RATE, flows(share)) == pytest.approx(value, abs=0.006)
    found = irr(flows(share))
    assert found == pytest.approx(rate, abs=6e-9)
    assert found is not None
    assert year_effective(found) == pytest.approx(year, abs=6e-7)
    assert annuity(CAPEX, RATE, MONTHS, CAPEX * share) == pytest.approx(level, abs=6e-5)
    assert simple_payback(flows(share)) == pytest.approx(11.7209, abs=6e-5)
    assert discounted_payback(RATE, flows(share)) == 13


@given(rate=st.floats(-0.2, 0.5), amounts=st.lists(money, min_size=1, max_size=121))
def test_npv_equals_numpy_financial(rate: float, amounts: list[float]) -> None:
    """The first flow is now, in both libraries; they agree to 1e-9 of the money that moves."""
    moved = sum(abs(amount) / (1 + rate) ** k for k, amount in enumerate(amounts))
    assert npv(rate, amounts) == pytest.approx(nf.npv(rate, amounts), rel=1e-9, abs=1e-9 * moved)


@given(
    capex=st.floats(1e-6, 1e12), savings=st.lists(st.floats(0.01, 1), min_size=1, max_size=72), times=st.floats(0.5, 5)
)
def test_irr_equals_numpy_financial(capex: float, savings: list[float], times: float) -> None:
    """Out first, then in: one rate, and both libraries find it to 1e-9; the flows are worth nothing at it."""
    amounts = [-capex, *(saving * times * capex / sum(savings) for saving in savings)]
    found = irr(amounts)
    assert found == pytest.approx(nf.irr(amounts), rel=1e-9, abs=1e-9)
    assert found is not None
    assert npv(found, amounts) == pytest.approx(0, abs=1e-9 * capex)


def test_a_rate_does_not_depend_on_the_unit_of_money() -> None:
    """In dollars, in nano-dollars or in billions the rate is the same to the last digits."""
    amounts = np.array([-1.0, 2.3, 0.08, 1.5, 1.5])
    found = [irr((amounts * unit).tolist()) for unit in (1e-9, 1e-3, 1.0, 1e3, 1e9, 1e15)]
    assert found == pytest.approx([found[0]] * len(found), rel=1e-13)


@given(capex=st.floats(1, 1e7), rate=rates, periods=st.integers(1, 120), share=st.floats(0, 0.9))
def test_annuity_equals_numpy_financial(capex: float, rate: float, periods: int, share: float) -> None:
    """The payment of both to 1e-9, without interest too."""
    expected = -nf.pmt(rate, periods, capex, -capex * share)
    assert annuity(capex, rate, periods, capex * share) == pytest.approx(float(expected), rel=1e-9)


@given(exponent=st.floats(-16, -6), periods=st.integers(1, 120))
def test_an_annuity_keeps_its_digits_as_the_rate_nears_zero(exponent: float, periods: int) -> None:
    """Near no interest the payment is (C - R) / n plus interest on the mean balance: no cancellation, no jump."""
    rate = 10**exponent
    interest = rate * (100 * (periods + 1) / (2 * periods) + 10 * (periods - 1) / (2 * periods))
    assert annuity(100, rate, periods, 10) == pytest.approx(90 / periods + interest, rel=1e-8)


@given(capex=st.floats(1, 1e7), rate=st.floats(0, 0.05), periods=st.integers(1, 120), share=st.floats(0, 1))
def test_an_annuity_pays_the_purchase_back(capex: float, rate: float, periods: int, share: float) -> None:
    """The present value of all payments and of the residual is the purchase price."""
    level = annuity(capex, rate, periods, capex * share)
    paid = npv(rate, [0.0, *[level] * (periods - 1), level + capex * share])
    assert paid == pytest.approx(capex, rel=1e-9)


@given(capex=st.floats(1, 1e7), rate=st.floats(0, 0.05), periods=st.integers(1, 120))
def test_capital_never_costs_less_than_nothing(capex: float, rate: float, periods: int) -> None:
    """An annuity is at least straight-line depreciation: interest is never negative."""
    assert annuity(capex, rate, periods) >= straight_line_month(capex, 0, periods) * (1 - 1e-9)


@given(rate=st.floats(0, 0.1), amounts=st.lists(money, min_size=2, max_size=61))
def test_an_equivalent_annuity_is_worth_the_same(rate: float, amounts: list[float]) -> None:
    """Paying the level amount at the end of each period is worth what the flows are worth."""
    present = npv(rate, amounts)
    level = equivalent_annuity(present, rate, len(amounts) - 1)
    assert npv(rate, [0.0, *[level] * (len(amounts) - 1)]) == pytest.approx(present, rel=1e-9, abs=1e-9)


@given(year=years)
def test_an_effective_rate_round_trips(year: float) -> None:
    """Twelve months at the effective monthly rate are the yearly rate."""
    assert year_effective(rate_per_month(year, "effective")) == pytest.approx(year, rel=1e-12, abs=1e-12)


@given(year=st.floats(1e-6, 2.0))
def test_a_twelfth_compounds_to_more_than_the_stated_rate(year: float) -> None:
    """The rate / 12 is never below the effective monthly rate, and its effective year is above the stated rate."""
    assert rate_per_month(year, "monthly") == year / 12
    assert rate_per_month(year, "monthly") >= rate_per_month(year, "effective")
    assert year_effective(rate_per_month(year, "monthly")) > year


def test_ten_percent_by_both_conventions() -> None:
    """Ten percent a year is 0.8333 % a month by twelfths and 0.7974 % compounded."""
    assert rate_per_month(0.1, "monthly") == pytest.approx(0.008333333, abs=1e-9)
    assert rate_per_month(0.1, "effective") == pytest.approx(1.1 ** (1 / 12) - 1, rel=1e-13)


@given(amounts=arrays(np.float64, (7, 13), elements=money), rate=st.floats(-0.2, 0.5))
def test_the_vectorised_present_value_is_the_plain_one(amounts: np.ndarray, rate: float) -> None:
    """One call over seven rows equals seven calls."""
    found = present_value(amounts, rate)
    assert found.shape == (7,)
    for row, value in zip(amounts, found, strict=True):
        assert value == pytest.approx(npv(rate, row.tolist()), rel=1e-9, abs=1e-4)


@given(each=st.lists(st.floats(-0.2, 0.5), min_size=3, max_size=3), amounts=arrays(np.float64, 9, elements=money))
def test_each_draw_may_have_its_own_rate(each: list[float], amounts: np.ndarray) -> None:
    """Rates of shape (D,) discount row by row; flows common to all draws broadcast."""
    found = present_value(np.broadcast_to(amounts, (3, 9)), np.array(each))
    for rate, value in zip(each, found, strict=True):
        assert value == pytest.approx(npv(rate, amounts.tolist()), rel=1e-9, abs=1e-4)


@given(rate=st.floats(-0.2, 0.5), periods=st.integers(0, 120))
def test_discount_factors(rate: float, periods: int) -> None:
    """The factor of now is 1, and each is the one before / (1 + rate)."""
    factors = discount_factors(rate, periods)
    assert factors.shape == (periods + 1,)
    assert factors[0] == 1
    assert factors[1:] == pytest.approx(factors[:-1] / (1 + rate), rel=1e-12)


@given(rate=st.floats(0, 0.1), outlay=st.floats(1, 1e6), gains=st.lists(st.floats(0, 1e5), max_size=60))
def test_discounted_payback_is_the_first_whole_period(rate: float, outlay: float, gains: list[float]) -> None:
    """The flows up to the answer are worth at least nothing, those up to the period before less than nothing."""
    amounts = [-outlay, *gains]
    worth = [npv(rate, amounts[: k + 1]) for k in range(len(amounts))]
    assume(all(abs(value) > 1e-6 for value in worth))
    found = discounted_payback(rate, amounts)
    expected = next((k for k, value in enumerate(worth) if value >= 0), None)
    assert found == expected


@given(rate=st.floats(0, 0.1), outlay=st.floats(1, 1e6), gains=st.lists(st.floats(0, 1e5), max_size=60))
def test_discounting_never_pays_back_sooner(rate: float, outlay: float, gains: list[float]) -> None:
    """The discounted payback is never before the simple one, and never within it."""
    simple, discounted = simple_payback([-outlay, *gains]), discounted_payback(rate, [-outlay, *gains])
    assert discounted is None or (simple is not None and simple <= discounted + 1e-9)


@given(outlay=st.floats(1, 1e6), gain=st.floats(1, 1e6))
def test_simple_payback_at_a_level_gain(outlay: float, gain: float) -> None:
    """At a level gain the simple payback is outlay / gain, the break-even month of flat prices."""
    assume(abs(outlay / gain - 60) > 1e-6)
    found = simple_payback([-outlay, *[gain] * 60])
    assert found == (pytest.approx(outlay / gain, rel=1e-9) if outlay / gain <= 60 else None)
    months = break_even_months(outlay, 0.0, gain, horizon=60)
    assert found == (months if months is None else pytest.approx(months, rel=1e-9))


def test_no_return_where_the_flows_do_not_change_sign() -> None:
    """Without an outlay, or without a return, there is no internal rate and no payback."""
    assert irr([100.0, 10.0]) is None
    assert irr([-100.0, -10.0]) is None
    assert irr([0.0, 0.0]) is None
    assert irr([]) is None
    assert simple_payback([-100.0, 10.0]) is None
    assert discounted_payback(0.0, [-100.0, 10.0]) is None


def test_nothing_to_pay_back_is_paid_back_now() -> None:
    """Flows that start at zero or above have paid back at once."""
    assert simple_payback([0.0, -5.0]) == 0.0
    assert discounted_payback(0.1, [5.0]) == 0


def test_a_loss_has_a_negative_rate() -> None:
    """Half the money back after one period is -50 %."""
    assert irr([-100.0, 50.0]) == pytest.approx(-0.5)


@pytest.mark.parametrize("rate", [-1.0, -2.0, math.nan, math.inf])
def test_a_rate_stays_above_minus_one(rate: float) -> None:
    """Losing all or more of it every period discounts nothing to anything: refused everywhere, with the rate named."""
    for refused in (
        lambda: npv(rate, [1.0, 2.0]),
        lambda: annuity(100, rate, 12),
        lambda: discounted_payback(rate, [-1.0, 2.0]),
        lambda: discount_factors(rate, 3),
        lambda: present_value(np.ones((2, 3)), np.array([0.1, rate])),
        lambda: rate_per_month(rate, "monthly"),
        lambda: year_effective(rate),
    ):
        with pytest.raises(ValueError, match=r"-100 %"):
            refused()


def test_impossible_questions_are_refused() -> None:
    """An annuity over no period and a rate of unknown flows have no answer."""
    with pytest.raises(ValueError, match="period"):
        annuity(100, 0.1, 0)
    with pytest.raises(ValueError, match="finite"):
        irr([-100.0, math.nan, 3.0])
