"""How figures, shares and intervals are written in documents. Unknown is said, never shown as zero."""

from __future__ import annotations

from breakeven.quantity import format_count, format_seconds, format_usd, usd_from_pico
from breakeven.report import currency
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Latency


def share(value: float | None, *, unknown: str = "unknown") -> str:
    """A share as a percentage with three significant digits."""
    return unknown if value is None else f"{value * 100:.3g} %"


def percent(value: float) -> str:
    """A share that may be far above 1, in whole per cent."""
    return f"{value * 100:,.0f} %"


def number(value: float | None, unit: str, *, unknown: str = "unknown") -> str:
    """A value with its unit, in the way that unit is read."""
    if value is None:
        return unknown
    money = currency.split(unit)
    if money is not None:
        return currency.cash(value, money[0]) + money[1]
    if unit in {"share", "fraction"} or unit.startswith("fraction of "):
        return share(value) + unit.removeprefix("fraction").removeprefix("share")
    return _timed(value, unit) or scaled(value, "" if unit == "ratio" else unit).rstrip()


def _timed(value: float, unit: str) -> str:
    """Seconds, months and rates; empty for any other unit."""
    if unit == "s":
        return format_seconds(value)
    if unit in {"month", "months"}:
        return months(value)
    return f"{value:.3g}/s" if unit in {"1/s", "requests/s"} else ""


def scaled(value: float, unit: str) -> str:
    """A value with a decimal prefix for bytes and operations, and with words for other large counts."""
    letters = unit.startswith(("byte", "FLOP", "OP"))
    for size, letter, word in ((1e12, "T", "trillion "), (1e9, "G", "billion "), (1e6, "M", "million ")):
        if abs(value) >= size:
            return f"{value / size:.4g} {letter if letters else word}{unit}"
    digits = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"  # noqa: PLR2004 - no exponents for people
    return f"{digits} {unit}"


def interval(low: float | None, high: float | None, unit: str) -> str:
    """`low to high` in the unit, which is said once; empty without both bounds, or where they are the same."""
    if low is None or high is None or low == high:
        return ""
    first, second = number(low, unit), number(high, unit)
    head, space, tail = first.partition(" ")
    return f"{head if space and second.endswith(f' {tail}') else first} to {second}"


def figure(value: Figure, *, unknown: str = "unknown") -> str:
    """A figure with its interval in parentheses; unknown values say why when they know."""
    if value.value is None:
        return value.note or unknown
    bounds = interval(value.low, value.high, value.unit)
    return number(value.value, value.unit) + (f" ({bounds})" if bounds else "")


def level(value: Figure) -> str:
    """What an interval's bounds hold: 80 % unless the figure says 95 %."""
    return "95 % interval" if "95 %" in value.note else "80 % interval"


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


def change(now: float, then: float) -> str:
    """How far `then` lies from `now`: `+25 %`; empty where now is nothing."""
    if not now:
        return ""
    moved = (then - now) / abs(now) * 100
    return f"{moved:+,.0f} %" if abs(moved) >= 10 else f"{moved:+.2g} %"  # noqa: PLR2004 - two digits suffice


def months(value: float | None) -> str:
    """A number of months; None is "never"."""
    return "never" if value is None else f"{value:.3g} months" if value < 1000 else f"{value:,.0f} months"  # noqa: PLR2004
