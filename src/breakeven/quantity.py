"""Exact money, and how quantities are written for people.

Money is an integer number of pico-US-dollars (1e-12 USD), so that a 50-microsecond CPU answer, which costs half a
nano-dollar, is not rounded away and sums do not drift. Python integers do not overflow.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

PICO_PER_USD = 10**12
SECONDS_PER_HOUR = 3600.0
HOURS_PER_MONTH = 730.0
"""The convention used unless a result says otherwise (8760 hours / 12)."""
SECONDS_PER_MONTH = HOURS_PER_MONTH * SECONDS_PER_HOUR


def pico_from_usd(amount_usd: float | str | Decimal) -> int:
    """US dollars to integer pico-dollars, halves to even.

    Raises:
        ValueError: the amount is not finite.
    """
    exact = Decimal(str(amount_usd))
    if not exact.is_finite():
        message = f"money must be finite, got {amount_usd}"
        raise ValueError(message)
    return int((exact * PICO_PER_USD).to_integral_value(ROUND_HALF_EVEN))


def usd_from_pico(amount_pico_usd: int) -> float:
    """Integer pico-dollars to US dollars, for display and ratios only."""
    return amount_pico_usd / PICO_PER_USD


def format_usd(amount_usd: float | None) -> str:
    """Dollars for people: cents above a dollar, four significant digits below; None is "unpriced"."""
    if amount_usd is None or not math.isfinite(amount_usd):
        return "unpriced"
    if amount_usd == 0:
        return "$0"
    sign, size = ("-" if amount_usd < 0 else ""), abs(amount_usd)
    if size >= 1000:  # noqa: PLR2004 - a thousand is where cents stop mattering
        return f"{sign}${size:,.0f}"
    if size >= 1:
        return f"{sign}${size:,.2f}"
    return f"{sign}${_plain(size)}"


def _plain(size: float) -> str:
    digits = max(0, 3 - math.floor(math.log10(size)))
    return f"{size:.{digits}f}".rstrip("0").rstrip(".")


def format_seconds(duration_s: float | None) -> str:
    """Seconds for people: us, ms, s or min; None is "unknown"."""
    if duration_s is None or not math.isfinite(duration_s):
        return "unknown"
    for limit, scale, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms"), (120.0, 1.0, "s")):
        if abs(duration_s) < limit:
            return f"{duration_s * scale:.3g} {unit}"
    return f"{duration_s / 60:.3g} min"


def format_count(count: float | None) -> str:
    """A count with thousands separators; None is "unknown"."""
    return "unknown" if count is None else f"{count:,.0f}"
