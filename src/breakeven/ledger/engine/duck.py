"""The DuckDB engine: the questions in SQL over Parquet segments and what journals hold beside them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TypeAlias

import duckdb
import numpy as np

from breakeven.ledger import duck, layout
from breakeven.ledger.columns import COLUMNS, TABLES, Table
from breakeven.ledger.engine import sql
from breakeven.ledger.engine.port import (
    METRICS,
    NANO,
    Audit,
    Cell,
    Columns,
    Query,
    Samples,
    Slice,
    Spread,
    Standby,
)
from breakeven.ledger.engine.slices import check_width
from breakeven.ledger.identity import table_of
from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.statement import Latency

_Cursor: TypeAlias = duckdb.DuckDBPyConnection
_FIRST: dict[Table, str] = {
    "predictions": "PARTITION BY prediction_id ORDER BY node, sequence",
    "outcomes": "PARTITION BY tenant, source, event_id ORDER BY received_s, node, sequence",
    "capacity": "PARTITION BY id ORDER BY start_s, end_s",
}
"""Which of several records with one identity counts."""
_VIEWS: dict[Table, str] = {"predictions": "p", "outcomes": "o", "capacity": "c"}


class DuckEngine:
    """Answers over Parquet files that it never changes, and a table of unsealed records."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.warnings = snapshot.warnings
        self._snapshot = snapshot
        self._connection = duck.connect()
        for table in TABLES:
            self._load(table)
        self._connection.execute("CREATE TABLE dropped (node VARCHAR, sequence BIGINT)")
        if snapshot.dropped:
            self._connection.executemany("INSERT INTO dropped VALUES (?, ?)", snapshot.dropped)

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""
        rows = self._ask(query).execute(sql.CELLS, _parameters(query)).fetchall()
        return tuple(Cell(**dict(zip(Cell.__struct_fields__, row, strict=True))) for row in rows)

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""
        names = ("start_s", "end_s", "policy_id", "plan_id")
        rows = self._ask(query, prune=False).execute(sql.STANDBY, _parameters(query, names)).fetchall()
        return tuple(Standby(**dict(zip(Standby.__struct_fields__, row, strict=True))) for row in rows)

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""
        cursor, found = self._ask(query), []
        for dimension, text in sql.SPREADS.items():
            for key, *values in cursor.execute(text, _parameters(query)).fetchall():
                name = layout.date(key) if dimension == "day" else key
                for at, metric in enumerate(METRICS):
                    latency = _latency(*values[3 * at : 3 * at + 3])
                    found.append(Spread(dimension=dimension, key=name, metric=metric, latency=latency))
        return tuple(found)

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""
        cursor = self._ask(query, prune=False)
        period = _parameters(query, ("start_s", "end_s"))
        unattributed, denied, foreign = cursor.execute(sql.UNUSED, period).fetchall()[0]
        return Audit(
            kinds=tuple(cursor.execute(sql.KINDS, period).fetchall()),
            unattributed=unattributed,
            denied=denied,
            foreign=foreign,
            lost=cursor.execute(sql.LOST).fetchall()[0][0],
            policies=tuple(name for (name,) in cursor.execute(sql.POLICIES, _parameters(query)).fetchall()),
        )

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""
        found = self._ask(query).execute(sql.ARRIVALS, _parameters(query)).fetchnumpy()
        time_s = np.asarray(found["time_s"], dtype=np.float64)
        return Columns(
            arrival_s=(time_s - time_s[:1]).tobytes() if len(time_s) else b"",
            input_tokens=np.asarray(found["input_tokens"], dtype=np.float64).tobytes(),
            output_tokens=np.asarray(found["output_tokens"], dtype=np.float64).tobytes(),
        )

    def samples(self, query: Query) -> Samples:
        """Latencies of delivered predictions, sorted."""
        cursor, parameters = self._ask(query), _parameters(query)
        columns = {
            metric: tuple(value for (value,) in cursor.execute(sql.sample(metric), parameters).fetchall())
            for metric in METRICS
        }
        return Samples(**columns)

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of time."""
        check_width(width_s)
        parameters = {**_parameters(query), "width_s": width_s}
        rows = self._ask(query).execute(sql.SLICES, parameters).fetchall()
        return tuple(Slice(**dict(zip(Slice.__struct_fields__, row, strict=True))) for row in rows)

    def _load(self, table: Table) -> None:
        """The unsealed records of a table as `new_<table>`."""
        records = [record for record in self._snapshot.records if table_of(record) == table]
        with tempfile.TemporaryDirectory() as folder:
            lines = Path(folder) / "records.ndjson"
            longest = duck.write_lines(records, lines)
            self._connection.execute(f"CREATE TABLE new_{table} AS {duck.from_lines(table, lines, longest)}")

    def _ask(self, query: Query, *, prune: bool = True) -> _Cursor:
        """A cursor of its own (so that threads may ask at once) with the views that the questions read."""
        cursor = self._connection.cursor()
        cursor.execute("CREATE TEMP TABLE measures (use_case VARCHAR, used_when VARCHAR, window_s DOUBLE)")
        if query.measures:
            rows = [(one.use_case, one.used_when, one.window_s) for one in query.measures]
            cursor.executemany("INSERT INTO measures VALUES (?, ?, ?)", rows)
        for table in TABLES:
            everything, view = self._everything(table, query if prune else Query()), _VIEWS[table]
            cursor.execute(f"CREATE TEMP VIEW all_{view} AS {everything}")
            cursor.execute(f"CREATE TEMP VIEW {view} AS {self._once(table, view)}")
        return cursor

    def _once(self, table: Table, view: str) -> str:
        if table == "predictions" and self._snapshot.distinct:
            return f"SELECT * FROM all_{view}"  # noqa: S608 - our own names
        return f"SELECT * FROM all_{view} QUALIFY row_number() OVER ({_FIRST[table]}) = 1"  # noqa: S608 - our own names

    def _everything(self, table: Table, query: Query) -> str:
        names = ", ".join(f'"{column.name}"' for column in COLUMNS[table])
        unsealed = f"SELECT {names} FROM new_{table}"  # noqa: S608 - our own names
        files = [one.path for one in self._snapshot.segments if one.table == table]
        if table == "predictions":
            low_s, high_s = _reach(query)
            near = [one for one in self._snapshot.segments if one.table == table]
            files = [one.path for one in near if one.max_time_s >= low_s and one.min_time_s <= high_s]
        if not files:
            return unsealed
        return f"{duck.segments(table, files)} UNION ALL {unsealed}"


def _reach(query: Query) -> tuple[float, float]:
    """The times that a question's predictions and their rivals for an outcome can have."""
    low_s = float("-inf") if query.start_s is None else query.start_s
    high_s = float("inf") if query.end_s is None else query.end_s + query.window_s
    return low_s, high_s


def _parameters(query: Query, names: tuple[str, ...] = Query.__struct_fields__[1:]) -> dict[str, object]:
    return {name: getattr(query, name) for name in names}


def _latency(n: int, shares: list[float] | None, total_ns: int | None) -> Latency:
    p50_s, p95_s, p99_s = shares or (None, None, None)
    mean_s = total_ns / n / NANO if total_ns is not None and n else None
    return Latency(n=n, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, mean_s=mean_s)
