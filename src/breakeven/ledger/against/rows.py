"""Every row of a ledger as it was written, repeats included: here what other questions put right is to be seen.

Only costs are those that hold, as everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping

import duckdb

from breakeven.ledger import correcting, duck
from breakeven.ledger.columns import COLUMNS, TABLES, TIME, Table
from breakeven.ledger.identity import table_of
from breakeven.ledger.snapshot import Snapshot

VIEWS: dict[Table, str] = {"predictions": "raw_p", "outcomes": "raw_o", "capacity": "raw_c", "engine": "raw_e"}


class Rows:
    """SQL over the views `raw_p`, `raw_o` and `raw_c` of one snapshot."""

    def __init__(self, snapshot: Snapshot, start_s: float | None = None, end_s: float | None = None) -> None:
        """Only segments that reach into `start_s`..`end_s` are read."""
        self.warnings = snapshot.warnings
        self._connection = duck.connect()
        self.corrects = correcting.hold(self._connection, snapshot)
        for table in TABLES:
            self._view(snapshot, table, start_s, end_s)

    def ask(self, text: str, parameters: Mapping[str, object]) -> list[dict[str, object]]:
        """The answer's rows by column name."""
        cursor = self._connection.cursor().execute(text, dict(parameters))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    @property
    def connection(self) -> duckdb.DuckDBPyConnection:
        """For questions that join files of the user's own."""
        return self._connection

    def _view(self, snapshot: Snapshot, table: Table, start_s: float | None, end_s: float | None) -> None:
        records = [record for record in snapshot.records if table_of(record) == table]
        duck.hold(self._connection, f"new_{table}", table, records)
        names = ", ".join(f'"{column.name}"' for column in COLUMNS[table])
        text = f"SELECT {names} FROM new_{table}"  # noqa: S608 - our own names
        low, high = (float("-inf") if start_s is None else start_s), (float("inf") if end_s is None else end_s)
        mine = [one for one in snapshot.segments if one.table == table]
        files = [one.path for one in mine if one.max_time_s >= low and one.min_time_s <= high]
        if files:
            text = f"{duck.segments(table, files)} UNION ALL {text}"
        if table == "predictions" and self.corrects:
            text = correcting.joined(f"({text})")
        period = f'"{TIME[table]}" >= {_bound(low)} AND "{TIME[table]}" < {_bound(high)}'
        self._connection.execute(f"CREATE VIEW {VIEWS[table]} AS SELECT * FROM ({text}) WHERE {period}")  # noqa: S608 - numbers


def _bound(time_s: float) -> str:
    return f"'{time_s!r}'::DOUBLE"
