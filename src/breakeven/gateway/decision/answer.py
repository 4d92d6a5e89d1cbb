"""How an answer names its prediction: response headers, Server-Timing, the comment that ends a stream, error bodies."""

from __future__ import annotations

from typing import Any

import msgspec

from breakeven.gateway.decision.index import Protocol
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.state import State
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.record import Prediction

_HEADER_CHARS = 256
Headers = list[tuple[str, str]]
_MESSAGES = {
    "deadline": "the latency budget ran out before the model answered",
    "timeout": "the model did not answer in time",
    "unreachable": "the model's backend cannot be reached",
    "no_target": "no deployment in the use case's route speaks this protocol",
    "truncated": "the model's stream ended before it was whole",
    "circuit_open": "every deployment of the route has failed lately and is left alone until a probe succeeds",
    "overload": "every deployment of the route has as much in flight as it can answer in time",
    "budget_exhausted": "the budget that this request falls under has too little left for it",
    "rate_limited": "the tenant asks faster than its quota allows",
    "quota_exhausted": "the tenant has used its quota of the day",
    "controls_down": "budgets or journal cannot be written now, and this tier is not served without them",
    "tracking_incomplete": "the request says nobody's identity or has no consent, so that nothing could be measured",
    "internal": "the gateway failed",
}


def usd(cost_pico_usd: int | None) -> str:
    """Exact US dollars of a cost, or "unpriced"."""
    if cost_pico_usd is None:
        return "unpriced"
    sign = "-" if cost_pico_usd < 0 else ""
    whole, rest = divmod(abs(cost_pico_usd), PICO_PER_USD)
    return f"{sign}{whole}.{rest:012d}".rstrip("0").rstrip(".")


def early_headers(state: State, *, cache: str = "off") -> Headers:
    """What is known at the first byte of a stream."""
    request, deployment = state.request, state.deployment
    model = (deployment.model if deployment else "") or request.model
    return [
        ("x-breakeven-prediction-id", request.prediction_ids[0]),
        ("x-breakeven-model", _header_safe(model)),
        ("x-breakeven-cache", cache),
        ("x-breakeven-tier", request.use_case.tier),
        *([("x-breakeven-reason", state.why_another)] if state.why_another else ()),
    ]


def headers(record: Prediction, cost_pico_usd: int | None) -> Headers:
    """Everything, for an answer whose record is complete. `cost_pico_usd` is that of the whole request."""
    return [
        ("x-breakeven-prediction-id", record.prediction_id),
        ("x-breakeven-cost", usd(cost_pico_usd)),
        ("x-breakeven-model", _header_safe(record.model)),
        ("x-breakeven-cache", record.cache),
        ("x-breakeven-tier", record.tier),
        ("x-breakeven-reason", record.reason or record.status),
        ("server-timing", server_timing(record)),
    ]


def server_timing(record: Prediction) -> str:
    """The stages in milliseconds, as the Server-Timing header writes them."""
    stages = [f"{name};dur={seconds * 1e3:.3f}" for name, seconds in record.stages.items()]
    return ", ".join([*stages, f"total;dur={record.total_s * 1e3:.3f}"])


def trailer(record: Prediction) -> bytes:
    """What a stream learns at its end, as JSON for the comment `: breakeven {...}`."""
    said: dict[str, Any] = {
        "prediction_id": record.prediction_id,
        "cost_usd": usd(record.cost_pico_usd),
        "status": record.status,
        "reason": record.reason or record.status,
        "model": record.model,
        "cache": record.cache,
        "in_budget": record.in_budget,
        "total_s": record.total_s,
        "ttft_s": record.ttft_s,
        "tpot_s": record.tpot_s,
        "stages": record.stages,
        "emulated": record.emulated,
    }
    return b"breakeven " + msgspec.json.encode(said)


def error_message(reason: str) -> str:
    """One sentence for a reason of the failure chain."""
    return _MESSAGES.get(reason, f"the model's backend failed ({reason})")


def error_body(protocol: Protocol, message: str, *, kind: str, code: str, param: str = "") -> bytes:
    """An error as the protocol writes it: OpenAI's object, or v2's string."""
    if protocol == "infer":
        return msgspec.json.encode({"error": message})
    return msgspec.json.encode({"error": {"message": message, "type": kind, "code": code, "param": param or None}})


def refusal_body(protocol: Protocol, error: RequestError) -> bytes:
    """A refusal before any prediction."""
    message = f"{error.message}; {error.way_out}" if error.way_out else error.message
    kind = "authentication_error" if error.status == 401 else "invalid_request_error"  # noqa: PLR2004
    return error_body(protocol, message, kind=kind, code=error.kind, param=error.field)


def _header_safe(text: str) -> str:
    """What a client chose freely, fit to stand in a header: escaped where it is not plain, and cut."""
    plain = text if text.isascii() and text.isprintable() else text.encode("unicode_escape").decode()
    return plain[:_HEADER_CHARS]
