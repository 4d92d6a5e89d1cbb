"""The purses' integers of one worker, in a file that outlives it: locked while its process lives."""

from __future__ import annotations

import fcntl
import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from struct import Struct

from breakeven.gateway.decision.purse import CELLS, Cells

SUFFIX = ".marks"
SLOTS = 16384
NO_SLOT = -1
"""Of a purse that is in no file: of a dead worker all that was leased to it counts as spent."""
_HEAD = Struct("8s56s")
_SLOT = Struct(f"{CELLS}q")
_MAGIC = b"BEMARKS1"
_SIZE = _HEAD.size + SLOTS * _SLOT.size


def boot_id() -> str:
    """Names this run of the kernel; "" where it cannot be told."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class Marks:
    """`<node>.marks`, written whole: on a full disk a write to memory without a block behind it would be SIGBUS.

    It gets its name only once it is locked, so that nobody takes it for a dead worker's.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, folder: Path, node: str, boot: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{node}{SUFFIX}"
        draft = folder / f"{node}.new"
        self._handle = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _fill(self._handle, _HEAD.pack(_MAGIC, boot.encode()))
            self._map = mmap.mmap(self._handle, _SIZE)
            draft.rename(self.path)
        except OSError:
            os.close(self._handle)
            draft.unlink(missing_ok=True)
            raise
        self._bytes = memoryview(self._map)[_HEAD.size :]
        self._cells = self._bytes.cast("q")
        self._unused = list(range(SLOTS - 1, -1, -1))

    def take(self) -> tuple[int, Cells | None]:
        """A slot with cells of 0; none when all are taken."""
        if not self._unused:
            return NO_SLOT, None
        slot = self._unused.pop()
        cells = self._cells[slot * CELLS : (slot + 1) * CELLS]
        for index in range(CELLS):
            cells[index] = 0
        return slot, cells

    def give(self, slot: int) -> None:
        """Free a slot that no lease names any more."""
        if slot != NO_SLOT:
            self._unused.append(slot)

    def worst(self, slot: int) -> int | None:
        """What a slot's purse has spent and reserved; None where it has no slot."""
        return None if slot == NO_SLOT else sum(self._cells[slot * CELLS + 1 : (slot + 1) * CELLS])

    def close(self, *, remove: bool) -> None:
        """Unlock. The file stays for others to reclaim unless its leases are settled and it is removed."""
        if remove:
            self.path.unlink(missing_ok=True)
        self._cells.release()
        self._bytes.release()
        fcntl.flock(self._handle, fcntl.LOCK_UN)
        os.close(self._handle)


class DeadMarks:
    """What a worker that is gone left. After a reboot the page cache may be lost, and nothing in it is believed."""

    def __init__(self, content: bytes, boot: str) -> None:
        magic, of_boot = _HEAD.unpack_from(content.ljust(_HEAD.size, b"\0"))
        believed = boot and magic == _MAGIC and of_boot.rstrip(b"\0") == boot.encode() and len(content) == _SIZE
        self._content = content if believed else b""

    def worst(self, slot: int) -> int | None:
        """What the purse in a slot had spent and reserved; None where nobody knows."""
        if not self._content or not 0 <= slot < SLOTS:
            return None
        _, reserved, spent = _SLOT.unpack_from(self._content, _HEAD.size + slot * _SLOT.size)
        return max(0, int(reserved)) + max(0, int(spent))


@contextmanager
def dead(path: Path, boot: str) -> Iterator[DeadMarks | None]:
    """The marks of a worker that is gone, locked against others who would reclaim it; None while it lives.

    Raises:
        OSError: the file cannot be opened; FileNotFoundError, others were faster.
    """
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield DeadMarks(os.pread(handle, _SIZE, 0), boot)
    finally:
        os.close(handle)


def _fill(handle: int, head: bytes) -> None:
    if os.pwrite(handle, head.ljust(_SIZE, b"\0"), 0) < _SIZE:
        raise OSError(ENOSPC, os.strerror(ENOSPC))
