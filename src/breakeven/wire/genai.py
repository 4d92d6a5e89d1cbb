"""A span of OpenTelemetry's GenAI conventions as a prediction: of any version of them, of OpenInference, and our own.

Names: github.com/open-telemetry/semantic-conventions-genai (November 2026) and the older ones in use. Its
`gen_ai.usage.input_tokens` must include cached tokens; Anthropic's own counts exclude them. So cached tokens are added
where they cannot be in it: where they are more than it, and where they are told under Anthropic's own older names.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NoReturn, get_args

from breakeven.metric import latency, usefulness
from breakeven.quantity import pico_from_usd
from breakeven.schema.record import Prediction, Status, Tokens
from breakeven.wire.otlp_json import Span, Value

OPERATION = ("gen_ai.operation.name",)
PROVIDER = ("gen_ai.provider.name", "gen_ai.system", "llm.system", "llm.provider")
MODEL = ("gen_ai.response.model", "gen_ai.request.model", "llm.model_name", "llm.request.model")
INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens", "llm.token_count.prompt")
OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
    "llm.token_count.completion",
)
CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.details.cache_read_input_tokens",
    "gen_ai.usage.input_tokens.cached",
    "llm.token_count.prompt_details.cache_read",
)
WRITTEN = (
    "gen_ai.usage.cache_creation.input_tokens",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.details.cache_creation_input_tokens",
    "llm.token_count.prompt_details.cache_write",
)
APART = frozenset({"gen_ai.usage.cache_read_input_tokens", "gen_ai.usage.cache_creation_input_tokens"})
"""Anthropic's own names: told beside the input, not in it."""
REASONING = (
    "gen_ai.usage.reasoning.output_tokens",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.details.reasoning_tokens",
    "llm.token_count.completion_details.reasoning",
)
TTFT = (
    "gen_ai.response.time_to_first_chunk",
    "gen_ai.server.time_to_first_token",
    "gen_ai.latency.time_to_first_token",
)
COST = ("breakeven.cost_usd", "gen_ai.usage.cost.amount", "gen_ai.usage.cost", "gen_ai.cost.total", "llm.cost.total")
CURRENCY = ("gen_ai.usage.cost.currency",)
SUBJECT = ("enduser.id", "enduser.pseudo.id", "user.id", "langfuse.user.id")
SESSION = ("gen_ai.conversation.id", "session.id", "langfuse.session.id")
USE_CASE = ("breakeven.use_case",)
OWN_ID = "breakeven.prediction_id"

INFERENCE = frozenset({"chat", "text_completion", "generate_content", "embeddings", "completion"})
"""Operations that ask a model. Agents, tools and workflows hold such spans; they would count twice."""
_PROTOCOLS = {"text_completion": "completion", "completion": "completion", "embeddings": "embedding"}
_OPENINFERENCE = {"LLM": "chat", "EMBEDDING": "embeddings"}
_IDS = re.compile("[0-9a-f]{32}/[0-9a-f]{16}")
_NANO = 10**9
_MOST_TOKENS = 2**53
_MOST_USD = 9e6
"""Of one prediction: a column of pico-dollars holds no more."""
_LONGEST = 1024
_LAST_S = 253_402_300_800.0
"""The end of the year 9999."""
_STATUSES: frozenset[str] = frozenset(get_args(Status))
DEFAULT_USE_CASE = "otel"


def is_inference(span: Span) -> bool:
    """Whether a model was asked: only such spans are predictions."""
    told = span.attributes
    if OWN_ID in told:
        return True
    operation = operation_of(span)
    return operation in INFERENCE or (not operation and bool(_first(told, MODEL)) and bool(_first(told, PROVIDER)))


def operation_of(span: Span) -> str:
    """What was done, in the words of the conventions; "" where the span does not say."""
    kind = span.attributes.get("openinference.span.kind")
    told = _first(span.attributes, OPERATION) or span.attributes.get("llm.request.type", "")
    return str(told or _OPENINFERENCE.get(str(kind), "" if kind is None else kind))


def prediction_of(span: Span, hashed: Callable[[str], str], tenant: str | None = None) -> Prediction:
    """The record of an inference span; whoever writes it sets `node` and `sequence`.

    `hashed` makes a subject unrecognisable. `tenant` None takes the span's word for it.

    Raises:
        ValueError: an id, an instant or a number of it is impossible; the message names attribute and value.
    """
    told = span.attributes
    status, tokens = _status(span), _tokens(told)
    subject = _text(told, SUBJECT)
    return Prediction(
        node="",
        sequence=0,
        tenant=tenant or _text(told, ("breakeven.tenant",)) or "default",
        subject=hashed(subject) if subject else "",
        status=status,
        **_origin(span),
        **_timing(span, status, tokens.output),
        **_usage(told, status, tokens),
    )


def _origin(span: Span) -> dict[str, Any]:
    """Which request it was, of whom, to what."""
    told = span.attributes
    name, model = _text(told, (OWN_ID,)) or _id(span), _text(told, MODEL)
    return {
        "prediction_id": name,
        "request_id": _text(told, ("breakeven.request_id",)) or name,
        "use_case": _text(told, USE_CASE) or span.service or DEFAULT_USE_CASE,
        "trace_id": span.trace_id,
        "parent_span_id": span.parent_id,
        "session": _text(told, SESSION),
        "policy_id": _text(told, ("breakeven.policy_id",)),
        "arm": _text(told, ("breakeven.arm",)),
        "deployment": _text(told, ("breakeven.deployment",)) or _text(told, PROVIDER) or model,
        "model": model,
        "emulated": told.get("breakeven.emulated") is True,
        "cache": _text(told, ("breakeven.cache",)) or "off",
        "reason": _text(told, ("breakeven.reason", "error.type")) or span.error[:200],
        "protocol": _protocol(span),
    }


def _timing(span: Span, status: Status, output: int) -> dict[str, Any]:
    """When, how long, and whether that was in time."""
    told = span.attributes
    time_s, total_s = _period(span)
    ttft_s, budget_s = _number(told, TTFT), _number(told, ("breakeven.budget_s",))
    tpot_s = None if ttft_s is None else latency.tpot_s(total_s, min(ttft_s, total_s), output)
    inside = usefulness.in_budget(
        status,
        total_s=total_s,
        ttft_s=ttft_s,
        tpot_s=tpot_s,
        budget_s=budget_s,
        ttft_target_s=None,
        tpot_target_s=None,
    )
    return {
        "time_s": time_s,
        "total_s": total_s,
        "ttft_s": ttft_s,
        "tpot_s": tpot_s,
        "budget_s": budget_s,
        "in_budget": told["breakeven.in_budget"] is True if "breakeven.in_budget" in told else inside,
        "http_status": int(_number(told, ("http.response.status_code",)) or (500 if status == "failed" else 200)),
        "stream": told.get("gen_ai.request.stream") is True or ttft_s is not None,
        "stages": _stages(told),
    }


def _usage(told: Mapping[str, Value], status: Status, tokens: Tokens) -> dict[str, Any]:
    """Tokens and what they cost. What an answer cache gave was asked of no provider."""
    consumed, cost = Tokens() if status == "cached" else tokens, _cost(told)
    return {
        "served": tokens,
        "consumed": consumed,
        "billable": consumed,
        "tokens_basis": "measured" if _said(told, INPUT) or _said(told, OUTPUT) else "unknown",
        "cost_pico_usd": cost,
        "cost_basis": "unknown" if cost is None else "measured",
        "price_id": "" if cost is None else _text(told, ("breakeven.price_id",)) or "as told by the span",
    }


def _id(span: Span) -> str:
    if not _IDS.fullmatch(f"{span.trace_id}/{span.span_id}"):
        _refuse("traceId and spanId", f"{span.trace_id[:40]}/{span.span_id[:40]}", "are 32 and 16 hex digits")
    return f"{span.trace_id}-{span.span_id}"


def _period(span: Span) -> tuple[float, float]:
    """Start in Unix seconds, and how long it took."""
    if not 0 < span.start_ns < _LAST_S * _NANO:
        _refuse("startTimeUnixNano", span.start_ns, "is an instant")
    if not span.start_ns <= span.end_ns:
        _refuse("endTimeUnixNano", span.end_ns, f"is not before the start, {span.start_ns}")
    return span.start_ns / _NANO, (span.end_ns - span.start_ns) / _NANO


def _tokens(told: Mapping[str, Value]) -> Tokens:
    """Counts in the record's own way: `input` includes what was read from a cache and written to one."""
    given, cached, written = _count(told, INPUT), _count(told, CACHED), _count(told, WRITTEN)
    apart = any(name in told for name in APART) and "anthropic" in _text(told, PROVIDER).lower()
    within = given >= cached + written and not apart
    output, reasoning = _count(told, OUTPUT), _count(told, REASONING)
    return Tokens(
        input=given if within else given + cached + written,
        cached_input=cached,
        output=max(output, reasoning),
        reasoning=reasoning,
    )


def _status(span: Span) -> Status:
    told = str(span.attributes.get("breakeven.status", ""))
    if told in _STATUSES:
        return told  # type: ignore[return-value]  # one of its values
    return "failed" if span.error or "error.type" in span.attributes else "answered"


def _protocol(span: Span) -> str:
    operation = operation_of(span) or span.name.split(" ")[0]
    return operation if operation in {"infer", "decide"} else _PROTOCOLS.get(operation, "chat")


def _stages(told: Mapping[str, Value]) -> dict[str, float]:
    prefix, suffix = "breakeven.stage.", "_s"
    names = [name for name in told if name.startswith(prefix) and name.endswith(suffix)]
    return {name.removeprefix(prefix).removesuffix(suffix): _number(told, (name,)) or 0.0 for name in names}


def _cost(told: Mapping[str, Value]) -> int | None:
    amount = _number(told, COST)
    currency = _text(told, CURRENCY) or "USD"
    if amount is not None and currency.upper() != "USD":
        _refuse(CURRENCY[0], currency, "is USD: other money is not converted")
    if amount is not None and amount > _MOST_USD:
        _refuse(next(name for name in COST if name in told), amount, f"is at most {_MOST_USD:,.0f} USD")
    return None if amount is None else pico_from_usd(Decimal(repr(amount)))


def _said(told: Mapping[str, Value], names: tuple[str, ...]) -> bool:
    return any(name in told for name in names)


def _first(told: Mapping[str, Value], names: tuple[str, ...]) -> Value | None:
    return next((told[name] for name in names if told.get(name) not in (None, "")), None)


def _text(told: Mapping[str, Value], names: tuple[str, ...]) -> str:
    found = _first(told, names)
    return "" if found is None else str(found)[:_LONGEST]


def _number(told: Mapping[str, Value], names: tuple[str, ...]) -> float | None:
    """A finite number that is not negative, also where it is told as text."""
    name = next((one for one in names if told.get(one) not in (None, "")), None)
    if name is None:
        return None
    try:
        number = float(told[name])
    except (ValueError, OverflowError):
        _refuse(name, told[name], "is a number")
    if not (math.isfinite(number) and number >= 0):
        _refuse(name, told[name], "is finite and not negative")
    return number


def _count(told: Mapping[str, Value], names: tuple[str, ...]) -> int:
    number = _number(told, names) or 0.0
    if number != int(number) or number > _MOST_TOKENS:
        _refuse(next(name for name in names if name in told), number, "is a whole number of tokens")
    return int(number)


def _refuse(name: str, value: object, rule: str) -> NoReturn:
    message = f"{name} is {str(value)[:80]!r}, and it {rule}"
    raise ValueError(message)
