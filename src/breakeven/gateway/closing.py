"""The end of a request: its record goes to the kernel, its money is settled, then its last byte goes to the client."""

from __future__ import annotations

import time
from logging import getLogger

from breakeven.errors import LedgerError
from breakeven.gateway.cache import CachedAnswer
from breakeven.gateway.decision import holding
from breakeven.gateway.decision.answer import early_headers, error_body, error_message, headers, trailer
from breakeven.gateway.decision.chosen import Chosen, chosen_of, decision_body, fallback_action
from breakeven.gateway.decision.default_answer import default_answer
from breakeven.gateway.decision.event import End
from breakeven.gateway.decision.infer import finished
from breakeven.gateway.decision.record import predictions
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.route import SEED_BITS, sticky_seed
from breakeven.gateway.decision.state import State
from breakeven.gateway.decision.tracking import SUPPRESSED, explained
from breakeven.gateway.runtime import Runtime
from breakeven.schema.record import Prediction, Tokens
from breakeven.wire.http import Headers, HttpRequest, Outgoing
from breakeven.wire.sse import comment, encode

_log = getLogger("breakeven.gateway")
SSE = "text/event-stream; charset=utf-8"
JSON: Headers = [("content-type", "application/json")]
STREAM_HEADERS: Headers = [("content-type", SSE), ("cache-control", "no-cache")]
DONE = b"data: [DONE]\n\n"
_KINDS = {404: "invalid_request_error", 422: "invalid_request_error", 429: "rate_limit_error"}
_OK, _AWAY = 200, 503


class Closing:
    """What an exchange gathered for its end: the backend's headers and body, the cache's answer, why it failed."""

    __slots__ = (
        "_asked_id",
        "_cached",
        "_ended",
        "_headers",
        "_http",
        "_kept",
        "_key",
        "_marks",
        "_out",
        "_request",
        "_runtime",
        "body",
        "decided",
        "detail",
        "drill",
    )  # fmt: skip

    def __init__(
        self, runtime: Runtime, http: HttpRequest, request: Request, out: Outgoing, cache_key: str, asked_id: str = ""
    ) -> None:
        self.body = b""
        self.detail = ""
        self.drill = ""
        self.decided: Chosen | None = None
        self._cached: CachedAnswer | None = None
        self._ended = False
        self._headers: Headers = []
        self._http = http
        self._asked_id = asked_id
        self._key = cache_key
        self._marks: Headers = []
        self._kept: list[bytes] | None = [] if cache_key and request.stream else None
        self._out = out
        self._request = request
        self._runtime = runtime

    # While the request goes on

    def look_up(self, max_age_s: float, now: float) -> Tokens | None:
        """The tokens of a cached answer, which is kept for the end; None when there is none."""
        self._cached = self._runtime.cache.get(self._request.tenant, self._key, max_age_s=max_age_s, now=now)
        return None if self._cached is None else self._cached.tokens

    def take(self, passed: Headers, body: bytes) -> str:
        """A whole body from a backend; why it is no answer ("" when it is one)."""
        self._headers, self.body = passed, body
        spec = self._request.use_case.decision
        if self._request.protocol != "decide" or spec is None:
            return ""
        draw = sticky_seed(f"decide:{self._request.use_case.name}", self._request.request_id) / (1 << SEED_BITS)
        rule = self._runtime.bundle.index.tiers[self._request.use_case.tier]
        found = chosen_of(body, spec, self._request.candidates, draw, explore=rule.explore)
        if isinstance(found, str):
            self.detail = found
            return "malformed"
        self.decided = found
        return ""

    def kept(self, data: bytes) -> None:
        """A part of a stream, as the client gets it."""
        if self._kept is not None:
            self._kept.append(data)

    def begin_stream(self, state: State, passed: Headers) -> None:
        """Send the head of a stream."""
        cache = "miss" if self._request.cached and self._request.use_case.cache_ttl_s > 0 else "off"
        emulated = [one for one in passed if one[0].startswith("x-breakeven-")]
        self._out.start(_OK, [*STREAM_HEADERS, *early_headers(state, cache=cache), *emulated, *self._budget(state)])

    # The end

    def end(self, state: State, end: End) -> None:
        """Record, wait for the disk where the use case says so, answer."""
        self._ended = True
        if end.status == "answered" and state.caching:
            self._keep(state)
        if end.source in {"segment", "rules", "default"} and self._request.protocol == "decide":
            self.decided = fallback_action(end.text, self._request.candidates)
        if end.source == "cached" and self._cached is not None and self._request.protocol == "decide":
            self.take([], self._cached.body)
        records = self._record(state, end)
        self._runtime.journal.commit(records, lambda stored: self._recorded(state, end, records, stored=stored))

    def crashed(self, state: State | None, error: Exception) -> None:
        """Something inside the gateway broke: one record where that can be, and an answer in any case."""
        self.detail = type(error).__name__
        status = _OK if self._out.started else 500
        end = End(status="failed", source="error", http_status=status, reason="internal")
        if state is not None and not self._ended:
            try:
                self.end(state, end)
            except Exception:  # noqa: BLE001 - the client must not wait for what cannot come
                _log.exception("request %s leaves no record", self._request.request_id)
            else:
                return
        if state is not None:
            holding.forfeit(state)
        self._bare(end)

    def _bare(self, end: End) -> None:
        """The error alone."""
        if self._request.stream and self._out.started:
            self._out.finish(encode(self._error(end)))
        elif not self._out.started:
            more = [("retry-after", "2")] if end.http_status == _AWAY else []
            self._out.reply(end.http_status, [*JSON, *more], self._error(end))

    def _record(self, state: State, end: End) -> tuple[Prediction, ...]:
        """The request's records, settled and counted."""
        runtime = self._runtime
        journal = runtime.journal
        records = predictions(
            state,
            end,
            node=journal.node,
            sequence=journal.take_sequence(len(self._request.prediction_ids)),
            now=time.monotonic(),
            decided=self.decided,
            drill=self.drill,
        )
        if state.holds:
            used = records[0].consumed
            holding.settle(state, cost_pico_usd=_sum(records) or 0, tokens=used.input + used.output)
        for position, record in enumerate(records):
            runtime.meters.count(record, again=position > 0)
        runtime.logged(self._http, records, len(self.body))
        return records

    def _recorded(self, state: State, end: End, records: tuple[Prediction, ...], *, stored: bool) -> None:
        """The kernel has the records, or the journal has counted their loss: now the answer may leave."""
        if self._request.use_case.ack_durable:
            self._runtime.spawn(self._durably(state, end, records, stored=stored))
        else:
            self._answer(state, end, records)

    async def _durably(self, state: State, end: End, records: tuple[Prediction, ...], *, stored: bool) -> None:
        """What was to be on the disk and is not: a tier that fails open gets its answer, marked; others an error."""
        try:
            await self._runtime.journal.durable()
        except LedgerError:
            stored = False
        tier = self._runtime.bundle.index.tiers[self._request.use_case.tier]
        if stored or end.status == "cancelled":
            self._answer(state, end, records)
        elif tier.fail_open:
            self._marks = [("x-breakeven-ack", "not-stored")]
            self._answer(state, end, records)
        else:
            self._bare(End(status="failed", source="error", http_status=503, reason="controls_down"))

    def _answer(self, state: State, end: End, records: tuple[Prediction, ...]) -> None:
        if end.status == "cancelled":
            return
        try:
            self._answered(state, end, records)
        except Exception as error:  # noqa: BLE001 - such as an answer of the model that cannot be finished
            _log.exception("the answer to request %s cannot be sent", self._request.request_id)
            self.detail = type(error).__name__
            self._bare(End(status="failed", source="error", http_status=500, reason="internal"))

    def _answered(self, state: State, end: End, records: tuple[Prediction, ...]) -> None:
        cost = _sum(records)
        if self._request.stream and (self._out.started or end.http_status == _OK):
            self._end_stream(state, end, records[0], cost)
        else:
            self._end_whole(state, end, records[0], cost)

    def _keep(self, state: State) -> None:
        answered = state.answered
        observed = None if answered is None else answered.observed
        body = b"".join(self._kept) if self._kept is not None else self.body
        if observed is None or (observed.usage is None and not observed.chunks and not body):
            return
        answer = CachedAnswer(
            body=body,
            content_type=SSE if self._request.stream else "application/json",
            tokens=observed.usage or Tokens(output=observed.chunks),
            stored_s=time.monotonic(),
        )
        self._runtime.cache.put(self._request.tenant, self._key, answer)

    def _budget(self, state: State) -> Headers:
        if not state.purses:
            return self._marks
        left = self._runtime.remaining_usd(state.purses)
        return self._marks if left is None else [*self._marks, ("x-breakeven-budget-remaining", left)]

    def _end_whole(self, state: State, end: End, record: Prediction, cost: int | None) -> None:
        body, passed = self._whole_body(end, record)
        self._out.reply(end.http_status, [*passed, *headers(record, cost), *self._budget(state)], body)

    def _whole_body(self, end: End, record: Prediction) -> tuple[bytes, Headers]:
        request = self._request
        if end.source == "upstream" and end.status == "answered" and request.protocol == "decide":
            return self._decision(record, "model"), JSON
        if end.source == "upstream":
            return self._finished(self.body), self._headers or JSON
        if end.source == "cached" and self._cached is not None:
            return self._from_cache(record), JSON
        if end.source != "error":
            return self._prepared(end, record), JSON
        return self._error(end), [*JSON, *self._retry_after(end)]

    def _from_cache(self, record: Prediction) -> bytes:
        body = b"" if self._cached is None else self._cached.body
        if self._request.protocol == "decide":
            return self._decision(record, "cached")
        return self._finished(body)

    def _decision(self, record: Prediction, source: str) -> bytes:
        if self.decided is None:
            return b"{}"
        return decision_body(
            self.decided,
            prediction_id=record.prediction_id,
            use_case=record.use_case,
            source=source,
            model=record.model,
            asked_id=self._asked_id,
        )

    def _retry_after(self, end: End) -> Headers:
        if end.retry_after_s is not None:
            return [("retry-after", str(max(1, round(end.retry_after_s))))]
        return [one for one in self._headers if one[0] == "retry-after"]

    def _end_stream(self, state: State, end: End, record: Prediction, cost: int | None) -> None:
        out = self._out
        if not out.started:
            out.start(_OK, [*STREAM_HEADERS, *headers(record, cost), *self._budget(state)])
        last = comment(trailer(record))
        if end.source == "error":
            out.finish(last + encode(self._error(end)))
            return
        body = b""
        if end.source == "cached" and self._cached is not None:
            body = self._cached.body
        elif end.source not in {"upstream", "cached"}:
            body = encode(self._prepared(end, record))
        out.finish(body + last + DONE)

    def _finished(self, body: bytes) -> bytes:
        request = self._request
        if request.protocol != "infer":
            return body
        ids = request.prediction_ids if request.subjects_listed else ()
        return finished(body, infer_id=self._asked_id if self._cached else "", prediction_ids=ids)

    def _prepared(self, end: End, record: Prediction) -> bytes:
        request = self._request
        if request.protocol == "decide":
            return self._decision(record, end.source)
        return default_answer(
            request.protocol,
            end.text,
            request_id=request.request_id,
            model=request.model,
            created=int(request.time_s),
            stream=request.stream,
            asked_usage=request.asked_usage,
        )

    def _error(self, end: End) -> bytes:
        message = error_message(end.reason)
        if end.reason == SUPPRESSED and self._request.gap:
            message = "; ".join(explained(self._request.gap))
        elif self.detail:
            message = f"{message}: {self.detail}"
        kind = _KINDS.get(end.http_status, "upstream_error")
        return error_body(self._request.protocol, message, kind=kind, code=end.reason)


def _sum(records: tuple[Prediction, ...]) -> int | None:
    costs = [record.cost_pico_usd for record in records]
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None
