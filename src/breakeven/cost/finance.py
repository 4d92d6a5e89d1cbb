"""Money over time: present value, annuity, internal rate of return, payback. Scalar by pyxirr, arrays by numpy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyxirr
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Compounding = Literal["monthly", "effective"]
"""How a rate a year becomes a rate a month: a twelfth of it, or the rate that compounds to it in twelve months."""

MONTHS_PER_YEAR = 12
IRR_SCALE_USD = 1e6
"""Flows are scaled to this size first: pyxirr ends its search at an absolute remainder, whatever the flows are."""
NO_INTEREST = 1e-12
"""Below this rate a period the interest is smaller than the rounding of a float."""


def rate_per_month(rate_per_year: float, compounding: Compounding) -> float:
    """The rate a month of a rate a year: `monthly` is rate / 12, `effective` is (1 + rate)^(1/12) - 1.

    Raises:
        ValueError: the rate a year is not above -100 %.
    """
    _check_rate(rate_per_year)
    if compounding == "monthly":
        return rate_per_year / MONTHS_PER_YEAR
    return math.expm1(math.log1p(rate_per_year) / MONTHS_PER_YEAR)


def year_effective(rate_per_month: float) -> float:
    """The rate a year that a rate a month compounds to: (1 + rate)^12 - 1.

    Raises:
        ValueError: the rate a month is not above -100 %.
    """
    _check_rate(rate_per_month)
    return math.expm1(MONTHS_PER_YEAR * math.log1p(rate_per_month))


def npv(rate: float, flows: Sequence[float]) -> float:
    """Net present value in USD: sum of flow k / (1 + rate)^k, the first flow now, rate per period.

    Raises:
        ValueError: the rate is not above -100 %.
    """
    _check_rate(rate)
    return float(pyxirr.npv(rate, flows) or 0.0)


LEAST_RATE = -1 + 1e-9


def irr(flows: Sequence[float]) -> float | None:
    """Rate per period at which the flows are worth nothing now; None where they do not change sign.

    Flows that change sign more than once can have several such rates; the one returned is then any of them. A rate that
    loses all but a billionth a period is none: the digits of floats decide whether there is one.

    Raises:
        ValueError: a flow is not finite.
    """
    if not all(math.isfinite(flow) for flow in flows):
        message = f"an internal rate of return needs finite flows, got {flows}"
        raise ValueError(message)
    largest = max(map(abs, flows), default=0.0)
    try:
        found: float | None = pyxirr.irr([flow / (largest or 1.0) * IRR_SCALE_USD for flow in flows])
    except pyxirr.InvalidPaymentsError:
        return None
    return found if found is not None and found > LEAST_RATE else None


def annuity(capex_usd: float, rate: float, periods: int, residual_usd: float = 0.0) -> float:
    """Level payment a period that pays a purchase back with interest and leaves the residual, in USD.

    (C - R / (1+i)^n) * i / (1 - (1+i)^-n); without interest (C - R) / n. Written with log1p and expm1 because
    pyxirr.pmt loses its digits as the rate nears zero.

    Raises:
        ValueError: there is no period, or the rate is not above -100 %.
    """
    _check_rate(rate)
    if periods < 1:
        message = f"an annuity needs at least one period, got {periods}"
        raise ValueError(message)
    if abs(rate) < NO_INTEREST:
        return (capex_usd - residual_usd) / periods
    growth = periods * math.log1p(rate)
    return (capex_usd - residual_usd * math.exp(-growth)) * rate / -math.expm1(-growth)


def equivalent_annuity(present_usd: float, rate: float, periods: int) -> float:
    """The level amount at the end of each period that is worth the present value, in USD.

    Raises:
        ValueError: there is no period, or the rate is not above -100 %.
    """
    return annuity(present_usd, rate, periods)


def simple_payback(flows: Sequence[float]) -> float | None:
    """Periods until the flows sum to zero, linear within the period, undiscounted; None is never."""
    total = 0.0
    for k, flow in enumerate(flows):
        if total + flow >= 0:
            return k - 1 - total / flow if k else 0.0
        total += flow
    return None


def discounted_payback(rate: float, flows: Sequence[float]) -> int | None:
    """First whole period in which the discounted flows sum to zero or more; None is never.

    Raises:
        ValueError: the rate is not above -100 %.
    """
    _check_rate(rate)
    total = 0.0
    for k, flow in enumerate(flows):
        total += flow / (1 + rate) ** k
        if total >= 0:
            return k
    return None


def discount_factors(rate: float | Floats, periods: int) -> Floats:
    """1 / (1 + rate)^k for k = 0..periods along a new last axis: shape (..., periods + 1) for rates of shape (...).

    Raises:
        ValueError: a rate is not above -100 %.
    """
    rates = np.asarray(rate, dtype=np.float64)
    _check_rate(float(rates.min()))
    _check_rate(float(rates.max()))
    powers: Floats = np.exp(np.multiply.outer(-np.log1p(rates), np.arange(periods + 1)))
    return powers


def present_value(flows: Floats, rate: float | Floats) -> Floats:
    """Present value along the last axis of flows (..., H + 1), the first flow now; one rate, or one per row.

    Raises:
        ValueError: a rate is not above -100 %.
    """
    factors = discount_factors(rate, flows.shape[-1] - 1)
    return np.asarray(np.einsum("...k,...k->...", flows, factors), dtype=np.float64)


def _check_rate(rate: float) -> None:
    if not (math.isfinite(rate) and rate > -1):
        message = f"a rate is finite and above -100 % a period, got {rate}"
        raise ValueError(message)
