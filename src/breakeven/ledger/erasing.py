"""Erasure of subjects on request: noted durably first, then taken out of every segment, then of what comes in late.

`erasures.db` holds the requests. The holder of the sealer's lock carries them out: each segment that names an erased
subject is written anew under a name made of the request, one transaction of the manifest swaps it, and only then the
old file goes. Whatever a crash interrupts is done again and comes to the same. Money, times and places stay.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import duckdb
import msgspec
from msgspec.structs import replace

from breakeven.ledger import duck, layout
from breakeven.ledger.columns import Table
from breakeven.ledger.disk import Disk
from breakeven.ledger.manifest import Manifest, Segment
from breakeven.schema.journal import Record, scan
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Prediction

NAME = "erasures.db"
_SCHEMA = """CREATE TABLE IF NOT EXISTS erasures (
  id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, subjects TEXT NOT NULL, reason TEXT NOT NULL, at_s REAL NOT NULL,
  report TEXT
)"""
_subjects = msgspec.json.Decoder(tuple[str, ...])


class Report(Noun, frozen=True, kw_only=True):
    """What an erasure took out: rows by table, segments written anew, quarantined files that were cut."""

    rows: dict[str, int] = {}
    segments: tuple[str, ...] = ()
    quarantined: tuple[str, ...] = ()


class Erasure(Noun, frozen=True, kw_only=True):
    """One request. `subjects` are hashes, all that stand for the person; without `report` it is still to be done."""

    id: int
    tenant: str
    subjects: tuple[str, ...]
    reason: str
    at_s: float
    report: Report | None = None


def note(data_dir: Path, tenant: str, subjects: Sequence[str], reason: str, at_s: float) -> int:
    """Write a request down, durable when this returns; its id."""
    with closing(sqlite3.connect(data_dir / NAME, isolation_level=None, timeout=10.0)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(_SCHEMA)
        values = (tenant, msgspec.json.encode(sorted(subjects)).decode(), reason, at_s)
        asked = "INSERT INTO erasures (tenant, subjects, reason, at_s) VALUES (?, ?, ?, ?)"
        return int(connection.execute(asked, values).lastrowid or 0)


def erasures(data_dir: Path) -> tuple[Erasure, ...]:
    """Every request, in order."""
    path = data_dir / NAME
    if not path.exists():
        return ()
    with closing(sqlite3.connect(path, timeout=10.0)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'erasures'").fetchall():
            return ()
        rows = connection.execute("SELECT * FROM erasures ORDER BY id").fetchall()
    return tuple(
        Erasure(
            id=id_,
            tenant=tenant,
            subjects=_subjects.decode(subjects),
            reason=reason,
            at_s=at_s,
            report=None if report is None else msgspec.json.decode(report, type=Report),
        )
        for id_, tenant, subjects, reason, at_s, report in rows
    )


def without(records: Iterable[Record], asked: Sequence[Erasure]) -> list[Record]:
    """The records as they stand after the erasures."""
    until_s = {(one.tenant, subject): one.at_s for one in asked for subject in one.subjects}
    return [_without(record, until_s) for record in records] if until_s else list(records)


def _without(record: Record, until_s: dict[tuple[str, str], float]) -> Record:
    if not isinstance(record, Prediction | Outcome):
        return record
    names = {record.subject, record.previous} if isinstance(record, Outcome) else {record.subject}
    if not any(record.time_s <= until_s.get((record.tenant, name), -math.inf) for name in names if name):
        return record
    if isinstance(record, Outcome):
        return replace(record, subject="", previous="", data="")
    return replace(record, subject="", subject_kind="erased", session="", labels={}, prompt="")


def carry_out(data_dir: Path, manifest: Manifest, disk: Disk, connection: duckdb.DuckDBPyConnection) -> None:
    """Carry out every request that is still to be done; for the holder of the sealer's lock."""
    for one in erasures(data_dir):
        if one.report is None:
            report = _Run(data_dir, manifest, disk, connection, one).report()
            disk.commit(lambda id_=one.id, report=report: _done(data_dir, id_, report))  # type: ignore[misc]


def _done(data_dir: Path, id_: int, report: Report) -> None:
    with closing(sqlite3.connect(data_dir / NAME, isolation_level=None, timeout=10.0)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        said = msgspec.json.encode(report).decode()
        connection.execute("UPDATE erasures SET report = ? WHERE id = ?", (said, id_))


_NAMES: dict[Table, tuple[str, str, str]] = {
    "predictions": ("subject", "''", "time_s"),
    "outcomes": ("subject", "coalesce(previous, '')", "time_s"),
    "bad": ("json_extract_string(event, '$.subject')", "json_extract_string(event, '$.previous')", "time_s"),
}
_BLANK: dict[Table, str] = {
    "predictions": "'' AS subject, 'erased' AS subject_kind, '' AS session, '{}'::JSON AS labels, '' AS prompt",
    "outcomes": "'' AS subject, '' AS previous, '' AS data",
    "bad": """json_merge_patch(event, '{"subject":"","previous":"","data":""}')::VARCHAR AS event""",
}


class _Run:
    """One erasure over all files."""

    def __init__(
        self,
        data_dir: Path,
        manifest: Manifest,
        disk: Disk,
        connection: duckdb.DuckDBPyConnection,
        erasure: Erasure,
    ) -> None:
        self._data_dir, self._manifest, self._disk, self._connection = data_dir, manifest, disk, connection
        self._mark, self._erasure = f".e{erasure.id}", erasure

    def report(self) -> Report:
        """Take the subjects out, and say of what. What an interrupted run swapped is counted by its files only."""
        self._remove_retired()
        rows: dict[str, int] = {}
        written: list[str] = []
        for one in self._manifest.segments():
            if Path(one.path).stem.endswith(self._mark):
                self._disk.remove(self._data_dir / one.path.replace(f"{self._mark}.parquet", ".parquet"))
                written.append(one.path)
            elif one.table in _NAMES and (count := self._count(one)):
                written.append(self._rewrite(one))
                rows[one.table] = rows.get(one.table, 0) + count
        cut = tuple(
            path.name
            for path in sorted(layout.quarantine(self._data_dir).glob("*"))
            if mask(self._disk, path, self._erasure.subjects)
        )
        return Report(rows=rows, segments=tuple(written), quarantined=cut)

    def _remove_retired(self) -> None:
        """What compaction replaced holds the same rows: it goes at once, though a reader may still have listed it."""
        paths = self._manifest.retired(float("inf"))
        for path in paths:
            self._disk.remove(self._data_dir / path)
        if paths:
            self._disk.commit(lambda: self._manifest.forget(paths))

    def _count(self, one: Segment) -> int:
        asked = f"SELECT count(*) FROM ({self._source(one)}) WHERE {self._theirs(one.table)}"  # noqa: S608 - quoted
        return int(self._connection.execute(asked).fetchall()[0][0])

    def _source(self, one: Segment) -> str:
        return duck.segments(one.table, [self._data_dir / one.path])

    def _theirs(self, table: Table) -> str:
        first, second, time_s = _NAMES[table]
        these = ", ".join(map(duck.text, self._erasure.subjects))
        whose = f"tenant = {duck.text(self._erasure.tenant)} AND {time_s} <= {self._erasure.at_s!r}"
        return f"({whose} AND ({first} IN ({these}) OR {second} IN ({these})))"

    def _rewrite(self, one: Segment) -> str:
        source, theirs = self._source(one), self._theirs(one.table)
        kept = f"SELECT * FROM ({source}) WHERE NOT coalesce({theirs}, false)"  # noqa: S608 - quoted
        blank = f"SELECT * REPLACE ({_BLANK[one.table]}) FROM ({source}) WHERE {theirs}"  # noqa: S608 - quoted
        path = one.path.removesuffix(".parquet") + f"{self._mark}.parquet"
        target = self._data_dir / path
        temporary = target.with_suffix(".tmp")
        order = "received_s" if one.table == "bad" else "time_s"
        self._disk.write(self._connection, f"SELECT * FROM ({kept} UNION ALL {blank}) ORDER BY {order}", temporary)  # noqa: S608 - quoted
        self._disk.sync(temporary)
        self._disk.rename(temporary, target)
        self._disk.commit(lambda: self._manifest.rewrite(one.path, replace(one, path=path)))
        self._disk.remove(self._data_dir / one.path)
        return path


def mask(disk: Disk, path: Path, subjects: Sequence[str]) -> bool:
    """Take subjects out of a quarantined journal; whether it held any.

    Its readable part is in segments already, and goes. In the rest, which no one can read, hashes become zeros.
    """
    data = path.read_bytes()
    if not any(subject.encode() in data for subject in subjects):
        return False
    rest = data[scan(data).good_bytes :]
    for subject in subjects:
        rest = rest.replace(subject.encode(), b"0" * len(subject.encode()))
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(rest)
    disk.sync(temporary)
    disk.rename(temporary, path)
    return True
