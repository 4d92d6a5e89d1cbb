"""Token buckets in the store.

What is in a bucket and what its leases leave idle never exceed the burst together. So in any window all workers reserve
at most rate x time + burst, plus what was given back meanwhile.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable


class Buckets:
    """The table of buckets, inside a transaction of the store: so the clock is read in the order of the visits.

    A clock that goes back within one boot refills nothing until it is where it was; after a reboot it counts afresh.
    """

    def __init__(self, sql: sqlite3.Connection, boot: str, clock: Callable[[], float]) -> None:
        self._sql, self._boot, self._clock = sql, boot, clock
        self._now = 0.0

    def level(self, key: str, rate_per_s: float, burst: int, idle: int) -> float:
        """What is in a bucket now; a new one is full. `idle` is what all leases leave unused."""
        found = self._sql.execute("SELECT level, at, boot FROM buckets WHERE allowance = ?", (key,)).fetchone()
        self._now = self._clock()
        if found is None:
            return float(burst - idle)
        level, at, boot = found
        if boot == self._boot and (boot or self._now >= at):
            self._now = max(self._now, at)
            return float(min(level + (self._now - at) * rate_per_s, burst - idle))
        level = float(min(level, burst - idle))
        self.put(key, rate_per_s, burst, level)
        return level

    def put(self, key: str, rate_per_s: float, burst: int, level: float) -> None:
        """Write what is in a bucket at the instant of its last `level`."""
        row = (key, level, self._now, self._boot, rate_per_s, burst)
        self._sql.execute("INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?, ?)", row)

    def give_back(self, key: str, idle: int, amount: int) -> None:
        """Put the rest of an ended lease back; `idle` still counts that lease."""
        found = self._sql.execute("SELECT rate_per_s, burst FROM buckets WHERE allowance = ?", (key,)).fetchone()
        if found:
            rate_per_s, burst = found
            self.put(key, rate_per_s, burst, self.level(key, rate_per_s, burst, idle) + amount)
