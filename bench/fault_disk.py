"""A disk that is watched and cut off: every write and sync of a process recorded, and what a power cut leaves of them.

The recorder stands in for the calls of `os` that touch one folder, and for SQLite's own through a virtual file system
of `apsw`. What C++ code wrote meanwhile (Parquet files) is found by looking, before whatever is done next. So every
step of journal, sealer, meter and manifest is covered without being named here, and steps of tomorrow as well.

What POSIX promises is kept and nothing more: the content of a file is safe once it was synced, its name once its folder
was. A rename is atomic within its folder; names that were not synced may be lost or kept, each by itself.
"""

from __future__ import annotations

import errno
import os
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import unquote, urlsplit

import apsw

How = Literal["drop", "random", "torn"]
HOWS: tuple[How, ...] = ("drop", "random", "torn")
SECTOR = 512
_DATABASE = (".db", ".db-wal", ".db-journal")
_SHARED = ".db-shm"
_DAMAGED = (apsw.CorruptError, apsw.NotADBError)
_MAIN_DB = apsw.SQLITE_OPEN_MAIN_DB


class Write(NamedTuple):
    """Bytes at an offset of a file; `whole`: of a file that began anew."""

    file: int
    at: int
    data: bytes
    whole: bool = False


class Cut(NamedTuple):
    """A file made shorter or longer."""

    file: int
    size: int


class Name(NamedTuple):
    """A name given to a file, or taken from whatever bears it (`file` 0); `source` is the name it had."""

    path: str
    file: int
    source: str = ""


class Sync(NamedTuple):
    """A file, or a folder's names, on the device as they were after `upto` operations.

    One that is not `good` failed: the kernel forgets what of a file it could not write, and no later sync brings it
    back. Names wait for a later one.
    """

    target: int | str
    upto: int
    good: bool = True


class Mark(NamedTuple):
    """Something was promised to somebody."""

    keys: tuple[object, ...]


Operation = Write | Cut | Name | Sync | Mark
FOLDER = -1
"""Stands for a folder where a name is given."""


class Recorder:
    """Everything that happens under `root` while it is `watching`, in order."""

    def __init__(self, root: Path) -> None:
        self.root = str(root)
        self.operations: list[Operation] = []
        self.trouble: Callable[[str], bool] = lambda _: False
        """Told what is about to be done; raises OSError as a full or failing disk does, or lets half a write pass."""
        self._lock = threading.RLock()
        self._names: dict[str, int] = {}
        self._open: dict[int, tuple[int, str]] = {}
        self._seen: dict[str, tuple[int, int, int]] = {}
        self._files = 0
        self._real = {name: getattr(os, name) for name in _CALLS}

    def mark(self, keys: tuple[object, ...]) -> None:
        """These were promised now."""
        with self._lock:
            self.operations.append(Mark(keys))

    @contextmanager
    def watching(self) -> Iterator[Recorder]:
        """Stand between this process and the folder."""
        connect = sqlite3.connect
        vfs = _Vfs(self)
        for name, stand_in in _CALLS.items():
            setattr(os, name, _bound(name, stand_in, self))
        sqlite3.connect = self._connect(connect)  # type: ignore[assignment]
        try:
            yield self
            self.look()
        finally:
            sqlite3.connect = connect
            for name, real in self._real.items():
                setattr(os, name, real)
            vfs.unregister()

    def real(self, name: str) -> Callable[..., Any]:
        """The call that is stood in for."""
        return self._real[name]

    def under(self, path: object) -> str:
        """A path relative to the root; "" where it lies elsewhere."""
        text = str(Path(path).absolute()) if isinstance(path, str | os.PathLike) else ""
        return text[len(self.root) + 1 :] if text.startswith(self.root + "/") else "." if text == self.root else ""

    # What was done

    def file(self, name: str) -> int:
        """The file that bears a name, made where there is none."""
        if name not in self._names:
            self._files += 1
            self._names[name] = self._files
            self.operations.append(Name(name, self._files))
        return self._names[name]

    def look(self) -> None:
        """Take over what was written past the calls that are stood in for."""
        with self._lock:
            for folder, folders, files in os.walk(self.root):
                for one in folders:
                    self._folder(self.under(f"{folder}/{one}"))
                for one in files:
                    self._look_at(f"{folder}/{one}")

    def known(self, path: str) -> None:
        """What a file holds now was recorded."""
        try:
            state = Path(path).stat()
        except FileNotFoundError:
            return
        self._seen[self.under(path)] = (state.st_ino, state.st_size, state.st_mtime_ns)

    def _folder(self, name: str) -> None:
        if name not in self._names:
            self._names[name] = FOLDER
            self.operations.append(Name(name, FOLDER))

    def _look_at(self, path: str) -> None:
        name = self.under(path)
        if name.endswith((*_DATABASE, _SHARED)):
            return
        try:
            state = Path(path).stat()
        except FileNotFoundError:
            return
        if self._seen.get(name) != (state.st_ino, state.st_size, state.st_mtime_ns):
            content = Path(path).read_bytes()
            self.operations.append(Write(self.file(name), 0, content, whole=True))
            self.known(path)

    def opened(self, handle: int, path: str, *, fresh: bool) -> None:
        name = self.under(path)
        if Path(path).is_dir():
            self._open[handle] = (FOLDER, name)
            return
        if fresh:
            self._names.pop(name, None)
        self._open[handle] = (self.file(name), path)
        self.known(path)

    def handle(self, handle: int) -> tuple[int, str] | None:
        """The file behind a descriptor and the path that it was opened by."""
        return self._open.get(handle)

    def forget(self, handle: int) -> None:
        self._open.pop(handle, None)

    def renamed(self, source: str, target: str) -> None:
        file = self._names.pop(source)
        self._names[target] = file
        self._seen[target] = self._seen.pop(source, (0, 0, 0))
        self.operations.append(Name(target, file, source))

    def removed(self, name: str) -> None:
        if self._names.pop(name, None) is not None:
            self._seen.pop(name, None)
            self.operations.append(Name(name, 0))

    def path_of(self, file: int) -> str:
        """Under what name a file is known now, as an absolute path."""
        return next((f"{self.root}/{name}" for name, one in self._names.items() if one == file), "")

    @property
    def lock(self) -> threading.RLock:
        """Held while something is recorded."""
        return self._lock

    def _connect(self, plain: Callable[..., Any]) -> Callable[..., Any]:
        def connect(database: object, *arguments: object, **more: object) -> Any:  # noqa: ANN401 - stands in
            text = str(database)
            path = unquote(urlsplit(text).path) if text.startswith("file:") else text
            if not self.under(path) or "mode=ro" in text:
                return plain(database, *arguments, **more)
            return Database(path)

        return connect


class Database:
    """A connection of `apsw` as the standard library's behaves, of what the ledger uses of it."""

    def __init__(self, path: str) -> None:
        self._connection = apsw.Connection(path, vfs=_Vfs.name)
        self._connection.set_busy_timeout(10_000)

    def execute(self, text: str, values: Any = ()) -> Any:  # noqa: ANN401 - apsw's own
        try:
            return self._connection.execute(text, values)
        except apsw.Error as error:
            kind = sqlite3.DatabaseError if isinstance(error, _DAMAGED) else sqlite3.OperationalError
            raise kind(str(error)) from error

    def executemany(self, text: str, rows: Any) -> Any:  # noqa: ANN401 - apsw's own
        return self._connection.executemany(text, rows)

    def executescript(self, text: str) -> Any:  # noqa: ANN401 - apsw's own
        return self.execute(text)

    @property
    def in_transaction(self) -> bool:
        return bool(self._connection.in_transaction)

    def commit(self) -> None:
        if self.in_transaction:
            self.execute("COMMIT")

    def rollback(self) -> None:
        if self.in_transaction:
            self.execute("ROLLBACK")

    def close(self) -> None:
        with suppress(apsw.Error):  # as the standard library's, which says nothing of a checkpoint that fails
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.rollback() if kind else self.commit()


class _Vfs(apsw.VFS):
    name = "watched"

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: ANN401, N802 - apsw's
        return _File(self.recorder, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: FBT001, N802 - apsw's
        super().xDelete(filename, syncdir)
        recorder = self.recorder
        with recorder.lock:
            recorder.removed(recorder.under(filename))
            if syncdir:
                recorder.operations.append(Sync(_parent(recorder.under(filename)), len(recorder.operations)))


class _File(apsw.VFSFile):
    def __init__(self, recorder: Recorder, name: Any, flags: list[int]) -> None:  # noqa: ANN401 - apsw's
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._recorder, self._name = recorder, recorder.under(path)
        # SQLite's own rule: the folder is synced with the first sync of a log that was made anew.
        self._names_too = bool(flags[0] & apsw.SQLITE_OPEN_CREATE) and not flags[0] & _MAIN_DB
        super().__init__("", name, flags)
        if self._name:
            with recorder.lock:
                recorder.look()
                recorder.file(self._name)

    def excepthook(self, *_: object) -> None:
        """What SQLite itself does not pass on is nobody's news, as in the standard library."""

    def _trouble(self, what: str) -> None:
        try:
            self._recorder.trouble(what)
        except OSError as error:
            kind = apsw.FullError if error.errno == errno.ENOSPC else apsw.IOError
            raise kind(str(error)) from error

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's
        self._trouble("write")
        super().xWrite(data, offset)
        if self._name:
            with self._recorder.lock:
                self._recorder.operations.append(Write(self._recorder.file(self._name), offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - apsw's
        super().xTruncate(size)
        if self._name:
            with self._recorder.lock:
                self._recorder.operations.append(Cut(self._recorder.file(self._name), size))

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's
        self._trouble("fsync")
        super().xSync(flags)
        if not self._name:
            return
        recorder = self._recorder
        with recorder.lock:
            recorder.look()
            recorder.operations.append(Sync(recorder.file(self._name), len(recorder.operations)))
            if self._names_too:
                recorder.operations.append(Sync(_parent(self._name), len(recorder.operations)))
                self._names_too = False


# What stands in for the calls of `os`


def _bound(name: str, stand_in: Callable[..., Any], recorder: Recorder) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - as the real one
        mine = recorder.under(arguments[0]) or recorder.handle(arguments[0])
        if mine and name not in {"close", "fsync", "fdatasync"}:
            half = recorder.trouble(name)
            if half and name == "write":
                arguments = (arguments[0], arguments[1][: len(arguments[1]) // 2])
        return stand_in(recorder, *arguments, **more)

    return call


def _os_open(recorder: Recorder, path: Any, flags: int, *more: Any, **named: Any) -> int:  # noqa: ANN401 - as the real one
    inside = recorder.under(path)
    with recorder.lock:
        if inside:
            recorder.look()
        fresh = not os.path.lexists(path)
        handle: int = recorder.real("open")(path, flags, *more, **named)
        if inside:
            recorder.opened(handle, str(Path(path).absolute()), fresh=fresh)
            if flags & os.O_TRUNC and not fresh:
                recorder.operations.append(Cut(recorder.file(inside), 0))
    return handle


def _os_close(recorder: Recorder, handle: int) -> None:
    recorder.forget(handle)
    recorder.real("close")(handle)


def _os_write(recorder: Recorder, handle: int, data: bytes) -> int:
    found = recorder.handle(handle)
    if found is None:
        return int(recorder.real("write")(handle, data))
    with recorder.lock:
        written: int = recorder.real("write")(handle, data)
        # Appending files have no position of their own before they are written to.
        at = os.lseek(handle, 0, os.SEEK_CUR) - written
        recorder.operations.append(Write(found[0], at, bytes(data[:written])))
        recorder.known(recorder.path_of(found[0]))
    return written


def _os_ftruncate(recorder: Recorder, handle: int, size: int) -> None:
    found = recorder.handle(handle)
    with recorder.lock:
        recorder.real("ftruncate")(handle, size)
        if found is not None:
            recorder.operations.append(Cut(found[0], size))
            recorder.known(recorder.path_of(found[0]))


def _synced(name: str) -> Callable[..., None]:
    def sync(recorder: Recorder, handle: int) -> None:
        found = recorder.handle(handle)
        with recorder.lock:
            if found is not None:
                recorder.look()
            upto = len(recorder.operations)
        if found is None:
            recorder.real(name)(handle)
            return
        target: int | str = found[1] if found[0] == FOLDER else found[0]
        try:
            recorder.trouble(name)
            recorder.real(name)(handle)
        except OSError:
            recorder.operations.append(Sync(target, upto, good=False))
            raise
        with recorder.lock:
            recorder.operations.append(Sync(target, upto))

    return sync


def _moved(name: str) -> Callable[..., None]:
    def move(recorder: Recorder, source: Any, target: Any, **more: Any) -> None:  # noqa: ANN401 - as the real one
        inside = recorder.under(source)
        with recorder.lock:
            if inside:
                recorder.look()
            recorder.real(name)(source, target, **more)
            if inside:
                recorder.renamed(inside, recorder.under(target))

    return move


def _gone(name: str) -> Callable[..., None]:
    def remove(recorder: Recorder, path: Any, **more: Any) -> None:  # noqa: ANN401 - as the real one
        inside = recorder.under(path)
        with recorder.lock:
            if inside:
                recorder.look()
            recorder.real(name)(path, **more)
            if inside:
                recorder.removed(inside)

    return remove


_CALLS: dict[str, Callable[..., Any]] = {
    "open": _os_open,
    "close": _os_close,
    "write": _os_write,
    "ftruncate": _os_ftruncate,
    "fsync": _synced("fsync"),
    "fdatasync": _synced("fdatasync"),
    "rename": _moved("rename"),
    "replace": _moved("replace"),
    "unlink": _gone("unlink"),
    "remove": _gone("remove"),
    "rmdir": _gone("rmdir"),
}


# What a cut leaves


def promised(operations: list[Operation], at: int) -> set[object]:
    """All that was promised before operation `at`."""
    return {key for one in operations[:at] if isinstance(one, Mark) for key in one.keys}


def survivors(operations: list[Operation], at: int, how: How, chance: random.Random) -> dict[str, bytes | None]:
    """Names with contents (None: a folder) after the power went when `at` operations had been done."""
    done = operations[:at]
    safe = _safe(done)
    names = _names(done, safe, how, chance)
    contents = _contents(done, safe, how, chance)
    held = {name: None if file == FOLDER else bytes(contents.get(file, b"")) for name, file in names.items()}
    return {name: content for name, content in held.items() if _reachable(name, held)}


def lay_out(held: dict[str, bytes | None], root: Path) -> None:
    """Make the folder that a cut left."""
    for name, content in sorted(held.items()):
        path = root / name
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.write_bytes(content)


def _safe(done: list[Operation]) -> set[int]:
    """Which operations no cut can undo."""
    waiting: dict[int | str, list[int]] = {}
    safe: set[int] = set()
    for at, one in enumerate(done):
        if isinstance(one, Sync):
            pending = waiting.get(one.target, [])
            if one.good:
                safe.update(before for before in pending if before < one.upto)
            elif isinstance(one.target, str):
                continue
            waiting[one.target] = [before for before in pending if before >= one.upto]
        elif isinstance(one, Name):
            for folder in {_parent(one.path), *([_parent(one.source)] if one.source else [])}:
                waiting.setdefault(folder, []).append(at)
        elif not isinstance(one, Mark):
            waiting.setdefault(one.file, []).append(at)
    return safe


def _names(done: list[Operation], safe: set[int], how: How, chance: random.Random) -> dict[str, int]:
    names: dict[str, int] = {}
    for at, one in enumerate(done):
        if not isinstance(one, Name):
            continue
        if at not in safe and (how == "drop" or chance.random() < 0.5):
            continue
        if one.source and names.get(one.source) == one.file:
            del names[one.source]
        if one.file:
            names[one.path] = one.file
        else:
            names.pop(one.path, None)
    return names


def _contents(done: list[Operation], safe: set[int], how: How, chance: random.Random) -> dict[int, bytearray]:
    contents: dict[int, bytearray] = {}
    for at, one in enumerate(done):
        if isinstance(one, Write | Cut):
            data = contents.setdefault(one.file, bytearray())
            if at in safe or (how == "random" and chance.random() < 0.5):
                _apply(data, one)
            elif how == "torn":
                _torn(data, one, chance)
    return contents


def _apply(data: bytearray, one: Write | Cut) -> None:
    if isinstance(one, Cut):
        del data[one.size :]
        data.extend(bytes(one.size - len(data)))
        return
    if one.whole:
        data.clear()
    data.extend(bytes(max(0, one.at - len(data))))
    data[one.at : one.at + len(one.data)] = one.data


def _torn(data: bytearray, one: Write | Cut, chance: random.Random) -> None:
    """Pieces of a write, each ending where a sector does."""
    if isinstance(one, Cut):
        if chance.random() < 0.5:
            _apply(data, one)
        return
    if one.whole and chance.random() < 0.5:
        data.clear()
    at = one.at
    while at < one.at + len(one.data):
        end = min((at // SECTOR + 1) * SECTOR, one.at + len(one.data))
        if chance.random() < 0.5:
            _apply(data, Write(one.file, at, one.data[at - one.at : end - one.at]))
        at = end


def _parent(name: str) -> str:
    return name.rpartition("/")[0] or "."


def _reachable(name: str, held: dict[str, bytes | None]) -> bool:
    """Whether every folder above a name is there."""
    above = _parent(name)
    return above == "." or (above in held and held[above] is None and _reachable(above, held))
