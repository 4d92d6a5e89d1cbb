"""The capacity meter: charges deployments with capacity for the real seconds they stood by, in a journal of its own.

The meter is a journal writer like a gateway: what it wrote survives a kill, and the sealer treats its files like any
other. Durations are monotonic, so that a wall clock that jumps neither loses nor invents a second.
"""

from __future__ import annotations

import errno
import fcntl
import os
from pathlib import Path

from breakeven.ledger import capacity, layout
from breakeven.ledger.disk import Disk, abandoned
from breakeven.schema.journal import frame, scan
from breakeven.schema.policy import Policy
from breakeven.schema.record import Capacity

NODE = "sealer"
_STEP_S = 1.0
"""A wall clock that differs by more from the monotonic one since the interval began was set, and is followed anew."""
_RESUME_S = 30.0
"""After a kill, at most this much is charged for the time until the restart."""


class Writer:
    """A journal that this process holds open, locked, until it is rotated."""

    def __init__(self, data_dir: Path, node: str, number: int) -> None:
        folder = layout.journals(data_dir)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{node}-{number:08d}{layout.LIVE}"
        draft = self._path.with_suffix(".new")
        self._handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o640)
        try:
            # Locked before it has its name, so that nobody takes it for a dead process's.
            fcntl.flock(self._handle, fcntl.LOCK_EX)
            draft.rename(self._path)
        except OSError:
            os.close(self._handle)
            draft.unlink(missing_ok=True)
            raise
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append whole frames, all of them or none.

        Raises:
            OSError: the disk is full or failing; half a frame that an earlier failure left is cut off first.
        """
        os.ftruncate(self._handle, self._size)
        if os.write(self._handle, data) < len(data):
            raise OSError(errno.ENOSPC, f"{self._path.name} took a part of a frame only")
        self._size += len(data)

    def close(self) -> None:
        """Durable, then under its closed name, then unlocked.

        Raises:
            OSError: the disk is failing; being unlocked, the file is sealed under whatever name it has.
        """
        try:
            os.fsync(self._handle)
            Disk().rename(self._path, self._path.with_suffix(layout.CLOSED))
        finally:
            os.close(self._handle)


class Meter:
    """Intervals of standing by, cut when the policy changes, every `interval_s`, and at the end."""

    def __init__(self, data_dir: Path, node: str, interval_s: float, rotate_s: float = 600.0) -> None:
        self._data_dir, self._node = data_dir, node
        self._interval_s, self._rotate_s = interval_s, rotate_s
        self._policy: Policy | None = None
        self._wall_s = self._steady_s = self._opened_s = 0.0
        self._writer: Writer | None = None
        self._files = 0

    def tick(self, policy: Policy | None, wall_s: float, steady_s: float) -> None:
        """It is `wall_s` (Unix) and `steady_s` (monotonic), and `policy` is in force; call it often.

        Raises:
            OSError: the disk is full or failing; the interval goes on and is written by a later call.
        """
        if self._policy is None:
            from_s = resume(self._data_dir, wall_s)
            self._begin(policy, from_s, steady_s - (wall_s - from_s))
            return
        elapsed_s = steady_s - self._steady_s
        set_anew = abs(wall_s - self._wall_s - elapsed_s) > _STEP_S
        if set_anew or elapsed_s >= self._interval_s or policy is not self._policy:
            end_s = self._cut(steady_s)
            self._begin(policy, wall_s if set_anew else end_s, steady_s)

    def stop(self, steady_s: float) -> None:
        """The last interval, and the journal closed."""
        if self._policy is not None:
            self._cut(steady_s)
        self._policy = None
        self._rotate()

    def _begin(self, policy: Policy | None, wall_s: float, steady_s: float) -> None:
        self._policy, self._wall_s, self._steady_s = policy, wall_s, steady_s

    def _cut(self, steady_s: float) -> float:
        end_s = self._wall_s + max(0.0, steady_s - self._steady_s)
        rows = capacity.rows(self._policy, self._wall_s, end_s) if self._policy else ()
        if rows:
            self._append(b"".join(map(frame, rows)), steady_s)
        return end_s

    def _append(self, data: bytes, steady_s: float) -> None:
        if self._writer is not None and steady_s - self._opened_s >= self._rotate_s:
            self._rotate()
        if self._writer is None:
            self._files += 1
            self._opened_s = steady_s
            self._writer = Writer(self._data_dir, self._node, self._files)
        self._writer.write(data)

    def _rotate(self) -> None:
        old, self._writer = self._writer, None
        if old is not None:
            old.close()


def resume(data_dir: Path, wall_s: float) -> float:
    """Where charging begins: now, or where a killed meter stopped if that is at most half a minute ago.

    A meter that stopped cleanly closed its journal; one that was killed left it open and unlocked.
    """
    left = layout.journals(data_dir).glob(f"{NODE}-*{layout.LIVE}")
    ends = [row.end_s for path in left if abandoned(path) for row in _rows(path)]
    last_s = max(ends, default=wall_s)
    return last_s if 0.0 <= wall_s - last_s <= _RESUME_S else wall_s


def _rows(path: Path) -> list[Capacity]:
    return [record for record in scan(path.read_bytes()).records if isinstance(record, Capacity)]
