"""One request on its way, whoever carries it: what is told of it, and how it is given up."""

from __future__ import annotations

from typing import Protocol

from breakeven.errors import BackendError
from breakeven.wire.prepared import Prepared

Headers = list[tuple[str, str]]


class Handler(Protocol):
    """Who is told of an exchange. Exactly one of `on_end` and `on_failure` ends it; nothing follows either."""

    def on_connected(self, seconds: float) -> None:
        """A new connection was made for it, in so many seconds."""

    def on_sent(self) -> None:
        """The request was written."""

    def on_head(self, status: int, headers: Headers) -> None:
        """The head of the answer: lower-case names."""

    def on_body(self, data: bytes) -> None:
        """Bytes of the body: what one read of the socket brought."""

    def on_end(self) -> None:
        """The answer is whole."""

    def on_failure(self, error: BackendError) -> None:
        """The upstream is gone, too slow or malformed."""


class _Nobody:
    def on_connected(self, seconds: float) -> None: ...
    def on_sent(self) -> None: ...
    def on_head(self, status: int, headers: Headers) -> None: ...
    def on_body(self, data: bytes) -> None: ...
    def on_end(self) -> None: ...
    def on_failure(self, error: BackendError) -> None: ...


NOBODY: Handler = _Nobody()


class Carrier(Protocol):
    """What a flight needs of the connection that carries it."""

    def drop(self) -> None:
        """Close at once, telling nobody."""

    def hold(self) -> None:
        """Read no more for now."""

    def go_on(self) -> None:
        """Read again."""


class Owner(Protocol):
    """What a flight needs of the client that started it."""

    def forget(self, flight: Flight) -> None:
        """The flight is over, told or given up."""


class Flight:
    """A request between its start and the end of its answer. Made by `Client.start`."""

    __slots__ = (
        "_owner", "carrier", "data", "detached", "handler", "over", "paused", "prepared", "retried", "sent",
        "timeout_s",
    )  # fmt: skip

    def __init__(self, owner: Owner, prepared: Prepared, data: bytes, handler: Handler, timeout_s: float) -> None:
        self.prepared = prepared
        self.data = data
        self.handler = handler
        self.timeout_s = timeout_s
        self.carrier: Carrier | None = None
        self.over = False
        self.sent = False
        self.retried = False
        self.paused = False
        self.detached = False
        self._owner = owner

    def abort(self) -> None:
        """Give the answer up: nothing is told afterwards, and the upstream sees the connection end."""
        if self.over:
            return
        carrier = self.carrier
        self.finish()
        self._owner.forget(self)
        if carrier is not None:
            carrier.drop()

    def finish(self) -> Handler:
        """The exchange is over: let go of everything, so that nothing waits for the garbage collector."""
        handler, self.handler = self.handler, NOBODY
        self.over = True
        self.carrier = None
        self.data = b""
        return NOBODY if self.detached else handler

    def detach(self) -> None:
        """Want no more of an answer that is about to end: nothing is told afterwards.

        The connection is kept if the answer ends within a few bytes and `timeout_s` seconds.
        """
        self.detached = True
        self.resume()

    def pause(self) -> None:
        """Read no more until `resume`; what was read already still comes. Silence is not counted meanwhile."""
        if not self.paused and not self.over:
            self.paused = True
            if self.carrier is not None:
                self.carrier.hold()

    def resume(self) -> None:
        """Read again."""
        if self.paused and not self.over:
            self.paused = False
            if self.carrier is not None:
                self.carrier.go_on()

    def tell_sent(self) -> None:
        """Say once that the request was written."""
        if not self.sent and not self.over:
            self.sent = True
            self.handler.on_sent()
