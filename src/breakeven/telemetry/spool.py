"""Following the journal.

Every file that appears gets a second name in `telemetry/`, a hard link: nothing is copied, and what the sealer removes
stays readable until it was sent, across restarts of this process too.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from logging import getLogger
from pathlib import Path
from typing import BinaryIO

from breakeven.schema.journal import Record, scan
from breakeven.schema.noun import Noun
from breakeven.telemetry.state import DONE

FOLDER, JOURNAL, LINK = "telemetry", "journal", ".link"
SUFFIXES = (".open", ".journal")
READ_BYTES = 256 * 1024
MAX_FRAME_BYTES = 80 * 1024 * 1024
MAX_WAITING_BYTES = 256 * 1024 * 1024
_log = getLogger(__name__)


class Read(Noun, frozen=True, kw_only=True):
    """Records in the order of their files, and where reading stands after them: bytes by file, DONE at its end."""

    records: tuple[Record, ...] = ()
    files: dict[str, int] = {}


class Spool:
    """The journals of one data directory that still have to be sent.

    Args:
        data_dir: the data directory.
        files: how far each file was sent, as the state says.
        limit: bytes that may wait; beyond it the oldest files are given up.
    """

    def __init__(self, data_dir: Path, files: dict[str, int], limit: int = MAX_WAITING_BYTES) -> None:
        self._journal = data_dir / JOURNAL
        self._folder = data_dir / FOLDER
        self._folder.mkdir(parents=True, exist_ok=True)
        self._limit = limit
        self.files = dict(files)
        for path in self._folder.glob(f"*{LINK}"):
            self.files.setdefault(path.stem, 0)
        self._forget()

    def adopt(self) -> None:
        """Take up the journals that appeared; call it several times a second, whether or not anything can be sent.

        Raises:
            OSError: the folder cannot be read, or takes no hard link.
        """
        here = set()
        for path in sorted(self._journal.glob("*")):
            if path.suffix in SUFFIXES:
                here.add(path.stem)
                if path.stem not in self.files and self._link(path.stem):
                    self.files[path.stem] = 0
        self.files = {stem: at for stem, at in self.files.items() if at != DONE or stem in here}

    def read(self, count: int) -> Read:
        """Records that were not sent yet: about `count`, a piece of a file more at most. Nothing changes before `sent`.

        Raises:
            OSError: a file cannot be read.
        """
        records: list[Record] = []
        files: dict[str, int] = {}
        for stem, start in sorted(self.files.items()):
            at = start
            while at != DONE and len(records) < count:  # to its end: a node's next file begins after it
                found, to = self._read(stem, at)
                if to == at:
                    break
                records += found
                files[stem] = at = to
        return Read(records=tuple(records), files=files)

    def sent(self, files: dict[str, int]) -> None:
        """Go on after what was read; call it when the state that says so is on the disk."""
        self.files |= files
        self._forget()

    def shed(self) -> dict[str, int]:
        """The oldest files, as done, that must be given up for the rest to fit the limit; empty as a rule."""
        waiting = sorted(self._waiting(stem, at) for stem, at in self.files.items() if at != DONE)
        over = sum(size for _, _, size in waiting) - self._limit
        given_up: dict[str, int] = {}
        for _, stem, size in waiting:
            if over <= 0:
                break
            over -= size
            given_up[stem] = DONE
            _log.warning("telemetry: %s is given up, %d bytes of it were not sent", stem, size)
        return given_up

    @property
    def live(self) -> bool:
        """Whether a file is left that is not done."""
        return any(at != DONE for at in self.files.values())

    def _link(self, stem: str) -> bool:
        for suffix in SUFFIXES:  # the writer may rename it from one to the other meanwhile
            with suppress(FileNotFoundError):
                with suppress(FileExistsError):
                    os.link(self._journal / f"{stem}{suffix}", self._path(stem))
                return True
        return False

    def _read(self, stem: str, at: int) -> tuple[tuple[Record, ...], int]:
        try:
            with self._path(stem).open("rb") as file:
                ended = _is_unlocked(file.fileno())  # before reading: what is read then is all there will be
                return _records(file, at, ended=ended)
        except FileNotFoundError:
            return (), DONE

    def _forget(self) -> None:
        for stem, at in self.files.items():
            if at == DONE:
                self._path(stem).unlink(missing_ok=True)

    def _waiting(self, stem: str, at: int) -> tuple[float, str, int]:
        """When it was last written, its name, and how much of it was not sent."""
        with suppress(OSError):
            state = self._path(stem).stat()
            return state.st_mtime, stem, max(0, state.st_size - at)
        return 0.0, stem, 0

    def _path(self, stem: str) -> Path:
        return self._folder / f"{stem}{LINK}"


def _records(file: BinaryIO, at: int, *, ended: bool) -> tuple[tuple[Record, ...], int]:
    """The records of the next piece, and where they end; DONE where the file ended and nothing more can be read."""
    size = READ_BYTES
    while True:
        data = os.pread(file.fileno(), size, at)
        found = scan(data)
        whole = len(data) < size
        if found.records or whole or size >= MAX_FRAME_BYTES:
            break
        size *= 8  # one frame may be larger than a piece
    if not ended or (not whole and found.records) or (found.good_bytes and found.good_bytes < len(data)):
        return found.records, at + found.good_bytes
    if data and not found.records:
        _log.warning("telemetry: %s: %s; what follows is not sent", file.name, found.stopped)
    return found.records, DONE


def _is_unlocked(handle: int) -> bool:
    """Whether the writer let go: nothing is appended any more."""
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
