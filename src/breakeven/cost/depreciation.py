"""How a purchase is written off."""

from __future__ import annotations


def straight_line_month(capex_usd: float, residual_usd: float, life_months: int) -> float:
    """(purchase - residual) / months of life, in USD a month.

    Raises:
        ValueError: the life is not at least one month.
    """
    if life_months < 1:
        message = f"a useful life is at least one month, got {life_months}"
        raise ValueError(message)
    return (capex_usd - residual_usd) / life_months


def book_value(capex_usd: float, residual_usd: float, life_months: int, age_months: int) -> float:
    """What is not yet written off after `age_months`, in USD; the residual from the end of life on."""
    written = straight_line_month(capex_usd, residual_usd, life_months) * min(age_months, life_months)
    return capex_usd - written
