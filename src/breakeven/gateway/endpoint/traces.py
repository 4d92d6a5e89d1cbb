"""`/v1/traces`: GenAI spans of applications that do not pass through the gateway; accepted means on the disk.

OTLP over HTTP (opentelemetry.io/docs/specs/otlp), JSON or protobuf, where the policy allows it (`gateway: otlp: true`).
A span's id comes from its sender, so that a retry counts once; it holds the tenant, so that none can claim another's.
"""

from __future__ import annotations

import asyncio
import importlib
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec

from breakeven.errors import LedgerError
from breakeven.gateway.decision.refusal import RequestError
from breakeven.gateway.decision.tenant import DEFAULT_TENANT, tenant_of
from breakeven.gateway.runtime import Runtime
from breakeven.schema.record import Prediction
from breakeven.wire import genai, otlp_json
from breakeven.wire.http import HttpRequest, Outgoing
from breakeven.wire.otlp_json import Span

NODE = "otlp"
"""Of every worker's spans: their ids are their senders', so that no sequence of ours says what is missing."""
MOST_RATIO = 100
"""Bytes that one packed byte may become: more is no trace but a bomb."""
_AT_ONCE = 200
_GZIP = 31
_JSON, _PROTOBUF = "application/json", "application/x-protobuf"


async def traces(runtime: Runtime, http: HttpRequest, out: Outgoing) -> None:
    """Record the inference spans of a request: 200 once they are on the disk, 503 while the disk fails.

    What is no inference is passed over; so is what a gateway of ours tells of itself. Spans that cannot be read are
    counted in `partialSuccess`.

    Raises:
        RequestError: not enabled, not authenticated, too large, or no OTLP.
    """
    index = runtime.bundle.index
    if not index.policy.otlp:
        message = "this gateway takes no spans"
        raise RequestError(message, "set `gateway: otlp: true` in breakeven.yaml", status=404, kind="not_enabled")
    tenant = tenant_of(index, http.header("authorization"))
    kind = http.header("content-type").partition(";")[0].strip().lower()
    read, answer = _dialect(kind)
    try:
        found = read(_unpacked(http, index.policy.max_body_bytes))
    except ValueError as error:
        message = f"not an OTLP trace request: {str(error)[:300]}"
        raise RequestError(message, f"send it as {_JSON} or {_PROTOBUF}", kind="invalid_otlp") from error
    rejected, why = await _recorded(runtime, tenant, found)
    out.reply(200, [("content-type", kind)], answer(rejected, why))


def _dialect(kind: str) -> tuple[Callable[[bytes], list[Span]], Callable[[int, str], bytes]]:
    if kind == _JSON:
        return otlp_json.spans, _json_answer
    if kind != _PROTOBUF:
        message = f"content-type is {kind[:60]!r}"
        raise RequestError(message, f"send {_JSON} or {_PROTOBUF}", status=415, field="content-type")
    try:
        module: Any = importlib.import_module("breakeven.wire.otlp_protobuf")
    except ImportError as error:
        message = "this gateway reads no protobuf: the extra `otel` is not installed"
        way_out = f"send {_JSON}, or install breakeven[otel] where the gateway runs"
        raise RequestError(message, way_out, status=415, field="content-type") from error
    return module.spans, module.answer


def _json_answer(rejected: int, why: str) -> bytes:
    if not rejected:
        return b"{}"
    return msgspec.json.encode({"partialSuccess": {"rejectedSpans": str(rejected), "errorMessage": why}})


def _unpacked(http: HttpRequest, most: int) -> bytes:
    """The body as it was before it was packed, within the policy's bound.

    Raises:
        RequestError: packed in another way, damaged, or larger than allowed.
    """
    encoding = http.header("content-encoding").strip().lower()
    if encoding in {"", "identity"}:
        return http.body
    if encoding != "gzip":
        message = f"content-encoding is {encoding[:40]!r}"
        raise RequestError(message, "send gzip, or the body as it is", status=415, field="content-encoding")
    most = min(most, MOST_RATIO * len(http.body))
    unpacker = zlib.decompressobj(_GZIP)
    try:
        data = unpacker.decompress(http.body, most + 1)
    except zlib.error as error:
        message = f"the body is no gzip: {error}"
        raise RequestError(message, "pack it again", field="content-encoding") from error
    if len(data) > most:
        message = f"the body unpacks to more than {most} bytes"
        raise RequestError(message, "send fewer spans at once", status=413, kind="too_large")
    if not unpacker.eof:
        message = "the gzip body was cut off"
        raise RequestError(message, "send it again", field="content-encoding")
    return data


async def _recorded(runtime: Runtime, tenant: str, found: Sequence[Span]) -> tuple[int, str]:
    """How many spans were rejected, and why the first of them was."""
    hashed = partial(runtime.subjects.hashed, tenant)
    rejected, why = 0, ""
    for start in range(0, len(found), _AT_ONCE):
        made: list[Prediction] = []
        for span in found[start : start + _AT_ONCE]:
            try:
                made += _allowed(runtime, tenant, _predictions(span, tenant, hashed))
            except ValueError as error:
                rejected, why = rejected + 1, why or f"span {span.name[:80]!r}: {error}"
        if made and not runtime.journal.append(made):
            raise _not_stored()
        await asyncio.sleep(0)  # others are served between pieces of a large request
    try:
        await runtime.journal.durable()
    except LedgerError:
        raise _not_stored() from None
    return rejected, why


def _predictions(span: Span, tenant: str, hashed: Callable[[str], str]) -> list[Prediction]:
    if genai.OWN_ID in span.attributes or not genai.is_inference(span):
        return []
    made = genai.prediction_of(span, hashed, tenant)
    name = made.prediction_id if tenant == DEFAULT_TENANT else f"{tenant}/{made.prediction_id}"
    return [msgspec.structs.replace(made, prediction_id=name, node=NODE)]


def _allowed(runtime: Runtime, tenant: str, made: list[Prediction]) -> list[Prediction]:
    """The same, where the use case is the tenant's.

    Raises:
        ValueError: it is not.
    """
    for one in made:
        if not runtime.bundle.index.may(tenant, one.use_case):
            message = f"the tenant {tenant!r} may not tell of the use case {one.use_case[:80]!r}"
            raise ValueError(message)
    return made


def _not_stored() -> RequestError:
    message = "the spans could not be written to the disk; some of them may be"
    return RequestError(message, "send them again in a few seconds: none counts twice", status=503, kind="not_stored")
