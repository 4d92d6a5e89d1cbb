"""Rows of a CSV or TSV file with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger.source.field import Row

_LARGEST_FIELD_BYTES = 64 * 1024 * 1024


def rows(path: Path) -> Iterator[Row]:
    """Every row, by its line number.

    Raises:
        LedgerError: the file is not UTF-8, or a row has more or fewer fields than the header.
    """
    csv.field_size_limit(_LARGEST_FIELD_BYTES)
    delimiter = "\t" if path.suffix == ".tsv" else ","
    with path.open(newline="", encoding="utf-8-sig") as handle:
        reader = csv.reader(handle, delimiter=delimiter, strict=True)
        try:
            header = next(reader, [])
            for fields in reader:
                if fields:
                    yield _row(path, reader.line_num, header, fields)
        except (csv.Error, UnicodeDecodeError) as error:
            message = f"{path}:{reader.line_num}: not readable as {path.suffix[1:]}: {error}"
            raise LedgerError(message, "export the log again as UTF-8 with a header line") from error


def _row(path: Path, line: int, header: list[str], fields: list[str]) -> Row:
    if len(fields) != len(header):
        message = f"{path}:{line}: {len(fields)} fields, but the header names {len(header)}"
        raise LedgerError(message, "quote fields that hold the separator or a line break")
    return Row(file=str(path), number=line, values=dict(zip(header, fields, strict=True)))
