"""Keeps one child process alive: start, relay its stderr, restart with backoff, give up, stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import IO

from breakeven.supervisor.child import Child, Ended, Limits, exit_code_for

Log = Callable[[str], None]
_CANNOT_START = 127
_DRAIN_S = 1.0


class Keeper:
    """One child and its process. `start` once, then await `run`; `terminate` and `kill` may come at any time."""

    def __init__(self, child: Child, pipe_fd: int, limits: Limits, log: Log) -> None:
        self.child = child
        self._pipe_fd = pipe_fd
        self._limits = limits
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._relay: threading.Thread | None = None
        self._tail: deque[str] = deque(maxlen=limits.tail_lines)
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        """The process id; None while there is no process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the process. One that cannot be started counts as crashed at once."""
        self._tail.clear()
        # A session of its own: Ctrl-C in a terminal reaches the supervisor only, which then stops all in order.
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the arguments come from this program
                self.child.command(self._pipe_fd),
                env={**os.environ, **self.child.env},
                stdin=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(self._pipe_fd,),
                start_new_session=True,
            )
        except OSError as error:
            self._process = None
            self._tail.append(str(error))
            return
        self._relay_stderr(self._process.stderr)
        self._log(f"{self.child.name} started (pid {self._process.pid})")

    async def run(self, waiters: Executor) -> Ended | None:
        """Watch the process and its successors. None after a stop, or when a child that may end has ended.

        Args:
            waiters: has a thread for every keeper, which waits for the process there.
        """
        crashes = 0
        while True:
            began = time.monotonic()
            code = await self._exit(waiters)
            lived_s = time.monotonic() - began
            if self._stopping.is_set() or (code == 0 and not self.child.required):
                self._log(f"{self.child.name} ended with {_in_words(code)}")
                return None
            crashes = crashes + 1 if lived_s < self._limits.quick_s else 1
            if crashes >= self._limits.crashes:
                return self._given_up(code, crashes)
            if not await self._pause(code, lived_s, crashes):
                return None
            self.start()

    def terminate(self) -> None:
        """Ask the process to stop and start no other."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """End the process and everything it started, at once."""
        self._stopping.set()
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _exit(self, waiters: Executor) -> int:
        process = self._process
        if process is None:
            return _CANNOT_START
        code = await asyncio.get_running_loop().run_in_executor(waiters, process.wait)
        if self._relay is not None:
            await asyncio.get_running_loop().run_in_executor(waiters, self._relay.join, _DRAIN_S)
        self._process = None
        return code

    async def _pause(self, code: int, lived_s: float, crashes: int) -> bool:
        wait_s = self._limits.pause_s(crashes)
        self._log(
            f"{self.child.name} ended unasked with {_in_words(code)} after {lived_s:.1f} s; restart in {wait_s:g} s"
            f" (quick crash {crashes} of {self._limits.crashes})"
        )
        try:
            await asyncio.wait_for(self._stopping.wait(), wait_s)
        except TimeoutError:
            return True
        return False

    def _given_up(self, code: int, crashes: int) -> Ended:
        reason = f"{self.child.name} ended {crashes} times in a row, last with {_in_words(code)}"
        lines = tuple(self._tail)
        return Ended(exit_code=exit_code_for(code), reason=reason, child=self.child.name, last_lines=lines)

    def _relay_stderr(self, stream: IO[bytes] | None) -> None:
        if stream is not None:
            self._relay = threading.Thread(target=self._pump, args=(stream,), daemon=True)
            self._relay.start()

    def _pump(self, stream: IO[bytes]) -> None:
        with stream:
            for line in stream:
                text = line.decode(errors="replace").rstrip()
                self._tail.append(text)
                self._log(f"[{self.child.name}] {text}")


def _in_words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
