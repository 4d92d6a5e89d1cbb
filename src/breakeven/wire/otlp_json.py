"""Spans out of OTLP as JSON: a request to `/v1/traces`, or a line of the file that a collector's exporter writes.

Source: opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding": camel-case keys, ids in hex, 64-bit integers
as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from breakeven.schema.noun import Noun

Value = str | int | float | bool
ERROR = 2
"""`STATUS_CODE_ERROR`."""


class Span(Noun, frozen=True, kw_only=True):
    """One span as it came: ids in lower-case hex, instants in Unix nanoseconds, attributes that hold one value.

    `service` is the resource's `service.name`; `error` is what the status says of a failure, "error" where it says
    nothing, "" when it went well.
    """

    trace_id: str
    span_id: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Value]
    name: str = ""
    parent_id: str = ""
    service: str = ""
    error: str = ""


class _Any(msgspec.Struct, rename="camel"):
    string_value: str | None = None
    int_value: str | int | None = None
    double_value: float | str | None = None
    bool_value: bool | None = None


class _Pair(msgspec.Struct):
    key: str
    value: _Any = msgspec.field(default_factory=_Any)


class _Status(msgspec.Struct):
    code: int | str = 0
    message: str = ""


class _Span(msgspec.Struct, rename="camel"):
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    name: str = ""
    start_time_unix_nano: str | int = 0
    end_time_unix_nano: str | int = 0
    attributes: list[_Pair] = []
    status: _Status = msgspec.field(default_factory=_Status)


class _Scope(msgspec.Struct, rename="camel"):
    spans: list[_Span] = []


class _Resource(msgspec.Struct):
    attributes: list[_Pair] = []


class _Resources(msgspec.Struct, rename="camel"):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scope_spans: list[_Scope] = []
    instrumentation_library_spans: list[_Scope] = []


class _Request(msgspec.Struct, rename="camel"):
    resource_spans: list[_Resources] = []


_decoder = msgspec.json.Decoder(_Request)


def spans(data: bytes | str) -> list[Span]:
    """Every span of one JSON value.

    Raises:
        ValueError: it is not OTLP; the message says what is wrong and where.
    """
    return list(_flat(_decoder.decode(data)))


def _flat(request: _Request) -> Iterator[Span]:
    for one in request.resource_spans:
        service = str(values(one.resource.attributes).get("service.name", ""))
        for scope in (*one.scope_spans, *one.instrumentation_library_spans):
            yield from (_span(span, service) for span in scope.spans)


def _span(one: _Span, service: str) -> Span:
    wrong = one.status.code in {ERROR, "STATUS_CODE_ERROR"}
    return Span(
        trace_id=one.trace_id.lower(),
        span_id=one.span_id.lower(),
        parent_id=one.parent_span_id.lower(),
        name=one.name,
        start_ns=int(one.start_time_unix_nano),
        end_ns=int(one.end_time_unix_nano),
        attributes=values(one.attributes),
        service=service,
        error=(one.status.message or "error") if wrong else "",
    )


def values(pairs: Iterable[_Pair]) -> dict[str, Value]:
    """The attributes that hold one value; lists and maps say nothing that a record holds."""
    found = {pair.key: _value(pair.value) for pair in pairs}
    return {key: value for key, value in found.items() if value is not None}


def _value(one: _Any) -> Value | None:
    if one.string_value is not None:
        return one.string_value
    if one.bool_value is not None:
        return one.bool_value
    if one.int_value is not None:
        return int(one.int_value)
    return None if one.double_value is None else float(one.double_value)
