"""Shared memory in which a worker that lacks money asks the others for what they hold and do not use."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from zlib import crc32

WORDS = 512
RING_S = 0.1
"""How long one ring is heard. Longer ones are left from before a reboot, or rubbish."""
_SIZE = WORDS * 8


class Bell:
    """Each word is the instant, in ns of the system's monotonic clock, until which somebody waits; word 0 is any.

    Allowances share words by hash, so a ring may be for another: answering it costs a visit of the store, no money.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            if os.fstat(handle).st_size < _SIZE:
                os.pwrite(handle, bytes(_SIZE), 0)
            self._map = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)
        self._words = memoryview(self._map).cast("q")

    def ring(self, key: str, now_s: float) -> None:
        """Say that somebody waits for an allowance."""
        until = int((now_s + RING_S) * 1e9)
        self._words[_word(key)] = until
        self._words[0] = until

    def rings(self, key: str, now_s: float) -> bool:
        """Whether somebody waits for an allowance; "" is any."""
        left_ns = self._words[_word(key) if key else 0] - now_s * 1e9
        return 0 < left_ns <= RING_S * 1e9

    def close(self) -> None:
        """Let go of the memory."""
        self._words.release()
        self._map.close()


def _word(key: str) -> int:
    return 1 + crc32(key.encode()) % (WORDS - 1)
