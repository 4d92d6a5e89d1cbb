"""One open journal file: appended whole frames, locked while its process lives."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path


class JournalFile:
    """`<stem>.open`, exclusively locked by this process; `seal` makes it `<stem>.journal`.

    The file gets its `.open` name only once it is locked, so that nobody takes it for a dead process's.

    Raises:
        OSError: the file cannot be made.
    """

    def __init__(self, folder: Path, stem: str) -> None:
        self.path = folder / f"{stem}.open"
        self.rows = 0
        self.torn = False
        self._size = 0
        self._named = self._failed = False
        draft = folder / f"{stem}.new"
        self._handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(self.path)
        except OSError:
            os.close(self._handle)
            with contextlib.suppress(OSError):
                draft.unlink()
            raise

    def append(self, frames: bytes, rows: int) -> None:
        """Hand frames to the kernel; all of them or none.

        Raises:
            OSError: the disk is full or failing; what was written in part is cut off again, or `torn` says that even
                that failed: what followed would never be read.
        """
        written = 0
        try:
            while written < len(frames):
                written += os.write(self._handle, frames[written:] if written else frames)
        except OSError:
            if written:
                self.torn = True
                os.ftruncate(self._handle, self._size)
                os.lseek(self._handle, self._size, os.SEEK_SET)
                self.torn = False
            raise
        self._size += written
        self.rows += rows

    def sync(self) -> None:
        """Bring everything appended so far to the disk, and with the first of it the file's name.

        Raises:
            OSError: the disk failed, now or at an earlier sync, whose pages the kernel may have dropped since.
        """
        if self._failed:
            raise OSError(errno.EIO, f"an earlier sync of {self.path.name} failed")
        self._failed = True
        os.fdatasync(self._handle)
        if not self._named:
            # A synced file that no folder knows is lost with the power; the folder itself may be new as well.
            _sync_folder(self.path.parent)
            _sync_folder(self.path.parent.parent)
            self._named = True
        self._failed = False

    def seal(self) -> None:
        """Sync, rename to `.journal` and close; an empty file is removed instead.

        Raises:
            OSError: the disk failed; the file stays `.open` and, being unlocked, is sealed by the sealer.
        """
        try:
            if self.rows:
                self.sync()
                self.path.rename(self.path.with_suffix(".journal"))
                _sync_folder(self.path.parent)
            else:
                self.path.unlink()
        finally:
            os.close(self._handle)


def write_through(path: Path, data: bytes) -> None:
    """Write a file and sync it, to see whether that works.

    Raises:
        OSError: it does not.
    """
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
