"""The few operations whose order makes sealing safe. Tests replace them to fail between any two."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

PARQUET = (
    "FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 1, DICTIONARY_SIZE_LIMIT 8000, "
    "WRITE_BLOOM_FILTER false"
)
"""Encodings by type (floats split by byte, lengths as deltas) do more than a higher level, for less CPU."""


class Disk:
    """Files as the sealer needs them; every method is one step that a crash may precede or follow."""

    def make(self, folder: Path, within: Path) -> None:
        """A folder below `within` whose name outlives a power cut, as those of the folders between do.

        One that is there already may have been made just before a kill, so that it is looked after all the same.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for one in (folder, *folder.parents):
            if one == within:
                break
            _sync(one.parent)

    def read(self, path: Path) -> bytes:
        """The whole file."""
        return path.read_bytes()

    def write(self, connection: duckdb.DuckDBPyConnection, query: str, path: Path) -> None:
        """The rows of `query` as Parquet at `path`, not yet durable."""
        target = str(path).replace("'", "''")
        connection.execute(f"COPY ({query}) TO '{target}' ({PARQUET})")

    def sync(self, path: Path) -> None:
        """The content of `path` on the device."""
        _sync(path)

    def rename(self, source: Path, target: Path) -> None:
        """Atomically, and durable in its folder."""
        source.replace(target)
        self.sync(target.parent)

    def commit(self, transaction: Callable[[], None]) -> None:
        """A transaction that is durable when it returns."""
        transaction()

    def remove(self, path: Path) -> None:
        """Gone; when a crash brings it back, the manifest still knows it."""
        path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def exclusive(path: Path, *, create: bool = False) -> Iterator[bool]:
    """Try the advisory lock of a file without waiting; False when another process (or descriptor) holds it.

    Also False when the file was renamed or removed meanwhile, so that nobody seals a file under a stale name.
    """
    try:
        handle = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o644)
    except FileNotFoundError:
        yield False
        return
    try:
        yield _lock(handle) and _still(path, handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _still(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def abandoned(path: Path) -> bool:
    """Whether nobody is writing the file: its lock can be had. The lock is given back at once."""
    with exclusive(path) as held:
        return held
