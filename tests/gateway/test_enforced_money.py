"""Money and quotas over real sockets: what may be spent, by whom, how fast; and what is said when it may not."""

import asyncio
import json
from decimal import Decimal
from hashlib import sha256

import pytest

from breakeven.schema.policy import Budget, Quota, Tenant

IN, OUT = 2_000_000, 8_000_000
"""Pico-USD per token, as the kit's price has them."""
ANSWER = 11 * IN + 3 * OUT
"""What one answer of the kit's upstream costs."""


def worst(kit, output: int, **more) -> int:
    """What a request holds of a hard budget: a token per byte, the template's, and its output."""
    return (len(json.dumps({**kit.CHAT, **more})) + 64) * IN + output * OUT


def budget(limit_pico_usd: int, **changes) -> dict:
    return {"budgets": (Budget(name="b", limit_pico_usd=limit_pico_usd, **changes),)}


def remaining(answer) -> int:
    return int(Decimal(answer.headers["x-breakeven-budget-remaining"]) * 10**12)


def test_a_hard_budget_refuses_what_it_could_not_pay(kit, tmp_path, transport) -> None:
    """At the worst case, before anything is sent; the answer says why, and until when."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "max_tokens": 100})
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (429, "budget_exhausted")
        assert json.loads(answer.body)["error"]["type"] == "rate_limit_error"
        assert 1 <= int(answer.headers["retry-after"]) <= 86_400
        assert ups.a.requests == []
        smaller = await kit.post(gateway, {**kit.CHAT, "max_tokens": 10})
        assert smaller.status == 200

    limit = worst(kit, 50, max_tokens=100)
    refused, answered = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, **budget(limit))
    assert (refused.status, refused.reason, refused.cost_pico_usd) == ("refused", "budget_exhausted", 0)
    assert (refused.attempts, answered.status) == ((), "answered")


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_left_stands_in_a_header(kit, tmp_path, transport, stream) -> None:
    """Each answer takes its cost from the budget; a stream's head says what is left besides what it holds."""
    limit = 10**12

    async def test(gateway, ups):
        whole = await kit.post(gateway, kit.CHAT)
        assert remaining(whole) == limit - ANSWER
        body = {**kit.CHAT, "max_tokens": 7, "stream": stream}
        second = await kit.post(gateway, body)
        held = worst(kit, 7, max_tokens=7, stream=stream) if stream else ANSWER
        assert remaining(second) == limit - ANSWER - held
        assert remaining(await kit.post(gateway, kit.CHAT)) == limit - 3 * ANSWER

    kit.enforce(tmp_path, test, {"a": kit.honest}, transport, **budget(limit))


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_hard_budget_states_a_limit_where_the_request_does_not(kit, tmp_path, field) -> None:
    """Output must be bounded to be paid for: the use case's bound goes upstream; what the client says stays."""

    async def test(gateway, ups):
        await kit.post(gateway, kit.CHAT)
        await kit.post(gateway, {**kit.CHAT, field: 5})
        first, second = (body for _, body in ups.a.requests)
        assert (first["max_tokens"], second.get("max_tokens"), second[field]) == (77, second.get("max_tokens"), 5)
        assert first["messages"] == kit.CHAT["messages"]

    kit.enforce(tmp_path, test, {"a": kit.honest}, use_case={"max_output_tokens": 77}, **budget(10**13))


def test_without_a_bound_of_its_own_it_is_4096(kit, tmp_path) -> None:
    """A model may say much where nobody says how much."""

    async def test(gateway, ups):
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert ups.a.requests[0][1]["max_tokens"] == 4096

    kit.enforce(tmp_path, test, {"a": kit.honest}, **budget(10**13))


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_short_budget_caps_the_answer(kit, tmp_path, transport, field) -> None:
    """`cap` sends what is left as the request's own limit; too little for an answer is a refusal."""
    held = worst(kit, 0, **{field: 1000})
    limit = held + 40 * OUT

    async def test(gateway, ups):
        for cap in (40, 40 - -(-ANSWER // OUT), 40 - -(-2 * ANSWER // OUT)):
            answer = await kit.post(gateway, {**kit.CHAT, field: 1000})
            assert (answer.status, ups.a.requests[-1][1][field]) == (200, cap)
        while answer.status == 200:
            answer = await kit.post(gateway, {**kit.CHAT, field: 1000})
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (429, "budget_exhausted")
        assert ups.a.requests[-1][1][field] >= 16

    every = (
        Budget(name="all", limit_pico_usd=10**13),
        Budget(name="day", limit_pico_usd=limit, on_exhausted="cap"),
        Budget(name="soft", limit_pico_usd=10**13, hard=False),
    )
    found = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, budgets=every)
    assert {one.status for one in found[:-1]} == {"answered"}
    assert sum(one.cost_pico_usd for one in found) <= limit


def test_an_exhausted_budget_walks_the_failure_chain(kit, tmp_path, transport) -> None:
    """`fallback`: a cheaper deployment if the money holds, else a prepared answer."""

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "max_tokens": 1000})
        assert (answer.status, answer.headers["x-breakeven-reason"]) == (200, "budget_exhausted")
        assert (len(ups.a.requests), len(ups.cheap.requests)) == (0, 1)
        dear = await kit.post(gateway, {**kit.CHAT, "max_tokens": 50_000})
        assert json.loads(dear.body)["choices"][0]["message"]["content"] == "no money"

    cheap = kit.TokenPrice(price_id="cheap", input_pico_usd=1000, output_pico_usd=1000)
    case = {"failure": ("deployment:cheap", "default"), "default_body": "no money"}
    limit = 20_000_000
    other, prepared = kit.enforce(
        tmp_path, test, {"a": kit.honest, "cheap": kit.honest}, transport, use_case=case, route=("a",),
        deployment_of={"cheap": {"tokens": cheap}}, **budget(limit, on_exhausted="fallback"),
    )  # fmt: skip
    assert (other.status, other.deployment, other.reason) == ("answered", "cheap", "budget_exhausted")
    assert (other.cost_pico_usd, prepared.cost_pico_usd) == (14_000, 0)
    assert (prepared.status, prepared.reason) == ("fallback", "budget_exhausted")


def test_a_server_that_sends_more_than_it_was_told_is_cut(kit, tmp_path, transport) -> None:
    """The stream ends where what was paid for ends, with an error event; the model's connection ends too."""

    async def endless(head, body, writer):
        writer.write(kit.STREAM_HEAD)
        while True:
            writer.write(kit.sse(kit.delta("x")))
            await writer.drain()
            await asyncio.sleep(0.002)

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": True, "max_tokens": 5})
        assert 5 <= answer.body.count(b'"content"') <= 10
        assert b'"code":"budget_exhausted"' in answer.body
        assert b"[DONE]" not in answer.body
        await kit.until(lambda: ups.a.aborted == 1)

    (record,) = kit.enforce(tmp_path, test, {"a": endless}, transport, **budget(10**12))
    assert (record.status, record.reason) == ("failed", "budget_exhausted")
    assert kit.tried(record) == [("a", "primary", "error", "budget_exhausted")]


def test_a_soft_budget_pays_for_more_while_there_is_some(kit, tmp_path) -> None:
    """It holds an estimate; a longer answer goes on."""
    count = 400

    async def long(head, body, writer):
        writer.write(kit.STREAM_HEAD)
        for _ in range(count):
            writer.write(kit.sse(kit.delta("x")))
        writer.write(kit.STREAM_END)

    async def test(gateway, ups):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": True})
        assert answer.body.count(b'"content"') == count
        assert "max_tokens" not in ups.a.requests[0][1]

    (record,) = kit.enforce(tmp_path, test, {"a": long}, **budget(10**12, hard=False))
    assert (record.status, record.consumed.output) == ("answered", count)


def test_many_at_once_never_overspend(kit, tmp_path, transport) -> None:
    """Whatever races: answered requests together cost at most the budget, and what is refused was never sent."""
    limit = 12 * worst(kit, 3, max_tokens=3)

    async def test(gateway, ups):
        body = {**kit.CHAT, "max_tokens": 3}
        answers = await asyncio.gather(*(kit.post(gateway, body) for _ in range(64)))
        statuses = [one.status for one in answers]
        assert set(statuses) <= {200, 429}
        assert 12 <= statuses.count(200) == len(ups.a.requests)

    found = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, **budget(limit))
    assert sum(one.cost_pico_usd for one in found) <= limit


# Tenants


def tenants(*names: str, **fields) -> dict:
    return {
        "tenants": tuple(Tenant(name=one, key_sha256=(sha256(one.encode()).hexdigest(),), **fields) for one in names)
    }


def bearer(name: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {name}")]


async def refused(kit, gateway, reason: str) -> int:
    """A request of acme is refused for this reason; the seconds it is told to wait."""
    answer = await kit.post(gateway, kit.CHAT, headers=bearer("acme"))
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"], error["type"]) == (429, reason, "rate_limit_error")
    return int(answer.headers["retry-after"])


@pytest.mark.parametrize(
    ("quota", "many", "reason", "wait_s"),
    [
        (Quota(requests_per_s=0.02, burst_s=100), 2, "rate_limited", (1, 50)),
        (Quota(requests_per_day=2), 2, "quota_exhausted", (1, 86_400)),
        (Quota(tokens_per_min=6, burst_s=250), 1, "rate_limited", (1, 250)),
    ],
)
def test_a_quota_bounds_its_tenant_alone(kit, tmp_path, transport, quota, many, reason, wait_s) -> None:
    """So many go, the next is told when to come back; another tenant is not touched, and nothing is sent."""

    async def test(gateway, ups):
        for _ in range(many):
            assert (await kit.post(gateway, kit.CHAT, headers=bearer("acme"))).status == 200
        assert wait_s[0] <= await refused(kit, gateway, reason) <= wait_s[1]
        assert len(ups.a.requests) == many
        assert (await kit.post(gateway, kit.CHAT, headers=bearer("other"))).status == 200

    both = {"tenants": tenants("acme", quota=quota)["tenants"] + tenants("other")["tenants"]}
    found = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, **both)
    assert [one.tenant for one in found] == ["acme"] * (many + 1) + ["other"]
    assert (found[many].status, found[many].reason, found[many].attempts) == ("refused", reason, ())


def test_a_tenant_has_so_many_in_flight(kit, tmp_path, transport) -> None:
    """One more is refused at once; a place that comes free is used again, also after a client that left."""

    async def test(gateway, ups):
        asking = asyncio.create_task(kit.post(gateway, kit.CHAT, headers=bearer("acme")))
        await kit.until(lambda: ups.a.requests)
        assert await refused(kit, gateway, "rate_limited") >= 1
        asking.cancel()
        await kit.until(lambda: ups.a.aborted)
        asking = asyncio.create_task(kit.post(gateway, kit.CHAT, headers=bearer("acme")))
        await kit.until(lambda: len(ups.a.requests) == 2)
        asking.cancel()
        await kit.until(lambda: ups.a.aborted == 2)

    found = kit.enforce(tmp_path, test, {"a": kit.hangs}, transport, **tenants("acme", quota=Quota(max_in_flight=1)))
    assert [one.status for one in found] == ["refused", "cancelled", "cancelled"]


def test_a_tenant_asks_for_its_own_use_cases_only(kit, tmp_path, transport) -> None:
    """403 by header, by model and by default alike: no prediction, no record, nothing sent."""
    route = kit.Route(strategy="fixed", targets=(kit.RouteTarget(deployment="a"),))
    more = (kit.UseCase(name="batch", route=route, models=("big",)),)

    async def test(gateway, ups):
        for body, said in ((kit.CHAT, []), (kit.CHAT, [("x-breakeven-use-case", "assistant")])):
            answer = await kit.post(gateway, body, headers=[*bearer("labs"), *said])
            error = json.loads(answer.body)["error"]
            assert (answer.status, error["code"]) == (403, "forbidden")
            assert "'labs'" in error["message"]
        assert ups.a.requests == []
        assert (await kit.post(gateway, {**kit.CHAT, "model": "big"}, headers=bearer("labs"))).status == 200
        for headers in ([], bearer("nobody")):
            answer = await kit.post(gateway, kit.CHAT, headers=headers)
            assert (answer.status, json.loads(answer.body)["error"]["code"]) == (401, "invalid_api_key")
            assert answer.headers["www-authenticate"] == "Bearer"

    allowed = tenants("labs", use_cases=("batch",))
    found = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, more_use_cases=more, **allowed)
    assert [(one.use_case, one.tenant) for one in found] == [("batch", "labs")]
