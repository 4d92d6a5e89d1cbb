"""Drives one request through the core: does what the core's actions say and reports what happened. Callbacks only."""

from __future__ import annotations

import asyncio
import time
from logging import getLogger

from msgspec.structs import replace

from breakeven.errors import BackendError
from breakeven.gateway.attempt import OK_END, Attempt
from breakeven.gateway.backend.port import Call, Piece
from breakeven.gateway.closing import Closing
from breakeven.gateway.decision.core import begin, step
from breakeven.gateway.decision.ending import abandoned
from breakeven.gateway.decision.event import (
    Action,
    Began,
    Broke,
    Completed,
    Cut,
    End,
    Event,
    Grew,
    Hit,
    Late,
    Lease,
    Leased,
    Left,
    LookUp,
    Missed,
    Observed,
    Others,
    Pause,
    Proceed,
    Send,
    Slow,
    Woke,
)
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.state import State
from breakeven.gateway.runtime import Bundle, Runtime
from breakeven.schema.record import AttemptOutcome
from breakeven.wire.failure import ProtocolError, TimedOutError, UnreachableError
from breakeven.wire.http import Outgoing

_log = getLogger("breakeven.gateway")
MAX_HELD_BYTES = 64 * 1024


class Exchange:
    """One request from its decision to its last byte; it leaves exactly one record, whatever happens."""

    __slots__ = (
        "_attempts", "_bundle", "_call", "_closing", "_out", "_paid", "_request", "_runtime", "_state", "_streaming",
        "_timer", "_timers",
    )  # fmt: skip

    def __init__(
        self, runtime: Runtime, bundle: Bundle, request: Request, call: Call, out: Outgoing, closing: Closing
    ) -> None:
        self._runtime = runtime
        self._bundle = bundle
        self._request = request
        self._call = call
        self._out = out
        self._closing = closing
        self._attempts: dict[int, Attempt] = {}
        self._state: State | None = None
        self._streaming: Attempt | None = None
        self._paid: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timers: list[asyncio.TimerHandle] = []

    def run(self) -> None:
        """Decide and act; the rest follows from events."""
        runtime, request = self._runtime, self._request
        self._out.on_gone = self._client_gone
        try:
            purses = runtime.purses(request)
            self._state, action = begin(runtime.conditions, self._bundle.index, request, time.monotonic(), purses)
            if self._state.late_at is not None and type(action) is not End:
                delay_s = self._state.late_at - time.monotonic()
                self._timer = runtime.loop.call_later(max(0.0, delay_s), self._late)
            self._do(action)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the request still ends in one record
            self._crashed(error)

    # Events in

    def _feed(self, event: Event) -> None:
        state = self._state
        if state is None or state.phase == "done":
            return
        try:
            self._state, action = step(self._runtime.conditions, state, event, time.monotonic())
            self._do(action)
        except Exception as error:  # noqa: BLE001 - as above
            self._crashed(error)

    def _crashed(self, error: Exception) -> None:
        _log.exception("request %s failed inside the gateway", self._request.request_id)
        state, now = self._state, time.monotonic()
        if state is not None and state.phase != "done":
            state = self._state = abandoned(self._runtime.conditions, state, self._all_over(), now)
        self._over()
        self._closing.crashed(state, error)

    def piece(self, attempt: Attempt, piece: Piece) -> None:
        """A part of an attempt's answer."""
        if piece.error:
            piece = self._bundle.discreet(piece)
            self._closing.detail = piece.detail
            if attempt is not self._streaming:
                self._closing.take(attempt.headers, b"".join(attempt.held) + piece.data)
            elif piece.data:
                self._out.write(piece.data)
            self._failed(attempt, "error", piece.error)
        elif attempt is self._streaming:
            self._forward(attempt, piece)
        else:
            self._hold(attempt, piece)

    def _forward(self, attempt: Attempt, piece: Piece) -> None:
        if piece.data:
            self._closing.kept(piece.data)
            self._out.write(piece.data)
        if piece.done:
            self._completed(attempt)
            return
        if self._paid is not None and attempt.chunks > self._paid:
            self._feed(Grew(chunks=attempt.chunks))
        if self._out.full and attempt.handle is not None:
            attempt.handle.pause()

    def _hold(self, attempt: Attempt, piece: Piece) -> None:
        """Hold what comes before the first output, so that a failure until then can still fall back."""
        if not self._request.stream or attempt.status >= OK_END:
            attempt.held.append(piece.data)
            if piece.done:
                wrong = self._closing.take(attempt.headers, b"".join(attempt.held))
                if wrong:
                    self._failed(attempt, "error", wrong)
                else:
                    self._completed(attempt)
            return
        attempt.held.append(piece.data)
        if piece.chunks or piece.done or sum(map(len, attempt.held)) > MAX_HELD_BYTES:
            self._feed(Began(attempt=attempt.number, others=self._others(attempt)))
            if piece.done and attempt is self._streaming:
                self._completed(attempt)

    def _completed(self, attempt: Attempt) -> None:
        others = self._others(attempt)
        self._attempts.pop(attempt.number, None)
        self._feed(Completed(attempt=attempt.number, observed=attempt.over(), others=others))

    def broke(self, attempt: Attempt, error: BackendError) -> None:
        """An attempt has no answer."""
        self._closing.detail = error.message
        if isinstance(error, UnreachableError):
            attempt.accepted = False
            self._failed(attempt, "unreachable", "unreachable")
        elif isinstance(error, TimedOutError):
            self._failed(attempt, "timeout", "timeout")
        else:
            self._failed(attempt, "error", "malformed" if isinstance(error, ProtocolError) else "backend_error")

    def _failed(self, attempt: Attempt, outcome: AttemptOutcome, reason: str) -> None:
        self._attempts.pop(attempt.number, None)
        self._feed(
            Broke(
                attempt=attempt.number,
                outcome=outcome,
                reason=reason,
                observed=attempt.over(),
                retry_after_s=attempt.retry_after_s,
            )
        )

    def _late(self) -> None:
        self._timer = None
        self._feed(Late(running=self._all_over()))

    def _attempt_late(self, number: int) -> None:
        attempt = self._attempts.get(number)
        if attempt is not None and attempt is not self._streaming:
            self._failed(attempt, "timeout", "timeout")

    def _client_gone(self) -> None:
        self._feed(Left(running=self._all_over()))

    def _others(self, winner: Attempt) -> Others:
        if len(self._attempts) < 2:  # noqa: PLR2004 - the winner alone
            return ()
        losers = [one for one in self._attempts.values() if one is not winner]
        self._attempts = {winner.number: winner}
        return tuple((one.number, one.over()) for one in losers)

    def _all_over(self) -> tuple[tuple[int, Observed], ...]:
        found = tuple((number, one.over()) for number, one in self._attempts.items())
        self._attempts.clear()
        return found

    # Actions out

    def _do(self, action: Action) -> None:
        while isinstance(action, LookUp):
            if self._state is None:
                return
            event = self._look_up(action)
            self._state, action = step(self._runtime.conditions, self._state, event, time.monotonic())
        if isinstance(action, Send):
            self._send(action)
        elif isinstance(action, End):
            self._end(action)
        elif isinstance(action, Proceed):
            self._proceed(action)
        elif isinstance(action, Lease):
            self._runtime.ask(action.purse, action.amount, action.until, self._leased)
        elif isinstance(action, Pause):
            self._at(action.until, self._feed, Woke())
        elif isinstance(action, Cut):
            self._failed(self._attempts[action.attempt], "error", "budget_exhausted")

    def _leased(self, granted: bool, retry_after_s: float) -> None:  # noqa: FBT001 - a callback's one fact
        self._feed(Leased(granted=granted, retry_after_s=retry_after_s))

    def _at(self, when: float, call: object, *args: object) -> None:
        delay_s = max(0.0, when - time.monotonic())
        self._timers.append(self._runtime.loop.call_later(delay_s, call, *args))  # type: ignore[arg-type]

    def _look_up(self, action: LookUp) -> Event:
        found = self._closing.look_up(action.max_age_s, time.monotonic())
        return Missed() if found is None else Hit(tokens=found)

    def _send(self, action: Send) -> None:
        state = self._state
        if state is None:
            return
        deployment = state.index.deployments[action.deployment]
        attempt = Attempt(action.attempt, self._runtime.conditions.of(deployment.name), self)
        self._attempts[action.attempt] = attempt
        self._paid = action.paid_chunks
        late_at = action.late_at
        call = replace(
            self._call,
            model=deployment.model,
            fields=action.fields,
            deadline_ms=None if late_at is None else max(0.0, (late_at - time.monotonic()) * 1e3),
        )
        if action.slow_at is not None:
            self._at(action.slow_at, self._feed, Slow())
        if late_at is not None and late_at != state.late_at:
            self._at(late_at, self._attempt_late, action.attempt)
        try:
            sender = self._runtime.sender(self._bundle, deployment, self._request, self._closing)
            attempt.handle = sender.send(call, attempt)
        except BackendError as error:
            self.broke(attempt, error)

    def _proceed(self, action: Proceed) -> None:
        self._paid = action.paid_chunks
        if self._streaming is not None or self._state is None:
            return
        attempt = self._streaming = self._attempts[action.attempt]
        self._out.on_room = self._room
        self._closing.begin_stream(self._state, attempt.headers)
        data = b"".join(attempt.held)
        attempt.held.clear()
        if data:
            self._closing.kept(data)
            self._out.write(data)

    def _room(self) -> None:
        if self._streaming is not None and self._streaming.handle is not None:
            self._streaming.handle.resume()

    def _end(self, action: End) -> None:
        self._over()
        if self._state is not None:
            self._closing.end(self._state, action)

    def _over(self) -> None:
        """No event matters any more."""
        self._out.on_gone = self._out.on_room = None
        if self._timer is not None:
            self._timer.cancel()
        for timer in self._timers:
            timer.cancel()
        self._all_over()
