"""Drives one request through the core: does what the core's actions say and reports what happened."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from logging import getLogger

import msgspec

from breakeven.errors import BackendError
from breakeven.gateway.attempt import Attempt
from breakeven.gateway.backend.port import OK_END, Call, Piece
from breakeven.gateway.closing import Closing
from breakeven.gateway.decision.answer import early_headers
from breakeven.gateway.decision.core import State, begin, step
from breakeven.gateway.decision.event import (
    Action,
    Began,
    Broke,
    Completed,
    End,
    Event,
    Hit,
    Late,
    Left,
    LookUp,
    Missed,
    Observed,
    Send,
)
from breakeven.gateway.decision.request import Request
from breakeven.gateway.http import Outgoing
from breakeven.gateway.runtime import Bundle, Runtime
from breakeven.wire.failure import ProtocolError, TimedOutError, UnreachableError

_log = getLogger("breakeven.gateway")
MAX_HELD_BYTES = 64 * 1024
STREAM_HEADERS = [("content-type", "text/event-stream; charset=utf-8"), ("cache-control", "no-cache")]


class Exchange:
    """One request from its decision to its last byte. `run` leaves exactly one record, whatever happens."""

    def __init__(
        self,
        runtime: Runtime,
        bundle: Bundle,
        request: Request,
        call: Call,
        out: Outgoing,
        cache_key: str,
        infer_id: str = "",
    ) -> None:
        self._runtime = runtime
        self._bundle = bundle
        self._request = request
        self._call = call
        self._out = out
        self._key = cache_key
        self._attempt: Attempt | None = None
        self._held: list[bytes] = []
        self._kept: list[bytes] | None = [] if cache_key and request.stream else None
        self._pending = Piece()
        self._closing = Closing(runtime, out, cache_key, infer_id)
        self._scope: asyncio.Timeout | None = None

    async def run(self) -> None:
        """Decide, act, record, answer."""
        self._out.on_gone(self._client_gone)
        state, action = begin(self._bundle.index, self._request, time.monotonic())
        try:
            while not isinstance(action, End):
                state, action = step(state, await self._event(state, action), time.monotonic())
        except asyncio.CancelledError:
            state, action = step(state, Left(observed=self._observed()), time.monotonic())
            if isinstance(action, End):
                self._closing.record(state, action)
            raise
        if isinstance(action, End):
            await self._closing.end(state, action)

    async def _event(self, state: State, action: Action) -> Event:
        if self._out.gone:
            return Left(observed=self._observed())
        if isinstance(action, LookUp):
            return self._look_up(action)
        if isinstance(action, Send):
            return await self._guarded(state, lambda: self._send(state, action))
        return await self._guarded(state, lambda: self._forward(state))

    def _look_up(self, action: LookUp) -> Event:
        tenant = self._request.tenant
        found = self._runtime.cache.get(tenant, self._key, max_age_s=action.max_age_s, now=time.monotonic())
        if found is None:
            return Missed()
        self._closing.cached = found
        return Hit(tokens=found.tokens)

    async def _guarded(self, state: State, work: Callable[[], Awaitable[Event]]) -> Event:
        """Do the work until the deadline passes or the client leaves; its failures become events."""
        loop = asyncio.get_running_loop()
        when = None if state.late_at is None else loop.time() + state.late_at - time.monotonic()
        scope = asyncio.timeout_at(when)
        try:
            async with scope as self._scope:
                return await work()
        except TimeoutError:
            if not scope.expired():
                return self._broke("internal", "a timeout outside the deadline")
            observed = self._observed()
            return Left(observed=observed) if self._out.gone else Late(observed=observed)
        except BackendError as error:
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - whatever breaks, the request still ends in one record
            _log.exception("request %s failed inside the gateway", self._request.request_id)
            return self._broke("internal", str(error))
        finally:
            self._scope = None

    def _client_gone(self) -> None:
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(asyncio.get_running_loop().time())

    async def _send(self, state: State, action: Send) -> Event:
        deployment = state.index.deployments[action.deployment]
        attempt = self._attempt = Attempt(self._runtime.load_of(deployment.name))
        call = msgspec.structs.replace(
            self._call, model=deployment.model, on_connect=attempt.connected, on_sent=attempt.sent
        )
        answer = await self._bundle.senders[deployment.backend].send(call)
        attempt.answered(answer, answer.status < OK_END)
        self._closing.headers = answer.headers
        return await self._first() if self._request.stream and answer.status < OK_END else await self._whole()

    async def _whole(self) -> Event:
        body: list[bytes] = []
        while True:
            piece = await self._piece()
            body.append(piece.data)
            if piece.error:
                self._closing.body = b"".join(body)
                return self._broke(piece.error, piece.detail)
            if piece.done:
                self._closing.body = b"".join(body)
                return Completed(observed=self._observed())

    async def _first(self) -> Event:
        """Hold what comes before the first output, so that a failure until then can still fall back."""
        while True:
            piece = await self._piece()
            if piece.error and not piece.chunks:
                return self._broke(piece.error, piece.detail)
            self._held.append(piece.data)
            if piece.chunks or piece.done or sum(map(len, self._held)) > MAX_HELD_BYTES:
                self._pending = piece
                return Began()

    async def _forward(self, state: State) -> Event:
        await self._out.start(200, [*STREAM_HEADERS, *early_headers(state, cache=self._cache_word(state))])
        await self._write(b"".join(self._held))
        piece = self._pending
        while not piece.done:
            if piece.error:
                return self._broke(piece.error, piece.detail)
            piece = await self._piece()
            await self._write(piece.data)
        self._closing.body = b"".join(self._kept) if self._kept is not None else b""
        return Completed(observed=self._observed())

    async def _write(self, data: bytes) -> None:
        if data:
            if self._kept is not None:
                self._kept.append(data)
            await self._out.write(data)

    async def _piece(self) -> Piece:
        attempt = self._attempt
        piece = await attempt.answer.piece() if attempt is not None and attempt.answer is not None else None
        if attempt is None or piece is None:
            return Piece(error="truncated", detail="the answer ended early")
        attempt.took(piece)
        return piece

    def _cache_word(self, state: State) -> str:
        return "miss" if state.request.use_case.cache_ttl_s > 0 else "off"

    def _observed(self) -> Observed:
        return self._attempt.over() if self._attempt is not None else Observed()

    def _broke(self, reason: str, detail: str) -> Broke:
        self._closing.detail = detail
        return Broke(outcome="error", reason=reason, observed=self._observed())

    def _failed(self, error: BackendError) -> Broke:
        observed = self._observed()
        self._closing.detail = error.message
        if isinstance(error, UnreachableError):
            observed = msgspec.structs.replace(observed, accepted=False)
            return Broke(outcome="unreachable", reason="unreachable", observed=observed)
        if isinstance(error, TimedOutError):
            return Broke(outcome="timeout", reason="timeout", observed=observed)
        reason = "malformed" if isinstance(error, ProtocolError) else "backend_error"
        return Broke(outcome="error", reason=reason, observed=observed)
