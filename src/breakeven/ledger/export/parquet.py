"""The ledger's records as plain Parquet files: a table each, one row a record, each record once.

Predictions carry the costs that hold; corrections, where there are any, are a table of their own.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb

from breakeven.errors import LedgerError
from breakeven.ledger import correcting, duck
from breakeven.ledger.anew import gone
from breakeven.ledger.columns import COLUMNS, FIRST, IDENTITY, STORED, TABLES, TIME, Table
from breakeven.ledger.identity import table_of
from breakeven.ledger.snapshot import Snapshot

_BATCH = 10_000


def write(
    snapshot: Snapshot,
    out: Path,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    partitioned: bool = False,
) -> dict[str, int]:
    """Rows by table, written to `out`: `TABLE.parquet`, or by day as `TABLE/dt=YYYY-MM-DD/*.parquet`.

    `start_s` <= time < `end_s` (Unix seconds) chooses records. Columns are `ledger.columns`; lists and maps are JSON.

    Raises:
        LedgerError: something of that name is there already, or the disk refuses.
    """
    out.mkdir(parents=True, exist_ok=True)
    standing = [
        path for table in (*TABLES, "corrections") for path in (out / table, out / f"{table}.parquet") if path.exists()
    ]
    if standing:
        message = f"{standing[0]} exists"
        raise LedgerError(message, "name another --out: exports are not mixed")
    with duck.connect() as connection:
        try:
            corrects = correcting.hold(connection, snapshot)
            tables: tuple[Table, ...] = (*TABLES, "corrections") if corrects else TABLES
            return {table: _copy(connection, snapshot, table, out, (start_s, end_s), partitioned) for table in tables}
        except duckdb.Error as error:
            _remove(out)
            if gone(error):
                raise
            message = f"{out}: the export cannot be written: {error}"
            raise LedgerError(message, "free disk space or name another --out") from error


def _remove(out: Path) -> None:
    """What an export that failed has written."""
    for table in STORED:
        shutil.rmtree(out / table, ignore_errors=True)
        (out / f"{table}.parquet").unlink(missing_ok=True)


def predictions(
    snapshot: Snapshot, start_s: float | None = None, end_s: float | None = None
) -> Iterator[dict[str, object]]:
    """The rows of the table `predictions`, in order of time, by column."""
    names = [column.name for column in COLUMNS["predictions"]]
    with duck.connect() as connection:
        correcting.hold(connection, snapshot)
        found = connection.execute(_rows(connection, snapshot, "predictions"), [start_s, end_s])
        while batch := found.fetchmany(_BATCH):
            yield from (dict(zip(names, row, strict=True)) for row in batch)


def _copy(
    connection: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    table: Table,
    out: Path,
    period: tuple[float | None, float | None],
    partitioned: bool,  # noqa: FBT001 - as above
) -> int:
    query = _rows(connection, snapshot, table)
    options = "FORMAT parquet, COMPRESSION zstd"
    target = out / f"{table}.parquet"
    if partitioned:
        day = f"strftime(make_timestamp((greatest({TIME[table]}, 0) * 1000000)::BIGINT), '%Y-%m-%d') AS dt"
        query = f"SELECT *, {day} FROM ({query})"  # noqa: S608 - our own names
        options, target = f"{options}, PARTITION_BY (dt)", out / table
    written = connection.execute(f"COPY ({query}) TO {duck.text(target)} ({options})", list(period)).fetchall()
    if not written[0][0] and target.is_file():
        target.unlink()  # no records, no file
    return int(written[0][0])


def _rows(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, table: Table) -> str:
    """The query of a table's records, each once; its parameters are the period's ends."""
    files = [segment.path for segment in snapshot.segments if segment.table == table]
    records = [record for record in snapshot.records if table_of(record) == table]
    duck.hold(connection, f"unsealed_{table}", table, records)
    parts = [f"SELECT * FROM unsealed_{table}", *([duck.segments(table, files)] if files else [])]  # noqa: S608 - ours
    source = " UNION ALL BY NAME ".join(parts)
    if table == "predictions" and correcting.any_in(snapshot):
        source = correcting.joined(f"({source})")
    time, same, first = TIME[table], ", ".join(IDENTITY[table]), ", ".join(FIRST[table])
    return (
        f"SELECT * FROM ({source}) "  # noqa: S608 - ours, paths quoted
        f"WHERE {time} >= coalesce(?::DOUBLE, '-inf'::DOUBLE) AND {time} < coalesce(?::DOUBLE, 'inf'::DOUBLE) "
        f"QUALIFY row_number() OVER (PARTITION BY {same} ORDER BY {first}) = 1 ORDER BY {time}, {same}"
    )
