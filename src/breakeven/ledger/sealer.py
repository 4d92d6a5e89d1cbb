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

import msgspec

from breakeven.ledger import duck
from breakeven.ledger.disk import Disk
from breakeven.ledger.meter import NODE, Meter
from breakeven.ledger.seal import Sealed as Sealed
from breakeven.ledger.seal import Work, alone, seal_all
from breakeven.ledger.seal import seal_once as seal_once
from breakeven.schema.policy import Policy

TICK_S = 0.5
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

        def seal() -> Sealed:
            work = Work(data_dir=data_dir, now_s=time.time(), disk=Disk(), connection=connection)
            return seal_all(work)

        def tick() -> None:
            meter.tick(policy.current(), time.time(), time.monotonic())
            for chore in chores:
                chore(time.time(), time.monotonic())

        handles = [wake] if parent_pipe_fd is None else [wake, parent_pipe_fd]
        _loop(tick, seal, interval_s, handles)
        meter.stop(time.monotonic())
        _finish(seal)


def _loop(tick: Callable[[], None], seal: Callable[[], Sealed], interval_s: float, handles: list[int]) -> None:
    next_s = time.monotonic()
    while True:
        tick()
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
