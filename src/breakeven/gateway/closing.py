"""The end of a request: its record goes to the kernel, then its last byte to the client."""

from __future__ import annotations

import time

from breakeven.errors import LedgerError
from breakeven.gateway.cache import CachedAnswer
from breakeven.gateway.decision.answer import error_body, error_message, headers, trailer
from breakeven.gateway.decision.chat import default_completion
from breakeven.gateway.decision.core import State
from breakeven.gateway.decision.event import End
from breakeven.gateway.decision.infer import finished
from breakeven.gateway.decision.record import predictions
from breakeven.gateway.http import JSON, Headers, Outgoing, reply
from breakeven.gateway.runtime import Runtime
from breakeven.schema.record import Prediction, Tokens
from breakeven.wire.sse import comment, encode

SSE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"
_KINDS = {404: "invalid_request_error", 429: "rate_limit_error"}


class Closing:
    """What an exchange gathered for its end: the backend's headers and body, the cache's answer, why it failed."""

    def __init__(self, runtime: Runtime, out: Outgoing, cache_key: str, infer_id: str) -> None:
        self.headers: Headers = []
        self.body = b""
        self.detail = ""
        self.cached: CachedAnswer | None = None
        self._runtime = runtime
        self._out = out
        self._key = cache_key
        self._infer_id = infer_id

    async def end(self, state: State, end: End) -> None:
        """Record, wait for the disk where the use case says so, answer."""
        if end.status == "answered" and state.caching:
            self._keep(state)
        records = self.record(state, end)
        if state.request.use_case.ack_durable:
            await self._durable()
        if end.status == "cancelled":
            return
        cost = _sum(records)
        if state.request.stream and (self._out.started or end.http_status == 200):  # noqa: PLR2004
            await self._end_stream(state, end, records[0], cost)
        else:
            await self._end_whole(state, end, records[0], cost)

    def record(self, state: State, end: End) -> tuple[Prediction, ...]:
        """Append the request's records to the journal; the kernel has them when this returns."""
        journal = self._runtime.journal
        sequence = journal.take_sequence(len(state.request.prediction_ids))
        records = predictions(state, end, node=journal.node, sequence=sequence, now=time.monotonic())
        journal.append(records)
        for record in records:
            self._runtime.meters.count(record)
        return records

    async def _durable(self) -> None:
        try:
            await self._runtime.journal.durable()
        except LedgerError:
            return  # the journal counted it; an answer is worth more to the user than its record to us

    def _keep(self, state: State) -> None:
        answer = CachedAnswer(
            body=self.body,
            content_type=SSE if state.request.stream else "application/json",
            tokens=state.observed.usage or Tokens(output=state.observed.chunks),
            stored_s=time.monotonic(),
        )
        self._runtime.cache.put(state.request.tenant, self._key, answer)

    async def _end_whole(self, state: State, end: End, record: Prediction, cost: int | None) -> None:
        body, passed = self._whole_body(state, end)
        own = headers(record, cost)
        await reply(self._out, end.http_status, body, [*passed, *own])

    def _whole_body(self, state: State, end: End) -> tuple[bytes, Headers]:
        request = state.request
        if end.source == "upstream":
            return self._finished(state, self.body), self.headers or JSON
        if end.source == "cached" and self.cached is not None:
            return self._finished(state, self.cached.body), JSON
        if end.source == "default":
            return self._default(state), JSON
        retry = [one for one in self.headers if one[0] == "retry-after"]
        return self._error(request.protocol == "chat", end), [*JSON, *retry]

    async def _end_stream(self, state: State, end: End, record: Prediction, cost: int | None) -> None:
        if not self._out.started:
            await self._out.start(200, [("content-type", SSE), ("cache-control", "no-cache"), *headers(record, cost)])
        if end.source == "cached" and self.cached is not None:
            await self._out.write(self.cached.body)
        elif end.source == "default":
            await self._out.write(encode(self._default(state)))
        last = comment(trailer(record))
        if end.source == "error":
            await self._out.finish(last + encode(self._error(chat=True, end=end)))
        else:
            await self._out.finish(last + DONE)

    def _finished(self, state: State, body: bytes) -> bytes:
        request = state.request
        if request.protocol == "chat":
            return body
        ids = request.prediction_ids if request.subjects_listed else ()
        return finished(body, infer_id=self._infer_id if self.cached else "", prediction_ids=ids)

    def _default(self, state: State) -> bytes:
        request = state.request
        if request.protocol == "infer":
            return request.use_case.default_body.encode()
        return default_completion(
            request.use_case.default_body,
            request_id=request.request_id,
            model=request.model,
            created=int(request.time_s),
            stream=request.stream,
        )

    def _error(self, chat: bool, end: End) -> bytes:  # noqa: FBT001 - the protocol, named at the call
        message = error_message(end.reason)
        if self.detail:
            message = f"{message}: {self.detail}"
        kind = _KINDS.get(end.http_status, "upstream_error")
        return error_body("chat" if chat else "infer", message, kind=kind, code=end.reason)


def _sum(records: tuple[Prediction, ...]) -> int | None:
    costs = [record.cost_pico_usd for record in records]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
