"""One try at one deployment: what it sends, with instants, told to its exchange as events."""

from __future__ import annotations

import time
from typing import Protocol

from breakeven.errors import BackendError
from breakeven.gateway.backend.port import EMULATED, Headers, Piece, Try
from breakeven.gateway.decision.conditions import Standing
from breakeven.gateway.decision.event import Observed
from breakeven.schema.record import Tokens

OK_END = 300
RETRY_AFTER_MOST_S = 3600.0


class Listener(Protocol):
    """Who is told what an attempt yields."""

    def piece(self, attempt: Attempt, piece: Piece) -> None:
        """A part of the answer; one with `done` or `error` is the last."""

    def broke(self, attempt: Attempt, error: BackendError) -> None:
        """There is no answer."""


class Attempt:
    """Counts what a deployment sends, and its share of the deployment's time in flight."""

    __slots__ = (
        "_in_flight", "_listener", "_standing", "_ticket", "accepted", "chunks", "connect_s", "emulated",
        "first_byte_s", "first_s", "gap_s", "handle", "headers", "held", "last_s", "number", "observed", "status",
        "usage",
    )  # fmt: skip

    def __init__(self, number: int, standing: Standing, listener: Listener) -> None:
        self.number = number
        self.handle: Try | None = None
        self.headers: Headers = []
        self.held: list[bytes] = []
        self.accepted = False
        self.emulated = False
        self.status = 0
        self.usage: Tokens | None = None
        self.chunks = 0
        self.connect_s = 0.0
        self.first_byte_s: float | None = None
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.gap_s: float | None = None
        self.observed: Observed | None = None
        self._in_flight = 0.0
        self._listener = listener
        self._standing = standing
        self._ticket = standing.load.enter(time.monotonic())

    # What the backend says

    def on_connected(self, seconds: float) -> None:
        """A new connection was made."""
        self.connect_s = seconds

    def on_sent(self) -> None:
        """The request left; from now on it may cost something."""
        self.accepted = True

    def on_head(self, status: int, headers: Headers) -> None:
        """The head of the answer is here; an error status cost nothing."""
        now = time.monotonic()
        self.status, self.headers = status, headers
        self.first_byte_s = now
        self.accepted = status < OK_END
        self._standing.progress.moved(now)
        for name, _ in headers:
            if name == EMULATED:
                self.emulated = True

    def on_piece(self, piece: Piece) -> None:
        """A piece came."""
        if piece.chunks:
            now = time.monotonic()
            if self.first_s is None:
                self.first_s = now
            elif self.last_s is not None and (self.gap_s is None or now - self.last_s > self.gap_s):
                self.gap_s = now - self.last_s
            self.last_s = now
            self.chunks += piece.chunks
            self._standing.progress.moved(now)
        if piece.usage is not None:
            self.usage = piece.usage
        self._listener.piece(self, piece)

    def on_failure(self, error: BackendError) -> None:
        """The backend is gone, too slow or malformed."""
        self._listener.broke(self, error)

    # What the exchange asks

    @property
    def retry_after_s(self) -> float | None:
        """What the answer's Retry-After says in seconds; None where it says nothing that can be read."""
        for name, value in self.headers:
            if name == "retry-after" and value.isdigit():
                return min(float(value), RETRY_AFTER_MOST_S)
        return None

    def over(self) -> Observed:
        """End the attempt, giving up what is still coming; what it yielded. May be called again."""
        if self.observed is not None:
            return self.observed
        self._in_flight = self._standing.load.leave(self._ticket, time.monotonic())
        if self.handle is not None:
            self.handle.cancel()
        self.observed = Observed(
            http_status=self.status,
            usage=self.usage,
            chunks=self.chunks,
            first_byte_s=self.first_byte_s,
            first_token_s=self.first_s,
            last_token_s=self.last_s,
            gap_max_s=self.gap_s,
            in_flight=self._in_flight,
            connect_s=self.connect_s,
            accepted=self.accepted,
            emulated=self.emulated,
        )
        return self.observed
