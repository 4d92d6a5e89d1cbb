"""What is left of every allowance, and who has leased how much of it: SQLite, one short transaction a visit.

A worker's word is absolute: each visit states what its purse holds, has spent and has reserved. So a visit whose commit
failed half-way, or is told twice, does no harm; the next one corrects it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from breakeven.gateway.allowance.ask import BUCKET, Answer, Ask, Lease, Others, shared_out
from breakeven.gateway.allowance.bucket import Buckets
from breakeven.gateway.allowance.turn import Turn

BUSY_S = 1.0
"""How long a visit waits for other programs that hold the file; then it counts as unusable."""
ORDINARY = 0.05
"""A request for at most this share of a limit shows by its refusal that the limit is exhausted."""
VERSION = 1
# Never WAL: SQLite before 3.51.3 can corrupt a WAL that several processes reset at once.
_SETTINGS = ("PRAGMA journal_mode=DELETE", "PRAGMA synchronous=FULL")
_TABLES = (
    # settled: spent by leases that have ended; what living ones spent stands in their rows
    """CREATE TABLE periods (allowance TEXT NOT NULL, start INTEGER NOT NULL, settled INTEGER NOT NULL,
    PRIMARY KEY (allowance, start)) WITHOUT ROWID""",
    # at: monotonic seconds of one boot
    """CREATE TABLE buckets (allowance TEXT PRIMARY KEY, level REAL NOT NULL, at REAL NOT NULL, boot TEXT NOT NULL,
    rate_per_s REAL NOT NULL, burst INTEGER NOT NULL) WITHOUT ROWID""",
    """CREATE TABLE leases (allowance TEXT NOT NULL, start INTEGER NOT NULL, holder TEXT NOT NULL,
    slot INTEGER NOT NULL, granted INTEGER NOT NULL, spent INTEGER NOT NULL, reserved INTEGER NOT NULL,
    PRIMARY KEY (allowance, start, holder)) WITHOUT ROWID""",
    "CREATE INDEX leases_by_holder ON leases (holder)",
    """CREATE TABLE alerts (allowance TEXT NOT NULL, start INTEGER NOT NULL, share REAL NOT NULL,
    PRIMARY KEY (allowance, start, share)) WITHOUT ROWID""",
)
Worst = Callable[[int], int | None]
"""What the purse in a slot has spent and reserved; None where nobody knows."""


class Store:
    """One connection, used by one thread.

    Args:
        path: the file; made if absent.
        holder: the node whose leases these are.
        boot: names the run of the kernel that `clock` counts in.
        clock: monotonic seconds, the same for all processes.

    Raises:
        sqlite3.Error: the file cannot be opened, or is no store of this version.
        OSError: the lock beside it cannot be made, or other workers keep it; so of every method below.
    """

    def __init__(self, path: Path, holder: str, boot: str, clock: Callable[[], float]) -> None:
        self._holder = holder
        self._turn = Turn(path.with_suffix(".lock"))
        self._sql = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        self._buckets = Buckets(self._sql, boot, clock)
        try:
            self._prepare(path)
        except BaseException:
            self.close()
            raise

    def visit(self, asks: Sequence[Ask]) -> list[Answer]:
        """Tell, give back and lease, for all purses in one transaction.

        Raises:
            sqlite3.Error: the file cannot be used now; what became of the visit is unknown, the next one corrects it.
            OverflowError: a number is too large for the file.
        """
        with self._transaction():
            return [self._answer(ask) for ask in asks]

    def reclaim(self, holder: str, worst: Worst) -> bool:
        """End all leases of a worker: what its purses had spent and reserved is spent, the rest can be leased again.

        Where nobody knows what it spent, all that was leased counts as spent. False when it had no lease.

        Raises:
            sqlite3.Error: the file cannot be used now; try again.
        """
        with self._transaction():
            rows = self._sql.execute(
                "SELECT allowance, start, slot, granted, spent, reserved FROM leases WHERE holder = ?", (holder,)
            ).fetchall()
            for key, start, *rest in rows:
                self._end(holder, key, start, Lease(*rest), worst)
        return bool(rows)

    def holders(self) -> list[str]:
        """Every worker that holds a lease.

        Raises:
            sqlite3.Error: the file cannot be used now.
        """
        return [name for (name,) in self._sql.execute("SELECT DISTINCT holder FROM leases").fetchall()]

    def close(self) -> None:
        """Close the connection."""
        self._sql.close()
        self._turn.close()

    def _prepare(self, path: Path) -> None:
        with self._turn.taken():
            for setting in _SETTINGS:
                self._sql.execute(setting)
        with self._transaction():
            (version,) = self._sql.execute("PRAGMA user_version").fetchone()
            if version not in (0, VERSION):
                message = f"{path} has version {version}, this program reads version {VERSION}"
                raise sqlite3.DatabaseError(message)
            if version == 0:
                for table in _TABLES:
                    self._sql.execute(table)
            self._sql.execute(f"PRAGMA user_version = {VERSION}")  # written each time: it shows that writing works

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._turn.taken():
            self._sql.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._sql.execute("COMMIT")
            except BaseException:
                if self._sql.in_transaction:
                    self._sql.execute("ROLLBACK")
                raise

    def _answer(self, ask: Ask) -> Answer:
        lease = self._lease(ask.key, ask.start, self._holder)
        if ask.end:
            if lease:  # one that is not there has been ended before: nothing is counted twice
                self._end(self._holder, ask.key, ask.start, lease, lambda _: ask.worst)
            return Answer(ask.granted)
        others = self._others(ask.key, ask.start, self._holder)
        return (self._of_bucket if ask.start == BUCKET else self._of_period)(ask, lease, others)

    def _of_period(self, ask: Ask, lease: Lease | None, others: Others) -> Answer:
        settled = self._settled(ask.key, ask.start)
        left = ask.limit - settled - others.granted - ask.held
        grant, extra = shared_out(ask, left, others.workers + 1)
        self._write(ask, lease, grant)
        spent = settled + others.spent + ask.spent
        return Answer(ask.held + grant, left - grant, spent, others.workers, extra, self._raised(ask, spent))

    def _of_bucket(self, ask: Ask, lease: Lease | None, others: Others) -> Answer:
        level = self._buckets.level(ask.key, ask.rate_per_s, ask.burst, others.idle + (lease.idle if lease else 0))
        given_back = (lease.granted if lease else 0) - ask.held
        level = min(level + given_back, ask.burst - others.idle - (ask.held - ask.worst))
        grant, extra = shared_out(ask, int(level // 1), others.workers + 1)
        if self._write(ask, lease, grant):
            self._buckets.put(ask.key, ask.rate_per_s, ask.burst, level - grant)
        return Answer(ask.held + grant, int(level // 1) - grant, 0, others.workers, extra)

    def _write(self, ask: Ask, old: Lease | None, grant: int) -> bool:
        new = Lease(ask.slot, ask.held + grant, ask.spent, ask.reserved)
        if new == (old or Lease(ask.slot, 0, 0, 0)):
            return False
        self._sql.execute(
            "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?)", (ask.key, ask.start, self._holder, *new)
        )
        return True

    def _end(self, holder: str, key: str, start: int, lease: Lease, worst: Worst) -> None:
        found = worst(lease.slot)
        used = max(lease.granted, lease.spent) if found is None else max(lease.spent, found)
        if start == BUCKET:
            self._buckets.give_back(key, self._others(key, start, "").idle, lease.granted - used)
        else:
            self._sql.execute(
                "INSERT INTO periods VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET settled = settled + excluded.settled",
                (key, start, used),
            )
        self._sql.execute("DELETE FROM leases WHERE allowance = ? AND start = ? AND holder = ?", (key, start, holder))

    def _settled(self, key: str, start: int) -> int:
        asked = "SELECT settled FROM periods WHERE allowance = ? AND start = ?"
        found = self._sql.execute(asked, (key, start)).fetchone()
        return int(found[0]) if found else 0

    def _lease(self, key: str, start: int, holder: str) -> Lease | None:
        asked = "SELECT slot, granted, spent, reserved FROM leases WHERE allowance = ? AND start = ? AND holder = ?"
        found = self._sql.execute(asked, (key, start, holder)).fetchone()
        return Lease(*found) if found else None

    def _others(self, key: str, start: int, holder: str) -> Others:
        asked = """SELECT count(*), ifnull(sum(granted), 0), ifnull(sum(spent), 0),
        ifnull(sum(granted - spent - reserved), 0) FROM leases WHERE allowance = ? AND start = ? AND holder <> ?"""
        return Others(*self._sql.execute(asked, (key, start, holder)).fetchone())

    def _raised(self, ask: Ask, spent: int) -> tuple[float, ...]:
        """A share is crossed by what is spent; the whole also by an ordinary request for which too little is left."""
        exhausted = ask.limit - spent < ask.need <= ask.limit * ORDINARY
        crossed = [one for one in ask.alert_at if spent >= one * ask.limit or (exhausted and one <= 1)]
        asked = "INSERT OR IGNORE INTO alerts VALUES (?, ?, ?)"
        return tuple(one for one in crossed if self._sql.execute(asked, (ask.key, ask.start, one)).rowcount == 1)
