"""Clients as they are: the openai package and curl, unchanged, in front of the whole policy."""

import asyncio
import json
import shutil
import subprocess
from hashlib import sha256

import openai
import pytest

from breakeven.schema.policy import Breaker, Budget, Quota, Retry, Tenant

MESSAGES = [{"role": "user", "content": "hi"}]


def opened(gateway, key: str = "any", retries: int = 0) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=retries, timeout=15)


async def everything(kit, head: bytes, body: dict, writer) -> None:
    """A model server with all of the text APIs."""
    path = head.split()[1]
    if path == b"/v1/embeddings":
        data = [{"object": "embedding", "index": 0, "embedding": [0.5, -0.25]}]
        writer.write(kit.whole({"object": "list", "model": "up", "data": data, "usage": kit.USAGE}))
    elif path == b"/v1/completions" and not body.get("stream"):
        choice = {"index": 0, "text": "upon a time", "finish_reason": "stop", "logprobs": None}
        whole = {"id": "c", "object": "text_completion", "created": 1, "model": "up", "choices": [choice]}
        writer.write(kit.whole({**whole, "usage": kit.USAGE}))
    elif path == b"/v1/completions":
        writer.write(kit.STREAM_HEAD)
        for text in ("upon ", "a ", "time"):
            choice = {"index": 0, "text": text, "finish_reason": None, "logprobs": None}
            chunk = {"id": "c", "object": "text_completion", "created": 1, "model": "up", "choices": [choice]}
            writer.write(kit.sse(chunk))
        writer.write(kit.STREAM_END)
    else:
        await kit.honest(head, body, writer)
    await writer.drain()


@pytest.fixture
def speaks(kit):
    async def handler(head, body, writer):
        await everything(kit, head, body, writer)

    return handler


def test_openai_chats(kit, tmp_path, transport, speaks) -> None:
    """Whole, as a stream, and as a stream that is asked for its usage."""

    async def test(gateway, ups):
        async with opened(gateway) as client:
            whole = await client.chat.completions.create(model="m", messages=MESSAGES)
            assert (whole.choices[0].message.content, whole.usage.completion_tokens) == ("Hello there", 3)
            for options in ({}, {"stream_options": {"include_usage": True}}):
                stream = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True, **options)
                chunks = [one async for one in stream]
                text = "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
                assert (text, bool(chunks[-1].usage)) == ("Hello!", bool(options))

    found = kit.enforce(tmp_path, test, {"a": speaks}, transport, use_case={"retry": Retry(), "cache_ttl_s": 60.0})
    assert [one.status for one in found] == ["answered"] * 3
    assert {one.cost_pico_usd for one in found} == {46_000_000}


def test_openai_completes_embeds_and_lists(kit, tmp_path, transport, speaks) -> None:
    """The other APIs, with their own forms."""

    async def test(gateway, ups):
        async with opened(gateway) as client:
            whole = await client.completions.create(model="m", prompt="once")
            stream = await client.completions.create(model="m", prompt="once", stream=True)
            parts = [one.choices[0].text async for one in stream]
            assert whole.choices[0].text == "".join(parts) == "upon a time"
            embedded = await client.embeddings.create(model="m", input="a", encoding_format="float")
            assert embedded.data[0].embedding == [0.5, -0.25]
            assert [one.id async for one in client.models.list()] == ["m", "up-model"]

    found = kit.enforce(tmp_path, test, {"a": speaks}, transport)
    assert [(one.status, one.stream) for one in found] == [("answered", False), ("answered", True), ("answered", False)]


@pytest.mark.parametrize("stream", [False, True])
def test_openai_raises_what_it_should(kit, tmp_path, transport, stream) -> None:
    """Its own class for each refusal, with our reason as the code, and an id to ask about."""
    keys = {name: (sha256(name.encode()).hexdigest(),) for name in ("acme", "labs", "poor")}
    tenants = (
        Tenant(name="acme", key_sha256=keys["acme"], quota=Quota(requests_per_day=1)),
        Tenant(name="labs", key_sha256=keys["labs"], use_cases=("none",)),
        Tenant(name="poor", key_sha256=keys["poor"]),
    )

    async def refused(gateway, key: str, kind: type, code: str, model: str = "m") -> openai.APIStatusError:
        async with opened(gateway, key) as client:
            with pytest.raises(kind) as told:
                await client.chat.completions.create(model=model, messages=MESSAGES, stream=stream)
        assert told.value.code == code
        return told.value

    async def test(gateway, ups):
        await refused(gateway, "wrong", openai.AuthenticationError, "invalid_api_key")
        await refused(gateway, "labs", openai.PermissionDeniedError, "forbidden")
        error = await refused(gateway, "poor", openai.RateLimitError, "budget_exhausted")
        assert error.response.headers["x-breakeven-prediction-id"]
        first = await refused(gateway, "acme", openai.InternalServerError, "upstream_500")
        assert first.status_code == 502
        second = await refused(gateway, "acme", openai.RateLimitError, "quota_exhausted")
        assert int(second.response.headers["retry-after"]) >= 1

    poor = Budget(name="poor", tenant="poor", limit_pico_usd=1)
    found = kit.enforce(tmp_path, test, {"a": kit.fails(500)}, transport, tenants=tenants, budgets=(poor,))
    assert [one.reason for one in found] == ["budget_exhausted", "upstream_500", "quota_exhausted"]


def test_openai_meets_a_dead_model(kit, tmp_path, transport) -> None:
    """503 with Retry-After once the breaker is open; 404 and 400 as everywhere."""

    async def test(gateway, ups):
        async with opened(gateway) as client:
            for status in (502, 503):
                with pytest.raises(openai.APIStatusError) as told:
                    await client.chat.completions.create(model="m", messages=MESSAGES)
                assert told.value.status_code == status
            assert told.value.code == "circuit_open"
            with pytest.raises(openai.BadRequestError):
                await client.chat.completions.create(model="m", messages="hi")
            with pytest.raises(openai.NotFoundError, match="belongs to no use case"):
                await client.chat.completions.create(model="unknown", messages=MESSAGES)

    changes = {"breaker": Breaker(least=1, probe_s=60.0), "default_use_case": ""}
    found = kit.enforce(tmp_path, test, {"a": kit.fails(500)}, transport, **changes)
    assert [one.reason for one in found] == ["upstream_500", "circuit_open"]


def test_openai_s_own_retries_obey_ours(kit, tmp_path) -> None:
    """The client comes again when it was told to, and is answered; two requests, two records."""

    async def test(gateway, ups):
        async with opened(gateway, retries=2) as client:
            answer = await client.chat.completions.create(model="m", messages=MESSAGES)
            assert answer.choices[0].message.content == "Hello there"

    found = kit.enforce(tmp_path, test, {"a": kit.in_turn(kit.fails(503), kit.honest)})
    assert [one.status for one in found] == ["failed", "answered"]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("stream", [False, True])
def test_curl_is_enough(kit, tmp_path, transport, stream) -> None:
    """No client library is needed; also with a body that it announces by Expect, and over HTTP/1.0."""

    async def curl(*arguments: str) -> str:
        command = ["curl", "-sS", "-N", "--max-time", "15", *arguments]
        done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
        return done.stdout

    async def test(gateway, ups):
        url = f"{gateway.url}/v1/chat/completions"
        body = json.dumps({"model": "m", "messages": MESSAGES, "stream": stream})
        json_of = ("-H", "content-type: application/json")
        for more in ((), ("-H", "expect: 100-continue"), ("-0",)):
            said = await curl(*json_of, *more, "-w", "\n%{http_code}", "-d", body, url)
            text, _, status = said.rpartition("\n")
            assert status == "200"
            assert ("data: [DONE]" in text) if stream else json.loads(text) == kit.COMPLETION
        assert "x-breakeven-cost" in await curl(*json_of, "-D", "-", "-o", "/dev/null", "-d", body, url) or stream
        assert json.loads(await curl(f"{gateway.url}/readyz"))["ready"] is True

    found = kit.enforce(tmp_path, test, {"a": kit.honest}, transport)
    assert [one.status for one in found] == ["answered"] * 4
