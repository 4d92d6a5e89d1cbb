"""The Apache Spark engine: the same questions over the same Parquet segments, and the unsealed records as local tables.

Needs the extra `spark` and Java 17. Workers read the segments where the manifest names them, so the data directory is
on storage that driver and workers share, or `data_url` says where they find a copy of its `segments` folder.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias, TypeVar

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from breakeven.errors import LedgerError
from breakeven.ledger import correcting, duck
from breakeven.ledger.columns import COLUMNS, STORED, TABLES, Table
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
from breakeven.ledger.snapshot import Segment, Snapshot

_Rows: TypeAlias = Sequence[Sequence[object]]
_A = TypeVar("_A", Cell, Loaded, Slice, Standby, Useful)
BAD: Table = "bad"
_VIEWS: dict[Table, str] = {"predictions": "p", "outcomes": "o", "capacity": "c", "engine": "e"}
_KINDS = {
    "VARCHAR": "string",
    "JSON": "string",
    "DOUBLE": "double",
    "BIGINT": "bigint",
    "UBIGINT": "decimal(20,0)",
    "BOOLEAN": "boolean",
}
_MEASURES = "use_case string, used_when string, window_s double, touch string"
_alone = threading.Lock()
"""Views of a session are global in it: one question at a time."""


class SparkEngine:
    """Answers over Parquet files that it never changes, by a cluster, or by Spark in this process.

    `master` is a Spark master (`spark://host:7077`, `local[*]`, ...) or, with `sc://`, a Spark Connect server.

    Raises:
        LedgerError: there is no session to be had there.
    """

    def __init__(self, snapshot: Snapshot, *, master: str = "local[*]", data_url: str = "") -> None:
        self.warnings = snapshot.warnings
        self._snapshot = snapshot
        self._data_url = data_url.rstrip("/")
        self._session = _session(master)
        self._people: People | None = None
        self._corrects = correcting.any_in(snapshot)
        tables: tuple[Table, ...] = STORED if self._corrects else (*TABLES, BAD)
        self._unsealed = {table: self._local(table) for table in tables}

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""
        return self._answers(Cell, "cells", query, choose=True)

    def useful(self, query: Query) -> tuple[Useful, ...]:
        """What useful predictions cost, by use case and day."""
        return self._answers(Useful, "useful", query, choose=True)

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""
        return self._answers(Standby, "standby", query, prune=False)

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""
        names = {dimension: f"spreads_{dimension or 'all'}" for dimension in ("", *DIMENSIONS)}
        found = self._ask(query, *names.values())
        return tuple(one for dimension, name in names.items() for one in answers.spreads(dimension, found[name]))

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""
        found = self._ask(query, "unused", "kinds", "lost", "policies", prune=False)
        return answers.audit(found["unused"], found["kinds"], found["lost"], found["policies"])

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""
        rows = self._ask(query, "arrivals")["arrivals"]
        return answers.arrivals(*([row[at] for row in rows] for at in range(3)))

    def samples(self, query: Query) -> Samples:
        """Latencies of delivered predictions, sorted."""
        names = {metric: f"samples_{metric}" for metric in METRICS}
        found = self._ask(query, *names.values())
        return answers.samples({metric: found[name] for metric, name in names.items()})

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of time."""
        check_width(width_s)
        return self._answers(Slice, "slices", query, width_s=width_s)

    def loads(self, query: Query) -> tuple[Loaded, ...]:
        """What engines and accelerators said of themselves."""
        return self._answers(Loaded, "loads", query, prune=False)

    def _answers(
        self,
        kind: type[_A],
        name: str,
        query: Query,
        *,
        width_s: float | None = None,
        prune: bool = True,
        choose: bool = False,
    ) -> tuple[_A, ...]:
        with _alone:
            self._views(query if prune else Query(measures=query.measures))
            if choose and not self._session.sql(text.BY_SUBJECT).collect():
                name += "_named"
            found = self._frame(name, query, width_s)
            return answers.answers(kind, found.collect(), found.columns)

    def _ask(self, query: Query, *names: str, prune: bool = True) -> dict[str, _Rows]:
        with _alone:
            self._views(query if prune else Query(measures=query.measures))
            return {name: self._frame(name, query).collect() for name in names}

    def _frame(self, name: str, query: Query, width_s: float | None = None) -> DataFrame:
        asked, parameters = text.question(name, "spark")
        values = {name: width_s if name == "width_s" else getattr(query, name) for name in parameters}
        return self._session.sql(asked, args=values)

    def _views(self, query: Query) -> None:
        """The relations that questions read, as temporary views."""
        rows = [(one.use_case, one.used_when, one.window_s, one.touch) for one in query.measures]
        self._session.createDataFrame(rows, _MEASURES).createOrReplaceTempView("measures")
        for table in TABLES:
            name = _VIEWS[table]
            everything = self._everything(table, query)
            everything.createOrReplaceTempView(f"all_{name}")
            distinct = table == "predictions" and self._snapshot.distinct
            kept = everything if distinct else self._frame(f"once_{table}", query)
            if table == "predictions" and self._corrects:
                kept = self._corrected(kept, query)
            kept.createOrReplaceTempView(name)
            if table in PEOPLED:
                kept.createOrReplaceTempView(f"plain_{name}")
        self._join_people()
        self._everything(BAD, query).createOrReplaceTempView("all_b")
        dropped = [list(frame) for frame in self._snapshot.dropped]
        self._session.createDataFrame(dropped, "node string, sequence bigint").createOrReplaceTempView("dropped")

    def _corrected(self, written: DataFrame, query: Query) -> DataFrame:
        """Predictions with the costs that hold."""
        self._everything("corrections", query).createOrReplaceTempView("all_k")
        self._session.sql(correcting.LATEST).createOrReplaceTempView(correcting.RELATION)
        written.createOrReplaceTempView("written_p")
        return self._session.sql(correcting.joined("written_p"))

    def _join_people(self) -> None:
        """Subjects become their persons, and consent what it was withdrawn to; else nothing is joined."""
        if self._people is None:
            self._people = people_of(self._session.sql(LATEST).collect())
        if not self._people:
            return
        for name, rows, columns in (
            ("persons", self._people.person_rows(), "tenant string, subject string, person string"),
            ("silent", self._people.silent_rows(), "tenant string, subject string, from_s double, until_s double"),
        ):
            self._session.createDataFrame(rows, columns).createOrReplaceTempView(name)
        for table in PEOPLED:
            name = _VIEWS[table]
            self._session.sql(joined(table, f"plain_{name}")).createOrReplaceTempView(name)

    def _everything(self, table: Table, query: Query) -> DataFrame:
        near = [one for one in self._snapshot.segments if one.table == table]
        if table == "predictions":
            low_s, high_s = reach(query)
            near = [one for one in near if one.max_time_s >= low_s and one.min_time_s <= high_s]
        if not near:
            return self._unsealed[table]
        names = [column.name for column in COLUMNS[table]]
        # With a schema given, what an older segment lacks is NULL in it.
        read = self._session.read.schema(_schema(table)).parquet(*(self._place(one) for one in near))
        return read.select(*names).unionAll(self._unsealed[table])

    def _place(self, segment: Segment) -> str:
        if not self._data_url:
            return f"file://{Path(segment.path).resolve()}"  # Hadoop takes a path as it is, %3D included
        return self._data_url + segment.path[segment.path.rindex("/segments/") :]

    def _local(self, table: Table) -> DataFrame:
        """The unsealed records of a table."""
        held = (*self._snapshot.records, *self._snapshot.bad)
        records = [record for record in held if table_of(record) == table]
        names = ", ".join(
            f'"{column.name}"::DECIMAL(20, 0)' if column.kind == "UBIGINT" else f'"{column.name}"'
            for column in COLUMNS[table]
        )
        with duck.connect() as connection:
            duck.hold(connection, "held", table, records)
            rows = connection.execute(f"SELECT {names} FROM held").fetchall()  # noqa: S608 - our own names
        return self._session.createDataFrame(rows, _schema(table))


def _schema(table: Table) -> StructType:
    return StructType.fromDDL(", ".join(f"`{column.name}` {_KINDS[column.kind]}" for column in COLUMNS[table]))


def _session(master: str) -> SparkSession:
    builder = SparkSession.builder.appName("breakeven")
    if not os.environ.get("SPARK_LOCAL_IP") and master.startswith("local"):
        builder = builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
    builder = builder.remote(master) if master.startswith("sc://") else builder.master(master)
    try:
        session = builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()
        session.range(1).collect()
    except (PySparkException, RuntimeError, OSError, ImportError) as error:
        message = f"no Spark session at {master}: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise LedgerError(message, "install Java 17 and start the master and its workers; see docs/scale.md") from error
    return session
