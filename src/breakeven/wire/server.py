"""The HTTP/1.1 server: asyncio's protocols and llhttp in front of a `Service`, callbacks only.

server = await serve(service, sock, ServerLimits())
...
cut = await server.drain(timeout_s=30.0)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable

from breakeven.wire.http import Service
from breakeven.wire.server_connection import ServerConnection
from breakeven.wire.server_context import ServerContext
from breakeven.wire.server_context import ServerLimits as ServerLimits

_FAREWELL_S = 1.0
"""How long aborted connections may take to say so."""


class HttpServer:
    """A server that accepts connections. One timer looks after the deadlines of all of them."""

    def __init__(self, context: ServerContext, listener: asyncio.Server) -> None:
        self._context = context
        self._listener = listener
        self._empty = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        context.on_empty = self._empty.set
        self._tick()

    @property
    def connections(self) -> int:
        """Connections open now, idle ones included."""
        return len(self._context.connections)

    def sweep(self) -> None:
        """Act on deadlines that are over; the server does so by itself every `sweep_s`."""
        self._context.sweep()

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._context.limits.sweep_s, self._tick)
        self.sweep()

    async def drain(self, timeout_s: float) -> int:
        """Stop accepting, close what is idle, let the rest finish; returns how many connections had to be cut.

        Answers that begin meanwhile carry `connection: close`. After `timeout_s` seconds what is left is aborted.
        """
        self._context.draining = True
        await _breathe()
        self._listener.close()
        await _breathe()
        for connection in list(self._context.connections):
            connection.leave()
        await self._until_empty(timeout_s)
        cut = sum(connection.cut() for connection in list(self._context.connections))
        await self._until_empty(_FAREWELL_S)
        if self._timer is not None:
            self._timer.cancel()
        return cut

    async def _until_empty(self, timeout_s: float) -> None:
        self._empty.clear()
        if self.connections:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._empty.wait()


async def _breathe() -> None:
    """Let the loop accept, read and serve what has already arrived."""
    for _ in range(4):
        await asyncio.sleep(0)


async def serve(
    service: Service,
    sock: socket.socket,
    limits: ServerLimits | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
    wall: Callable[[], float] = time.time,
) -> HttpServer:
    """Accept connections on a bound socket and hand their requests to `service`.

    Args:
        service: what answers.
        sock: bound, not yet listening; closed by `drain`.
        limits: what clients may send and take.
        clock: monotonic seconds; all deadlines and `received_s` are its.
        wall: seconds since 1970, for `time_s` and the Date header.
    """
    context = ServerContext(service, limits or ServerLimits(), clock, wall)
    listener = await asyncio.get_running_loop().create_server(
        lambda: ServerConnection(context), sock=sock, backlog=context.limits.backlog
    )
    return HttpServer(context, listener)
