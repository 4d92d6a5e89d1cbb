"""Money in the currency of a study, written as dollars are: `$1,234`, `1,234 EUR`, and for axes `$12k`, `12k EUR`."""

from __future__ import annotations

from breakeven.algebra.unit import CURRENCIES
from breakeven.quantity import format_usd


def cash(amount: float | None, currency: str) -> str:
    """An amount for people; None is "unpriced"."""
    return _named(format_usd(amount), currency)


def compact(amount: float, currency: str) -> str:
    """An amount for an axis."""
    for limit, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(amount) >= limit:
            return _named(f"{'-' if amount < 0 else ''}${abs(amount) / limit:.4g}{letter}", currency)
    return _named(format_usd(amount).removesuffix(".00"), currency)


def _named(dollars: str, currency: str) -> str:
    if currency == "USD" or "$" not in dollars:
        return dollars
    return f"{dollars.replace('$', '')} {currency}"


def split(unit: str) -> tuple[str, str] | None:
    """The currency that a unit begins with, and the rest (`/hour`, ` per hour`); None for what is not money."""
    code, rest = unit[:3].upper(), unit[3:]
    return (code, rest) if code in CURRENCIES and rest[:1] in {"", "/", " "} else None
