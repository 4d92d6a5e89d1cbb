"""Deployments that are ill: circuit breakers, frozen engines, and how much is let in at once."""

import asyncio
import json

import pytest

from breakeven.schema.policy import Breaker, Retry

QUICK = Breaker(failures=0.5, least=2, window_s=60.0, probe_s=0.05)
DEFAULT = {"failure": ("default", "error"), "default_body": "Please try later."}


def test_a_lone_dead_target_fails_fast_and_heals_by_one_probe(kit, tmp_path, transport) -> None:
    """Once it is known to be dead nothing reaches it but probes; the first that succeeds lets everybody in."""
    well = []

    async def ill(head, body, writer):
        await (kit.honest if well else kit.fails(500))(head, body, writer)

    async def answered(gateway):
        return (await kit.post(gateway, kit.CHAT)).status == 200

    async def test(gateway, ups):
        for _ in range(2):
            assert (await kit.post(gateway, kit.CHAT)).status == 502
        refused = await kit.post(gateway, kit.CHAT)
        assert (refused.status, json.loads(refused.body)["error"]["code"]) == (503, "circuit_open")
        assert int(refused.headers["retry-after"]) >= 1
        well.append(True)
        await kit.until(lambda: answered(gateway))
        assert all([await answered(gateway) for _ in range(3)])

    found = kit.enforce(tmp_path, test, {"a": ill}, transport, breaker=QUICK)
    refused = [one for one in found if one.reason == "circuit_open"]
    assert {(one.status, one.attempts, one.cost_pico_usd) for one in refused} == {("refused", (), 0)}
    assert [one.status for one in found if one not in refused] == ["failed"] * 2 + ["answered"] * 4


def test_of_many_that_wait_one_is_the_probe(kit, tmp_path) -> None:
    """However many come at once, a dead target sees one of them in each interval."""
    slow = Breaker(failures=0.5, least=1, window_s=60.0, probe_s=0.3)

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 502
        await kit.until(
            lambda: gateway.runtime.conditions.of("a").circuit.allows(asyncio.get_running_loop().time()) == "probe"
        )
        together = await asyncio.gather(*(kit.post(gateway, kit.CHAT) for _ in range(8)))
        assert sorted(one.status for one in together) == [502] + [503] * 7
        assert len(ups.a.requests) == 2

    kit.enforce(tmp_path, test, {"a": kit.fails(500)}, breaker=slow)


def test_a_dead_target_is_left_for_the_other(kit, tmp_path, transport) -> None:
    """While one of two is dead nobody meets it, and the eligible set in the record says so."""
    rule = Breaker(failures=0.5, least=2, window_s=60.0, probe_s=60.0)

    async def test(gateway, ups):
        for _ in range(5):
            assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert (len(ups.a.requests), len(ups.b.requests)) == (2, 5)

    handlers = {"a": kit.fails(503), "b": kit.honest}
    case = {"retry": Retry(ratio=1.0)}
    found = kit.enforce(tmp_path, test, handlers, transport, use_case=case, breaker=rule)
    assert [one.eligible for one in found] == [("a", "b")] * 2 + [("b",)] * 3
    assert {(one.eligible, one.propensities) for one in found} == {(("a", "b"), (1.0, 0.0)), (("b",), (1.0,))}


def test_the_callers_own_faults_say_nothing_of_a_target(kit, tmp_path) -> None:
    """A thousand bad requests do not close it for the others."""

    async def test(gateway, ups):
        for _ in range(6):
            assert (await kit.post(gateway, kit.CHAT)).status == 400
        assert len(ups.a.requests) == 6

    kit.enforce(tmp_path, test, {"a": kit.fails(400)}, breaker=QUICK)


def test_a_frozen_engine_is_left_alone_whatever_its_health_page_says(kit, tmp_path, transport) -> None:
    """Liveness needs a token: after `stall_s` of waiting in vain nobody waits again until something moves."""

    async def test(gateway, ups):
        headers = [("x-breakeven-deadline-ms", "300")]
        late = await kit.post(gateway, kit.CHAT, headers=headers)
        assert late.headers["x-breakeven-reason"] == "deadline"
        page = await gateway.client.request("GET", ups.a.url + "/models")
        assert page.status == 200
        quick = await kit.post(gateway, kit.CHAT, headers=headers)
        assert (quick.status, quick.headers["x-breakeven-reason"]) == (200, "circuit_open")

    found = kit.enforce(
        tmp_path, test, {"a": kit.hangs}, transport, use_case=DEFAULT, backend_of={"a": {"stall_s": 0.2}},
        breaker=Breaker(least=1000, probe_s=60.0),
    )  # fmt: skip
    assert [(one.status, one.reason) for one in found] == [("fallback", "deadline"), ("fallback", "circuit_open")]


# How much is let in


async def crowd(kit, gateway, up, count: int, use_case: str) -> list[asyncio.Task]:
    """So many requests in flight at the model."""
    there = len(up.requests)
    headers = [("x-breakeven-use-case", use_case)]
    asking = [asyncio.create_task(kit.post(gateway, kit.CHAT, headers=headers)) for _ in range(count)]
    await kit.until(lambda: len(up.requests) == there + count)
    return asking


@pytest.fixture
def tiers(kit):
    """A use case for each tier, beside the important `assistant`, on one deployment that holds 8 requests."""
    route = kit.Route(strategy="fixed", targets=(kit.RouteTarget(deployment="a"),))
    more = [kit.UseCase(name=tier, tier=tier, route=route) for tier in ("critical", "opportunistic")]
    return {"more_use_cases": more, "deployment_of": {"a": {"max_in_flight": 8}}}


def test_load_is_shed_strictly_by_tier(kit, tmp_path, transport, tiers) -> None:
    """Of 8 places the opportunistic tier gets 60 %, the important one 85 %, the critical one all."""
    go = asyncio.Event()

    async def waits(head, body, writer):
        await go.wait()
        await kit.honest(head, body, writer)

    async def refused(gateway, use_case):
        answer = await kit.post(gateway, kit.CHAT, headers=[("x-breakeven-use-case", use_case)])
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (503, "overload")
        assert int(answer.headers["retry-after"]) >= 1

    async def test(gateway, ups):
        asking = await crowd(kit, gateway, ups.a, 5, "opportunistic")
        await refused(gateway, "opportunistic")
        asking += await crowd(kit, gateway, ups.a, 2, "assistant")
        await refused(gateway, "assistant")
        await refused(gateway, "opportunistic")
        asking += await crowd(kit, gateway, ups.a, 1, "critical")
        go.set()
        assert [one.status for one in await asyncio.gather(*asking)] == [200] * 8

    found = kit.enforce(tmp_path, test, {"a": waits}, transport, **tiers)
    shed = [one for one in found if one.status == "refused"]
    assert [(one.tier, one.reason, one.attempts, one.cost_pico_usd) for one in shed] == [
        ("opportunistic", "overload", (), 0),
        ("important", "overload", (), 0),
        ("opportunistic", "overload", (), 0),
    ]
    assert max(one.in_flight for one in found) <= 8


def test_what_is_shed_walks_the_failure_chain(kit, tmp_path) -> None:
    """A full deployment is no reason to say nothing: the next step may have room, or an answer."""

    async def test(gateway, ups):
        first = asyncio.create_task(kit.post(gateway, kit.CHAT))
        await kit.until(lambda: ups.a.requests)
        second = await kit.post(gateway, kit.CHAT)
        assert (second.status, len(ups.a.requests), len(ups.b.requests)) == (200, 1, 1)
        first.cancel()
        await kit.until(lambda: ups.a.aborted)

    full = {"a": {"max_in_flight": 1}}
    case = {"failure": ("deployment:b", "error")}
    other, gone = kit.enforce(
        tmp_path, test, {"a": kit.hangs, "b": kit.honest}, use_case=case, deployment_of=full, route=("a",)
    )
    assert (other.status, other.reason, kit.tried(other)) == ("answered", "overload", [("b", "fallback", "ok", "")])
    assert gone.status == "cancelled"


def test_admission_ends_with_the_request(kit, tmp_path, transport) -> None:
    """Answers, failures and clients that left all give their place back."""
    one_place = {"a": {"max_in_flight": 1}}

    async def test(gateway, ups):
        for _ in range(3):
            asking = asyncio.create_task(kit.post(gateway, kit.CHAT))
            there = len(ups.a.requests)
            await kit.until(lambda there=there: len(ups.a.requests) > there)
            asking.cancel()
            await kit.until(lambda: gateway.runtime.conditions.of("a").load.count == 0)
        assert len(ups.a.requests) == 3

    found = kit.enforce(tmp_path, test, {"a": kit.hangs}, transport, deployment_of=one_place)
    assert [one.status for one in found] == ["cancelled"] * 3
