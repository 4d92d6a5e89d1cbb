"""One line of an invoice or usage export, read on stated terms: what a currency is worth, and which clock it is on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from breakeven.errors import LedgerError
from breakeven.ledger.source.field import Row
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.focus import EXACT
from breakeven.schema.noun import Noun

USD = "USD"


class Rate(Noun, frozen=True, kw_only=True):
    """What one unit of `currency` is taken to be worth in USD, as of an ISO date."""

    currency: str
    usd: Decimal
    on: str


class Terms(Noun, frozen=True, kw_only=True):
    """How lines are read: rates by currency, and the zone of times that name none."""

    rates: Mapping[str, Rate] = {}
    zone: tzinfo = UTC
    zone_name: str = "UTC"


class Line(Noun, frozen=True, kw_only=True):
    """One line; None is "it does not say". `input_tokens` includes the cached ones, `meter` is what it charges."""

    place: str
    start_s: float
    end_s: float
    model: str
    key: str = ""
    request_id: str = ""
    meter: str = ""
    calls: int | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    pico_usd: int | None = None
    batch: bool = False
    day_only: bool = False


class OtherMoneyError(LedgerError):
    """A line is in a currency without a rate: the whole file is refused, for half of it would be no invoice."""


Read = Callable[[Row, Terms], Line | None]
"""A reader of one row; None where the row is no charge. Raises LedgerError where a field is not what it should be."""


def money(row: Row, column: str, currency: str, terms: Terms) -> int | None:
    """A cost in pico-USD; None where the field is empty.

    Raises:
        OtherMoneyError: it is in a currency without a rate.
        LedgerError: it is no number.
    """
    text = row.text(column)
    if not text:
        return None
    try:
        amount = Decimal(text.replace(",", "").removeprefix("$"))
    except InvalidOperation:
        row.refuse(column, "a cost is a number", "correct the field, or leave it empty")
    if not amount.is_finite():
        row.refuse(column, "a cost is finite", "correct the field, or leave it empty")
    usd = EXACT.multiply(amount, rate(row, column, currency or USD, terms))
    return int((usd * PICO_PER_USD).to_integral_value())


def rate(row: Row, column: str, currency: str, terms: Terms) -> Decimal:
    """USD for one unit of a currency.

    Raises:
        OtherMoneyError: none is stated.
    """
    code = currency.strip().upper()
    if code == USD:
        return Decimal(1)
    if code in terms.rates:
        return terms.rates[code].usd
    message = f"{row.file}:{row.number}: {column} is in {code}, the ledger in USD"
    raise OtherMoneyError(message, f"state the rate and its day: --fx {code}=1.08@2026-10-31 (USD for one {code})")


def count(row: Row, column: str) -> int | None:
    """A whole number; None where the field is empty or there is no such column."""
    if not row.text(column):
        return None
    number = row.number_of(column, "a count") or 0.0
    if number != int(number):
        row.refuse(column, "a count is a whole number", "correct the field")
    return int(number)


def total(*counts: int | None) -> int | None:
    """The sum of those that are known; None where none is."""
    known = [one for one in counts if one is not None]
    return sum(known) if known else None


def period(row: Row, column: str, terms: Terms, *, end: str = "", default_s: float = 0.0) -> tuple[float, float, bool]:
    """Start, end (Unix seconds), and whether only a day is named; a time without a zone is on the terms' clock.

    Raises:
        LedgerError: a field is no time.
    """
    start, day_only = _instant(row, column, terms)
    if end and row.text(end):
        return start.timestamp(), _instant(row, end, terms)[0].timestamp(), day_only
    # By the calendar, not by seconds: a day on which clocks change has 23 or 25 hours.
    until = (start + timedelta(days=1)).timestamp() if day_only else start.timestamp() + default_s
    return start.timestamp(), until, day_only


def _instant(row: Row, column: str, terms: Terms) -> tuple[datetime, bool]:
    value, text = row.values.get(column), row.text(column)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=terms.zone), False
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=terms.zone), True
    if text.replace(".", "", 1).isdigit() and "-" not in text:
        return datetime.fromtimestamp(float(text), UTC), False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        _no_time(row, column)
    return (moment if moment.tzinfo else moment.replace(tzinfo=terms.zone)), len(text) == len("2026-10-01")


def _no_time(row: Row, column: str) -> NoReturn:
    row.refuse(column, "a time is ISO 8601 or Unix seconds", "write 2026-10-31 or 2026-10-31T10:00:00Z")
