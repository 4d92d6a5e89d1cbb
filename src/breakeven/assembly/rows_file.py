"""Rows of an experiment's or a log's file: CSV (plain, .gz or .xz) or Parquet; a bad row is named, the rest is kept."""

from __future__ import annotations

import csv
import gzip
import lzma
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from breakeven.errors import LedgerError
from breakeven.ledger.source import parquet
from breakeven.ledger.source.field import Row

NAMED = 20
"""Bad rows that are named; all are counted."""
_OPENERS: dict[str, Callable[..., TextIO]] = {".gz": gzip.open, ".xz": lzma.open, ".csv": open}


class BadRowError(ValueError):
    """What is wrong with one row."""


@dataclass(slots=True, kw_only=True)
class Bad:
    """The rows that could not be read."""

    count: int = 0
    named: list[str] = field(default_factory=list)

    def add(self, path: Path, line: int, why: str) -> None:
        """One more."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append(f"{path}:{line}: {why}")


@dataclass(slots=True, kw_only=True)
class RowsFile:
    """A file of rows: what its header names, and its rows by line number."""

    path: Path
    columns: tuple[str, ...]
    rows: Iterator[tuple[int, Sequence[object]]]
    bad: Bad

    def place(self, column: str) -> int | None:
        """Where a column stands; None where it is missing."""
        return self.columns.index(column) if column in self.columns else None


def open_rows(path: Path, required: Sequence[str]) -> RowsFile:
    """A file with at least the `required` columns.

    Raises:
        LedgerError: it is empty, of another format, or lacks a column.
    """
    found = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    missing = [column for column in required if column not in found.columns]
    if missing:
        message = f"{path}: no column {', '.join(missing)}; its header names {', '.join(found.columns) or 'nothing'}"
        raise LedgerError(message, f"rename or add it; needed are {', '.join(required)}")
    return found


def _parquet(path: Path) -> RowsFile:
    rows = (row for row in parquet.rows(path) if isinstance(row, Row))
    first = next(rows, None)
    columns = () if first is None else tuple(first.values)

    def values() -> Iterator[tuple[int, Sequence[object]]]:
        if first is not None:
            yield first.number, tuple(first.values.values())
        for row in rows:
            yield row.number, tuple(row.values.values())

    return RowsFile(path=path, columns=columns, rows=values(), bad=Bad())


def _csv(path: Path) -> RowsFile:
    if path.suffix not in _OPENERS:
        message = f"{path}: rows are read from .csv, .csv.gz, .csv.xz or .parquet"
        raise LedgerError(message, "export the rows in one of these forms")
    bad, lines = Bad(), _lines(path)
    _, header = next(lines, (0, []))
    columns = tuple(str(name).strip() for name in header)

    def values() -> Iterator[tuple[int, Sequence[object]]]:
        for line, fields in lines:
            if len(fields) == len(columns):
                yield line, fields
            elif fields:
                bad.add(path, line, f"{len(fields)} fields, but the header names {len(columns)}")

    return RowsFile(path=path, columns=columns, rows=values(), bad=bad)


def _lines(path: Path) -> Iterator[tuple[int, Sequence[str]]]:
    try:
        with _OPENERS[path.suffix](path, "rt", newline="", encoding="utf-8-sig", errors="replace") as handle:
            reader = csv.reader(handle)
            for fields in reader:
                yield reader.line_num, fields
    except (csv.Error, lzma.LZMAError, gzip.BadGzipFile, EOFError) as error:
        message = f"{path}: not readable as {path.suffix[1:]}: {error}"
        raise LedgerError(message, "export the rows again as UTF-8 with a header line") from error


def number(value: object, what: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number in `low`..`high`; not a number where the field is empty.

    Raises:
        BadRowError: it is anything else.
    """
    text = "" if value is None else str(value).strip()
    if not text:
        return math.nan
    try:
        found = float(text)
    except ValueError:
        found = {"true": 1.0, "false": 0.0}.get(text.lower(), math.nan)
    if not (math.isfinite(found) and low <= found <= high):
        message = f"{what} is {text!r}; {_range(low, high)}"
        raise BadRowError(message)
    return found


def _range(low: float, high: float) -> str:
    if math.isinf(low):
        return "it is a finite number"
    return f"it is at least {low:g}" if math.isinf(high) else f"it lies in {low:g}..{high:g}"


def text(value: object, what: str) -> str:
    """A label that is not empty.

    Raises:
        BadRowError: it is empty.
    """
    found = "" if value is None else str(value).strip()
    if not found:
        message = f"{what} is empty"
        raise BadRowError(message)
    if "\ufffd" in found:
        message = f"{what} is {found!r}, which is not UTF-8"
        raise BadRowError(message)
    return found


def instant(value: object) -> float:
    """Unix seconds from ISO 8601 (UTC where no zone is named) or a Unix time; not a number where empty.

    Raises:
        BadRowError: it is neither.
    """
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    written = "" if value is None else str(value).strip()
    try:
        return number(written, "time")
    except BadRowError:
        pass
    try:
        moment = datetime.fromisoformat(written)
    except ValueError:
        message = f"time is {written!r}; it is ISO 8601 or Unix seconds"
        raise BadRowError(message) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
