"""What the workers of one data directory tell each other, so that any of them can show the sum of their counters.

Each writes `metrics/<node>.bin` when it changed, by an atomic rename, and holds a lock on it while it lives. A worker
writes before it shows anything; what was shown is therefore never lost with it, and sums never fall. Files of the dead
stay until `clear`; when there are many they are added up in one file, which names the nodes it holds.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from logging import getLogger
from pathlib import Path

import msgspec

from breakeven.gateway.metrics import Cell, Labels
from breakeven.schema.noun import Noun

FOLDER, SUFFIX, PAST = "metrics", ".bin", "past"
MANY = 8
_TRIES = 5
_log = getLogger("breakeven.gateway")

Series = Mapping[str, Mapping[Labels, Cell]]


class Snapshot(Noun, frozen=True, kw_only=True):
    """The series of one worker by metric and label values. `holds`: other nodes whose series are inside."""

    series: dict[str, dict[Labels, Cell]]
    holds: tuple[str, ...] = ()
    alive: bool = False


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


class Snapshots:
    """The folder as one worker sees it. A failing disk never raises; it is told once, and sums lag.

    Args:
        data_dir: the data directory; `metrics` in it is made if absent.
        node: this worker's node id.
    """

    def __init__(self, data_dir: Path, node: str) -> None:
        self._folder = data_dir / FOLDER
        self._node = node
        self._handle: int | None = None
        self._written = b""
        self._failed = False
        with suppress(OSError):
            _fold(self._folder)

    def save(self, series: Series) -> None:
        """Write what this worker counted, if it differs from what was written last."""
        data = _encoder.encode({"series": series})
        if data == self._written:
            return
        try:
            handle = _locked(self._folder, self._node, data)
        except OSError as error:
            if not self._failed:
                _log.warning("metrics: %s cannot be written, sums over workers lag: %s", self._folder, error)
            self._failed = True
            return
        before, self._handle, self._written, self._failed = self._handle, handle, data, False
        if before is not None:
            os.close(before)

    def others(self) -> list[Snapshot]:
        """What the other workers wrote last, and whether they are alive."""
        with suppress(OSError):
            return [one for name, one in _all(self._folder).items() if name != self._node]
        return []

    def close(self) -> None:
        """Let go; what was counted stays, as a dead worker's."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def clear(data_dir: Path) -> None:
    """Forget every worker's counters; for the supervisor, before it starts the first.

    Raises:
        OSError: a file cannot be removed.
    """
    for path in (data_dir / FOLDER).glob("*"):
        path.unlink(missing_ok=True)


def _locked(folder: Path, node: str, data: bytes) -> int:
    """Write and lock a draft, then give it its name: whoever sees the name sees a whole file and its lock."""
    draft = folder / f"{node}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
    try:
        handle = os.open(draft, flags, 0o640)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(draft, flags, 0o640)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_all(handle, data)
        draft.rename(folder / f"{node}{SUFFIX}")
    except OSError:
        os.close(handle)
        raise
    return handle


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _all(folder: Path) -> dict[str, Snapshot]:
    """Every readable snapshot by node, each node once. Read anew when a file went meanwhile, into the past's perhaps.

    Raises:
        OSError: the folder cannot be read.
    """
    for _ in range(_TRIES):
        with suppress(FileNotFoundError):
            found = {path.stem: _read(path) for path in folder.glob(f"*{SUFFIX}")}
            held = found[PAST].holds if PAST in found else ()
            return {name: one for name, one in found.items() if name not in held}
    return {}


def _read(path: Path) -> Snapshot:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        alive = _is_locked(handle)
        if not alive and os.fstat(handle).st_ino != path.stat().st_ino:
            raise FileNotFoundError(path)  # replaced between the two looks: its owner lives
        data = b"".join(iter(lambda: os.read(handle, 1 << 20), b""))
    finally:
        os.close(handle)
    try:
        return msgspec.structs.replace(_decoder.decode(data), alive=alive)
    except msgspec.MsgspecError as error:
        _log.warning("metrics: %s is left out: %s", path.name, error)
        return Snapshot(series={}, alive=alive)


def _is_locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    fcntl.flock(handle, fcntl.LOCK_UN)
    return False


def _fold(folder: Path) -> None:
    """Add up the files of the dead when they are many, so that a scrape stays short however often workers die."""
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder / "fold.lock") as alone:
        found = _all(folder) if alone else {}
        if PAST in found:
            _remove(folder, found[PAST].holds)  # a fold that was cut short left them
        dead = {name: one for name, one in found.items() if not one.alive}
        if len(dead) < MANY:
            return
        series: dict[str, dict[Labels, Cell]] = {}
        for one in dead.values():
            _add(series, one.series)
        names = tuple(sorted(name for name in dead if name != PAST))
        os.close(_locked(folder, PAST, _encoder.encode(Snapshot(series=series, holds=names))))
        _remove(folder, names)


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / f"{name}{SUFFIX}").unlink(missing_ok=True)


def _add(total: dict[str, dict[Labels, Cell]], more: Series) -> None:
    for name, cells in more.items():
        mine = total.setdefault(name, {})
        for values, cell in cells.items():
            before = mine.get(values)
            if before is None or len(before) != len(cell):
                mine[values] = list(cell)
            else:
                mine[values] = [one + other for one, other in zip(before, cell, strict=True)]


@contextmanager
def _alone(path: Path) -> Iterator[bool]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        yield _is_mine(handle)
    finally:
        os.close(handle)


def _is_mine(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
