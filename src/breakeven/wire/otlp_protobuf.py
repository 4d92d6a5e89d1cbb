"""The same spans out of OTLP as protobuf, and the answer to them. Needs the extra `otel`; imported only where used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from breakeven.wire.otlp_json import Span, Value


def spans(data: bytes) -> list[Span]:
    """Every span of a request.

    Raises:
        ValueError: it is no such message.
    """
    try:
        request = ExportTraceServiceRequest.FromString(data)
    except DecodeError as error:
        message = f"not an ExportTraceServiceRequest: {error}"
        raise ValueError(message) from error
    return list(_flat(request))


def answer(rejected: int, why: str) -> bytes:
    """The body of a success, in part where `rejected` or `why` say so."""
    said = ExportTraceServiceResponse()
    if rejected or why:
        said.partial_success.rejected_spans = rejected
        said.partial_success.error_message = why
    return bytes(said.SerializeToString())


def _flat(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for one in request.resource_spans:
        service = str(_values(one.resource.attributes).get("service.name", ""))
        for scope in one.scope_spans:
            yield from (_span(span, service) for span in scope.spans)


def _span(one: trace.Span, service: str) -> Span:
    wrong = one.status.code == trace.Status.STATUS_CODE_ERROR
    return Span(
        trace_id=one.trace_id.hex(),
        span_id=one.span_id.hex(),
        parent_id=one.parent_span_id.hex(),
        name=one.name,
        start_ns=one.start_time_unix_nano,
        end_ns=one.end_time_unix_nano,
        attributes=_values(one.attributes),
        service=service,
        error=(one.status.message or "error") if wrong else "",
    )


def _values(pairs: Iterable[KeyValue]) -> dict[str, Value]:
    found = {pair.key: (pair.value, pair.value.WhichOneof("value")) for pair in pairs}
    plain = {"string_value", "bool_value", "int_value", "double_value"}
    return {key: getattr(value, kind) for key, (value, kind) in found.items() if kind in plain}
