"""Spans as OTLP/JSON, one request a line: what a collector's file exporter writes, and its receivers read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version

import msgspec

from breakeven.telemetry import names
from breakeven.telemetry.span import Span, Value

_KINDS = {"server": 2, "client": 3}
_ERROR = 2
_INT64 = 2**63 - 1
_encoder = msgspec.json.Encoder()


def line(spans: Iterable[Span], instance: str) -> bytes:
    """One request of these spans, with its line end; `instance` is the data directory's name."""
    resource = {"service.name": "breakeven", "service.version": version("breakeven"), "service.instance.id": instance}
    scope = {"scope": {"name": "breakeven.telemetry", "version": names.SCHEMA}, "spans": list(_told(spans))}
    told = {"resourceSpans": [{"resource": {"attributes": _pairs(resource)}, "scopeSpans": [scope]}]}
    return _encoder.encode(told) + b"\n"


def _told(spans: Iterable[Span]) -> Iterator[dict[str, object]]:
    for top in spans:
        yield from (_span(one) for one in (top, *top.children))


def _span(one: Span) -> dict[str, object]:
    parent = {"parentSpanId": one.parent_id} if one.parent_id else {}
    status = {"status": {"code": _ERROR, "message": _text(one.error)}} if one.error else {}
    return {
        "traceId": one.trace_id,
        "spanId": one.span_id,
        **parent,
        "name": _text(one.name),
        "kind": _KINDS[one.kind],
        "startTimeUnixNano": str(one.start_ns),
        "endTimeUnixNano": str(one.end_ns),
        "attributes": _pairs(one.attributes),
        **status,
    }


def _pairs(told: Mapping[str, Value]) -> list[dict[str, object]]:
    return [{"key": _text(name), "value": _value(value)} for name, value in told.items()]


def _value(value: Value) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(max(-_INT64, min(_INT64, value)))}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": _text(value)}


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()
