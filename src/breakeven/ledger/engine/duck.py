"""The DuckDB engine: the committed SQL over Parquet segments and what journals hold beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import duckdb

from breakeven.ledger import correcting, duck
from breakeven.ledger.columns import COLUMNS, FIRST, IDENTITY, TABLES, Table
from breakeven.ledger.engine import answers, text
from breakeven.ledger.engine.port import (
    DIMENSIONS,
    METRICS,
    Audit,
    Cell,
    Columns,
    Loaded,
    Query,
    Samples,
    Slice,
    Spread,
    Standby,
    Useful,
    reach,
)
from breakeven.ledger.engine.slices import check_width
from breakeven.ledger.identity import table_of
from breakeven.ledger.people import LATEST, PEOPLED, People, joined, people_of
from breakeven.ledger.snapshot import Snapshot

_Cursor: TypeAlias = duckdb.DuckDBPyConnection
_Rows: TypeAlias = Sequence[Sequence[object]]
_A = TypeVar("_A", Cell, Loaded, Slice, Standby, Useful)
BAD: Table = "bad"
"""Its rows are no outcomes; their sequence numbers are not lost."""
_VIEWS: dict[Table, str] = {"predictions": "p", "outcomes": "o", "capacity": "c", "engine": "e"}


class DuckEngine:
    """Answers over Parquet files that it never changes, and a table of unsealed records."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.warnings = snapshot.warnings
        self._snapshot = snapshot
        self._connection = duck.connect()
        self._connection.execute("SET preserve_insertion_order = false")
        self._sound: set[tuple[str, ...]] = set()
        self._people: People | None = None
        for table in (*TABLES, BAD):
            self._load(table)
        self._corrects = correcting.hold(self._connection, snapshot)
        self._connection.execute("CREATE TABLE dropped (node VARCHAR, sequence BIGINT)")
        if snapshot.dropped:
            self._connection.executemany("INSERT INTO dropped VALUES (?, ?)", snapshot.dropped)

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""
        cursor = self._ask(query)
        return _answers(Cell, cursor, "cells" if _by_subject(cursor) else "cells_named", query)

    def useful(self, query: Query) -> tuple[Useful, ...]:
        """What useful predictions cost, by use case and day."""
        cursor = self._ask(query)
        return _answers(Useful, cursor, "useful" if _by_subject(cursor) else "useful_named", query)

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""
        return _answers(Standby, self._ask(query, prune=False), "standby", query)

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""
        cursor = self._ask(query)
        found: list[Spread] = []
        for dimension in ("", *DIMENSIONS):
            found += answers.spreads(dimension, _rows(cursor, f"spreads_{dimension or 'all'}", query))
        return tuple(found)

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""
        cursor = self._ask(query, prune=False)
        unused, kinds, lost, policies = (_rows(cursor, name, query) for name in ("unused", "kinds", "lost", "policies"))
        return answers.audit(unused, kinds, lost, policies)

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""
        found = _run(self._ask(query), "arrivals", query).fetchnumpy()
        return answers.arrivals(found["time_s"], found["input_tokens"], found["output_tokens"])

    def samples(self, query: Query) -> Samples:
        """Latencies of delivered predictions, sorted."""
        cursor = self._ask(query)
        return answers.samples({metric: _rows(cursor, f"samples_{metric}", query) for metric in METRICS})

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of time."""
        check_width(width_s)
        return _answers(Slice, self._ask(query), "slices", query, width_s)

    def loads(self, query: Query) -> tuple[Loaded, ...]:
        """What engines and accelerators said of themselves."""
        return _answers(Loaded, self._ask(query, prune=False), "loads", query)

    def _load(self, table: Table) -> None:
        """The unsealed records of a table as `new_<table>`."""
        held = (*self._snapshot.records, *self._snapshot.bad)
        records = [record for record in held if table_of(record) == table]
        duck.hold(self._connection, f"new_{table}", table, records)

    def _ask(self, query: Query, *, prune: bool = True) -> _Cursor:
        """A cursor of its own (so that threads may ask at once) with the views that the questions read."""
        cursor = self._connection.cursor()
        for macro in text.MACROS:
            cursor.execute(macro)
        cursor.execute(
            "CREATE TEMP TABLE measures (use_case VARCHAR, used_when VARCHAR, window_s DOUBLE, touch VARCHAR)"
        )
        if query.measures:
            rows = [(one.use_case, one.used_when, one.window_s, one.touch) for one in query.measures]
            cursor.executemany("INSERT INTO measures VALUES (?, ?, ?, ?)", rows)
        for table in TABLES:
            files = self._files(table, query if prune else Query())
            cursor.execute(f"CREATE TEMP VIEW all_{_VIEWS[table]} AS {_everything(table, files)}")
            cursor.execute(f"CREATE TEMP VIEW {_VIEWS[table]} AS {self._once(cursor, table, files)}")
        if self._corrects:
            cursor.execute("ALTER VIEW p RENAME TO written_p")
            cursor.execute(f"CREATE TEMP VIEW p AS {correcting.joined('written_p')}")
        self._join_people(cursor)
        cursor.execute(f"CREATE TEMP VIEW all_b AS {_everything(BAD, self._files(BAD, Query()))}")
        return cursor

    def _join_people(self, cursor: _Cursor) -> None:
        """Subjects become their persons, and consent what it was withdrawn to; else nothing is joined."""
        if self._people is None:
            self._people = people_of(cursor.execute(LATEST).fetchall())
        if not self._people:
            return
        cursor.execute("CREATE TEMP TABLE persons (tenant VARCHAR, subject VARCHAR, person VARCHAR)")
        cursor.execute("CREATE TEMP TABLE silent (tenant VARCHAR, subject VARCHAR, from_s DOUBLE, until_s DOUBLE)")
        if rows := self._people.person_rows():
            cursor.executemany("INSERT INTO persons VALUES (?, ?, ?)", rows)
        if spans := self._people.silent_rows():
            cursor.executemany("INSERT INTO silent VALUES (?, ?, ?, ?)", spans)
        for table in PEOPLED:
            name = _VIEWS[table]
            cursor.execute(f"ALTER VIEW {name} RENAME TO plain_{name}")
            cursor.execute(f"CREATE TEMP VIEW {name} AS {joined(table, f'plain_{name}')}")

    def _once(self, cursor: _Cursor, table: Table, files: Sequence[str]) -> str:
        """The rows without repeats. Only rows whose identity's hash occurs twice are sorted to find the first."""
        everything = f"SELECT * FROM all_{_VIEWS[table]}"  # noqa: S608 - our own names
        if (table == "predictions" and self._snapshot.distinct) or (table, *files) in self._sound:
            return everything
        cursor.execute(
            f"CREATE TEMP TABLE twice_{table} AS SELECT {_hash(table)} AS h FROM all_{_VIEWS[table]} "  # noqa: S608 - our own names
            "GROUP BY h HAVING count(*) > 1"
        )
        if not cursor.execute(f"SELECT count(*) FROM twice_{table}").fetchall()[0][0]:  # noqa: S608 - our own names
            self._sound.add((table, *files))
            return everything
        within = f"{_hash(table)} IN (SELECT h FROM twice_{table})"  # noqa: S608 - our own names
        key, order = ", ".join(IDENTITY[table]), ", ".join(FIRST[table])
        first = f"row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1"
        return f"{everything} WHERE NOT {within} UNION ALL {everything} WHERE {within} QUALIFY {first}"

    def _files(self, table: Table, query: Query) -> list[str]:
        near = [one for one in self._snapshot.segments if one.table == table]
        if table == "predictions":
            low_s, high_s = reach(query)
            near = [one for one in near if one.max_time_s >= low_s and one.min_time_s <= high_s]
        return [one.path for one in near]


def _hash(table: Table) -> str:
    """Equal for rows of one identity. The last of its columns nearly tells by itself: only that one is read."""
    return f"hash({IDENTITY[table][-1]})"


def _everything(table: Table, files: Sequence[str]) -> str:
    names = ", ".join(f'"{column.name}"' for column in COLUMNS[table])
    unsealed = f"SELECT {names} FROM new_{table}"  # noqa: S608 - our own names
    return f"{duck.segments(table, files)} UNION ALL {unsealed}" if files else unsealed


def _by_subject(cursor: _Cursor) -> bool:
    """Whether some event names no prediction, so that its subject has to be looked for."""
    return bool(cursor.execute(text.BY_SUBJECT).fetchall())


def _run(cursor: _Cursor, name: str, query: Query, width_s: float | None = None) -> _Cursor:
    asked, parameters = text.question(name)
    return cursor.execute(asked, {name: width_s if name == "width_s" else getattr(query, name) for name in parameters})


def _rows(cursor: _Cursor, name: str, query: Query) -> _Rows:
    return _run(cursor, name, query).fetchall()


def _answers(kind: type[_A], cursor: _Cursor, name: str, query: Query, width_s: float | None = None) -> tuple[_A, ...]:
    found = _run(cursor, name, query, width_s)
    names = [str(column[0]) for column in found.description or ()]
    return answers.answers(kind, found.fetchall(), names)
