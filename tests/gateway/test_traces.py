"""Spans of applications that do not pass through the gateway: on the same journal, once, within bounds."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from hashlib import sha256
from pathlib import Path

import pytest

from breakeven.gateway.endpoint.traces import MOST_RATIO
from breakeven.ledger import store
from breakeven.ledger.statement import build
from breakeven.schema.policy import Tenant
from breakeven.telemetry import otlp
from breakeven.telemetry.span import Span

SAMPLE = Path(__file__).parents[2] / "examples/import/otel_spans.jsonl"
JSON = [("content-type", "application/json")]
PROTOBUF = [("content-type", "application/x-protobuf")]
GZIP = ("content-encoding", "gzip")
ONE, TWO = (line.encode() for line in SAMPLE.read_text().splitlines())


def asked(kit, folder, test, **policy):
    """Run a test against a gateway that takes spans; the records it left."""

    async def main():
        kit.install(folder, kit.make_policy(**{"otlp": True} | policy))
        async with kit.start_gateway(folder) as gateway:
            await test(gateway)

    asyncio.run(main())
    return kit.records(folder)


def protobuf(n: int = 1, **attributes: object) -> bytes:
    spans = [
        Span(trace_id=f"{i + 1:032x}", span_id=f"{i + 1:016x}", name="chat m", kind="client", start_ns=10**18,
             end_ns=10**18 + 10**9, attributes={"gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 5,
                                                **attributes})
        for i in range(n)
    ]  # fmt: skip
    return otlp.traces(spans, "me")


def test_spans_are_recorded_beside_predictions(kit, tmp_path) -> None:
    """JSON and protobuf, packed or not: inference spans become records; agents and tools are passed over."""

    async def test(gateway):
        for body, headers in [(ONE, JSON), (gzip.compress(TWO), [*JSON, GZIP])]:
            answer = await kit.post(gateway, body, "/v1/traces", headers)
            assert (answer.status, answer.body) == (200, b"{}")
        answer = await kit.post(gateway, gzip.compress(protobuf(3)), "/v1/traces", [*PROTOBUF, GZIP])
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"", PROTOBUF[0][1])

    found = asked(kit, tmp_path, test)
    assert [one.consumed.input for one in found] == [1000, 1000, 20, 5, 5, 5]
    assert {one.node for one in found} == {"otlp"}
    assert found[0].use_case == "support-bot"
    assert len(found[0].subject) > 10  # "ann", hashed


def test_a_retry_counts_once(kit, tmp_path) -> None:
    """Sent again, after a restart too, it is the same prediction: ids are the sender's."""

    async def test(gateway):
        for _ in range(2):
            assert (await kit.post(gateway, ONE, "/v1/traces", JSON)).status == 200

    asked(kit, tmp_path, test)
    assert len(asked(kit, tmp_path, test)) >= 2
    statement = build(store.open_ledger(tmp_path), {})
    assert (statement.predictions, statement.lost) == (1, 0)


def test_what_cannot_be_read_is_rejected_in_part(kit, tmp_path) -> None:
    """The other spans are recorded, and the sender is told how many were not, and why."""
    bad = json.loads(TWO)
    bad["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["endTimeUnixNano"] = "1"

    async def test(gateway):
        answer = await kit.post(gateway, bad, "/v1/traces", JSON)
        told = json.loads(answer.body)["partialSuccess"]
        assert (answer.status, told["rejectedSpans"]) == (200, "1")
        assert "endTimeUnixNano is '1', and it is not before the start" in told["errorMessage"]
        answer = await kit.post(gateway, protobuf(2, **{"gen_ai.usage.output_tokens": -1}), "/v1/traces", PROTOBUF)
        assert otlp.rejected_spans(answer.body) == 2

    assert len(asked(kit, tmp_path, test)) == 1


def test_a_gateway_s_own_spans_are_passed_over(kit, tmp_path) -> None:
    """Its predictions are in the ledger already."""

    async def test(gateway):
        body = protobuf(1, **{"breakeven.prediction_id": "p1"})
        assert (await kit.post(gateway, body, "/v1/traces", PROTOBUF)).status == 200

    assert asked(kit, tmp_path, test) == []


def test_a_tenant_tells_only_of_itself(kit, tmp_path) -> None:
    """The tenant is the key's; its ids cannot be another's; use cases that are not its own are rejected."""
    keys = {"acme": "key-a", "labs": "key-b"}
    tenants = tuple(
        Tenant(name=name, key_sha256=(sha256(key.encode()).hexdigest(),),
               use_cases=("assistant",) if name == "labs" else ())
        for name, key in keys.items()
    )  # fmt: skip

    async def test(gateway):
        assert (await kit.post(gateway, ONE, "/v1/traces", JSON)).status == 401
        acme, labs = ([*JSON, ("authorization", f"Bearer {key}")] for key in keys.values())
        assert (await kit.post(gateway, ONE, "/v1/traces", acme)).body == b"{}"
        told = json.loads((await kit.post(gateway, ONE, "/v1/traces", labs)).body)["partialSuccess"]
        assert "may not tell of the use case 'support-bot'" in told["errorMessage"]

    [one] = asked(kit, tmp_path, test, tenants=tenants)
    assert (one.tenant, one.prediction_id.split("/")[0]) == ("acme", "acme")


WRONG = [
    (b"{", JSON, 400, "not an OTLP trace request"),
    (b"\xff\xff", PROTOBUF, 400, "not an OTLP trace request"),
    (ONE, [("content-type", "text/plain")], 415, "content-type is 'text/plain'"),
    (ONE, [*JSON, ("content-encoding", "br")], 415, "content-encoding is 'br'"),
    (b"no gzip", [*JSON, GZIP], 400, "the body is no gzip"),
    (gzip.compress(ONE)[:-20], [*JSON, GZIP], 400, "the gzip body was cut off"),
    (gzip.compress(b" " * 10**6), [*JSON, GZIP], 413, "unpacks to more than"),
    (gzip.compress(os.urandom(10**5) + b" " * 10**7), [*JSON, GZIP], 413, "unpacks to more than"),
]


@pytest.mark.parametrize(("body", "headers", "status", "message"), WRONG)
def test_what_is_no_trace_is_refused(kit, tmp_path, body, headers, status, message) -> None:
    """With what was wrong; a bomb is not unpacked, by its ratio or by its size."""
    assert len(gzip.compress(b" " * 10**6)) * MOST_RATIO < 10**6

    async def test(gateway):
        answer = await kit.post(gateway, body, "/v1/traces", headers)
        assert answer.status == status
        assert message in json.loads(answer.body)["error"]["message"]

    assert asked(kit, tmp_path, test, max_body_bytes=10**6) == []


def test_it_is_off_unless_enabled(kit, tmp_path) -> None:
    """A policy that does not name it takes no spans, and says how to."""

    async def test(gateway):
        answer = await kit.post(gateway, ONE, "/v1/traces", JSON)
        assert answer.status == 404
        assert "otlp: true" in answer.body.decode()

    assert asked(kit, tmp_path, test, otlp=False) == []


def test_an_exporter_of_the_sdk_is_understood(kit, tmp_path) -> None:
    """OpenTelemetry's own exporter, packed, over real HTTP."""
    exporter = pytest.importorskip("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    def send(url: str) -> bool:
        provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
        client = exporter.OTLPSpanExporter(endpoint=f"{url}/v1/traces", compression=exporter.Compression.Gzip)
        provider.add_span_processor(BatchSpanProcessor(client))
        tracer = provider.get_tracer("test")
        for n in range(300):
            with tracer.start_as_current_span("chat m") as span:
                span.set_attribute("gen_ai.operation.name", "chat")
                span.set_attribute("gen_ai.usage.input_tokens", n)
        return bool(provider.force_flush() and provider.shutdown() is None)

    async def test(gateway):
        assert await asyncio.to_thread(send, gateway.url)

    found = asked(kit, tmp_path, test)
    assert sorted(one.consumed.input for one in found) == list(range(300))
    assert {one.use_case for one in found} == {"shop"}
