"""The decision log of a data directory: appended to, fsynced, read, and the files from before each decision kept."""

from __future__ import annotations

import os
from pathlib import Path

from breakeven.assembly import files
from breakeven.audit.decision import log
from breakeven.audit.decision.log import Log, digest
from breakeven.errors import LedgerError, UsageError
from breakeven.schema.decision import Decision

LOG = "decisions.jsonl"
HEAD = "decisions.head"
TORN = "decisions.torn"
KEPT = "kept"
_TURN = "decisions.turn"


def read(data_dir: Path) -> Log:
    """Every decision that chains from the first, and whether the log is whole.

    A line that is just being written looks torn: then this waits for whoever writes it.
    """
    found = _read(data_dir)
    if not found.check.torn_bytes:
        return found
    try:
        with files.turn(data_dir, _TURN):
            return _read(data_dir)
    except OSError:  # nobody writes where nobody may
        return found


def _read(data_dir: Path) -> Log:
    """The log as it lies there.

    The hash kept of the last line is read first: what is appended meanwhile makes the log longer, and no one's loss.
    """
    path, kept_head = data_dir / LOG, data_dir / HEAD
    head = kept_head.read_bytes().decode("ascii", "replace").strip() if kept_head.exists() else ""
    return log.read(path.read_bytes() if path.exists() else b"", head)


def append(data_dir: Path, entry: Decision) -> Decision:
    """The entry as it was written, on disk when this returns. What an earlier append left torn is set aside.

    Raises:
        LedgerError: the log was changed by someone, so that nothing may be chained to it.
    """
    with files.turn(data_dir, _TURN):
        found = _read(data_dir)
        refuse_broken(found, data_dir)
        if found.check.torn_bytes:
            _set_aside(data_dir, found.check.torn_bytes)
        written = log.signed(entry, found.check.head)
        line = log.encoded(written)
        _append_bytes(data_dir / LOG, line)
        files.write_atomically(data_dir / HEAD, digest(line.rstrip(log.NEWLINE)).encode("ascii") + b"\n")
    return written


def refuse_broken(found: Log, data_dir: Path) -> None:
    """Refuse a log that does not chain; a torn tail is no reason.

    Raises:
        LedgerError: with the first problem.
    """
    if found.check.problems:
        message = f"{data_dir / LOG} was changed after it was written: {found.check.problems[0]}"
        raise LedgerError(
            message, "restore it from a copy, or move it away and begin another; `breakeven decisions check`"
        )


def find(data_dir: Path, decision_id: str) -> Decision:
    """The decision of that id, or of the only one that begins with it.

    Raises:
        UsageError: there is none, or more than one.
    """
    entries = read(data_dir).entries
    found = [entry for entry in entries if entry.id.startswith(decision_id)] if decision_id else []
    if len(found) == 1:
        return found[0]
    known = ", ".join(entry.id for entry in reversed(entries[-5:])) or "none"
    message = f"{len(found) or 'no'} decisions are called {decision_id!r}; the latest are {known}"
    raise UsageError(message, "give one of these ids; `breakeven decisions` lists all")


def keep(data_dir: Path, content: bytes) -> str:
    """Keep a file's content under its SHA-256, which is returned."""
    name = digest(content)
    path = data_dir / KEPT / name
    if not path.exists():
        files.write_atomically(path, content)
    return name


def kept(data_dir: Path, name: str) -> bytes:
    """The content kept under a SHA-256.

    Raises:
        LedgerError: it is gone, or not what was kept.
    """
    path = data_dir / KEPT / name
    content = path.read_bytes() if path.exists() else None
    if content is None or digest(content) != name:
        message = f"{path} is {'gone' if content is None else 'not what was kept'}"
        raise LedgerError(message, "restore it from a copy of the data directory")
    return content


def _append_bytes(path: Path, line: bytes) -> None:
    began = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        left = memoryview(line)
        while left:
            left = left[os.write(handle, left) :]
        os.fsync(handle)
    finally:
        os.close(handle)
    if began:
        _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _set_aside(data_dir: Path, torn_bytes: int) -> None:
    """Half an entry goes to a file of its own, so that what follows begins a line."""
    path = data_dir / LOG
    content = path.read_bytes()
    _append_bytes(data_dir / TORN, content[-torn_bytes:] + log.NEWLINE)
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.truncate(handle, len(content) - torn_bytes)
        os.fsync(handle)
    finally:
        os.close(handle)
