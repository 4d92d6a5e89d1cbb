"""Records as one array a column, from which DuckDB makes a segment without parsing text.

It is the fast twin of `duck.write_lines` and `duck.from_lines`, and holds the same values: a test keeps them equal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter
from typing import Any, TypeAlias

import msgspec
import numpy as np

from breakeven.ledger.columns import COLUMNS, TOKEN_COUNTS, TOKEN_KINDS, Column, Table
from breakeven.schema.journal import Record
from breakeven.schema.tracking import Bad

Array: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.generic]]
KNOWN = "?"
"""What the name of a column ends in that says where another one has a value."""
_TYPES: dict[str, type[np.generic]] = {"BIGINT": np.int64, "UBIGINT": np.uint64, "BOOLEAN": np.bool_}
_TOKENS = {f"{kind}_{name}": (kind, count) for kind in TOKEN_KINDS for count, name in TOKEN_COUNTS.items()}
_GROUP = 64
_encode = msgspec.json.Encoder().encode


def arrays(table: Table, records: Sequence[Record | Bad]) -> dict[str, Array]:
    """The columns of records of one table; a whole number that may be absent has a second column, `<name>?`.

    Raises:
        OverflowError: a whole number does not fit into 64 bits.
    """
    fields = _transposed(records)
    found: dict[str, Array] = {}
    for column in COLUMNS[table]:
        values = fields.get(column.name)
        if values is None:
            values = _derived(column.name, fields, records)
        found.update(_column(column, values))
    return found


def _transposed(records: Sequence[Record | Bad]) -> dict[str, list[Any]]:
    """The fields of records of one kind, one list each. By small groups: they fit into the processor's cache."""
    names = records[0].__struct_fields__
    found: list[list[Any]] = [[] for _ in names]
    for at in range(0, len(records), _GROUP):
        parts = zip(*map(msgspec.structs.astuple, records[at : at + _GROUP]), strict=True)
        for field, part in zip(found, parts, strict=True):
            field.extend(part)
    return dict(zip(names, found, strict=True))


def _derived(name: str, fields: dict[str, list[Any]], records: Sequence[Record | Bad]) -> list[Any]:
    if name in _TOKENS:
        kind, count = _TOKENS[name]
        return list(map(attrgetter(count), fields[kind]))
    return list(map(attrgetter(name), records))


def select(table: Table, held: Collection[str], relation: str) -> str:
    """The query that reads the columns of `table` from a relation of `arrays`; `held` are the names in it."""
    names = ", ".join(_read(column, held) for column in COLUMNS[table])
    return f"SELECT {names} FROM {relation}"  # noqa: S608 - our own names


def _read(column: Column, held: Collection[str]) -> str:
    if f"{column.name}{KNOWN}" in held:
        return f'CASE WHEN "{column.name}{KNOWN}" THEN "{column.name}" END AS "{column.name}"'
    kind = "VARCHAR" if column.kind == "JSON" else column.kind
    return f'"{column.name}"::{kind} AS "{column.name}"'


def _column(column: Column, values: list[Any]) -> Iterator[tuple[str, Array]]:
    name = column.name
    if column.kind in _TYPES:
        known = [value is not None for value in values] if None in values else None
        if known is not None:
            yield f"{name}{KNOWN}", np.array(known, dtype=np.bool_)
            values = [value or 0 for value in values]
        yield name, np.array(values, dtype=_TYPES[column.kind])
    else:
        yield name, _KINDS[column.kind](values)


def _doubles(values: list[float | None]) -> Array:
    found = np.array(values, dtype=np.float64)
    # JSON has no infinity, and DuckDB takes NaN for NULL: what is no number is unknown in either way of sealing.
    found[~np.isfinite(found)] = np.nan
    return found


def _texts(values: list[str | None]) -> Array:
    return np.array(values, dtype=object)


def _json(values: list[object]) -> Array:
    found = np.empty(len(values), dtype=object)
    found[:] = [None if value is None else _encode(value).decode() for value in values]
    return found


_KINDS: dict[str, Callable[..., Array]] = {"DOUBLE": _doubles, "VARCHAR": _texts, "JSON": _json}
