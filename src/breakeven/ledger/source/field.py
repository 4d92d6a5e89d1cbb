"""One field of one row, read as what it should be; what cannot be read names file, row, column, value and way out."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import NoReturn

from breakeven.errors import LedgerError
from breakeven.quantity import pico_from_usd
from breakeven.schema.noun import Noun

_TRUE = frozenset({"true", "t", "yes", "y", "1"})
_FALSE = frozenset({"false", "f", "no", "n", "0", "none", "null", ""})
_PER_SECOND = {"s": 1, "ms": 1000}
_MOST_USD = 9_000_000
"""A column of pico-dollars holds no more."""


class Bad(Noun, frozen=True, kw_only=True):
    """A row that cannot be read: where it stands, why, the way out, and what of it there is."""

    file: str
    number: int
    reason: str
    way_out: str = ""
    row: str = ""

    def error(self) -> LedgerError:
        """The same as an error, for who takes no part of a file."""
        return LedgerError(f"{self.file}:{self.number}: {self.reason}", self.way_out)


class Row(Noun, frozen=True, kw_only=True):
    """One row of a log: `number` is the line (or row) a reader can find, `values` its fields by column."""

    file: str
    number: int
    values: dict[str, object]

    def text(self, column: str) -> str:
        """The field as text; "" where it is empty or no column is named."""
        value = self.values.get(column) if column else None
        return "" if value is None else str(value).strip()

    def number_of(self, column: str, what: str) -> float | None:
        """A finite number that is not negative; None where the field is empty."""
        text = self.text(column)
        if not text:
            return None
        try:
            number = float(text)
        except ValueError:
            self.refuse(column, f"{what} is a number", "correct the field or map another column")
        if not math.isfinite(number) or number < 0:
            self.refuse(column, f"{what} is finite and not negative", "correct the field or leave it empty")
        return number

    def count(self, column: str, what: str) -> int:
        """A whole number; 0 where the field is empty."""
        number = self.number_of(column, what) or 0.0
        if number != int(number):
            self.refuse(column, f"{what} is a whole number", "correct the field or map another column")
        return int(number)

    def seconds(self, column: str, unit: str) -> float | None:
        """A duration in seconds, from `unit`; None where the field is empty."""
        number = self.number_of(column, "a duration")
        return None if number is None else number / _PER_SECOND[unit]

    def money(self, column: str) -> int | None:
        """US dollars as pico-USD; None (unpriced) where the field is empty or there is no column."""
        text = self.text(column)
        if not text:
            return None
        try:
            amount = Decimal(text)
        except InvalidOperation:
            self.refuse(column, "a cost is a number of US dollars", "correct the field, or leave it empty for unpriced")
        if not amount.is_finite() or amount < 0:
            self.refuse(column, "a cost is finite and not negative", "correct it, or leave it empty for unpriced")
        if amount > _MOST_USD:
            self.refuse(column, f"a cost of one row is at most {_MOST_USD:,} USD", "check the unit: costs are USD")
        return pico_from_usd(amount)

    def instant(self, column: str, unit: str) -> float | None:
        """Unix seconds, from ISO 8601 or a Unix time in `unit`; None where the field is empty."""
        if unit != "iso":
            number = self.number_of(column, "a Unix time")
            return None if number is None else number / _PER_SECOND[unit]
        value = self.values.get(column) if column else None
        text = self.text(column)
        if not text:
            return None
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(text)
        except ValueError:
            way_out = "write 2026-11-24T10:00:00Z, or set time_unit to s or ms for Unix time"
            self.refuse(column, "a time is ISO 8601", way_out)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def flag(self, column: str) -> bool:
        """True or false; an empty field is false."""
        text = self.text(column).lower()
        if text not in _TRUE | _FALSE:
            self.refuse(column, "a flag is true or false", "write true/false, yes/no or 1/0")
        return text in _TRUE

    def refuse(self, column: str, rule: str, way_out: str) -> NoReturn:
        """Raise the error of one field.

        Raises:
            LedgerError: always.
        """
        message = f"{self.file}:{self.number}: column {column!r} holds {self.text(column)!r}: {rule}"
        raise LedgerError(message, way_out)
