"""The demo's processes: the same commands a user would type, on free ports, ended with the demo however it ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from breakeven.errors import BackendError

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
HTTP_OK = 200


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until a URL answers with 200.

    Raises:
        TimeoutError: it did not in time, or what should answer is no longer `alive`.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while not _answers(url):
        if not alive() or time.monotonic() > deadline:
            message = f"{url} does not answer"
            raise TimeoutError(message)
        time.sleep(0.05)


class Processes:
    """Commands of breakeven running beside the demo; each writes its log into the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._running: list[subprocess.Popen[bytes]] = []
        self._read_fd, self._write_fd = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, arguments: Sequence[str], ready_url: str) -> None:
        """Start `breakeven ARGUMENTS` and wait until it answers.

        Raises:
            BackendError: it ended, or did not answer in time; with the last lines of its log.
        """
        log = self._folder / f"{name}.log"
        command = [sys.executable, "-m", "breakeven", *(part.replace("{fd}", str(self._read_fd)) for part in arguments)]
        with log.open("wb") as stream:
            process = subprocess.Popen(command, stdout=stream, stderr=stream, pass_fds=(self._read_fd,))  # noqa: S603 - our own command
        self._running.append(process)
        try:
            wait_until_ready(ready_url, lambda: process.poll() is None)
        except TimeoutError as error:
            tail = log.read_text(errors="replace").strip().splitlines()[-5:]
            message = f"{name} did not start ({ready_url}): {' | '.join(tail) or 'no output'}"
            raise BackendError(message, f"see {log}") from error

    def stop(self) -> None:
        """End what was started, last first, by process id."""
        for process in reversed(self._running):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self._running:
            os.close(self._write_fd)
            os.close(self._read_fd)
        self._running = []


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310 - a loopback URL of the demo
            return bool(answer.status == HTTP_OK)
    except (urllib.error.URLError, OSError):
        return False
