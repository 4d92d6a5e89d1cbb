"""Readers by name, recognised by their columns; what cannot be read is kept aside by line and value."""

from __future__ import annotations

import csv
import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger.invoice import anthropic, bedrock, focus, mapped, openai
from breakeven.ledger.invoice.gather import gathered
from breakeven.ledger.invoice.line import Line, OtherMoneyError, Read, Terms
from breakeven.ledger.invoice.mapped import Columns
from breakeven.ledger.source.field import Bad, Row
from breakeven.ledger.source.table import SOURCES
from breakeven.schema.reconcile import BadRow, Side

FORMATS: dict[str, tuple[tuple[frozenset[str], ...], Read]] = {
    "focus": (focus.NEEDED, focus.read),
    "openai": (openai.NEEDED, openai.read),
    "anthropic": (anthropic.NEEDED, anthropic.read),
    "bedrock": (bedrock.NEEDED, bedrock.read),
}
_HELD = re.compile(r"column '(?P<column>[^']*)' holds '(?P<value>.*?)': (?P<rule>.*)", re.DOTALL)


def side(
    paths: Sequence[Path], terms: Terms | None = None, *, form: str | None = None, columns: Columns | None = None
) -> Side:
    """What the files together say was billed; usage and costs of one provider may be two files.

    Raises:
        LedgerError: a file is of no known form, or has no readable row.
        OtherMoneyError: a line is in a currency without a rate.
    """
    lines: list[Line] = []
    bad: list[BadRow] = []
    for path in paths:
        for found in _lines(path, terms or Terms(), form, columns):
            (bad if isinstance(found, BadRow) else lines).append(found)  # type: ignore[arg-type]
    if not lines:
        worst = f"; the first bad one is line {bad[0].line}: {bad[0].problem}" if bad else ""
        message = f"{', '.join(map(str, paths))}: no readable rows{worst}"
        raise LedgerError(message, "export a period with usage, or name the columns with --map")
    return gathered(lines, bad, " and ".join(path.name for path in paths), terms or Terms())


def header(path: Path) -> tuple[str, ...]:
    """The columns of a file, as its first readable row has them.

    Raises:
        LedgerError: there is no such file, or no row.
    """
    first = next((row for row in _rows(path) if isinstance(row, Row)), None)
    if first is None:
        message = f"{path}: no readable rows"
        raise LedgerError(message, "export a period with outcomes")
    return tuple(first.values)


def _lines(path: Path, terms: Terms, form: str | None, columns: Columns | None) -> Iterator[Line | BadRow]:
    read: Read | None = None
    for row in _rows(path):
        if isinstance(row, BadRow):
            yield row
            continue
        read = read or _reader(row, form, columns)
        try:
            found = read(row, terms)
        except OtherMoneyError:
            raise
        except LedgerError as error:
            yield _kept_aside(row, error.message)
        else:
            if found is not None:
                yield found


def _reader(first: Row, form: str | None, columns: Columns | None) -> Read:
    if columns is not None:
        _check(first, columns)
        return functools.partial(mapped.read, columns=columns)
    names = [form] if form else list(FORMATS)
    for name in names:
        needed, read = FORMATS[name]
        if any(set(first.values) >= one for one in needed):
            return read
    message = f"{first.file}: not {' or '.join(names)}; its columns: {', '.join(first.values)}"
    raise LedgerError(message, "name the columns in a mapping file and pass it with --map")


def _check(first: Row, columns: Columns) -> None:
    for meaning, column in columns.named().items():
        if column not in first.values:
            near = difflib.get_close_matches(column, first.values, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(first.values)}"
            message = f"{first.file}: no column {column!r}, which the mapping names for {meaning}"
            raise LedgerError(message, hint)


def _rows(path: Path) -> Iterator[Row | BadRow]:
    if not path.is_file():
        message = f"{path}: no such file"
        raise LedgerError(message, "check the path")
    if path.suffix not in SOURCES:
        message = f"{path}: no reader for {path.suffix or 'a file without a suffix'}"
        raise LedgerError(message, f"use one of {', '.join(sorted(SOURCES))}")
    return _csv(path) if path.suffix in {".csv", ".tsv"} else map(_named, SOURCES[path.suffix](path))


def _named(row: Row | Bad) -> Row | BadRow:
    if isinstance(row, Row):
        return row
    return BadRow(file=row.file, line=row.number, column="", value=row.row[:80], problem=row.reason)


def _csv(path: Path) -> Iterator[Row | BadRow]:
    """Rows of a CSV; one with too many or too few fields is kept aside, and the next is read."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as handle:
        reader = csv.reader(handle, delimiter="\t" if path.suffix == ".tsv" else ",")
        header = next(reader, [])
        for fields in reader:
            if len(fields) == len(header):
                yield Row(file=str(path), number=reader.line_num, values=dict(zip(header, fields, strict=True)))
            elif fields:
                problem = f"{len(fields)} fields, but the header names {len(header)}"
                yield BadRow(
                    file=str(path), line=reader.line_num, column="", value=",".join(fields)[:80], problem=problem
                )


def _kept_aside(row: Row, message: str) -> BadRow:
    found = _HELD.search(message)
    column, value, problem = found.groups() if found else ("", "", message)
    return BadRow(file=row.file, line=row.number, column=column, value=value, problem=problem)
