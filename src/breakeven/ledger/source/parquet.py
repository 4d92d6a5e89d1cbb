"""Rows of a Parquet file, read by DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb

from breakeven.errors import LedgerError
from breakeven.ledger import duck
from breakeven.ledger.source.field import Bad, Row

_BATCH = 10_000


def rows(path: Path) -> Iterator[Row | Bad]:
    """Every row, by its number from 1.

    Raises:
        LedgerError: the file is not Parquet.
    """
    number = 0
    try:
        with duck.connect() as connection:
            found = connection.execute(f"SELECT {_columns(connection, path)} FROM read_parquet({duck.text(path)})")  # noqa: S608 - quoted
            names = [column[0] for column in found.description or ()]
            while batch := found.fetchmany(_BATCH):
                for row in batch:
                    number += 1
                    yield Row(file=str(path), number=number, values=dict(zip(names, row, strict=True)))
    except duckdb.Error as error:
        message = f"{path}: not readable as Parquet: {str(error).splitlines()[0]}"
        raise LedgerError(message, "check that the file is complete, or export CSV") from error


def _columns(connection: duckdb.DuckDBPyConnection, path: Path) -> str:
    """Every column, instants with a zone as UTC without one: handing them to Python would need a library of zones."""
    found = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({duck.text(path)})").fetchall()  # noqa: S608 - quoted
    names = [('"' + str(name).replace('"', '""') + '"', str(kind)) for name, kind, *_ in found]
    zoned = [f"{name} AT TIME ZONE 'UTC' AS {name}" for name, kind in names if kind == "TIMESTAMP WITH TIME ZONE"]
    return f"* REPLACE ({', '.join(zoned)})" if zoned else "*"
