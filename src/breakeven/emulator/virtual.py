"""An event loop whose clock jumps to whatever is due next: hours of waiting pass in seconds, alike every time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Found = TypeVar("Found")


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing; where it was to wait, time has passed."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready now; else the clock moves to what is due next.

        Raises:
            RuntimeError: nothing is ever due.
        """
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout is None:
            message = "everything waits for something that never comes"
            raise RuntimeError(message)
        if not ready and timeout:
            self.now_s += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """For programs of one process without sockets and threads."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, of its own."""
        return self._jumping.now_s


def run(main: Coroutine[Any, Any, Found]) -> Found:
    """A program to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
