"""Columns that hold one value in every row of some segments, as their statistics tell: most of a wide record's."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from breakeven.ledger import duck
from breakeven.ledger.columns import COLUMNS, Table

_PLAIN = re.compile(r"[ -\[\]-~]*")
_KINDS = {"VARCHAR", "JSON", "BIGINT", "BOOLEAN"}


def columns(connection: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str]) -> dict[str, str]:
    """Expressions that stand for columns: what is constant need be neither decoded nor looked through again.

    Only columns that every row group of every file has, without NULL or with nothing else, and of plain values.
    """
    chunks = f"""SELECT path_in_schema, count(*), min(stats_min_value), max(stats_max_value),
        bool_and(stats_min_value = stats_max_value AND min_is_exact AND max_is_exact AND stats_null_count = 0),
        bool_and(stats_null_count = num_values)
        FROM parquet_metadata({duck.paths(files)}) GROUP BY 1"""  # noqa: S608 - quoted
    rows = connection.execute(chunks).fetchall()
    most = max((count for _, count, *_ in rows), default=0)
    kinds = {column.name: column.kind for column in COLUMNS[table]}
    found = {}
    for name, count, low, high, same, empty in rows:
        kind = kinds.get(name, "")
        if count == most and empty and kind:
            found[name] = _typed("NULL", kind, name)
        elif count == most and same and low == high and kind in _KINDS and _PLAIN.fullmatch(low):
            found[name] = _typed(duck.text(low), kind, name)
    return found


def _typed(value: str, kind: str, name: str) -> str:
    return f'{value}::{"VARCHAR" if kind == "JSON" else kind} AS "{name}"'
