"""What the one thread does that may wait for the disk: visits of the store, and taking over from the dead."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from breakeven.gateway.allowance.ask import Answer, Ask
from breakeven.gateway.allowance.marks import SUFFIX, DeadMarks, dead
from breakeven.gateway.allowance.store import Store

FILE = "allowances.db"
FOLDER = "allowances"
LOOK_S = 0.05
"""The dead are not looked for more often, however much is asked for in vain."""


class Errand:
    """Opens the store when it is first needed, and again after each failure."""

    def __init__(self, data_dir: Path, node: str, boot: str) -> None:
        self.operations = 0
        self._data_dir, self._node, self._boot = data_dir, node, boot
        self._store: Store | None = None
        self._looked_at = 0.0

    def visit(self, asks: Sequence[Ask], *, look: bool) -> list[Answer]:
        """Visit the store; where it has too little, see whether a worker died and ask again. `look` looks anyway.

        Raises:
            sqlite3.Error: the file cannot be used.
            OSError: the folder cannot be used.
            OverflowError: a number is too large for the file.
        """
        try:
            store = self._opened()
            if look:
                self._reclaim(store)
            answers = self._asked(store, asks)
            unmet = [place for place, ask in enumerate(asks) if answers[place].granted - ask.held < ask.need]
            if unmet and self._reclaim(store):
                for place, answer in zip(unmet, self._asked(store, [asks[place] for place in unmet]), strict=True):
                    answers[place] = answer
        except BaseException:
            self.close()
            raise
        return answers

    def finish(self, asks: Sequence[Ask]) -> None:
        """Tell the last and end all leases.

        Raises:
            sqlite3.Error: the file cannot be used; what is leased is reclaimed from the marks instead.
        """
        try:
            store = self._opened()
            self._asked(store, [ask._replace(end=False, need=0, wish=0, chunk=0) for ask in asks])
            self._asked(store, asks)
        finally:
            self.close()

    def close(self) -> None:
        """Let go of the file."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store(self._data_dir / FILE, self._node, self._boot, time.monotonic)
            self._reclaim_lost(self._store)
            self._reclaim(self._store)
        return self._store

    def _asked(self, store: Store, asks: Sequence[Ask]) -> list[Answer]:
        if not asks:
            return []
        self.operations += 1
        return store.visit(asks)

    def _reclaim(self, store: Store) -> bool:
        """Take over the leases of workers whose marks nobody locks."""
        now = time.monotonic()
        if now < self._looked_at + LOOK_S:
            return False
        self._looked_at = now
        return sum(self._reclaim_one(store, path) for path in self._marks()) > 0

    def _reclaim_one(self, store: Store, path: Path) -> bool:
        try:
            with dead(path, self._boot) as marks:
                if marks is None:
                    return False
                found = store.reclaim(path.stem, marks.worst)
                path.unlink(missing_ok=True)
                return found
        except FileNotFoundError:
            return False  # another worker was faster

    def _reclaim_lost(self, store: Store) -> None:
        """Leases without marks, which somebody deleted. A worker's marks are there before its first lease."""
        for holder in store.holders():
            if holder != self._node and not self._path(holder).exists():
                store.reclaim(holder, DeadMarks(b"", self._boot).worst)

    def _marks(self) -> Iterator[Path]:
        own = self._path(self._node)
        return (path for path in (self._data_dir / FOLDER).glob(f"*{SUFFIX}") if path != own)

    def _path(self, holder: str) -> Path:
        return self._data_dir / FOLDER / f"{holder}{SUFFIX}"


FAILURES = (sqlite3.Error, OSError, OverflowError)
"""What a visit may raise where the disk or the file is at fault."""
