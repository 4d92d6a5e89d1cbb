"""DuckDB connections: bounded memory, built-ins only, and records in and out of them."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import duckdb
import msgspec

from breakeven.ledger.columns import COLUMNS, Table, fields, select
from breakeven.schema.journal import Record
from breakeven.schema.tracking import Bad

Connection: TypeAlias = duckdb.DuckDBPyConnection
MEMORY_LIMIT = "1GB"
THREADS = 2
_OBJECT_BYTES = 4 * 1024 * 1024
_encoder = msgspec.json.Encoder()


def connect(spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection that never fetches an extension and spills to `spill` (default: the temporary folder)."""
    return duckdb.connect(
        config={
            "memory_limit": MEMORY_LIMIT,
            "threads": str(THREADS),
            "temp_directory": str(spill or Path(tempfile.gettempdir()) / "breakeven-spill"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )


def text(value: object) -> str:
    """A value as a SQL string literal."""
    return "'" + str(value).replace("'", "''") + "'"


def segments(table: Table, files: Sequence[str | Path], *, placed: bool = False) -> str:
    """A relation of a table's columns over segments; what an older segment lacks is NULL in it.

    `placed` adds where a row lies: `filename` and `file_row_number`.
    """
    places = ("filename", "file_row_number") if placed else ()
    names = ", ".join(f'"{name}"' for name in (*(column.name for column in COLUMNS[table]), *places))
    typed = ", ".join(f'NULL::{column.kind} AS "{column.name}"' for column in COLUMNS[table])
    none = f"SELECT {typed} WHERE false"
    options = "".join(f", {name}=true" for name in ("union_by_name", *places))
    read = f"SELECT * FROM read_parquet({paths(files)}{options})"  # noqa: S608 - quoted
    return f"SELECT {names} FROM ({read} UNION ALL BY NAME {none})"  # noqa: S608 - our own names


def paths(files: Sequence[str | Path]) -> str:
    """A list of files as a SQL literal."""
    return "[" + ", ".join(map(text, files)) + "]"


def write_lines(records: Sequence[Record | Bad], path: Path) -> int:
    """Records as one JSON object a line, for `from_lines`; returns the length of the longest line in bytes."""
    data = _encoder.encode_lines(records)
    path.write_bytes(data)
    return max(map(len, data.split(b"\n")))


def from_lines(table: Table, path: Path, longest: int) -> str:
    """The query that reads a file of `write_lines` as the columns of `table`."""
    types = ", ".join(f'"{name}": {text(kind)}' for name, kind in fields(table).items())
    size = max(_OBJECT_BYTES, 2 * longest)
    source = (
        f"read_json({text(path)}, format='newline_delimited', columns={{{types}}}, maximum_object_size={size}, "
        "auto_detect=false)"
    )
    return f"SELECT {select(table)} FROM {source}"  # noqa: S608 - every part is ours; the path is quoted


def hold(connection: duckdb.DuckDBPyConnection, name: str, table: Table, records: Sequence[Record | Bad]) -> None:
    """A table `name` of records that are in no segment, all of one `table`, with its columns."""
    if not records:
        typed = ", ".join(f'NULL::{column.kind} AS "{column.name}"' for column in COLUMNS[table])
        connection.execute(f"CREATE TABLE {name} AS SELECT {typed} WHERE false")
        return
    with tempfile.TemporaryDirectory() as folder:
        lines = Path(folder) / "records.ndjson"
        longest = write_lines(records, lines)
        connection.execute(f"CREATE TABLE {name} AS {from_lines(table, lines, longest)}")
