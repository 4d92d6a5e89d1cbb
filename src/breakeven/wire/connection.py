"""One HTTP/1.1 client connection: a protocol of callbacks, no task and no stream objects."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools

from breakeven.errors import BackendError
from breakeven.schema.noun import Noun
from breakeven.wire.address import Origin
from breakeven.wire.failure import protocol_error, timed_out, unreachable

_SWITCHING = 101
_INTERIM_END = 200


class Limits(Noun, frozen=True, kw_only=True):
    """What one upstream may send and how long it may take; seconds and bytes."""

    connect_s: float = 5.0
    header_bytes: int = 64 * 1024
    body_bytes: int = 64 * 1024 * 1024
    buffered_bytes: int = 256 * 1024
    idle_s: float = 30.0
    idle_connections: int = 64


class Connection(asyncio.Protocol):
    """Sends one request at a time and hands its answer over in chunks, pausing the socket when nobody takes them."""

    def __init__(self, origin: Origin, limits: Limits) -> None:
        self.origin = origin
        self.place = str(origin)
        self.limits = limits
        self.reused = False
        self.idle_since = 0.0
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._reset()

    def _reset(self) -> None:
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.complete = False
        self.error: BackendError | None = None
        self.answered = False
        self._parser = httptools.HttpResponseParser(self)
        self._header_bytes = 0
        self._head_done = False
        self._framed = False
        self._bodiless = False
        self._excess = False
        self._keep = False
        self._chunks: deque[bytes] = deque()
        self._buffered = 0
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._then: Callable[[Connection], None] | None = None
        self._last_byte_s = 0.0
        self._timeout_s = 0.0

    # What the pool asks

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.complete and self._keep and not self._excess and not self.closed and self.error is None

    def send(self, data: bytes, *, timeout_s: float, bodiless: bool) -> None:
        """Start an exchange: write a whole request. `timeout_s` bounds each silence of the upstream."""
        self._reset()
        self._bodiless = bodiless
        self._timeout_s = timeout_s
        self._last_byte_s = self._loop.time()
        self._arm(timeout_s)
        if self.closed or self._transport is None:
            self._fail(unreachable(self.place, "the connection was closed"))
            return
        self._transport.write(data)

    async def head(self) -> None:
        """Wait for the status line and headers.

        Raises:
            BackendError: the upstream is gone, too slow or malformed.
        """
        while not self._head_done:
            if self.error:
                raise self.error
            await self._wait()

    async def chunk(self) -> bytes | None:
        """The next bytes of the body, all that have come so far; None at its end.

        Raises:
            BackendError: the upstream is gone, too slow or malformed.
        """
        while not self._chunks:
            if self.complete:
                return None
            if self.error:
                raise self.error
            await self._wait()
        data = b"".join(self._chunks) if len(self._chunks) > 1 else self._chunks[0]
        self._chunks.clear()
        self._buffered = 0
        if self._paused and self._transport is not None:
            self._paused = False
            self._last_byte_s = self._loop.time()
            self._transport.resume_reading()
        return data

    def finish(self) -> None:
        """End of an exchange: stop its timer and keep the connection quiet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def when_over(self, then: Callable[[Connection], None]) -> None:
        """Drop the rest of the body and call back once it ended, well or not."""
        self._chunks.clear()
        if self.complete or self.closed:
            then(self)
        else:
            self._then = then
            if self._paused and self._transport is not None:
                self._paused = False
                self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once; the upstream sees the connection end."""
        self.finish()
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    async def _wait(self) -> None:
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        if self._then is not None and (self.complete or self.error):
            then, self._then = self._then, None
            then(self)

    def _fail(self, error: BackendError) -> None:
        if self.error is None:
            self.error = error
        self.finish()
        self._wake()

    # The clock

    def _arm(self, delay_s: float) -> None:
        self.finish()
        self._timer = self._loop.call_later(delay_s, self._check_silence)

    def _check_silence(self) -> None:
        silent_s = self._loop.time() - self._last_byte_s
        if self._paused or silent_s < self._timeout_s:
            self._arm(max(0.001, self._timeout_s - (0.0 if self._paused else silent_s)))
            return
        what = "go on with its answer" if self._head_done else "answer"
        self._fail(timed_out(self.place, what, self._timeout_s))
        self.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ready; uvloop's is no subclass of asyncio's, so its class cannot be asked for."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Bytes from the upstream."""
        self._last_byte_s = self._loop.time()
        self.answered = True
        if self.complete or not self._timeout_s:
            self.abort()  # bytes that nobody asked for: never mistake them for the next answer
            return
        if not self._head_done:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(protocol_error(self.place, str(error) or "not HTTP/1.1"))
        if not self._head_done and self._header_bytes > self.limits.header_bytes:
            self._fail(protocol_error(self.place, f"more than {self.limits.header_bytes} bytes of headers"))
        if self.error:
            self.abort()
        self._wake()

    def eof_received(self) -> bool:
        """The upstream will send no more; the transport closes itself."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: the end of an unframed body, or a failure."""
        self.closed = True
        self._transport = None
        if self.complete or not self._timeout_s:
            self._wake()
        elif self._head_done and not self._framed and exc is None:
            self.complete = True
            self.finish()
            self._wake()
        elif self.answered:
            self._fail(protocol_error(self.place, f"the connection ended in mid-answer ({exc or 'closed'})"))
        else:
            self._fail(unreachable(self.place, exc or "it closed the connection without an answer"))

    # httptools

    def on_message_begin(self) -> None:
        """Another answer where one was asked for: ignored, and the connection is not used again."""
        self._excess = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        if self.complete:
            return
        lower = name.decode("latin-1").lower()
        if lower in {"content-length", "transfer-encoding"}:
            self._framed = True
        self.headers.append((lower, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is whole, unless it is an interim one."""
        if self.complete:
            return
        self.status = self._parser.get_status_code()
        if self.status == _SWITCHING:
            self._fail(protocol_error(self.place, "101 Switching Protocols, which nobody asked for"))
        elif self.status >= _INTERIM_END:
            self._head_done = True
            if self._bodiless:
                self.complete = self._excess = True

    def on_body(self, body: bytes) -> None:
        """Bytes of the body; a full buffer pauses the socket."""
        if self.complete:
            return
        if self._then is not None:
            self._fail(protocol_error(self.place, "more body after its end"))
            return
        self._chunks.append(body)
        self._buffered += len(body)
        if self._buffered > self.limits.buffered_bytes and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one starts over."""
        if not self._head_done:
            self.headers = []
            self._framed = False
            return
        self.complete = True
        self._keep = self._parser.should_keep_alive()
        self.finish()
