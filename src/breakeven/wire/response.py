"""The awaitable form of an answer, for those who have time: load generators, tests, questions about models."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from breakeven.errors import BackendError
from breakeven.wire.connection import Limits
from breakeven.wire.failure import protocol_error
from breakeven.wire.flight import Flight, Headers


class Response:
    """The head of an answer, and its body as it comes; a body that nobody takes pauses the socket.

    Read it to the end, which returns the connection to the pool, or `close()` it, which ends the connection.
    """

    __slots__ = (
        "_buffered", "_chunks", "_ended", "_error", "_flight", "_limits", "_on_connect", "_on_sent", "_place",
        "_waiter", "headers", "status",
    )  # fmt: skip

    def __init__(
        self,
        place: str,
        limits: Limits,
        on_connect: Callable[[float], None] | None,
        on_sent: Callable[[], None] | None,
    ) -> None:
        self.status = 0
        self.headers: Headers = []
        self._place = place
        self._limits = limits
        self._on_connect = on_connect
        self._on_sent = on_sent
        self._flight: Flight | None = None
        self._chunks: list[bytes] = []
        self._buffered = 0
        self._ended = False
        self._error: BackendError | None = None
        self._waiter: asyncio.Future[None] | None = None

    def header(self, name: str, default: str = "") -> str:
        """The first header of that (lower-case) name."""
        return next((value for key, value in self.headers if key == name), default)

    async def head(self, flight: Flight) -> None:
        """Wait for the status and headers.

        Raises:
            BackendError: the upstream is gone, too slow or malformed.
        """
        self._flight = flight
        try:
            while not self.status:
                await self._wait()
        except BaseException:
            self.close()
            raise

    async def chunk(self) -> bytes | None:
        """The next bytes of the body, all that have come so far; None at its end.

        Raises:
            BackendError: the upstream is gone, too slow, or malformed.
        """
        try:
            while not self._chunks:
                if self._ended:
                    return None
                await self._wait()
        except BaseException:
            self.close()
            raise
        return self._take()

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
        limit = self._limits.body_bytes if limit is None else limit
        parts: list[bytes] = []
        size = 0
        while (data := await self.chunk()) is not None:
            parts.append(data)
            size += len(data)
            if size > limit:
                self.close()
                raise protocol_error(self._place, f"a body of more than {limit} bytes")
        return b"".join(parts)

    def detach(self) -> None:
        """Want no more of a body that is about to end; the connection is kept if it ends before the next silence."""
        self._finish()
        if self._flight is not None:
            self._flight.detach()

    def close(self) -> None:
        """Give the answer up; a body that has not come to its end closes the connection, which the upstream sees."""
        self._finish()
        if self._flight is not None:
            self._flight.abort()

    def _finish(self) -> None:
        self._ended = True
        self._chunks.clear()

    def _take(self) -> bytes:
        data = b"".join(self._chunks) if len(self._chunks) > 1 else self._chunks[0]
        self._chunks.clear()
        self._buffered = 0
        if self._flight is not None:
            self._flight.resume()
        return data

    async def _wait(self) -> None:
        if self._error:
            raise self._error
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # The handler of its flight

    def on_connected(self, seconds: float) -> None:
        """A new connection was made."""
        if self._on_connect is not None:
            self._on_connect(seconds)

    def on_sent(self) -> None:
        """The request was written."""
        if self._on_sent is not None:
            self._on_sent()

    def on_head(self, status: int, headers: Headers) -> None:
        """The head is here."""
        self.status = status
        self.headers = headers
        self._wake()

    def on_body(self, data: bytes) -> None:
        """Bytes of the body; a full buffer pauses the socket."""
        self._chunks.append(data)
        self._buffered += len(data)
        if self._buffered > self._limits.buffered_bytes and self._flight is not None:
            self._flight.pause()
        self._wake()

    def on_end(self) -> None:
        """The body is whole."""
        self._ended = True
        self._wake()

    def on_failure(self, error: BackendError) -> None:
        """The rest will not come."""
        self._error = error
        self._wake()
