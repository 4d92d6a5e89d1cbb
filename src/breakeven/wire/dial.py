"""From a host to a connected socket: the first address that answers wins, and forbidden ones are never tried."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from breakeven.wire.forbidden import why_forbidden
from breakeven.wire.resolve import Resolver

NEXT_AFTER_S = 0.25
"""The head start of an address over the next one (RFC 8305, section 5)."""
Connect = Callable[[str, int], Awaitable[socket.socket]]
"""Connects to a numeric address and port. Raises OSError."""


class Dialer:
    """Opens sockets. What was resolved and checked is what is connected to: there is no second resolution.

    Args:
        resolver: names to addresses.
        connect: opens one socket.
        next_after_s: how long an address is waited for before the next is tried beside it.
    """

    def __init__(
        self, resolver: Resolver | None = None, connect: Connect | None = None, next_after_s: float = NEXT_AFTER_S
    ) -> None:
        self._resolver = resolver or Resolver()
        self._connect = connect or connect_tcp
        self._next_after_s = next_after_s
        self._won: dict[str, str] = {}

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connected socket.

        Raises:
            OSError: the host has no address, only forbidden ones, or none that answers.
        """
        addresses = await self._resolver.addresses(host)
        allowed = [one for one in addresses if not why_forbidden(one)]
        if not allowed:
            reason = why_forbidden(addresses[0])
            message = f"{addresses[0]} is {reason}: it is never connected to"
            raise PermissionError(message)
        if len(allowed) == 1:
            return await self._connect(allowed[0], port)
        allowed.sort(key=lambda one: one != self._won.get(host))  # stable: only the one that answered last moves
        sock, self._won[host] = await self._race(allowed, port)
        return sock

    def close(self) -> None:
        """Wait for no lookup any more."""
        self._resolver.close()

    async def _race(self, addresses: Sequence[str], port: int) -> tuple[socket.socket, str]:
        waiting = deque(addresses)
        running: dict[asyncio.Task[socket.socket], str] = {}
        errors: list[BaseException] = []
        loop = asyncio.get_running_loop()
        try:
            while waiting or running:
                if waiting:
                    address = waiting.popleft()
                    running[loop.create_task(_opened(self._connect, address, port))] = address
                timeout_s = self._next_after_s if waiting else None
                done, _ = await asyncio.wait(running, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    address, error = running.pop(task), task.exception()
                    if error is None:
                        return task.result(), address
                    errors.append(error)
        finally:
            await _lose(running)
        raise OSError("; ".join(map(str, errors))) from errors[-1]


async def _opened(connect: Connect, address: str, port: int) -> socket.socket:
    return await connect(address, port)


async def _lose(running: Iterable[asyncio.Task[socket.socket]]) -> None:
    """End the tries that did not win; one that connected at the same moment is closed."""
    for task in running:
        task.cancel()
    for result in await asyncio.gather(*running, return_exceptions=True):
        if isinstance(result, socket.socket):
            result.close()


async def connect_tcp(address: str, port: int) -> socket.socket:
    """Connect to a numeric address.

    Raises:
        OSError: refused, no route, or the family is not spoken here.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await _connected(sock, sock.connect_ex((address, port)), address)
    except BaseException:
        sock.close()
        raise
    return sock


async def _connected(sock: socket.socket, code: int, address: str) -> None:
    """Wait for a connection under way; the loop's own `sock_connect` would ask its resolver first, hung or not."""
    if code in {errno.EINPROGRESS, errno.EWOULDBLOCK}:
        loop = asyncio.get_running_loop()
        writable: asyncio.Future[None] = loop.create_future()
        loop.add_writer(sock.fileno(), _say, writable)
        try:
            await writable
        finally:
            loop.remove_writer(sock.fileno())
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if code:
        raise OSError(code, f"{address}: {os.strerror(code)}")


def _say(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)
