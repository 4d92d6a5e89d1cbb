"""Spans and histograms as OTLP messages, with the instant and the resource they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.metadata import version
from itertools import groupby

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.metrics.v1 import metrics_pb2 as metrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from breakeven.telemetry import names
from breakeven.telemetry.span import Span, Value
from breakeven.telemetry.tally import Point

_INT64 = 2**63 - 1
_KINDS = {"server": trace.Span.SPAN_KIND_SERVER, "client": trace.Span.SPAN_KIND_CLIENT}


def traces(spans: Iterable[Span], instance: str) -> bytes:
    """The body of a post to `/v1/traces`; `instance` is this data directory's id."""
    told = [_span(one) for top in spans for one in _flat(top)]
    scope = trace.ScopeSpans(scope=_scope(), spans=told)
    resource = trace.ResourceSpans(resource=_resource(instance), scope_spans=[scope])
    return bytes(ExportTraceServiceRequest(resource_spans=[resource]).SerializeToString())


def histograms(points: Iterable[Point], instance: str, *, since_ns: int, now_ns: int) -> bytes:
    """The body of a post to `/v1/metrics`: what was counted since `since_ns`."""
    ordered = sorted(points, key=lambda one: one.metric)
    told = [_metric(name, some, since_ns, now_ns) for name, some in groupby(ordered, key=lambda one: one.metric)]
    scope = metrics.ScopeMetrics(scope=_scope(), metrics=told)
    resource = metrics.ResourceMetrics(resource=_resource(instance), scope_metrics=[scope])
    return bytes(ExportMetricsServiceRequest(resource_metrics=[resource]).SerializeToString())


def rejected_spans(body: bytes) -> int:
    """How many spans a receiver that answered with success did not keep; a body that is no protobuf says nothing."""
    try:
        return int(ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans)
    except DecodeError:
        return 0


def _flat(span: Span) -> Iterator[Span]:
    yield span
    yield from span.children


def _span(one: Span) -> trace.Span:
    told = trace.Span(
        trace_id=bytes.fromhex(one.trace_id),
        span_id=bytes.fromhex(one.span_id),
        parent_span_id=bytes.fromhex(one.parent_id),
        name=_text(one.name),
        kind=_KINDS[one.kind],
        start_time_unix_nano=one.start_ns,
        end_time_unix_nano=one.end_ns,
        attributes=_attributes(one.attributes),
    )
    if one.error:
        told.status.code = trace.Status.STATUS_CODE_ERROR
        told.status.message = _text(one.error)
    return told


def _metric(name: str, points: Iterable[Point], since_ns: int, now_ns: int) -> metrics.Metric:
    unit, description, bounds = names.METRICS[name]
    told = [
        metrics.HistogramDataPoint(
            attributes=_attributes(dict(one.attributes)),
            start_time_unix_nano=since_ns,
            time_unix_nano=now_ns,
            count=sum(one.counts),
            sum=one.sum,
            bucket_counts=one.counts,
            explicit_bounds=bounds,
        )
        for one in points
    ]
    cumulative = metrics.AGGREGATION_TEMPORALITY_CUMULATIVE
    histogram = metrics.Histogram(data_points=told, aggregation_temporality=cumulative)
    return metrics.Metric(name=name, unit=unit, description=description, histogram=histogram)


def _resource(instance: str) -> Resource:
    return Resource(
        attributes=_attributes(
            {"service.name": "breakeven", "service.version": version("breakeven"), "service.instance.id": instance}
        )
    )


def _scope() -> InstrumentationScope:
    return InstrumentationScope(name="breakeven.telemetry", version=names.SCHEMA)


def _attributes(told: Mapping[str, Value]) -> list[KeyValue]:
    return [_pair(name, value) for name, value in told.items()]


@lru_cache(maxsize=4096, typed=True)
def _pair(name: str, value: Value) -> KeyValue:
    """Kept, since most of them come again with the next span; what holds them holds copies."""
    return KeyValue(key=_text(name), value=_any(value))


def _any(value: Value) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=max(-_INT64, min(_INT64, value)))
    return AnyValue(double_value=value) if isinstance(value, float) else AnyValue(string_value=_text(value))


def _text(text: str) -> str:
    return text.encode(errors="replace").decode()
