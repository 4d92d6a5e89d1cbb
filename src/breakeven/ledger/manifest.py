"""The manifest: which journals became which segments. SQLite, so that the answer survives a crash at any moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import msgspec

from breakeven.ledger.columns import Table
from breakeven.schema.noun import Noun

NAME = "manifest.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS journals (
  name TEXT PRIMARY KEY, node TEXT NOT NULL, first_sequence INTEGER, last_sequence INTEGER, records INTEGER NOT NULL,
  repeated INTEGER NOT NULL, bytes INTEGER NOT NULL, stopped TEXT NOT NULL, sealed_at_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS segments (
  path TEXT PRIMARY KEY, name TEXT NOT NULL, tbl TEXT NOT NULL, rows INTEGER NOT NULL,
  min_time_s REAL NOT NULL, max_time_s REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS watermark (tbl TEXT PRIMARY KEY, time_s REAL NOT NULL);
"""
_INSERT_JOURNAL = "INSERT OR REPLACE INTO journals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_SEGMENT = "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)"
_RAISE_WATERMARK = "INSERT INTO watermark VALUES (?, ?) ON CONFLICT DO UPDATE SET time_s = max(time_s, excluded.time_s)"


class Segment(Noun, frozen=True, kw_only=True):
    """One Parquet file: `path` is relative to the data directory, `name` the journal it came from."""

    path: str
    name: str
    table: Table
    rows: int
    min_time_s: float
    max_time_s: float


class Journal(Noun, frozen=True, kw_only=True):
    """One sealed journal. `stopped` says why reading ended early; `repeated` counts ids that occurred before in it."""

    name: str
    node: str
    first_sequence: int | None
    last_sequence: int | None
    records: int
    repeated: int
    bytes: int
    stopped: str
    sealed_at_s: float


class Listing(Noun, frozen=True, kw_only=True):
    """What the manifest holds at one moment."""

    journals: tuple[Journal, ...] = ()
    segments: tuple[Segment, ...] = ()
    watermark: tuple[tuple[str, float], ...] = ()


class Manifest:
    """The writing side; only the process that holds the sealer's lock opens one."""

    def __init__(self, data_dir: Path) -> None:
        self._connection = sqlite3.connect(data_dir / NAME, isolation_level=None, timeout=10.0)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def journal(self, name: str) -> Journal | None:
        """A journal that was sealed before, or None."""
        rows = self._connection.execute("SELECT * FROM journals WHERE name = ?", (name,)).fetchall()
        return _journals(rows)[0] if rows else None

    def segments(self) -> tuple[Segment, ...]:
        """Every segment listed, by path."""
        return _segments(self._connection)

    def swap(self, path: str, segment: Segment) -> None:
        """One segment for another, in one durable transaction."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            execute("DELETE FROM segments WHERE path = ?", (path,))
            execute(_INSERT_SEGMENT, _values(segment))
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise

    def record(self, journal: Journal, segments: Sequence[Segment]) -> None:
        """One journal with its segments, in one durable transaction; recording it again changes nothing."""
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            execute(_INSERT_JOURNAL, _values(journal))
            for one in segments:
                execute(_INSERT_SEGMENT, _values(one))
                execute(_RAISE_WATERMARK, (one.table, one.max_time_s))
            execute("COMMIT")
        except BaseException:
            execute("ROLLBACK")
            raise


def _segments(connection: sqlite3.Connection) -> tuple[Segment, ...]:
    return tuple(
        Segment(path=path, name=name, table=table, rows=rows, min_time_s=low, max_time_s=high)
        for path, name, table, rows, low, high in connection.execute("SELECT * FROM segments ORDER BY path")
    )


def read(data_dir: Path) -> Listing:
    """The manifest as it stands; empty before the first sealing."""
    path = data_dir / NAME
    if not path.exists():
        return Listing()
    with _reading(path) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'watermark'").fetchall():
            return Listing()
        connection.execute("BEGIN")
        return Listing(
            journals=_journals(connection.execute("SELECT * FROM journals ORDER BY name").fetchall()),
            segments=_segments(connection),
            watermark=tuple(connection.execute("SELECT tbl, time_s FROM watermark ORDER BY tbl").fetchall()),
        )


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0)) as connection:
        yield connection


def _journals(rows: Sequence[tuple[object, ...]]) -> tuple[Journal, ...]:
    names = Journal.__struct_fields__
    return tuple(msgspec.convert(dict(zip(names, row, strict=True)), Journal) for row in rows)


def _values(noun: Noun) -> tuple[object, ...]:
    return tuple(getattr(noun, name) for name in noun.__struct_fields__)
