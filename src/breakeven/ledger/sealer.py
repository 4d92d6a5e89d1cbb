"""The sealer process: meters capacity, follows the policy, seals journals, and stops cleanly with its supervisor."""

from __future__ import annotations

import logging
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import duck
from breakeven.ledger.compact import compact
from breakeven.ledger.disk import Disk
from breakeven.ledger.meter import NODE, Meter
from breakeven.ledger.seal import Sealed as Sealed
from breakeven.ledger.seal import Work, alone, seal_all
from breakeven.ledger.seal import seal_once as seal_once
from breakeven.ledger.sweep import sweep
from breakeven.schema.policy import Policy

TICK_S = 0.5
COMPACT_S = 30.0
_LAST_WAIT_S = 3.0
_log = logging.getLogger(__name__)
_policy = msgspec.json.Decoder(Policy)


class PolicyFile:
    """The compiled policy on disk; a file that cannot be read leaves the last good one in force."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "policy.lock.json"
        self._stamp: tuple[int, int, int] | None = None
        self._good: Policy | None = None

    def current(self) -> Policy | None:
        """The policy in force; None before the first."""
        try:
            state = self._path.stat()
            stamp = (state.st_ino, state.st_size, state.st_mtime_ns)
            if stamp != self._stamp:
                self._good = _policy.decode(self._path.read_bytes())
                self._stamp = stamp
        except (OSError, msgspec.MsgspecError) as error:
            if self._good is not None:
                _log.warning("%s cannot be read, the last good policy stays: %s", self._path, error)
        return self._good


Chore = Callable[[float, float], object]
"""What else is done beside sealing, told the Unix and the monotonic time; it decides when it is time."""


def run(
    data_dir: Path, interval_s: float = 2.0, parent_pipe_fd: int | None = None, chores: Sequence[Chore] = ()
) -> None:
    """Meter and seal until SIGTERM, SIGINT or the end of the parent's pipe; what a crash left is sealed at once.

    Raises:
        LedgerError: another sealer is at work in this data directory.
    """
    with _stop_signal() as wake, alone(data_dir), duck.connect(data_dir / "tmp") as connection:
        meter = Meter(data_dir, f"{NODE}-{os.getpid()}-{time.time_ns() // 1_000_000}", interval_s)
        policy = PolicyFile(data_dir)
        sweep(data_dir, time.time())

        def work() -> Work:
            return Work(data_dir=data_dir, now_s=time.time(), disk=Disk(), connection=connection)

        def seal() -> Sealed:
            return _sealed(work())

        tidy = _Seldom(lambda: _compact(work()))

        def tick() -> None:
            meter.tick(policy.current(), time.time(), time.monotonic())
            for chore in chores:
                chore(time.time(), time.monotonic())
            tidy()

        handles = [wake] if parent_pipe_fd is None else [wake, parent_pipe_fd]
        _loop(tick, seal, interval_s, handles)
        _metered(lambda: meter.stop(time.monotonic()))
        _finish(seal)


class _Seldom:
    """Does something at most every `COMPACT_S` seconds; sealing goes on in between."""

    def __init__(self, job: Callable[[], None]) -> None:
        self._job = job
        self._next_s = time.monotonic() + COMPACT_S

    def __call__(self) -> None:
        if time.monotonic() >= self._next_s:
            self._job()
            self._next_s = time.monotonic() + COMPACT_S


def _compact(work: Work) -> None:
    """One new segment at most: while it is made, nothing is sealed. What fails is tried again later."""
    try:
        done = compact(work, most=1)
    except (OSError, duckdb.Error, LedgerError) as error:
        _log.warning("segments could not be compacted: %s", error)
        return
    if done.after:
        _log.info("compacted %d segments of %d rows", done.before, done.rows)


def _sealed(work: Work) -> Sealed:
    """One pass. What stops it is told, and it is tried again: journals wait, and gateways go on."""
    try:
        return seal_all(work)
    except (OSError, LedgerError) as error:
        _log.error("nothing could be sealed: %s", error)
        return Sealed()


def _metered(step: Callable[[], None]) -> None:
    """A disk that is full for a while stops neither metering nor sealing."""
    try:
        step()
    except OSError as error:
        _log.error("capacity could not be written, and will be: %s", error)


def _loop(tick: Callable[[], None], seal: Callable[[], Sealed], interval_s: float, handles: list[int]) -> None:
    next_s = time.monotonic()
    while True:
        _metered(tick)
        if time.monotonic() >= next_s:
            seal()
            next_s = time.monotonic() + interval_s
        if select.select(handles, [], [], min(TICK_S, interval_s))[0]:
            return


def _finish(seal: Callable[[], Sealed]) -> None:
    """Workers end at the same moment: give them a few seconds to close their journals."""
    until_s = time.monotonic() + _LAST_WAIT_S
    while seal().live and time.monotonic() < until_s:
        time.sleep(0.1)


@contextmanager
def _stop_signal() -> Iterator[int]:
    """A descriptor that becomes readable when the process is asked to stop."""
    read, write = os.pipe()
    before = {number: signal.signal(number, lambda *_: _poke(write)) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield read
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(read)
        os.close(write)


def _poke(handle: int) -> None:
    os.write(handle, b"x")


if __name__ == "__main__":
    run(Path(sys.argv[1]))
