"""Calls to a model in this process on their way: what waits for its batch, and what does not fit the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

import msgspec

from breakeven.errors import BackendError
from breakeven.gateway.backend.port import Headers, Piece, Sink
from breakeven.wire.failure import timed_out

Outputs = TypeVar("Outputs")
JSON: Headers = [("content-type", "application/json")]


class Cancellable(Protocol):
    """A place in a queue."""

    def cancel(self) -> None:
        """Leave it."""


class OnnxTry(Generic[Outputs]):
    """One inference: waits for its batch, and tells the sink what came of it.

    Args:
        sink: who is told.
        place: what errors call the model.
        limit_s: how long it may take in all.
        written: the outputs as the body of an answer.
    """

    __slots__ = ("_limit_s", "_place", "_sink", "_written", "ticket")

    def __init__(self, sink: Sink, place: str, limit_s: float, written: Callable[[Outputs], bytes]) -> None:
        self.ticket: Cancellable | None = None
        self._sink: Sink | None = sink
        self._place = place
        self._limit_s = limit_s
        self._written = written

    def on_start(self) -> None:
        """The model begins: from now on it costs something."""
        if self._sink is not None:
            self._sink.on_sent()

    def on_result(self, result: Outputs | Exception) -> None:
        """The outputs of this call, or why it has none though its batch ran."""
        if isinstance(result, Exception):
            self.on_error(result)
            return
        try:
            data = self._written(result)
        except Exception as error:  # noqa: BLE001 - an output that JSON cannot hold
            self.on_error(error)
            return
        if self._sink is not None:
            self._sink.on_head(200, JSON)
        if self._sink is not None:
            self._sink.on_piece(Piece(data=data, done=True))

    def on_late(self) -> None:
        """The time is over."""
        self._fail(timed_out(self._place, "answer", self._limit_s))

    def on_error(self, error: BaseException) -> None:
        """It failed."""
        self._fail(BackendError(f"{self._place} failed: {error}", "try the same tensors with onnxruntime alone"))

    def _fail(self, error: BackendError) -> None:
        if self._sink is not None:
            self._sink.on_failure(error)

    def cancel(self) -> None:
        """Give it up; what waits is not run."""
        self._sink = None
        if self.ticket is not None:
            self.ticket.cancel()

    def pause(self) -> None:
        """The answer is one piece."""

    def resume(self) -> None:
        """The answer is one piece."""


class RefusedTry:
    """Tensors that do not fit; to be told in the next turn of the loop."""

    __slots__ = ("_said", "_sink")

    def __init__(self, sink: Sink, said: str) -> None:
        self._sink: Sink | None = sink
        self._said = said

    def tell(self) -> None:
        """Say so, unless it was given up."""
        if self._sink is not None:
            self._sink.on_head(400, JSON)
        if self._sink is not None:
            data = msgspec.json.encode({"error": self._said})
            self._sink.on_piece(Piece(data=data, error="upstream_400", detail=self._said))

    def cancel(self) -> None:
        """Give it up."""
        self._sink = None

    def pause(self) -> None:
        """The answer is one piece."""

    def resume(self) -> None:
        """The answer is one piece."""
