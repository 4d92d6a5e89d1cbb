"""Rows of JSON: one object a line, or one array of objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger.source.field import Row

_array = msgspec.json.Decoder(list[dict[str, object]])
_object = msgspec.json.Decoder(dict[str, object])


def rows(path: Path) -> Iterator[Row]:
    """Every object, by its line number, or by its place from 1 in an array.

    Raises:
        LedgerError: something is not a JSON object.
    """
    data = path.read_bytes()
    if data.lstrip()[:1] == b"[":
        try:
            objects = _array.decode(data)
        except msgspec.MsgspecError as error:
            message = f"{path}: not an array of JSON objects: {error}"
            raise LedgerError(message, "export the log as a JSON array or as one object a line") from error
        yield from (Row(file=str(path), number=n, values=values) for n, values in enumerate(objects, 1))
        return
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield Row(file=str(path), number=number, values=_line(path, number, line))


def _line(path: Path, number: int, line: bytes) -> dict[str, object]:
    try:
        return _object.decode(line)
    except msgspec.MsgspecError as error:
        message = f"{path}:{number}: not a JSON object: {error}"
        raise LedgerError(message, "export the log as a JSON array or as one object a line") from error
