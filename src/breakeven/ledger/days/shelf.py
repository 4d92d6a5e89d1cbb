"""The shelf: which days have a roll-up, of which version and why, and what is known of the rows behind them.

SQLite beside the manifest (`days.db`). One writer, the sealer (or `breakeven ledger finalise`); a reader takes
the whole of it before it reads the manifest, so that what is newer than the shelf is always seen as new, never missed.
"""

from __future__ import annotations

import bisect
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import msgspec

from breakeven.ledger.days.fresh import Facts, Link, Rate
from breakeven.ledger.days.span import Run, joined, size
from breakeven.schema.noun import Noun

NAME = "days.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS seen (one INTEGER PRIMARY KEY CHECK (one = 1), journal INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS present (day INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS odd (day INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS doubtful (day INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS links (
  outcome_hour INTEGER NOT NULL, prediction_hour INTEGER NOT NULL, PRIMARY KEY (outcome_hour, prediction_hour)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS links_back ON links (prediction_hour);
CREATE TABLE IF NOT EXISTS rates (
  deployment TEXT NOT NULL, policy_id TEXT NOT NULL, rate TEXT NOT NULL, PRIMARY KEY (deployment, policy_id)
);
CREATE TABLE IF NOT EXISTS runs (node TEXT PRIMARY KEY, runs BLOB NOT NULL, missing INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS versions (
  day INTEGER NOT NULL, version INTEGER NOT NULL, path TEXT NOT NULL, key TEXT NOT NULL, basis BLOB NOT NULL,
  reason TEXT NOT NULL, digest TEXT NOT NULL, rows INTEGER NOT NULL, made_at_s REAL NOT NULL, PRIMARY KEY (day, version)
);
CREATE TABLE IF NOT EXISTS reopened (day INTEGER PRIMARY KEY, reason TEXT NOT NULL, since_s REAL NOT NULL);
"""


class Basis(Noun, frozen=True, kw_only=True):
    """What a day's answers rest on beside its rows: use cases, pairs of deployment and policy, the longest window."""

    use_cases: tuple[str, ...] = ()
    pairs: tuple[Rate, ...] = ()
    window_s: float = 0.0


class Version(Noun, frozen=True, kw_only=True):
    """One roll-up of one day. `path` is relative to the data directory; `digest` is that of the answers."""

    day: int
    version: int
    path: str
    key: str
    basis: Basis
    reason: str
    digest: str
    rows: int
    made_at_s: float


class Known(Noun, frozen=True, kw_only=True):
    """The shelf at one moment: the last version of each day, days that were reopened since, and the rows' facts."""

    seen: int = 0
    present: frozenset[int] = frozenset()
    odd: frozenset[int] = frozenset()
    doubtful: frozenset[int] = frozenset()
    rates: dict[Rate, int] = {}
    latest: dict[int, Version] = {}
    reopened: dict[int, tuple[str, float]] = {}


class Shelf:
    """An open shelf; `with` closes it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def writing(cls, data_dir: Path) -> Self:
        """The shelf of a data directory, made if there is none."""
        connection = sqlite3.connect(data_dir / NAME, isolation_level=None, timeout=10.0)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.executescript(_SCHEMA)
        return cls(connection)

    @classmethod
    def reading(cls, data_dir: Path) -> Self:
        """The shelf as it stands; an empty one before the first."""
        path = data_dir / NAME
        uri = f"{path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri if path.exists() else ":memory:", uri=True, isolation_level=None, timeout=10.0)
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'reopened'").fetchall():
            connection.close()
            connection = sqlite3.connect(":memory:", isolation_level=None)
            connection.executescript(_SCHEMA)
        connection.execute("BEGIN")
        return cls(connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def known(self) -> Known:
        """Everything but the links, which are many."""
        ask = self._connection.execute
        seen = ask("SELECT journal FROM seen").fetchall()
        return Known(
            seen=seen[0][0] if seen else 0,
            present=frozenset(day for (day,) in ask("SELECT day FROM present")),
            odd=frozenset(day for (day,) in ask("SELECT day FROM odd")),
            doubtful=frozenset(day for (day,) in ask("SELECT day FROM doubtful")),
            rates={(name, policy): int(rate) for name, policy, rate in ask("SELECT * FROM rates")},
            latest={one.day: one for one in _versions(ask(_LATEST))},
            reopened={day: (reason, since_s) for day, reason, since_s in ask("SELECT * FROM reopened")},
        )

    def runs(self, nodes: Iterable[str]) -> dict[str, tuple[Run, ...]]:
        """The sequence numbers that records of these nodes carry."""
        ask = self._connection.execute
        rows = [row for node in nodes for row in ask("SELECT node, runs FROM runs WHERE node = ?", (node,))]
        return {node: msgspec.json.decode(found, type=tuple[Run, ...]) for node, found in rows}

    def missing(self) -> int:
        """Sequence numbers that no record carries, of all nodes."""
        found = self._connection.execute("SELECT coalesce(sum(missing), 0) FROM runs").fetchall()
        return int(found[0][0])

    def versions(self) -> tuple[Version, ...]:
        """Every version of every day."""
        return tuple(_versions(self._connection.execute("SELECT * FROM versions ORDER BY day, version")))

    def links_of_outcomes(self, low: int, high: int) -> list[Link]:
        """The links of outcomes in the hours `low` to `high`."""
        return self._links("outcome_hour", low, high)

    def links_of_predictions(self, low: int, high: int) -> list[Link]:
        """The links of predictions in the hours `low` to `high`."""
        return self._links("prediction_hour", low, high)

    def _links(self, column: str, low: int, high: int) -> list[Link]:
        text = f"SELECT outcome_hour, prediction_hour FROM links WHERE {column} BETWEEN ? AND ?"  # noqa: S608 - ours
        return self._connection.execute(text, (low, high)).fetchall()

    def see(self, facts: Facts, seen: int, reopened: Iterable[tuple[int, str]], now_s: float, before: Known) -> None:
        """Facts of rows up to journal number `seen`, and the days that they reopen: one durable transaction."""
        predicted = {one.day for one in facts.stretches if one.table == "predictions"}
        with self._transaction() as connection:
            many = connection.executemany
            many("INSERT OR IGNORE INTO present VALUES (?)", sorted({(one.day,) for one in facts.stretches}))
            many("INSERT OR IGNORE INTO odd VALUES (?)", sorted({(hour // 24,) for _, hour in facts.odd}))
            filled = self.runs(facts.runs)
            if facts.repeats or overlap(facts, filled):
                many("INSERT OR IGNORE INTO doubtful VALUES (?)", sorted((day,) for day in predicted))
            many("INSERT OR IGNORE INTO links VALUES (?, ?)", sorted(facts.links))
            rates = {key: max(rate, before.rates.get(key, rate)) for key, rate in facts.rates.items()}
            many("INSERT OR REPLACE INTO rates VALUES (?, ?, ?)", [(*key, str(rate)) for key, rate in rates.items()])
            runs = {node: joined([*found, *filled.get(node, ())]) for node, found in facts.runs.items()}
            kept = [(node, msgspec.json.encode(found), missing(found)) for node, found in runs.items()]
            many("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", kept)
            late = [(day, reason, now_s) for day, reason in reopened]
            many("INSERT OR IGNORE INTO reopened VALUES (?, ?, ?)", late)
            connection.execute("INSERT OR REPLACE INTO seen VALUES (1, ?)", (seen,))

    def put(self, version: Version) -> None:
        """A day's new version, or its last one under a new key; the day is open no longer."""
        values = tuple(getattr(version, name) for name in version.__struct_fields__)
        row = tuple(msgspec.json.encode(one) if isinstance(one, Basis) else one for one in values)
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO versions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            connection.execute("DELETE FROM reopened WHERE day = ?", (version.day,))

    def forget(self) -> None:
        """Start anew with the facts of rows; versions stay listed, and every day is judged again."""
        with self._transaction() as connection:
            for table in ("seen", "present", "odd", "doubtful", "links", "rates", "runs"):
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names
            connection.execute(
                "INSERT OR IGNORE INTO reopened SELECT DISTINCT day, 'segments were rewritten', 0 FROM versions"
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise


_LATEST = """
SELECT v.* FROM versions v JOIN (SELECT day, max(version) AS version FROM versions GROUP BY day) USING (day, version)
"""


def _versions(rows: Iterable[tuple[object, ...]]) -> Iterator[Version]:
    for row in rows:
        said: dict[str, Any] = dict(zip(Version.__struct_fields__, row, strict=True))
        yield msgspec.convert(said | {"basis": msgspec.json.decode(said["basis"])}, Version)


def missing(found: Sequence[Run]) -> int:
    """Numbers up to the last that a node's runs (ascending) lack."""
    return found[-1][1] - size(found) if found else 0


def overlap(facts: Facts, filled: dict[str, tuple[Run, ...]]) -> bool:
    """Whether a sequence number of `facts` was there before; both sides ascend."""
    return any(_meet(found, filled.get(node, ())) for node, found in facts.runs.items())


def _meet(new: Sequence[Run], old: Sequence[Run]) -> bool:
    for low, high in new:
        at = bisect.bisect_right(old, (high, sys.maxsize))
        if at and old[at - 1][1] >= low:
            return True
    return False
