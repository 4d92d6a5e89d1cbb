"""The convention by which children notice that their supervisor is gone, however it died.

A child gets the number of a file descriptor: the read end of a pipe nobody writes to. The write end is open in the
supervisor alone, so the kernel closes it when the supervisor dies, SIGKILL included, and a read then returns end of
file. Whoever serves in a child watches that descriptor and stops cleanly at end of file. A package that must not import
this one needs three lines for it: `loop.add_reader(fd, stop)` in asyncio, or a daemon thread that polls it (never a
blocking read: an event loop of another child may have made the shared descriptor non-blocking).

The child's stderr leads to the supervisor too, so once it is gone, printing there fails: log through `logging`, which
bears that, or not at all while stopping.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import threading
from collections.abc import Callable


def terminate_self() -> None:
    """Ask this process to stop as `kill` does, so that its SIGTERM handler cleans up."""
    os.kill(os.getpid(), signal.SIGTERM)


def exit_when_closed(fd: int, on_closed: Callable[[], None] = terminate_self) -> threading.Thread:
    """Watch `fd` in a daemon thread and call `on_closed` there, once, when the supervisor is gone."""
    thread = threading.Thread(target=_watch, args=(fd, on_closed), name="supervisor-pipe", daemon=True)
    thread.start()
    return thread


async def closed(fd: int) -> None:
    """Return when the supervisor is gone; for a task of an event loop."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(fd, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(fd)


def _watch(fd: int, on_closed: Callable[[], None]) -> None:
    ended = select.poll()
    ended.register(fd, 0)  # the hang-up is always told
    ended.poll()  # not a read: another child's event loop may have made the shared descriptor non-blocking
    on_closed()
