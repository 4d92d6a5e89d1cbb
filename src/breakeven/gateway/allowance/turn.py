"""Whose turn it is at the store: SQLite's own waiting backs off up to 100 ms and starves one worker of eight."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

WAIT_S = 1.5
POLL_S = 0.001


class Turn:
    """A lock on a file, polled: whoever is killed lets go of it, and nobody hangs behind a worker that is stuck.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold it for as long as the block runs.

        Raises:
            TimeoutError: others kept it for WAIT_S seconds.
        """
        until = time.monotonic() + WAIT_S
        while not self._take():
            if time.monotonic() > until:
                message = f"other workers keep {self._path} locked for more than {WAIT_S:g} s"
                raise TimeoutError(message)
            time.sleep(POLL_S)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._handle)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
