"""Second tries over real sockets: retries within their budget, hedges in the tiers that allow them."""

import asyncio
import json
import time

import pytest

from breakeven.schema.policy import Breaker, Hedge, Retry
from breakeven.schema.record import Tokens

PATIENT = Breaker(least=1000)
"""So that the breaker stays out of what is shown here."""


def test_a_failure_is_tried_again_at_another_target(kit, tmp_path, transport) -> None:
    """The client sees an answer, the record both tries; the failed one cost nothing."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, json.loads(answer.body)) == (200, kit.COMPLETION)
        assert answer.headers["x-breakeven-reason"] == "answered"
        assert (len(ups.a.requests), len(ups.b.requests)) == (1, 1)

    handlers = {"a": kit.fails(500), "b": kit.honest}
    (record,) = kit.enforce(tmp_path, test, handlers, transport, use_case={"retry": Retry()})
    assert kit.tried(record) == [("a", "primary", "error", "upstream_500"), ("b", "retry", "ok", "")]
    assert (record.status, record.chosen, record.deployment) == ("answered", "a", "b")
    assert record.cost_pico_usd == 11 * 2_000_000 + 3 * 8_000_000


def test_a_stream_is_tried_again_before_its_first_word(kit, tmp_path, transport) -> None:
    """An error event under 200, even with [DONE] behind it, is a failure; until words are out another may speak."""

    async def lies(head, body, writer):
        writer.write(kit.STREAM_HEAD + kit.sse({"error": {"message": "boom"}}) + kit.STREAM_END)

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": True})
        assert (answer.status, answer.body.count(b'"content"')) == (200, 3)
        assert b"boom" not in answer.body
        assert answer.body.endswith(b"data: [DONE]\n\n")

    (record,) = kit.enforce(tmp_path, test, {"a": lies, "b": kit.honest}, transport, use_case={"retry": Retry()})
    assert kit.tried(record) == [("a", "primary", "error", "upstream_error"), ("b", "retry", "ok", "")]


def test_a_lone_target_is_tried_again_after_a_pause(kit, tmp_path, transport) -> None:
    """Without Retry-After the pause is the backoff, from the request's seed."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert len(ups.a.requests) == 2

    handlers = {"a": kit.in_turn(kit.fails(503), kit.honest)}
    (record,) = kit.enforce(tmp_path, test, handlers, transport, use_case={"retry": Retry(backoff_s=0.05)})
    assert kit.tried(record) == [("a", "primary", "error", "upstream_503"), ("a", "retry", "ok", "")]
    first, second = record.attempts
    assert second.start_s - (first.start_s + first.duration_s) >= 0.025


def test_retry_after_is_a_floor(kit, tmp_path) -> None:
    """What the backend asks for is kept to, by every request: meanwhile others are refused, and told when to come."""
    at = []

    async def busy(head, body, writer):
        at.append(time.monotonic())
        await kit.in_turn(kit.fails(429, retry_after="1"))(head, body, writer)

    async def well(head, body, writer):
        at.append(time.monotonic())
        await kit.honest(head, body, writer)

    async def test(gateway, ups):
        first = asyncio.create_task(kit.post(gateway, kit.CHAT))
        await kit.until(lambda: gateway.runtime.conditions.of("a").circuit.state(time.monotonic()) == "open")
        other = await kit.post(gateway, kit.CHAT)
        assert (other.status, int(other.headers["retry-after"]) >= 1) == (503, True)
        assert (await first).status == 200

    found = kit.enforce(tmp_path, test, {"a": kit.in_turn(busy, well)}, use_case={"retry": Retry()})
    assert [one.reason for one in found] == ["circuit_open", ""]
    assert at[1] - at[0] >= 0.99


def test_nobody_waits_for_a_retry_that_would_come_too_late(kit, tmp_path) -> None:
    """Retry-After beyond the deadline: the failure chain answers at once."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, len(ups.a.requests)) == (200, 1)

    case = {"retry": Retry(), "budget_s": 15.0, "failure": ("default",), "default_body": "later"}
    (record,) = kit.enforce(tmp_path, test, {"a": kit.fails(429, retry_after="20")}, use_case=case)
    assert (record.status, record.reason) == ("fallback", "upstream_429")


@pytest.mark.parametrize("status", [400, 401, 404, 413, 422])
def test_the_callers_fault_is_not_tried_again(kit, tmp_path, status) -> None:
    """Another target would say the same."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == status
        assert ups.b.requests == []

    handlers = {"a": kit.fails(status), "b": kit.honest}
    (record,) = kit.enforce(tmp_path, test, handlers, use_case={"retry": Retry()})
    assert (record.status, record.reason, len(record.attempts)) == ("refused", f"upstream_{status}", 1)


def test_retries_stay_within_their_budget(kit, tmp_path, transport) -> None:
    """While everything fails, n requests are at most n + 1 + ratio x n tries, over all targets."""

    async def test(gateway, ups):
        for _ in range(20):
            assert (await kit.post(gateway, kit.CHAT)).status == 502
        assert len(ups.a.requests) + len(ups.b.requests) == 20 + 1 + 2

    handlers = {"a": kit.fails(500), "b": kit.fails(500)}
    case = {"retry": Retry(ratio=0.1)}
    found = kit.enforce(tmp_path, test, handlers, transport, use_case=case, breaker=PATIENT)
    assert sum(one.kind == "retry" for record in found for one in record.attempts) == 3
    assert {record.status for record in found} == {"failed"}


def test_one_request_is_tried_a_bounded_number_of_times(kit, tmp_path) -> None:
    """`attempts` bounds the tries of one request, whatever the budget holds."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 502
        assert [len(one.requests) for one in (ups.a, ups.b, ups.c, ups.d)].count(1) == 3

    handlers = dict.fromkeys("abcd", kit.fails(500))
    case = {"retry": Retry(ratio=10.0, attempts=3)}
    (record,) = kit.enforce(tmp_path, test, handlers, use_case=case, breaker=PATIENT)
    assert [one.kind for one in record.attempts] == ["primary", "retry", "retry"]


# Hedges

CRITICAL = {"tier": "critical", "hedge": Hedge(after_s=0.02)}


@pytest.mark.parametrize("stream", [False, True])
def test_the_first_of_two_wins_and_the_other_is_cancelled(kit, tmp_path, transport, stream) -> None:
    """The loser's connection ends upstream; both tries are in the record, and so is the cost of both."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream})
        assert answer.status == 200
        await kit.until(lambda: ups.a.aborted == 1)
        assert len(ups.b.requests) == 1

    handlers = {"a": kit.hangs, "b": kit.honest}
    (record,) = kit.enforce(tmp_path, test, handlers, transport, use_case=CRITICAL)
    assert sorted(kit.tried(record)) == [
        ("a", "primary", "cancelled", "another_was_faster"),
        ("b", "hedge", "ok", ""),
    ]
    assert (record.status, record.chosen, record.deployment) == ("answered", "a", "b")
    assert record.served == Tokens(input=11, output=3)
    assert record.consumed.input > 11
    assert (record.consumed.output, record.tokens_basis) == (3, "assumed")
    assert record.cost_pico_usd == record.consumed.input * 2_000_000 + 3 * 8_000_000


def test_a_hedge_that_fails_leaves_the_first_alone(kit, tmp_path) -> None:
    """The slow first may still answer."""
    told = asyncio.Event()

    async def slow(head, body, writer):
        await told.wait()
        await kit.honest(head, body, writer)

    async def broken(head, body, writer):
        await kit.fails(500)(head, body, writer)
        told.set()

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    (record,) = kit.enforce(tmp_path, test, {"a": slow, "b": broken}, use_case=CRITICAL)
    assert kit.tried(record) == [("b", "hedge", "error", "upstream_500"), ("a", "primary", "ok", "")]


def test_a_first_that_fails_leaves_the_hedge_running(kit, tmp_path) -> None:
    """And a hedge that answers then is the answer."""
    hedged = asyncio.Event()

    async def first(head, body, writer):
        await hedged.wait()
        await kit.fails(500)(head, body, writer)

    async def second(head, body, writer):
        hedged.set()
        await asyncio.sleep(0.1)
        await kit.honest(head, body, writer)

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    (record,) = kit.enforce(tmp_path, test, {"a": first, "b": second}, use_case=CRITICAL)
    assert kit.tried(record) == [("a", "primary", "error", "upstream_500"), ("b", "hedge", "ok", "")]


@pytest.mark.parametrize("tier", ["important", "opportunistic"])
def test_only_tiers_that_allow_it_hedge(kit, tmp_path, tier) -> None:
    """The critical tier alone, unless the policy says otherwise."""

    async def slow(head, body, writer):
        await asyncio.sleep(0.2)
        await kit.honest(head, body, writer)

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert ups.b.requests == []

    (record,) = kit.enforce(tmp_path, test, {"a": slow, "b": kit.honest}, use_case={**CRITICAL, "tier": tier})
    assert kit.tried(record) == [("a", "primary", "ok", "")]


def test_hedges_stay_within_their_budget(kit, tmp_path) -> None:
    """With nothing earned the second slow request waits for its own answer."""

    async def slow(head, body, writer):
        await asyncio.sleep(0.1)
        await kit.honest(head, body, writer)

    async def test(gateway, ups):
        for _ in range(3):
            assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert (len(ups.a.requests), len(ups.b.requests)) == (3, 1)

    case = {"tier": "critical", "hedge": Hedge(after_s=0.01, ratio=0.0)}
    kit.enforce(tmp_path, test, {"a": slow, "b": kit.honest}, use_case=case)
