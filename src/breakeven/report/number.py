"""How figures, shares and intervals are written in documents. Unknown is said, never shown as zero."""

from __future__ import annotations

from breakeven.quantity import format_count, format_seconds, format_usd, usd_from_pico
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Latency

INTERVAL = "80 % interval"


def share(value: float | None, *, unknown: str = "unknown") -> str:
    """A share as a percentage with three significant digits."""
    return unknown if value is None else f"{value * 100:.3g} %"


def number(value: float | None, unit: str, *, unknown: str = "unknown") -> str:
    """A value with its unit, in the way that unit is read."""
    if value is None:
        return unknown
    match unit.lower():
        case "usd" | "$" | "usd/month" | "usd/hour" | "usd/prediction":
            return format_usd(value)
        case "s" | "seconds":
            return format_seconds(value)
        case "share" | "ratio" | "fraction":
            return share(value)
        case "count" | "predictions" | "requests":
            return format_count(value)
        case _:
            return f"{value:,.4g} {unit}".rstrip()


def interval(low: float | None, high: float | None, unit: str) -> str:
    """`low to high` in the unit; empty without both bounds."""
    if low is None or high is None:
        return ""
    return f"{number(low, unit)} to {number(high, unit)}"


def figure(value: Figure, *, unknown: str = "unknown") -> str:
    """A figure with its interval in parentheses; unknown values say why when they know."""
    if value.value is None:
        return value.note or unknown
    bounds = interval(value.low, value.high, value.unit)
    return number(value.value, value.unit) + (f" ({bounds})" if bounds else "")


def money(amount_pico_usd: int) -> str:
    """Pico-dollars for people."""
    return format_usd(usd_from_pico(amount_pico_usd))


def part(amount: int, total: int) -> str:
    """An amount as a share of a total; a dash for an empty total."""
    return share(amount / total) if total else "-"


def percentiles(latency: Latency) -> tuple[str, str, str, str]:
    """n, p50, p95 and p99 of a latency; a dash for each without data."""
    if not latency.n:
        return "0", "-", "-", "-"
    return (
        format_count(latency.n),
        format_seconds(latency.p50_s),
        format_seconds(latency.p95_s),
        format_seconds(latency.p99_s),
    )


def months(value: float | None) -> str:
    """A number of months; None is "never"."""
    return "never" if value is None else f"{value:.3g} months"
