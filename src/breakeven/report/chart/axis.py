"""Axes: nice ticks, scales, how values are written, and how labels keep out of each other's way."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from breakeven.quantity import format_count, format_seconds
from breakeven.report import currency
from breakeven.schema.noun import Noun

PRECISION = 1e-12
"""An axis that is narrower than this share of its values has no room for two different ticks."""
_NARROW, _WIDE = frozenset("ijlI.,:;|!'`()[]ft "), frozenset("mwMW@%—…")


class Scale(Noun, frozen=True, kw_only=True):
    """Maps `low`..`high` of a quantity to `start`..`end` pixels; logarithmic where both bounds are positive."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        """The pixel of a value, held inside the axis."""
        share = self._share(min(max(value, self.low), self.high))
        return self.start + (self.end - self.start) * share

    def _share(self, value: float) -> float:
        if self.high <= self.low:
            return 0.0
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def linear_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """About `count` round values (1, 2, 2.5 or 5 times a power of ten) from `low` to `high`."""
    if not high - low > PRECISION * max(abs(low), abs(high)):
        return (low,)
    step = _nice_step((high - low) / max(1, count))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return tuple(index * step for index in range(first, last + 1))


def _nice_step(rough: float) -> float:
    power: float = 10.0 ** math.floor(math.log10(rough))
    return next((size * power for size in (1, 2, 2.5, 5) if rough <= size * power * (1 + 1e-9)), 10 * power)


def log_ticks(low: float, high: float, count: int = 6) -> tuple[float, ...]:
    """1, 2 and 5 times powers of ten inside `low`..`high`, thinned to decades when they are too many.

    Raises:
        ValueError: a bound is not positive.
    """
    if not 0 < low <= high:
        message = f"a logarithmic axis needs 0 < low <= high, got {low} and {high}"
        raise ValueError(message)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for sizes in ((1, 2, 5), (1,)):
        ticks = tuple(
            s * 10.0**d for d in decades for s in sizes if low * (1 - 1e-9) <= s * 10.0**d <= high * (1 + 1e-9)
        )
        if ticks and len(ticks) <= count:
            return ticks
    return ticks[:: math.ceil(len(ticks) / count)] if ticks else (low, high)


def write(value: float | None, unit: str) -> str:
    """A value for people in its unit: USD (also per something), s, share or %, counts, else the number and the unit."""
    head, _, per = unit.partition("/")
    tail = f" / {per}" if per else ""
    money = currency.split(unit)
    if money is not None:
        return currency.cash(value, money[0]) + ((tail or money[1]) if value is not None else "")
    if head == "s":
        return format_seconds(value)
    return "unknown" if value is None or not math.isfinite(value) else _write_plain(value, unit)


def _write_plain(value: float, unit: str) -> str:
    head, _, per = unit.partition("/")
    if head == "1" and per:
        return f"{value:,.4g} / {per}"
    if unit in {"share", "fraction"}:
        return percent(value)
    if unit == "%":
        return percent(value / 100)
    if unit in {"", "1", "ratio"} and not float(value).is_integer():
        return f"{value:,.4g}"
    if unit in {"", "1", "ratio", "count", "predictions", "requests", "tokens"}:
        return format_count(value)
    return f"{value:,.4g} {unit}" if abs(value) < 1e3 else f"{value:,.0f} {unit}"  # noqa: PLR2004 - no exponents for people


def percent(share: float) -> str:
    """A share as per cent; small ones keep two significant digits, and only exactly nothing is 0 %."""
    size = abs(share * 100)
    if size in {0, 100}:
        return f"{share * 100:.0f} %"
    if 99 < size < 100:  # noqa: PLR2004 - almost all is not all
        return f"{math.copysign(min(math.floor(size * 100) / 100, 99.99), share):.4g} %"
    digits = 0 if size >= 10 else 1 if size >= 1 else min(6, 1 - math.floor(math.log10(size)))  # noqa: PLR2004
    return f"{share * 100:.{digits}f} %"


def compact_usd(amount_usd: float) -> str:
    """Dollars for an axis: $950, $12k, $1.5M."""
    return currency.compact(amount_usd, "USD")


def compact(value: float, unit: str) -> str:
    """A value for an axis: money short, in its currency, anything else as it is written elsewhere."""
    money = currency.split(unit)
    return write(value, unit) if money is None else currency.compact(value, money[0])


def brief(value: float, unit: str) -> str:
    """A value in little room: money short, but still with what it is per."""
    money = currency.split(unit)
    return write(value, unit) if money is None else currency.compact(value, money[0]) + money[1]


def month_ticks(months: Scale, pixels: float = 44.0) -> list[float]:
    """Whole months from 0 on, in steps of 1, 2, 3, 6, 12, 24 or 60, so that each has these pixels."""
    room = (months.end - months.start) / pixels
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if months.high / s <= room), 120)
    return [float(month) for month in range(0, int(months.high) + 1, step)]


def text_width(content: str, size: float) -> float:
    """A careful (high) estimate of a label's width in pixels; there are no font metrics on a server."""
    return size * sum(_em(character) for character in content)


def _em(character: str) -> float:
    if character in _NARROW:
        return 0.42
    if character in _WIDE or unicodedata.east_asian_width(character) in {"W", "F"}:
        return 1.05
    return 0.72 if character.isupper() else 0.65


def fit(content: str, size: float, room: float) -> str:
    """The label, or as much of it as fits with an ellipsis."""
    if text_width(content, size) <= room:
        return content
    end = len(content)
    while end and text_width(content[:end] + "…", size) > room:
        end -= 1
    return content[:end].rstrip() + "…"


def fit_name(name: str, size: float, room: float) -> str:
    """The name, or as much of its start and its end as fits: names of one family differ at the end."""
    kept = len(name)
    while kept > 1 and text_width(_middle_out(name, kept), size) > room:
        kept -= 1
    return _middle_out(name, kept)


def _middle_out(name: str, kept: int) -> str:
    tail = kept // 2
    return name if kept >= len(name) else f"{name[: kept - tail].rstrip()}…{name[len(name) - tail :].lstrip()}"


def push_apart(centres: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """New centres, in the same order, so that boxes of these sizes neither overlap nor leave `low`..`high`.

    Each stays as near to its wish as one pass each way allows. Where they cannot all fit they keep their order from
    `low` on and run past `high`: the caller drops some.
    """
    order = sorted(range(len(centres)), key=lambda index: (centres[index], index))
    placed = list(centres)
    edge = low
    for index in order:
        placed[index] = max(placed[index], edge + sizes[index] / 2)
        edge = placed[index] + sizes[index] / 2
    edge = max(high, low + sum(sizes))
    for index in reversed(order):
        placed[index] = min(placed[index], edge - sizes[index] / 2)
        edge = placed[index] - sizes[index] / 2
    return placed
