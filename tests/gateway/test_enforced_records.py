"""One record for each request, whatever happens: drills, clients that leave, and what a record holds."""

import asyncio
import json
import time

import pytest

from breakeven.schema.policy import Drill, Hedge, Retry, RouteTarget
from breakeven.schema.record import Tokens

DEFAULT = {"failure": ("default", "error"), "default_body": "Please try later."}


def drill(fault: str, **changes) -> dict:
    now = time.time()
    window = {"from_s": now - 60, "until_s": now + 60, **changes}
    return {"drills": (Drill(id="d1", deployment="a", fault=fault, **window),)}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "reason", "outcome"),
    [("fail", "upstream_503", "error"), ("garble", "malformed", "error"), ("absent", "unreachable", "unreachable")],
)
def test_a_drill_is_met_by_the_failure_chain(kit, tmp_path, transport, fault, reason, outcome, stream) -> None:
    """Nothing reaches the real model; the record names the drill, so that nobody takes it for an outage."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream})
        assert (answer.status, b"Please try later." in answer.body) == (200, True)
        assert ups.a.requests == []

    (record,) = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case=DEFAULT, **drill(fault))
    assert (record.status, record.reason, record.drill) == ("fallback", reason, "d1")
    assert kit.tried(record)[0] == ("a", "primary", outcome, reason)


def test_a_slow_drill_spends_the_budget(kit, tmp_path, transport) -> None:
    """The answer still comes inside it, from the chain; what was to be sent late is never sent."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, answer.headers["x-breakeven-reason"]) == (200, "deadline")
        assert ups.a.requests == []

    case = {**DEFAULT, "budget_s": 0.5}
    (record,) = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case=case, **drill("slow", delay_s=30.0))
    assert (record.status, record.drill, record.cost_pico_usd) == ("fallback", "d1", 0)


def test_a_short_delay_is_only_slow(kit, tmp_path) -> None:
    """The real model answers, later."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert len(ups.a.requests) == 1

    (record,) = kit.enforce(tmp_path, test, {"a": kit.honest}, **drill("slow", delay_s=0.05))
    assert (record.status, record.drill) == ("answered", "d1")
    assert record.total_s >= 0.05


def test_a_drill_is_over_when_it_is_over(kit, tmp_path) -> None:
    """Outside its time, and outside its share, nobody is touched."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    for number, window in enumerate(({"until_s": time.time() - 1}, {"from_s": time.time() + 60}, {"share": 0.0})):
        (record,) = kit.enforce(tmp_path / str(number), test, {"a": kit.honest}, **drill("fail", **window))
        assert (record.status, record.drill) == ("answered", "")


# Clients that leave


@pytest.mark.parametrize("words", [0, 1, 5])
def test_a_client_that_leaves_ends_the_models_work(kit, tmp_path, transport, words) -> None:
    """Before the first token, after one, after some: the upstream is aborted, one record says cancelled, and why."""

    async def drips(head, body, writer):
        writer.write(kit.STREAM_HEAD)
        for _ in range(words):
            writer.write(kit.sse(kit.delta("x")))
            await writer.drain()
            await asyncio.sleep(0.005)
        await asyncio.sleep(60)

    async def test(gateway, ups):
        url = gateway.url + "/v1/chat/completions"
        body = json.dumps({**kit.CHAT, "stream": True}).encode()
        asking = asyncio.create_task(gateway.client.request("POST", url, body=body))
        await kit.until(lambda: ups.a.requests)
        if words:
            response, seen = await asking, b""
            while seen.count(b'"content"') < words:
                seen += await response.chunk()
            response.close()
        else:
            asking.cancel()
        await kit.until(lambda: ups.a.aborted == 1)
        await kit.until(lambda: gateway.runtime.conditions.of("a").load.count == 0)

    (record,) = kit.enforce(tmp_path, test, {"a": drips}, transport)
    assert (record.status, record.reason, record.http_status) == ("cancelled", "client_gone", 499)
    assert kit.tried(record) == [("a", "primary", "cancelled", "client_gone")]
    assert (record.served.output, record.consumed.output) == (words, words)
    assert record.cost_pico_usd == record.consumed.input * 2_000_000 + words * 8_000_000


def test_a_client_that_leaves_ends_both_of_a_hedge(kit, tmp_path, transport) -> None:
    """No try outlives its request, nor a retry that still waits for its instant."""
    case = {"tier": "critical", "hedge": Hedge(after_s=0.01), "retry": Retry()}

    async def test(gateway, ups):
        asking = asyncio.create_task(kit.post(gateway, kit.CHAT))
        await kit.until(lambda: ups.a.requests and ups.b.requests)
        asking.cancel()
        await kit.until(lambda: (ups.a.aborted, ups.b.aborted) == (1, 1))

    (record,) = kit.enforce(tmp_path, test, {"a": kit.hangs, "b": kit.hangs}, transport, use_case=case)
    assert sorted(kit.tried(record)) == [
        ("a", "primary", "cancelled", "client_gone"),
        ("b", "hedge", "cancelled", "client_gone"),
    ]


def test_a_client_that_leaves_while_a_retry_waits(kit, tmp_path) -> None:
    """The pause ends with the request; nothing is sent afterwards."""

    async def test(gateway, ups):
        asking = asyncio.create_task(kit.post(gateway, kit.CHAT))
        await kit.until(lambda: gateway.runtime.conditions.of("a").circuit._bad_sum)
        asking.cancel()
        await kit.until(lambda: kit.records(tmp_path))
        assert len(ups.a.requests) == 1

    (record,) = kit.enforce(tmp_path, test, {"a": kit.fails(500)}, use_case={"retry": Retry(backoff_s=15.0)})
    assert (record.status, record.reason) == ("cancelled", "client_gone")
    assert kit.tried(record) == [("a", "primary", "error", "upstream_500")]


# What a record holds


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_must_last_waits_for_the_disk(kit, tmp_path, transport, stream) -> None:
    """With `ack: durable` the last byte leaves after the fsync of its record."""
    order = []

    async def test(gateway, ups):
        journal = gateway.runtime.journal
        durable = journal.durable

        async def watched() -> None:
            await durable()
            order.append("durable")

        journal.durable = watched
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream})
        order.append("answered")
        assert answer.status == 200

    (record,) = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case={"ack_durable": True})
    assert order == ["durable", "answered"]
    assert record.status == "answered"


@pytest.mark.parametrize("stream", [False, True])
def test_a_record_tells_the_whole_story(kit, tmp_path, transport, stream) -> None:
    """Who, what, where, why, by which chance, how long in which stage, for how much."""
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    said = {
        "subject": "ada", "session": "s1", "consent": "granted", "region": "eu", "device-class": "phone",
        "channel": "app", "labels": "cohort=x,vip=yes", "deadline-ms": "15000",
    }  # fmt: skip
    headers = [(f"x-breakeven-{name}", value) for name, value in said.items()]

    async def test(gateway, ups):
        more = [*headers, ("traceparent", f"00-{trace}-00f067aa0ba902b7-01")]
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream}, headers=more)
        assert answer.status == 200
        ((head, _),) = ups.a.requests + ups.b.requests
        assert trace.encode() in head

    targets = (RouteTarget(deployment="a", weight=1.0, arm="A"), RouteTarget(deployment="b", weight=3.0, arm="B"))
    route = kit.Route(strategy="weighted", targets=targets)
    case = {"route": route, "budget_s": 20.0, "ttft_s": 10.0, "tpot_s": 5.0}
    handlers = {"a": kit.honest, "b": kit.honest}
    (record,) = kit.enforce(tmp_path, test, handlers, transport, use_case=case, plan_id="plan7")
    assert record.eligible == ("a", "b")
    assert sum(record.propensities) == pytest.approx(1.0)
    assert record.propensities == pytest.approx((0.25, 0.75))
    assert record.arm == record.chosen.upper() == record.deployment.upper()
    assert (record.use_case, record.tenant, record.tier, record.policy_id, record.plan_id) == (
        "assistant", "default", "important", "p1", "plan7",
    )  # fmt: skip
    assert (record.trace_id, record.session, record.consent, record.region) == (trace, "s1", "granted", "eu")
    assert (record.device_class, record.channel, record.labels) == ("phone", "app", {"cohort": "x", "vip": "yes"})
    assert record.subject not in {"", "ada"}
    assert (record.budget_s, record.in_budget, record.stream, record.sequence) == (15.0, True, stream, 1)
    assert sum(record.stages.values()) == pytest.approx(record.total_s, abs=3e-6)
    assert {"gateway", "connect", "inference", "post"} <= set(record.stages)
    assert record.served == record.consumed == record.billable == record.priced == Tokens(input=11, output=3)
    assert (record.cost_pico_usd, record.price_id, record.cost_basis) == (46_000_000, "api/x", "derived")
    assert (record.ttft_s is not None, record.tpot_s is not None) == (stream, stream)
    assert len(record.features_hash) == 32


def test_every_stage_sums_to_the_total_whatever_happened(kit, tmp_path) -> None:
    """Answered, retried, fallen back, refused, cached: the waterfall has no hole and no overlap."""
    asks = [{**kit.CHAT, "max_tokens": number} for number in range(6)]

    async def test(gateway, ups):
        for body in asks:
            await kit.post(gateway, body)
            await kit.post(gateway, {**body, "stream": True})
            await kit.post(gateway, body, headers=[("x-breakeven-deadline-ms", "0")])

    turns = [kit.honest, kit.fails(500), kit.fails(429), kit.honest, kit.fails(503), kit.fails(502), kit.honest]
    case = {**DEFAULT, "retry": Retry(ratio=1.0, backoff_s=0.001), "cache_ttl_s": 60.0}
    found = kit.enforce(tmp_path, test, {"a": kit.in_turn(*turns), "b": kit.in_turn(*turns)}, use_case=case)
    assert len(found) == 18
    assert {one.status for one in found} >= {"answered", "fallback"}
    for one in found:
        assert sum(one.stages.values()) == pytest.approx(one.total_s, abs=3e-6)
        assert min(one.stages.values()) >= 0
        assert all(line.start_s >= 0 and line.start_s + line.duration_s <= one.total_s + 1e-9 for line in one.attempts)
    assert [one.sequence for one in found] == list(range(1, 19))
