"""An HTTP/1.1 client with a keep-alive pool: what the gateway, the load generator and the Python client speak with.

`start` is the callback form, for the request path; `request` is the awaitable one:

async with Client() as client:
    response = await client.request("GET", "http://127.0.0.1:8000/v1/models")
    body = await response.read()
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from types import TracebackType
from typing import Self

from breakeven.errors import BackendError
from breakeven.wire.address import Origin
from breakeven.wire.connection import Connection, Limits
from breakeven.wire.dial import Dialer
from breakeven.wire.failure import unreachable
from breakeven.wire.flight import NOBODY, Flight, Handler
from breakeven.wire.prepared import Headers, Prepared, prepare
from breakeven.wire.response import Response

__all__ = ["Client", "Flight", "Handler", "Headers", "Limits", "Prepared", "Response", "prepare"]
SWEEP_S = 0.25
"""How often silence and idle connections are looked for; a timeout may come so much late."""


class Client:
    """A pool of connections, one per exchange in flight, kept alive between exchanges. Used from one event loop.

    Args:
        limits: bounds on what upstreams may send and take.
        tls: the context for https; None is the system's trust store (or `SSL_CERT_FILE`) with verification.
        dialer: how a host becomes a socket.
    """

    def __init__(
        self, limits: Limits | None = None, tls: ssl.SSLContext | None = None, dialer: Dialer | None = None
    ) -> None:
        self.limits = limits or Limits()
        self._dialer = dialer or Dialer()
        self._tls = tls
        self._idle: dict[str, list[Connection]] = {}
        self._flights: dict[Flight, Connection | asyncio.Task[None]] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def start(
        self, prepared: Prepared, body: bytes, handler: Handler, timeout_s: float, headers: Headers = ()
    ) -> Flight:
        """Send a request and tell `handler` what comes of it, never from inside this call.

        `timeout_s` bounds the connection's making and each silence. A kept connection that turns out closed before any
        byte of the answer is replaced once, by a new one.

        Raises:
            UsageError: a header holds a line break.
        """
        flight = Flight(self, prepared, prepared.encode(headers, body), handler, timeout_s)
        loop = asyncio.get_running_loop()
        if self._sweeper is None:
            self._sweeper = loop.call_later(SWEEP_S, self._sweep)
        pool = self._idle.get(prepared.place)
        connection = self._take(pool, loop.time()) if pool else None
        if connection is None:
            self._flights[flight] = loop.create_task(self._connect(flight))
        else:
            self._flights[flight] = connection
            connection.send(flight)
            loop.call_soon(flight.tell_sent)
        return flight

    async def request(
        self,
        method: str,
        url: str,
        headers: Headers = (),
        body: bytes = b"",
        *,
        timeout_s: float = 60.0,
        on_connect: Callable[[float], None] | None = None,
        on_sent: Callable[[], None] | None = None,
    ) -> Response:
        """Send a request and wait for the head of its answer.

        `timeout_s` bounds the connection's making and each silence. `on_connect` is told the seconds that a new
        connection took, `on_sent` that the request was written.

        Raises:
            BackendError: unreachable, timed out or malformed (see `wire.failure`).
            ConfigError: the URL cannot be meant.
            UsageError: a header holds a line break.
        """
        prepared = prepare(method, url, headers)
        response = Response(prepared.place, self.limits, on_connect, on_sent)
        await response.head(self.start(prepared, body, response, timeout_s))
        return response

    def idle(self) -> int:
        """Connections kept alive now."""
        return sum(not one.closed for pool in self._idle.values() for one in pool)

    async def close(self) -> None:
        """Close every connection; exchanges in flight fail."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for connection in [one for pool in self._idle.values() for one in pool]:
            connection.drop()
        self._idle.clear()
        connecting = []
        for flight, carrier in list(self._flights.items()):
            if isinstance(carrier, asyncio.Task):
                connecting.append(carrier)
            handler = NOBODY if flight.detached else flight.handler
            flight.abort()
            handler.on_failure(unreachable(flight.prepared.place, "the client was closed"))
        self._dialer.close()
        await asyncio.gather(*connecting, return_exceptions=True)
        await asyncio.sleep(0)

    # What flights and connections say

    def forget(self, flight: Flight) -> None:
        """The flight was given up."""
        carrier = self._flights.pop(flight, None)
        if isinstance(carrier, asyncio.Task):
            carrier.cancel()

    def released(self, connection: Connection, flight: Flight) -> None:
        """An exchange ended well: the connection waits for the next one."""
        self._flights.pop(flight, None)
        pool = self._idle.setdefault(connection.place, [])
        if not connection.reusable or len(pool) >= self.limits.idle_connections:
            connection.drop()
            return
        connection.idle_since = connection.last_byte_s
        pool.append(connection)

    def failed(self, flight: Flight, error: BackendError, *, unanswered: bool) -> None:
        """An exchange failed; one that a kept connection lost unanswered is tried once more on a new one."""
        if unanswered and not flight.retried:
            flight.retried = True
            self._flights[flight] = asyncio.get_running_loop().create_task(self._connect(flight))
            return
        self._flights.pop(flight, None)
        flight.finish().on_failure(error)

    def _take(self, pool: list[Connection], now_s: float) -> Connection | None:
        while pool:
            connection = pool.pop()
            if not connection.closed and now_s - connection.idle_since <= self.limits.idle_s:
                return connection
            connection.drop()
        return None

    def _sweep(self) -> None:
        now_s = asyncio.get_running_loop().time()
        for flight, carrier in list(self._flights.items()):
            if isinstance(carrier, Connection):
                carrier.check_silence(flight, now_s)
        for place, pool in list(self._idle.items()):
            kept = [one for one in pool if not one.closed and now_s - one.idle_since <= self.limits.idle_s]
            for old in set(pool) - set(kept):
                old.drop()
            if kept:
                pool[:] = kept
            else:
                del self._idle[place]
        busy = self._flights or self._idle
        self._sweeper = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep) if busy else None

    async def _connect(self, flight: Flight) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            connection = await self._open(flight)
        except BackendError as error:
            self.failed(flight, error, unanswered=False)
            return
        flight.handler.on_connected(loop.time() - began)
        if flight.over:
            connection.drop()
            return
        self._flights[flight] = connection
        connection.send(flight)
        flight.tell_sent()

    async def _open(self, flight: Flight) -> Connection:
        origin, place = flight.prepared.origin, flight.prepared.place
        limit_s = min(flight.timeout_s, self.limits.connect_s)
        connection = Connection(place, self.limits, self)
        try:
            async with asyncio.timeout(limit_s):
                sock = await self._dialer.dial(origin.host, origin.port)
                await self._adopt(sock, connection, origin)
        except TimeoutError as error:
            raise unreachable(place, f"no connection within {limit_s:g} s") from error
        except (OSError, ValueError, RuntimeError) as error:
            raise unreachable(place, error) from error
        except asyncio.CancelledError:
            connection.drop()
            raise
        return connection

    async def _adopt(self, sock: socket.socket, connection: Connection, origin: Origin) -> None:
        """Make a connected socket a transport, with TLS where the origin says so, for the name that was asked for."""
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: connection,
                sock=sock,
                ssl=self._context() if origin.tls else None,
                server_hostname=origin.host if origin.tls else None,
            )
        except BaseException:
            sock.close()
            raise

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls
