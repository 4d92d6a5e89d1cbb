"""How a purchase is written off: a schedule is the amount of each month of its life, in USD."""

from __future__ import annotations

import math
from collections.abc import Sequence

MONTHS_PER_YEAR = 12
SHARES_TOLERANCE = 1e-9
"""How far yearly shares may be from summing to 1: rounding of a table's decimals, nothing else."""


def straight_line_month(capex_usd: float, residual_usd: float, life_months: int) -> float:
    """(purchase - residual) / months of life, in USD a month.

    Raises:
        ValueError: the life is not at least one month.
    """
    _check_life(life_months)
    return (capex_usd - residual_usd) / life_months


def straight_line(capex_usd: float, residual_usd: float, life_months: int) -> tuple[float, ...]:
    """The same amount every month, down to the residual.

    Raises:
        ValueError: the life is not at least one month, or the residual is not between 0 and the price.
    """
    _check(capex_usd, residual_usd, life_months)
    return (straight_line_month(capex_usd, residual_usd, life_months),) * life_months


def declining_balance(
    capex_usd: float, residual_usd: float, life_months: int, factor: float = 2.0
) -> tuple[float, ...]:
    """The factor / life of the book value each month, straight line once that writes off more; never below residual.

    A factor of 2 is the double declining balance. It is applied month by month, not once a year.

    Raises:
        ValueError: the life is under one month, the factor not above 0, or the residual not between 0 and the price.
    """
    _check(capex_usd, residual_usd, life_months)
    if not (math.isfinite(factor) and factor > 0):
        message = f"the factor of a declining balance is above 0, got {factor}"
        raise ValueError(message)
    written = []
    book = capex_usd
    for left in range(life_months, 0, -1):
        level = straight_line_month(book, residual_usd, left)
        amount = min(max(book * factor / life_months, level), max(book - residual_usd, 0.0))
        written.append(amount)
        book -= amount
    return tuple(written)


def by_year(capex_usd: float, shares: Sequence[float]) -> tuple[float, ...]:
    """A table of yearly shares of the price (MACRS and the like), each spread evenly over its twelve months.

    The whole price is written off: there is no residual. The first share is that of the first twelve months.

    Raises:
        ValueError: a share is negative, or they do not sum to 1.
    """
    _check(capex_usd, 0.0, MONTHS_PER_YEAR)
    total = math.fsum(shares)
    if min(shares, default=0.0) < 0 or not abs(total - 1) <= SHARES_TOLERANCE:
        message = f"yearly shares are fractions of the price that sum to 1, got {tuple(shares)}, which sum to {total:g}"
        raise ValueError(message)
    return tuple(capex_usd * share / MONTHS_PER_YEAR for share in shares for _ in range(MONTHS_PER_YEAR))


def book_value(capex_usd: float, schedule: Sequence[float], age_months: int) -> float:
    """What a schedule has not yet written off after `age_months`, in USD; what it leaves from the end of life on."""
    return capex_usd - math.fsum(schedule[: max(age_months, 0)])


def _check_life(life_months: int) -> None:
    if life_months < 1:
        message = f"a useful life is at least one month, got {life_months}"
        raise ValueError(message)


def _check(capex_usd: float, residual_usd: float, life_months: int) -> None:
    _check_life(life_months)
    if not (math.isfinite(capex_usd) and 0 <= residual_usd <= capex_usd):
        message = f"a residual lies between 0 and the price, got {residual_usd} of {capex_usd}"
        raise ValueError(message)
