"""One try at one deployment: pieces in, observations out."""

from __future__ import annotations

import time

from breakeven.gateway.backend.port import EMULATED, Answer, Piece
from breakeven.gateway.decision.event import Observed
from breakeven.gateway.decision.load import Load
from breakeven.schema.record import Tokens


class Attempt:
    """Counts what a deployment sends, with instants, and its share of the deployment's time in flight."""

    __slots__ = (
        "_in_flight", "_load", "_ticket", "accepted", "answer", "chunks", "connect_s", "emulated", "first_s", "gap_s",
        "last_s", "status", "usage",
    )  # fmt: skip

    def __init__(self, load: Load) -> None:
        self._load = load
        self._ticket: tuple[float, float] | None = load.enter(time.monotonic())
        self._in_flight = 0.0
        self.answer: Answer | None = None
        self.accepted = False
        self.emulated = False
        self.status = 0
        self.usage: Tokens | None = None
        self.chunks = 0
        self.connect_s = 0.0
        self.first_s: float | None = None
        self.last_s: float | None = None
        self.gap_s: float | None = None

    def connected(self, seconds: float) -> None:
        """A new connection was made."""
        self.connect_s = seconds

    def sent(self) -> None:
        """The request left; from now on it may cost something."""
        self.accepted = True

    def answered(self, answer: Answer, good: bool) -> None:  # noqa: FBT001 - one fact, named at the call
        """The head of the answer is here; an error status cost nothing."""
        self.answer = answer
        self.status = answer.status
        self.accepted = good
        self.emulated = any(name == EMULATED for name, _ in answer.headers)

    def took(self, piece: Piece) -> None:
        """A piece came."""
        if piece.chunks:
            now = time.monotonic()
            if self.first_s is None:
                self.first_s = now
            elif self.last_s is not None:
                self.gap_s = max(self.gap_s or 0.0, now - self.last_s)
            self.last_s = now
            self.chunks += piece.chunks
        self.usage = piece.usage or self.usage

    def over(self) -> Observed:
        """End the attempt, giving up what is still coming; what it yielded. May be called again."""
        if self._ticket is not None:
            self._in_flight = self._load.leave(self._ticket, time.monotonic())
            self._ticket = None
        if self.answer is not None:
            self.answer.close()
        return Observed(
            http_status=self.status,
            usage=self.usage,
            chunks=self.chunks,
            first_token_s=self.first_s,
            last_token_s=self.last_s,
            gap_max_s=self.gap_s,
            in_flight=self._in_flight,
            connect_s=self.connect_s,
            accepted=self.accepted,
            emulated=self.emulated,
        )
