"""Money over time: present value, annuity, internal rate of return, payback."""

from __future__ import annotations

import math
from collections.abc import Sequence

BISECTIONS = 200
NO_INTEREST = 1e-12
"""Below this rate a period the interest is smaller than the rounding of a float."""


def npv(rate: float, flows: Sequence[float]) -> float:
    """Net present value in USD: sum of flow k / (1 + rate)^k, the first flow now, rate per period."""
    return sum(flow / (1 + rate) ** k for k, flow in enumerate(flows))


def annuity(capex_usd: float, rate: float, periods: int, residual_usd: float = 0.0) -> float:
    """Level payment a period that pays a purchase back with interest and leaves the residual, in USD.

    (C - R / (1+i)^n) * i / (1 - (1+i)^-n); without interest (C - R) / n.

    Raises:
        ValueError: there is no period.
    """
    if periods < 1:
        message = f"an annuity needs at least one period, got {periods}"
        raise ValueError(message)
    if abs(rate) < NO_INTEREST:
        return (capex_usd - residual_usd) / periods
    growth = periods * math.log1p(rate)
    return (capex_usd - residual_usd * math.exp(-growth)) * rate / -math.expm1(-growth)


def irr(flows: Sequence[float]) -> float | None:
    """Rate per period at which the flows are worth nothing now; None where they do not change sign.

    By bisection between -99 % and 1000 %, so one root of a conventional investment (out first, then in).
    """
    low, high = -0.99, 10.0
    if npv(low, flows) * npv(high, flows) > 0:
        return None
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        if npv(low, flows) * npv(middle, flows) <= 0:
            high = middle
        else:
            low = middle
    return (low + high) / 2


def payback(rate: float, flows: Sequence[float]) -> int | None:
    """First period in which the discounted flows sum to zero or more; rate 0 is the simple payback, None is never."""
    total = 0.0
    for k, flow in enumerate(flows):
        total += flow / (1 + rate) ** k
        if total >= 0:
            return k
    return None
