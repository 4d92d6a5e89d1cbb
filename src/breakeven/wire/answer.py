"""The way back to a client: one answer, whole or in parts, as bytes of HTTP/1.1."""

from __future__ import annotations

from collections.abc import Callable
from logging import getLogger
from typing import Protocol

from breakeven.wire.http import Headers
from breakeven.wire.server_context import ServerContext

_log = getLogger("breakeven.wire")

_FRAMING = frozenset({"connection", "content-length", "date", "keep-alive", "transfer-encoding", "upgrade"})
"""Headers that the transport alone writes; a service's own are dropped, but `connection: close` is heeded."""

_BODILESS = frozenset({204, 304})
_LAST = b"0\r\n\r\n"


class Way(Protocol):
    """The connection as its answer sees it."""

    context: ServerContext

    def send(self, data: bytes) -> None:
        """Write, or keep until there is room."""

    def ended(self, *, close: bool) -> None:
        """The answer is over; whether the connection goes with it."""


class Answer:
    """An `Outgoing`. Once the client is gone or the answer was replaced by a 500, writing does nothing.

    Raises:
        ValueError: a header or status cannot be sent; nothing was written, another answer may follow.
        RuntimeError: a second answer, or a part outside of one.
    """

    __slots__ = (
        "_bare",
        "_chunked",
        "_close",
        "_modern",
        "_open",
        "_way",
        "full",
        "gone",
        "on_gone",
        "on_room",
        "started",
    )

    def __init__(self, way: Way, *, bare: bool, modern: bool, close: bool) -> None:
        self.gone = self.started = self.full = False
        self.on_gone: Callable[[], None] | None = None
        self.on_room: Callable[[], None] | None = None
        self._way = way
        self._bare = bare
        self._modern = modern
        self._close = close
        self._chunked = self._open = False

    def reply(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a whole answer, in one write."""
        if self.started or self.gone:
            self._refuse_second()
            return
        bodiless = status in _BODILESS
        head = self._head(status, headers, "" if bodiless else f"content-length: {len(body)}\r\n")
        self.started = True
        self._way.send(head if bodiless or self._bare else head + body)
        self._over()

    def start(self, status: int, headers: Headers) -> None:
        """Send the head of an answer whose length is not known: chunked, or up to the end of the connection."""
        if self.started or self.gone:
            self._refuse_second()
            return
        bodiless = status in _BODILESS
        chunked = self._modern and not bodiless
        self._close = self._close or not self._modern
        head = self._head(status, headers, "transfer-encoding: chunked\r\n" if chunked else "")
        self._bare = self._bare or bodiless
        self._chunked = chunked and not self._bare
        self.started = self._open = True
        self._way.send(head)

    def write(self, data: bytes) -> None:
        """Send a part of the body."""
        if self.gone:
            return
        if not self._open:
            raise self._not_open()
        if self._chunked and data:
            self._way.send(b"%x\r\n%b\r\n" % (len(data), data))
        elif data and not self._bare:
            self._way.send(data)

    def finish(self, data: bytes = b"") -> None:
        """Send the last part; the exchange is over."""
        if self.gone:
            return
        if not self._open:
            raise self._not_open()
        self._open = False
        if self._chunked:
            self._way.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else _LAST)
        elif data and not self._bare:
            self._way.send(data)
        self._over()

    def lose(self) -> None:
        """The client is gone, or no longer wanted; says so once, unless the answer had ended."""
        self.gone = True
        call, self.on_gone, self.on_room = self.on_gone, None, None
        if call is not None:
            try:
                call()
            except Exception:  # noqa: BLE001 - whoever lost the client goes on with its own work
                _log.exception("a service failed at hearing that its client is gone")

    def _over(self) -> None:
        self.on_gone = self.on_room = None  # they often refer back to this
        self._way.ended(close=self._close)

    def _refuse_second(self) -> None:
        if not self.gone:
            message = "a request was answered twice"
            raise RuntimeError(message)

    def _not_open(self) -> RuntimeError:
        return RuntimeError("a part of an answer outside of it: start comes first, and nothing after finish")

    def _head(self, status: int, headers: Headers, framing: str) -> bytes:
        context = self._way.context
        lines = [f"{name}: {value}\r\n" for name, value in headers if name not in _FRAMING]
        text = "".join(lines)
        if text.count("\n") != len(lines) or text.count("\r") != len(lines) or "\0" in text:
            raise _unsendable(headers)
        if len(lines) != len(headers) and ("connection", "close") in headers:
            self._close = True
        self._close = self._close or context.draining
        if self._close:
            framing += "connection: close\r\n"
        elif not self._modern:
            framing += "connection: keep-alive\r\n"
        return f"{context.opening(status)}{text}{framing}\r\n".encode("latin-1")


def _unsendable(headers: Headers) -> ValueError:
    name = next(name for name, value in headers if not {"\r", "\n", "\0"}.isdisjoint(name + value))
    return ValueError(f"header {name!r} of an answer holds a line break or a zero byte")
