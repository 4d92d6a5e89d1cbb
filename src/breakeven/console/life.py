"""The console's process: a port or a message, and an end when the supervisor's pipe closes."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable

from breakeven.errors import UsageError


class TakenError(UsageError):
    """Somebody else listens on the console's port."""


def bind(host: str, port: int) -> socket.socket:
    """A bound socket.

    Raises:
        TakenError: the port is taken.
        UsageError: the host is not an address of this machine.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
    except OSError as error:
        message = f"the console cannot listen on {host}: {error}"
        raise UsageError(message, "give --host an address of this machine, such as 127.0.0.1") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
    except OSError as error:
        listener.close()
        message = f"the console cannot listen on {host}:{port}: {error.strerror}"
        raise TakenError(message, "give another port, or stop what listens there") from error
    return listener


def when_closed(fd: int | None, then: Callable[[], None]) -> None:
    """Call `then` once the other end of a pipe is closed; without a pipe, never."""
    if fd is not None:
        threading.Thread(target=_wait, args=(fd, then), daemon=True, name="parent-pipe").start()


def _wait(fd: int, then: Callable[[], None]) -> None:
    ended = select.poll()
    ended.register(fd, 0)  # the hang-up is always told
    ended.poll()  # not a read: another child's event loop may have made the shared descriptor non-blocking
    then()
