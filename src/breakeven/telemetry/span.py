"""A record as spans: one for the request, one below it per attempt. Pure; nothing of a prompt or a person is in it."""

from __future__ import annotations

import math
import re
from hashlib import blake2b
from typing import Literal

from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Noun
from breakeven.schema.record import Attempt, Prediction
from breakeven.telemetry import names

Value = str | int | float | bool
Operation = Literal["chat", "text_completion", "embeddings", "infer", "decide"]
_OPERATIONS: dict[str, Operation] = {
    "chat": "chat",
    "completion": "text_completion",
    "embedding": "embeddings",
    "infer": "infer",
    "decide": "decide",
}
_GENERATIVE = frozenset({"chat", "text_completion", "embeddings"})
_ERRORS_FROM = 500
_FAULTS = frozenset({"timeout", "error", "unreachable"})
_END_S = 9e9
_TRACE_ID = re.compile("[0-9a-f]{32}")


class Span(Noun, frozen=True, kw_only=True):
    """A span before it is encoded. Ids are lower-case hex, instants Unix nanoseconds; `error` is "" when it went well.

    `kind`: "server" for a request at the gateway, "client" for an attempt at a deployment.
    """

    trace_id: str
    span_id: str
    name: str
    kind: Literal["server", "client"]
    start_ns: int
    end_ns: int
    attributes: dict[str, Value]
    parent_id: str = ""
    error: str = ""
    children: tuple[Span, ...] = ()


def span_of(record: Prediction) -> Span:
    """The span of a prediction, with the attempts at it below.

    Ids follow from the record: told twice, it is the same span. The trace is the caller's where it named one, else one
    of the request's own.
    """
    trace_id = record.trace_id if _TRACE_ID.fullmatch(record.trace_id) else _hash(record.request_id, 16)
    span_id = _hash(record.prediction_id, 8)
    start_ns = _ns(record.time_s)
    children = tuple(
        _attempt(one, number, trace_id, span_id, record) for number, one in enumerate(record.attempts, start=1)
    )
    return Span(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=record.parent_span_id if record.trace_id == trace_id else "",
        name=f"{operation_of(record)} {record.model}".rstrip(),
        kind="server",
        start_ns=start_ns,
        end_ns=max(start_ns, _ns(record.time_s + record.total_s)),
        attributes=_gen_ai(record) | _own(record),
        error=record.reason or record.status if _went_wrong(record) else "",
        children=children,
    )


def operation_of(record: Prediction) -> Operation:
    """What was asked for, as OpenTelemetry names it where it has a name."""
    return _OPERATIONS.get(record.protocol, "chat")


def genai_of(record: Prediction) -> dict[str, Value]:
    """What metrics of a completion are told by; empty where no generative model was asked."""
    operation = operation_of(record)
    if operation not in _GENERATIVE:
        return {}
    told: dict[str, Value] = {names.OPERATION: operation, names.PROVIDER: names.OPENAI}
    return told | ({names.REQUEST_MODEL: record.model} if record.model else {})


def error_of(record: Prediction) -> str:
    """Why nothing useful came of it; "" when something did, or when the caller left."""
    return record.reason or record.status if record.status in {"failed", "refused"} else ""


def _gen_ai(record: Prediction) -> dict[str, Value]:
    told = genai_of(record)
    if not told:
        return told
    used = record.consumed
    told |= {
        names.REQUEST_STREAM: record.stream,
        names.INPUT_TOKENS: used.input,
        names.OUTPUT_TOKENS: used.output,
    }
    if used.cached_input:
        told[names.CACHE_READ_TOKENS] = used.cached_input
    if used.reasoning:
        told[names.REASONING_TOKENS] = used.reasoning
    if record.ttft_s is not None:
        told[names.FIRST_CHUNK] = record.ttft_s
    return told


def _own(record: Prediction) -> dict[str, Value]:
    told: dict[str, Value] = {
        "breakeven.use_case": record.use_case,
        "breakeven.tier": record.tier,
        "breakeven.tenant": record.tenant,
        "breakeven.prediction_id": record.prediction_id,
        "breakeven.request_id": record.request_id,
        "breakeven.status": record.status,
        "breakeven.reason": record.reason,
        "breakeven.cache": record.cache,
        "breakeven.deployment": record.deployment,
        "breakeven.arm": record.arm,
        "breakeven.policy_id": record.policy_id,
        "breakeven.price_id": record.price_id,
        "breakeven.cost_basis": record.cost_basis,
        "breakeven.drill": record.drill,
        "breakeven.in_budget": record.in_budget,
        names.HTTP_STATUS: record.http_status,
    }
    optional: dict[str, Value | None] = {
        "breakeven.cost_usd": None if record.cost_pico_usd is None else usd_from_pico(record.cost_pico_usd),
        "breakeven.budget_s": record.budget_s,
        "breakeven.rows_scored": record.rows_scored or None,
        "breakeven.emulated": record.emulated or None,
        names.ERROR_TYPE: error_of(record) or None,
    }
    told |= {name: value for name, value in optional.items() if value is not None}
    told |= {f"breakeven.stage.{stage}_s": seconds for stage, seconds in record.stages.items()}
    return {name: value for name, value in told.items() if value != ""}


def _attempt(one: Attempt, number: int, trace_id: str, parent_id: str, record: Prediction) -> Span:
    start_ns = _ns(record.time_s + one.start_s)
    told: dict[str, Value] = {
        "breakeven.deployment": one.deployment,
        "breakeven.attempt.kind": one.kind,
        "breakeven.attempt.outcome": one.outcome,
        "breakeven.attempt.reason": one.reason,
    }
    wrong = one.outcome in _FAULTS
    if wrong:
        told[names.ERROR_TYPE] = one.reason or one.outcome
    return Span(
        trace_id=trace_id,
        span_id=_hash(f"{record.prediction_id}/{number}", 8),
        parent_id=parent_id,
        name=f"{one.kind} {one.deployment or one.reason}".rstrip(),
        kind="client",
        start_ns=start_ns,
        end_ns=max(start_ns, _ns(record.time_s + one.start_s + one.duration_s)),
        attributes={name: value for name, value in told.items() if value != ""},
        error=one.reason or one.outcome if wrong else "",
    )


def _went_wrong(record: Prediction) -> bool:
    """A stream that broke failed under HTTP 200; what the caller must mend is no error of the server's."""
    return record.status == "failed" or record.http_status >= _ERRORS_FROM


def _ns(time_s: float) -> int:
    return round(max(0.0, min(time_s, _END_S)) * 1e9) if math.isfinite(time_s) else 0


def _hash(text: str, size: int) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=size).hexdigest()
