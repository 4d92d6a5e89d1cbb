"""The exact cache over real sockets: what may be answered from it, and what never."""

import json
from hashlib import sha256

import pytest

from breakeven.schema.policy import Tenant
from breakeven.schema.record import Tokens

KEPT = {"cache_ttl_s": 60.0}
BODY = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "temperature": 0.5}


async def outcomes(kit, gateway, *asks) -> list[str]:
    """What the cache said to each: a body, or a body with headers."""
    said = []
    for ask in asks:
        body, headers = ask if isinstance(ask, tuple) else (ask, ())
        answer = await kit.post(gateway, body, headers=headers)
        assert answer.status == 200
        said.append(answer.headers["x-breakeven-cache"])
    return said


@pytest.mark.parametrize("stream", [False, True])
def test_the_same_question_is_answered_once(kit, tmp_path, transport, stream) -> None:
    """Byte by byte the same answer, a stream as valid events; served tokens and no cost, nothing sent."""

    async def test(gateway, ups):
        first = await kit.post(gateway, {**BODY, "stream": stream})
        again = await kit.post(gateway, {**BODY, "stream": stream})
        events = [[line for line in one.body.splitlines() if not line.startswith(b":")] for one in (first, again)]
        assert events[0] == events[1]
        assert (first.headers["x-breakeven-cache"], again.headers["x-breakeven-cache"]) == ("miss", "hit")
        assert again.headers["x-breakeven-cost"] == "0"
        assert first.headers["x-breakeven-prediction-id"] != again.headers["x-breakeven-prediction-id"]
        assert len(ups.a.requests) == 1

    miss, hit = kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case=KEPT)
    assert (miss.status, hit.status, hit.cache, hit.attempts) == ("answered", "cached", "hit", ())
    assert (hit.served, hit.consumed, hit.cost_pico_usd) == (Tokens(input=11, output=3), Tokens(), 0)


def test_what_asks_for_the_same_hits(kit, tmp_path, transport) -> None:
    """Order of keys, blanks, spelling of numbers, who asks, notes: no answer depends on them."""
    same = [
        dict(reversed(BODY.items())),
        json.dumps(BODY, indent=3).encode(),
        json.dumps(BODY).replace("0.5", "5e-1").encode(),
        json.dumps(BODY).replace('"hi"', '"\\u0068i"').encode(),
        {**BODY, "user": "ada", "metadata": {"a": "b"}, "stream": False, "seed": None},
    ]

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, BODY, *same) == ["miss"] + ["hit"] * len(same)

    kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case=KEPT)


def test_what_asks_for_something_else_misses(kit, tmp_path) -> None:
    """Another word, parameter, model, form or credential."""
    other = [
        {**BODY, "messages": [{"role": "user", "content": "Hi"}]},
        {**BODY, "messages": [{"role": "system", "content": "hi"}]},
        {**BODY, "temperature": 0.6},
        {**BODY, "model": "n"},
        {**BODY, "stream": True},
        {**BODY, "max_tokens": 3},
        (BODY, [("authorization", "Bearer other")]),
    ]

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, BODY, *other) == ["miss"] * 8
        assert len(ups.a.requests) == 8

    kit.enforce(tmp_path, test, {"a": kit.honest}, use_case=KEPT)


@pytest.mark.parametrize(
    "ask",
    [
        (BODY, [("cache-control", "no-store")]),
        (BODY, [("cache-control", "no-cache")]),
        (BODY, [("cache-control", "max-age=0")]),
        {**BODY, "tools": [{"type": "function", "function": {"name": "pay"}}]},
        {**BODY, "functions": [{"name": "pay"}]},
    ],
)
def test_what_must_not_be_kept_is_not(kit, tmp_path, ask) -> None:
    """Neither written nor read, before or after an answer that may be kept."""

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, ask, ask, BODY, ask) == ["off", "off", "miss", "off"]
        assert len(ups.a.requests) == 4

    kit.enforce(tmp_path, test, {"a": kit.honest}, use_case=KEPT)


def test_personal_data_are_never_kept(kit, tmp_path, transport) -> None:
    """Whatever else the use case says; also not for the failure chain."""

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, BODY, BODY) == ["off", "off"]
        failed = await kit.post(gateway, BODY)
        assert failed.status == 502

    case = {**KEPT, "personal_data": True, "failure": ("cached", "error")}
    handlers = {"a": kit.in_turn(kit.honest, kit.honest, kit.fails(500))}
    kit.enforce(tmp_path, test, handlers, transport, use_case=case)


def test_failures_are_not_kept(kit, tmp_path) -> None:
    """Errors, prepared answers and answers of the failure chain's cache are no answers to keep."""

    async def test(gateway, ups):
        prepared = await kit.post(gateway, BODY)
        assert b"later" in prepared.body
        assert await outcomes(kit, gateway, BODY, BODY) == ["miss", "hit"]

    case = {**KEPT, "failure": ("default",), "default_body": "later"}
    kit.enforce(tmp_path, test, {"a": kit.in_turn(kit.fails(500), kit.honest)}, use_case=case)


def test_no_tenant_sees_another_s_answer(kit, tmp_path, transport) -> None:
    """The cache is partitioned by tenant."""
    both = tuple(Tenant(name=one, key_sha256=(sha256(one.encode()).hexdigest(),)) for one in ("acme", "labs"))

    async def test(gateway, ups):
        asks = [(BODY, [("authorization", f"Bearer {one}")]) for one in ("acme", "labs", "acme", "labs")]
        assert await outcomes(kit, gateway, *asks) == ["miss", "miss", "hit", "hit"]

    kit.enforce(tmp_path, test, {"a": kit.honest}, transport, use_case=KEPT, tenants=both)


def test_another_policy_asks_anew(kit, tmp_path) -> None:
    """What one policy's model said is no answer under the next; the same policy, read again, keeps its own."""

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, BODY, BODY) == ["miss", "hit"]
        for name, expected in (("p1", "hit"), ("p2", "miss"), ("p1", "hit")):
            kit.install(tmp_path, kit.make_fleet({"a": ups.a.url}, use_case=KEPT, id=name))
            await gateway.runtime.reload()
            assert await outcomes(kit, gateway, BODY) == [expected]

    kit.enforce(tmp_path, test, {"a": kit.honest}, use_case=KEPT)


def test_an_answer_grows_old(kit, tmp_path) -> None:
    """Past its time it is asked for again, and still stands in when the model fails."""

    async def test(gateway, ups):
        assert await outcomes(kit, gateway, BODY) == ["miss"]
        (partition,) = gateway.runtime.cache._partitions.values()
        ((key, kept),) = partition.answers.items()
        partition.answers[key] = kit.msgspec.structs.replace(kept, stored_s=kept.stored_s - 61)
        assert await outcomes(kit, gateway, BODY) == ["stale"]
        assert len(ups.a.requests) == 2

    case = {**KEPT, "failure": ("cached", "error")}
    kit.enforce(tmp_path, test, {"a": kit.in_turn(kit.honest, kit.fails(500))}, use_case=case)


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/v1/completions", {"model": "m", "prompt": "once"}, {"choices": [{"index": 0, "text": "upon"}]}),
        ("/v1/embeddings", {"model": "m", "input": "a"}, {"data": [{"index": 0, "embedding": [0.5]}]}),
    ],
)
def test_other_apis_keep_their_answers_apart(kit, tmp_path, path, body, answer) -> None:
    """Completions and embeddings are kept too, and never answer a chat."""

    async def speaks(head, sent, writer):
        writer.write(kit.whole({**answer, "model": "up", "usage": kit.USAGE}))

    async def test(gateway, ups):
        said = [await kit.post(gateway, body, path) for _ in range(2)]
        assert [one.headers["x-breakeven-cache"] for one in said] == ["miss", "hit"]
        assert said[0].body == said[1].body
        assert [head.split()[1] for head, _ in ups.a.requests] == [path.encode()]

    kit.enforce(tmp_path, test, {"a": speaks}, use_case=KEPT)
