"""FOCUS rows as CSV text and back: what is written is read again as the same rows, whatever the texts in them.

Null is an empty field. A text that a spreadsheet would run as a formula, or that reads as null, is written behind an
apostrophe, which reading takes away again. A provider's file may say NULL, leave the Z out of times, or write a plus
sign: it is read, and the remarks say how often.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

from breakeven.errors import LedgerError
from breakeven.schema.focus import KNOWN, MANDATORY, Cell, Row, Table

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NULL = "NULL"
_LONGEST = 60
"""Powers of ten beyond which a number of a cost file is a mistake, not money."""
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)(E-?\d+)?")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_FIELD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table with what must be said about it."""

    table: Table
    remarks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The table as CSV."""
        return to_csv(self.table)


class _Lines(list[str]):
    """What a csv writer needs of a file."""

    def write(self, text: str) -> int:
        self.append(text)
        return len(text)


def to_csv(table: Table) -> str:
    """The table as CSV with a header line and CRLF line ends (RFC 4180)."""
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow([_guard(name) for name in table.columns])
    writer.writerows([_field(row[name]) for name in table.columns] for row in table.rows)
    return "".join(lines)


def _field(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
    return _number(value) if isinstance(value, Decimal) else _guard(value)


def _number(value: Decimal) -> str:
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _guarded(text: str) -> bool:
    """Whether a text would be misread as it stands: as a formula, as null, or as a text written with an apostrophe."""
    return text.startswith(_FORMULA) or text.upper() == _NULL or (text.startswith("'") and _guarded(text[1:]))


def _guard(text: str) -> str:
    return f"'{text}" if _guarded(text) else text


def _unguard(text: str) -> str:
    return text[1:] if text.startswith("'") and _guarded(text[1:]) else text


def from_csv(text: str, name: str = "FOCUS file") -> Sheet:
    """The rows of a CSV text in any order of columns; columns that FOCUS does not know are kept as text.

    Raises:
        LedgerError: it is not CSV, a mandatory column is missing, a column occurs twice, or a value is not of its
            column's type; the message names file, row, column and value.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", text.removeprefix("\ufeff"))
    csv.field_size_limit(_FIELD_BYTES)
    reader = csv.reader(lines, strict=True)
    try:
        header = tuple(_unguard(column) for column in next(reader, []))
        _check_header(header, name)
        loose: Counter[str] = Counter()
        rows = tuple(_rows(reader, header, name, loose))
    except csv.Error as error:
        message = f"{name}, line {reader.line_num}: not readable as CSV: {error}"
        raise LedgerError(message, "export the file again as UTF-8 CSV with a header line") from error
    return Sheet(table=Table(columns=header, rows=rows), remarks=tuple(_remarks(loose)))


def _check_header(header: Sequence[str], name: str) -> None:
    twice = [column for column, count in Counter(header).items() if count > 1]
    missing = [column for column in MANDATORY if column not in header]
    if twice:
        message = f"{name}: column {twice[0]!r} occurs {header.count(twice[0])} times"
        raise LedgerError(message, "keep one of them")
    if missing:
        message = f"{name}: {len(missing)} mandatory columns of FOCUS 1.2 are missing: {', '.join(missing)}"
        raise LedgerError(message, "export the file as FOCUS 1.0 or later with all mandatory columns and a header line")


def _rows(reader: Iterator[list[str]], header: Sequence[str], name: str, loose: Counter[str]) -> Iterator[Row]:
    for number, fields in enumerate((fields for fields in reader if fields), 1):
        if len(fields) != len(header):
            message = f"{name}, row {number}: {len(fields)} fields, but the header names {len(header)}"
            raise LedgerError(message, "quote fields that hold a comma or a line break")
        yield {
            column: _cell(column, field, f"{name}, row {number}", loose)
            for column, field in zip(header, fields, strict=True)
        }


def _cell(column: str, field: str, place: str, loose: Counter[str]) -> Cell:
    if field == "":
        return None
    if field.upper() == _NULL:
        loose["NULL instead of an empty field"] += 1
        return None
    read = READERS.get(KNOWN[column].kind if column in KNOWN else "String", _text)
    value = read(field, loose)
    if value is None:
        kind = KNOWN[column].kind
        message = f"{place}, column {column}: {field!r} is not a {kind}"
        raise LedgerError(message, WAYS_OUT.get(kind, "correct the value"))
    return value


def _text(field: str, loose: Counter[str]) -> Cell:
    del loose
    return _unguard(field)


def _decimal(field: str, loose: Counter[str]) -> Cell:
    try:
        value = Decimal(field)
    except InvalidOperation:
        return None
    if not value.is_finite() or abs(value.adjusted()) > _LONGEST or len(value.as_tuple().digits) > _LONGEST:
        return None
    if not _NUMBER.fullmatch(field):
        loose["a number with a sign or exponent that FOCUS does not write"] += 1
    return value


def _time(field: str, loose: Counter[str]) -> Cell:
    try:
        value = datetime.fromisoformat(field.removesuffix(" UTC"))
    except ValueError:
        return None
    if not _TIME.fullmatch(field):
        loose["a time not written as 2026-11-24T00:00:00Z; without a zone it is read as UTC"] += 1
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


READERS: dict[str, Callable[[str, Counter[str]], Cell]] = {"Decimal": _decimal, "Date/Time": _time}
WAYS_OUT = {
    "Decimal": "write digits with a point, no currency sign and no thousands separator; leave it empty for null",
    "Date/Time": "write it as 2026-11-24T00:00:00Z",
}


def _remarks(loose: Counter[str]) -> Iterator[str]:
    for what, count in sorted(loose.items()):
        yield f"{count} values: {what}"
