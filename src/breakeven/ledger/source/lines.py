"""Rows of JSON: one object a line, or one array of objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from breakeven.ledger.source.field import Bad, Row
from breakeven.ledger.source.values import Value, values

_object = msgspec.json.Decoder(dict[str, object])


def rows(path: Path) -> Iterator[Row | Bad]:
    """Every object, by its line number, or by its place from 1 in an array; what is none is bad.

    Raises:
        LedgerError: the file cannot be opened or unpacked.
    """
    for one in values(path):
        yield one if isinstance(one, Bad) else _row(path, one)


def _row(path: Path, one: Value) -> Row | Bad:
    try:
        return Row(file=str(path), number=one.number, values=_object.decode(one.text))
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        way_out = "export the log as a JSON array or as one object a line"
        return Bad(file=str(path), number=one.number, reason=f"not a JSON object: {error}", way_out=way_out)
