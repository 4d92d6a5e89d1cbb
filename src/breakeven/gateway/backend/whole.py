"""Answers over HTTP on their way to a sink: whole bodies, and what streams have in common with them."""

from __future__ import annotations

from collections.abc import Callable

from breakeven.errors import BackendError
from breakeven.gateway.backend.port import MAX_ERROR_BYTES, OK_END, Headers, Piece, Sink, passed_on
from breakeven.wire.flight import Flight

_PLAIN = frozenset({"", "identity"})


class WholeTry:
    """A call whose answer is one body: the handler of its flight, and the way to give it up.

    Args:
        sink: who is told.
        read: turns the body of a good answer into its piece; an error's body is passed on as it is.
        limit: the most bytes a good body may have.
    """

    __slots__ = ("_limit", "_parts", "_read", "_size", "_status", "flight", "sink")

    def __init__(self, sink: Sink, read: Callable[[bytes], Piece], limit: int) -> None:
        self.sink = sink
        self.flight: Flight | None = None
        self._read = read
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._status = 0

    def cancel(self) -> None:
        """Give it up."""
        if self.flight is not None:
            self.flight.abort()

    def pause(self) -> None:
        """Read no more for now."""
        if self.flight is not None:
            self.flight.pause()

    def resume(self) -> None:
        """Read again."""
        if self.flight is not None:
            self.flight.resume()

    def on_connected(self, seconds: float) -> None:
        """A new connection was made."""
        self.sink.on_connected(seconds)

    def on_sent(self) -> None:
        """The request was written."""
        self.sink.on_sent()

    def on_head(self, status: int, headers: Headers) -> None:
        """The head; an encoding that nobody asked for cannot be read."""
        self._status = status
        passed = passed_on(headers)
        self.sink.on_head(status, passed)
        for name, value in passed:
            if name == "content-encoding" and value.lower() not in _PLAIN:
                error = "malformed" if status < OK_END else f"upstream_{status}"
                self.finish(Piece(error=error, detail=f"the answer is encoded ({value[:40]!r}), unasked"))
                return

    def on_body(self, data: bytes) -> None:
        """Bytes of the body."""
        self._parts.append(data)
        self._size += len(data)
        if self._status >= OK_END:
            if self._size > MAX_ERROR_BYTES:
                detail = f"the error's body has more than {MAX_ERROR_BYTES} bytes"
                self.finish(Piece(error=f"upstream_{self._status}", detail=detail))
        elif self._size > self._limit:
            self.finish(Piece(error="malformed", detail=f"a body of more than {self._limit} bytes"))

    def on_end(self) -> None:
        """The answer is whole."""
        body = b"".join(self._parts)
        good = self._status < OK_END
        self.sink.on_piece(self._read(body) if good else Piece(data=body, error=f"upstream_{self._status}"))

    def on_failure(self, error: BackendError) -> None:
        """The rest will not come."""
        self.sink.on_failure(error)

    def finish(self, piece: Piece) -> None:
        """End it with a piece before the answer's end, unless the sink gave it up already."""
        if self.flight is not None and not self.flight.over:
            self.flight.abort()
            self.sink.on_piece(piece)


class FailedTry:
    """A call that could not even be sent; told in the next turn of the loop."""

    __slots__ = ("_error", "_sink")

    def __init__(self, sink: Sink, error: BackendError) -> None:
        self._sink: Sink | None = sink
        self._error = error

    def tell(self) -> None:
        """Say so, unless it was given up."""
        if self._sink is not None:
            self._sink.on_failure(self._error)

    def cancel(self) -> None:
        """Give it up."""
        self._sink = None

    def pause(self) -> None:
        """Nothing comes."""

    def resume(self) -> None:
        """Nothing comes."""
