"""The manifest: which journals became which segments. SQLite, so that the answer survives a crash at any moment."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger.columns import Table
from breakeven.schema.noun import Noun

NAME = "manifest.db"
VERSION = 1
_WAY_OUT = f"restore {NAME} from a backup; the rows lie untouched under segments/ meanwhile"
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
CREATE TABLE IF NOT EXISTS retired (path TEXT PRIMARY KEY, at_s REAL NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (node TEXT NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (node, sequence));
CREATE INDEX IF NOT EXISTS segments_time ON segments (tbl, max_time_s);
CREATE INDEX IF NOT EXISTS segments_name ON segments (name);
"""
_INSERT_JOURNAL = "INSERT OR REPLACE INTO journals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_SEGMENT = "INSERT OR REPLACE INTO segments VALUES (?, ?, ?, ?, ?, ?)"
_RAISE_WATERMARK = "INSERT INTO watermark VALUES (?, ?) ON CONFLICT DO UPDATE SET time_s = max(time_s, excluded.time_s)"


class Segment(Noun, frozen=True, kw_only=True):
    """One Parquet file: `path` is relative to the data directory, `name` the journal it came from.

    A name that begins with `c-` came from compaction: its rows were in other segments before.
    """

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
    dropped: tuple[tuple[str, int], ...] = ()
    """(node, sequence) of repeated records that compaction left out: they were not lost."""


class Manifest:
    """The writing side; only the process that holds the sealer's lock opens one.

    Raises:
        LedgerError: the file is no manifest, damaged, or of a later version.
        OSError: the disk is full or failing.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = path = data_dir / NAME
        with _named(path):
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
            try:
                version = _check_version(self._connection, path)
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._connection.execute("PRAGMA synchronous=FULL")
                self._connection.executescript(_SCHEMA)
                if version < VERSION:  # else every pass of the sealer would write and sync
                    self._connection.execute(f"PRAGMA user_version={VERSION}")
            except BaseException:
                self._connection.close()
                raise

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

    def rewrite(self, path: str, segment: Segment) -> None:
        """One segment for another, in one durable transaction."""
        with self._transaction() as execute:
            execute("DELETE FROM segments WHERE path = ?", (path,))
            execute(_INSERT_SEGMENT, _values(segment))

    def record(self, journal: Journal, segments: Sequence[Segment]) -> None:
        """One journal with its segments, in one durable transaction; recording it again changes nothing.

        Raises:
            OSError: the disk is full or failing.
        """
        with self._transaction() as execute:
            execute(_INSERT_JOURNAL, _values(journal))
            for one in segments:
                execute(_INSERT_SEGMENT, _values(one))
                if (
                    one.table != "corrections"
                ):  # when somebody looked at a bill says nothing of how far traffic has come
                    execute(_RAISE_WATERMARK, (one.table, one.max_time_s))

    def swap(self, gone: Sequence[Segment], new: Segment, dropped: Sequence[tuple[str, int]], at_s: float) -> None:
        """Replace segments by the one that holds their rows, in one durable transaction; their files may go later."""
        with self._transaction() as execute:
            for one in gone:
                execute("DELETE FROM segments WHERE path = ?", (one.path,))
                execute("INSERT OR REPLACE INTO retired VALUES (?, ?)", (one.path, at_s))
            execute(_INSERT_SEGMENT, _values(new))
            for frame in dropped:
                execute("INSERT OR IGNORE INTO dropped VALUES (?, ?)", frame)

    def retired(self, until_s: float) -> tuple[str, ...]:
        """Files that no listing has named since `until_s` (Unix seconds), relative to the data directory."""
        rows = self._connection.execute("SELECT path FROM retired WHERE at_s <= ? ORDER BY path", (until_s,))
        return tuple(path for (path,) in rows)

    def forget(self, paths: Sequence[str]) -> None:
        """Retired files that are gone."""
        with self._transaction() as execute:
            for path in paths:
                execute("DELETE FROM retired WHERE path = ?", (path,))

    @contextmanager
    def _transaction(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        execute = self._connection.execute
        with _named(self._path):
            execute("BEGIN IMMEDIATE")
            try:
                yield execute
                execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # where the disk failed, SQLite has ended it itself
                    execute("ROLLBACK")
                raise


def _segments(connection: sqlite3.Connection) -> tuple[Segment, ...]:
    return tuple(
        Segment(path=path, name=name, table=table, rows=rows, min_time_s=low, max_time_s=high)
        for path, name, table, rows, low, high in connection.execute("SELECT * FROM segments ORDER BY path")
    )


def read(data_dir: Path) -> Listing:
    """The manifest as it stands; empty before the first sealing.

    Raises:
        LedgerError: the file is no manifest, damaged, or of a later version.
    """
    path = data_dir / NAME
    # A rollback log is there only while the manifest is being made: ever after its log is the WAL.
    if not path.exists() or path.with_name(f"{NAME}-journal").exists():
        return Listing()
    with _named(path, LedgerError), _reading(path) as connection:
        _check_version(connection, path)
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'watermark'").fetchall():
            return Listing()
        connection.execute("BEGIN")
        return Listing(
            journals=_journals(connection.execute("SELECT * FROM journals ORDER BY name").fetchall()),
            segments=_segments(connection),
            watermark=tuple(connection.execute("SELECT tbl, time_s FROM watermark ORDER BY tbl").fetchall()),
            dropped=_dropped(connection),
        )


def _dropped(connection: sqlite3.Connection) -> tuple[tuple[str, int], ...]:
    """Nothing in a manifest of an earlier version, which no compaction has touched."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'dropped'").fetchall():
        return ()
    return tuple(connection.execute("SELECT node, sequence FROM dropped ORDER BY node, sequence").fetchall())


@contextmanager
def _named(path: Path, passing: type[Exception] = OSError) -> Iterator[None]:
    """What SQLite says about a file, with its name and the way out. `passing` is for what may be better next time."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = f"{path} cannot be used now: {error}"
        raise passing(message) from error
    except sqlite3.DatabaseError as error:
        message = f"{path} cannot be read as a manifest: {error}"
        raise LedgerError(message, _WAY_OUT) from error


def _check_version(connection: sqlite3.Connection, path: Path) -> int:
    version: int
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    if version > VERSION:
        message = f"{path} is of version {version}, this breakeven reads up to {VERSION}"
        raise LedgerError(message, "use the newer breakeven that wrote it")
    return version


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
