"""One HTTP/1.1 client connection: a protocol of callbacks, no task, no future and no stream objects."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import Protocol, cast

import httptools

from breakeven.errors import BackendError
from breakeven.schema.noun import Noun
from breakeven.wire.failure import protocol_error, timed_out, unreachable
from breakeven.wire.flight import Flight, Headers

_SWITCHING = 101
_INTERIM_END = 200
_MAX_TAIL_BYTES = 16 * 1024
"""What a server may still send behind an answer that nobody wants to its end, before its connection is closed."""


_FRAMING = frozenset({"content-length", "transfer-encoding"})


@lru_cache(maxsize=1024)
def _lower(name: bytes) -> str:
    return name.decode("latin-1").lower()


class Limits(Noun, frozen=True, kw_only=True):
    """What one upstream may send and how long it may take; seconds and bytes."""

    connect_s: float = 5.0
    header_bytes: int = 64 * 1024
    body_bytes: int = 64 * 1024 * 1024
    buffered_bytes: int = 256 * 1024
    idle_s: float = 30.0
    idle_connections: int = 512


class Pool(Protocol):
    """What a connection tells its client."""

    def released(self, connection: Connection, flight: Flight) -> None:
        """An exchange ended well; the connection may be used again if `reusable`."""

    def failed(self, flight: Flight, error: BackendError, *, unanswered: bool) -> None:
        """An exchange failed; `unanswered` says that a kept connection broke before any byte of the answer."""


class Connection(asyncio.Protocol):
    """Carries one flight at a time. One read of the socket is told as one head, one body and one end at most."""

    __slots__ = (
        "_answered", "_complete", "_excess", "_flight", "_framed", "_head_done", "_head_told", "_header_bytes",
        "_headers", "_held", "_keep", "_limit", "_loop", "_parser", "_parts", "_pool", "_problem", "_status", "_tail",
        "_transport", "_used", "closed", "idle_since", "last_byte_s", "place",
    )  # fmt: skip

    def __init__(self, place: str, limits: Limits, pool: Pool) -> None:
        self.place = place
        self.idle_since = 0.0
        self.last_byte_s = 0.0
        self.closed = False
        self._loop = asyncio.get_running_loop()
        self._pool = pool
        self._limit = limits.header_bytes
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._flight: Flight | None = None
        self._used = False
        self._held = False
        self._excess = False
        self._keep = False
        self._parts: list[bytes] = []
        self._begin()

    def _begin(self) -> None:
        self._status = 0
        self._headers: Headers = []
        self._header_bytes = 0
        self._tail = 0
        self._answered = self._head_done = self._head_told = self._framed = self._complete = False
        self._problem = ""

    @property
    def reusable(self) -> bool:
        """Whether another request may follow on this connection."""
        return self._keep and not self._excess and not self._problem and not self.closed

    def send(self, flight: Flight) -> None:
        """Start an exchange on a connection that is open and free."""
        self._begin()
        self._flight = flight
        flight.carrier = self
        self.last_byte_s = self._loop.time()
        if flight.paused:
            self.hold()
        if self._transport is not None:
            self._transport.write(flight.data)

    def check_silence(self, flight: Flight, now_s: float) -> None:
        """Fail the flight if its server has said nothing for too long."""
        if not flight.paused and now_s - self.last_byte_s >= flight.timeout_s:
            what = "go on with its answer" if self._head_done else "answer"
            self._fail(timed_out(self.place, what, flight.timeout_s))

    # What the flight asks

    def drop(self) -> None:
        """Close at once, telling nobody."""
        self._flight = None
        self.closed = True
        if self._transport is not None:
            self._transport.abort()

    def hold(self) -> None:
        """Read no more for now."""
        if not self._held and not self.closed and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read again; silence counts from now."""
        self.last_byte_s = self._loop.time()
        if self._held and not self.closed and self._transport is not None:
            self._held = False
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The transport is ready; uvloop's is no subclass of asyncio's, so its class cannot be asked for."""
        self._transport = cast("asyncio.Transport", transport)
        if self.closed:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Bytes from the upstream; those that nobody asked for are never mistaken for the next answer."""
        flight = self._flight
        if flight is None:
            self.drop()
            return
        self._answered = True
        if not flight.detached:
            self.last_byte_s = self._loop.time()
        if not self._head_done:
            self._header_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._problem = self._problem or str(error) or "not HTTP/1.1"
        if not self._head_done and self._header_bytes > self._limit:
            self._problem = f"more than {self._limit} bytes of headers"
        self._tell(flight)

    def eof_received(self) -> bool:
        """The upstream will send no more; the transport closes itself."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone: the end of an unframed body, or a failure."""
        self.closed = True
        self._transport = None
        flight = self._flight
        if flight is None:
            return
        if self._head_done and not self._framed and exc is None:
            self._complete = True
            self._tell(flight)
        elif self._answered:
            self._fail(protocol_error(self.place, f"the connection ended in mid-answer ({exc or 'closed'})"))
        else:
            self._fail(unreachable(self.place, exc or "it closed the connection without an answer"))

    def _tell(self, flight: Flight) -> None:
        """Tell what came; the handler may give the flight up at any step."""
        if flight.detached:
            self._tell_nobody()
            return
        if not flight.sent:
            flight.tell_sent()
        if self._head_done and not self._head_told and self._flight is flight:
            self._head_told = True
            flight.handler.on_head(self._status, self._headers)
        if self._parts:
            parts, self._parts = self._parts, []
            if self._flight is flight:
                flight.handler.on_body(parts[0] if len(parts) == 1 else b"".join(parts))
        if self._flight is flight:
            if self._complete:
                self._end(flight)
            elif self._problem:
                self._fail(protocol_error(self.place, self._problem))

    def _tell_nobody(self) -> None:
        self._tail += sum(map(len, self._parts))
        self._parts.clear()
        flight = self._flight
        if flight is not None and self._complete:
            self._end(flight)
        elif flight is not None and (self._problem or self._tail > _MAX_TAIL_BYTES):
            flight.abort()

    def _end(self, flight: Flight) -> None:
        self._flight = None
        self._used = True
        self.go_on()
        handler = flight.finish()
        self._pool.released(self, flight)
        handler.on_end()

    def _fail(self, error: BackendError) -> None:
        flight = self._flight
        if flight is None:
            return
        unanswered = self._used and not self._answered and self.closed
        self.drop()
        flight.carrier = None
        self._pool.failed(flight, error, unanswered=unanswered)

    # httptools

    def on_message_begin(self) -> None:
        """Another answer where one was asked for: ignored, and the connection is not used again."""
        self._excess = self._complete

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header line."""
        if self._complete:
            return
        lower = _lower(name)
        if lower in _FRAMING:
            self._framed = True
        self._headers.append((lower, value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        """The head is whole, unless it is an interim one."""
        if self._complete:
            return
        self._status = self._parser.get_status_code()
        if self._status == _SWITCHING:
            self._problem = "101 Switching Protocols, which nobody asked for"
        elif self._status >= _INTERIM_END:
            self._head_done = True
            if self._flight is not None and self._flight.prepared.bodiless:
                self._complete = self._excess = True

    def on_body(self, body: bytes) -> None:
        """Bytes of the body."""
        if not self._complete:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole; an interim one starts over."""
        if not self._head_done:
            self._headers = []
            self._framed = False
        elif not self._complete:
            self._complete = True
            self._keep = self._parser.should_keep_alive()
