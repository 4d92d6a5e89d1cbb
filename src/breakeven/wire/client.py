"""An HTTP/1.1 client with a keep-alive pool: what the gateway, the load generator and the Python client speak with.

async with Client() as client:
    response = await client.request("GET", "http://127.0.0.1:8000/v1/models")
    body = await response.read()
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from types import TracebackType
from typing import Self

from breakeven.errors import UsageError
from breakeven.wire.address import Address, Origin, address
from breakeven.wire.connection import Connection, Limits
from breakeven.wire.failure import UnreachableError, protocol_error, unreachable

Headers = Sequence[tuple[str, str]]
_FORBIDDEN = frozenset("\r\n\0")


class Response:
    """The head of an answer, and its body as it comes.

    Read it to the end, which returns the connection to the pool, or `close()` it, which ends the connection.
    """

    __slots__ = ("_connection", "_finished", "_release", "headers", "status")

    def __init__(self, connection: Connection, release: Callable[[Connection], None]) -> None:
        self.status = connection.status
        self.headers = connection.headers
        self._connection = connection
        self._release = release
        self._finished = False

    def header(self, name: str, default: str = "") -> str:
        """The first header of that (lower-case) name."""
        return next((value for key, value in self.headers if key == name), default)

    async def chunk(self) -> bytes | None:
        """The next bytes of the body; None at its end.

        Raises:
            BackendError: the upstream is gone, too slow, or malformed.
        """
        if self._finished:
            return None
        try:
            data = await self._connection.chunk()
        except BaseException:
            self.close()
            raise
        if data is None:
            self._finished = True
            self._release(self._connection)
        return data

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces; leaving the loop early closes the connection."""
        try:
            while (data := await self.chunk()) is not None:
                yield data
        finally:
            self.close()

    async def read(self, limit: int | None = None) -> bytes:
        """The whole body.

        Raises:
            BackendError: as `chunk`, or the body exceeds `limit` (else the client's own) bytes.
        """
        limit = self._connection.limits.body_bytes if limit is None else limit
        parts: list[bytes] = []
        size = 0
        while (data := await self.chunk()) is not None:
            parts.append(data)
            size += len(data)
            if size > limit:
                self.close()
                raise protocol_error(self._connection.place, f"a body of more than {limit} bytes")
        return b"".join(parts)

    def detach(self) -> None:
        """Want no more of a body that is about to end; the connection is kept if it ends before the next silence."""
        if not self._finished:
            self._finished = True
            self._connection.when_over(self._release)

    def close(self) -> None:
        """Give the answer up; a body not read to its end closes the connection, which the upstream sees."""
        if not self._finished:
            self._finished = True
            self._connection.abort()
            self._release(self._connection)


class Client:
    """A pool of connections, one per exchange in flight, kept alive between exchanges.

    Args:
        limits: bounds on what upstreams may send and take.
        tls: the context for https; None is the system's trust store with verification.
    """

    def __init__(self, limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.limits = limits or Limits()
        self._tls = tls
        self._idle: dict[Origin, list[Connection]] = {}
        self._busy: set[Connection] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

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
        connection took, `on_sent` that the request was written. A kept-alive connection that turns out closed before
        any byte of the answer is replaced.

        Raises:
            BackendError: unreachable, timed out or malformed (see `wire.failure`).
            UsageError: a header holds a line break.
        """
        where = address(url)
        data = _encode(method, where, headers, body)
        while True:
            connection = self._take(where.origin) or await self._connect(where.origin, timeout_s, on_connect)
            self._busy.add(connection)
            try:
                connection.send(data, timeout_s=timeout_s, bodiless=method == "HEAD")
                if on_sent is not None:
                    on_sent()
                await connection.head()
            except BaseException as error:
                self._busy.discard(connection)
                connection.abort()
                if not (isinstance(error, UnreachableError) and connection.reused and not connection.answered):
                    raise
                continue
            return Response(connection, self._release)

    def idle(self) -> int:
        """Connections kept alive now."""
        return sum(map(len, self._idle.values()))

    async def close(self) -> None:
        """Close every connection; exchanges in flight fail."""
        connections = [*self._busy, *(one for pool in self._idle.values() for one in pool)]
        self._idle.clear()
        self._busy.clear()
        for connection in connections:
            connection.abort()
        await asyncio.sleep(0)

    def _take(self, origin: Origin) -> Connection | None:
        pool = self._idle.get(origin, [])
        now = asyncio.get_running_loop().time()
        while pool:
            connection = pool.pop()
            if not connection.closed and now - connection.idle_since <= self.limits.idle_s:
                connection.reused = True
                return connection
            connection.abort()
        return None

    def _release(self, connection: Connection) -> None:
        self._busy.discard(connection)
        origin = connection.origin
        pool = self._idle.setdefault(origin, [])
        if not connection.reusable or len(pool) >= self.limits.idle_connections:
            connection.abort()
            return
        connection.idle_since = asyncio.get_running_loop().time()
        pool.append(connection)

    async def _connect(
        self, origin: Origin, timeout_s: float, on_connect: Callable[[float], None] | None
    ) -> Connection:
        loop = asyncio.get_running_loop()
        began, limit_s = loop.time(), min(timeout_s, self.limits.connect_s)
        try:
            async with asyncio.timeout(limit_s):
                transport, connection = await loop.create_connection(
                    lambda: Connection(origin, self.limits),
                    origin.host,
                    origin.port,
                    ssl=self._context() if origin.tls else None,
                    server_hostname=origin.host if origin.tls else None,
                )
        except TimeoutError as error:
            raise unreachable(str(origin), f"no connection within {limit_s:g} s") from error
        except (OSError, ssl.SSLError) as error:
            raise unreachable(str(origin), error) from error
        _no_delay(transport)
        if on_connect is not None:
            on_connect(loop.time() - began)
        return connection

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls


def _no_delay(transport: asyncio.Transport) -> None:
    sock = transport.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _encode(method: str, where: Address, headers: Headers, body: bytes) -> bytes:
    lines = [f"{method} {where.target} HTTP/1.1", f"host: {where.origin.authority}"]
    for name, value in headers:
        if not _FORBIDDEN.isdisjoint(name) or not _FORBIDDEN.isdisjoint(value):
            message = f"header {name!r} holds a line break or a zero byte"
            raise UsageError(message, "remove it")
        lines.append(f"{name}: {value}")
    if body or method in {"POST", "PUT", "PATCH"}:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
