"""Rows of a CSV or TSV file with a header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from breakeven.ledger.source.field import Bad, Row
from breakeven.ledger.source.opened import LONGEST_LINE_BYTES, lines, suffix_of


def rows(path: Path) -> Iterator[Row | Bad]:
    """Every row, by its line number; one that is no UTF-8, or has more or fewer fields than the header, is bad.

    Raises:
        LedgerError: the file cannot be opened or unpacked.
    """
    csv.field_size_limit(LONGEST_LINE_BYTES)
    kind = suffix_of(path)[1:]
    reader = csv.reader(_texts(path), delimiter="\t" if kind == "tsv" else ",", strict=True)
    header: list[str] | None = None
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unreadable(path, reader, kind, str(error))
            continue
        if header is None:
            header = fields
        elif fields:
            yield _row(path, reader.line_num, header, fields)


def _texts(path: Path) -> Iterator[str]:
    for number, line in lines(path):
        # What is no UTF-8 is kept as surrogates, so that its row can be told from the others.
        text = (b"" if line is None else line).decode("utf-8", "surrogateescape")
        yield "\0too long" if line is None else text.removeprefix("\ufeff") if number == 1 else text


def _row(path: Path, line: int, header: list[str], fields: list[str]) -> Row | Bad:
    way_out = "export the log again as UTF-8 with a header line"
    if fields == ["\0too long"]:
        return Bad(file=str(path), number=line, reason=f"a line of more than {LONGEST_LINE_BYTES:,} bytes")
    if any(not field.isascii() and any("\ud800" <= sign <= "\udfff" for sign in field) for field in fields):
        kind = suffix_of(path)[1:]
        return Bad(file=str(path), number=line, reason=f"not readable as {kind}: not UTF-8", way_out=way_out)
    if len(fields) != len(header):
        reason = f"{len(fields)} fields, but the header names {len(header)}"
        way_out = "quote fields that hold the separator or a line break"
        return Bad(file=str(path), number=line, reason=reason, way_out=way_out)
    return Row(file=str(path), number=line, values=dict(zip(header, fields, strict=True)))


def _unreadable(path: Path, reader: Any, kind: str, error: str) -> Bad:  # noqa: ANN401 - the type has no name
    way_out = "export the log again as UTF-8 with a header line"
    return Bad(file=str(path), number=reader.line_num, reason=f"not readable as {kind}: {error}", way_out=way_out)
