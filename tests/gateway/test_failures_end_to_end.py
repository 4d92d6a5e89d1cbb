"""What happens when the model is slow, gone, broken or lying, and when the client leaves."""

import asyncio
import itertools
import json
import time

import openai
import pytest

from breakeven.gateway.journal_file import JournalFile
from breakeven.schema.policy import RouteTarget
from breakeven.schema.record import Tokens


def run(kit, tmp_path, test, handler, **changes):
    """Run a test with an upstream and a gateway; the records it left."""

    async def main():
        async with kit.start_upstream(handler) as up:
            kit.install(tmp_path, kit.make_policy(**{"url": up.url, **changes}))
            async with kit.start_gateway(tmp_path) as gateway:
                await asyncio.wait_for(test(gateway, up), 20)

    asyncio.run(main())
    return kit.records(tmp_path)


async def hangs(head, body, writer):
    await asyncio.sleep(60)


def says(*parts: bytes, close: bool = True):
    async def handler(head, body, writer):
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.01)
        if close:
            writer.close()

    return handler


DEFAULT = {"failure": ("cached", "default", "error"), "default_body": "Please try later."}


@pytest.mark.parametrize("stream", [False, True])
def test_a_hanging_model_ends_in_the_default_inside_the_budget(kit, tmp_path, stream) -> None:
    """The attempt is cut a little before the budget's end, so that the default still arrives in time."""

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
            raw = await client.chat.completions.with_raw_response.create(**kit.CHAT, stream=stream)
            assert raw.headers["x-breakeven-reason"] == "deadline"
            if stream:
                text = "".join([chunk.choices[0].delta.content async for chunk in raw.parse()])
            else:
                text = raw.parse().choices[0].message.content
            assert text == "Please try later."
        await kit.until(lambda: up.aborted == 1)

    (record,) = run(kit, tmp_path, test, hangs, use_case={**DEFAULT, "budget_s": 2.0})
    assert (record.status, record.reason, record.in_budget) == ("fallback", "deadline", record.total_s <= 2.0)
    assert [(one.kind, one.outcome, one.reason) for one in record.attempts] == [
        ("primary", "timeout", "deadline"),
        ("fallback", "skipped", "not_cached"),
        ("fallback", "ok", "default"),
    ]
    assert record.served == Tokens()
    assert (record.tokens_basis, record.consumed.output) == ("assumed", 0)
    assert record.consumed.input > 0
    assert record.cost_pico_usd > 0


def test_the_requests_own_deadline_counts_too(kit, tmp_path) -> None:
    """A shorter x-breakeven-deadline-ms wins over the budget; without a fallback the answer is 504 with the reason."""

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT, headers=[("x-breakeven-deadline-ms", "50")])
        error = json.loads(answer.body)["error"]
        assert (answer.status, error["code"]) == (504, "deadline")
        assert "latency budget" in error["message"]

    (record,) = run(kit, tmp_path, test, hangs, use_case={"budget_s": 30.0})
    assert (record.status, record.budget_s, record.in_budget) == ("failed", 0.05, False)
    assert record.total_s < 5


def test_no_time_left_is_refused_unsent(kit, tmp_path) -> None:
    """A request that arrives with nothing left is not sent at all, and costs nothing."""

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT, headers=[("x-breakeven-deadline-ms", "0")])
        assert (answer.status, up.requests) == (504, [])

    (record,) = run(kit, tmp_path, test, kit_honest)
    assert (record.status, record.reason, record.cost_pico_usd, record.attempts) == ("refused", "deadline", 0, ())


async def kit_honest(head, body, writer):
    raise AssertionError


def test_nobody_there_is_502_unreachable(kit, tmp_path) -> None:
    """A refused connection is told as such, with the address, and costs nothing."""

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (502, "unreachable")
        assert b"127.0.0.1:9" in answer.body

    (record,) = run(kit, tmp_path, test, hangs, url="http://127.0.0.1:9/v1")
    assert (record.status, record.attempts[0].outcome, record.cost_pico_usd) == ("failed", "unreachable", 0)


@pytest.mark.parametrize(
    ("status", "seen", "ended", "reason"),
    [
        (500, 502, "failed", "upstream_500"),
        (503, 502, "failed", "upstream_503"),
        (429, 429, "failed", "upstream_429"),
        (400, 400, "refused", "upstream_400"),
        (422, 422, "refused", "upstream_422"),
        (401, 401, "refused", "upstream_401"),
        (404, 404, "refused", "upstream_404"),
    ],
)
def test_errors_go_to_whoever_must_act(kit, tmp_path, status, seen, ended, reason) -> None:
    """The caller's own faults pass through with their body; the model's faults go down the failure chain."""
    body = {"error": {"message": "because", "type": "t", "code": "c", "param": None}}

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT)
        assert answer.status == seen
        assert (json.loads(answer.body) == body) is (ended == "refused")
        assert answer.headers["x-breakeven-reason"] == reason

    (record,) = run(kit, tmp_path, test, says(kit.whole(body, status)))
    assert (record.status, record.reason, record.http_status) == (ended, reason, seen)
    assert (record.cost_pico_usd, record.consumed) == (0, Tokens())


def test_our_own_key_refused_upstream_is_not_the_callers_fault(kit, tmp_path, monkeypatch) -> None:
    """401 for the gateway's key goes down the failure chain: the caller can do nothing about it."""
    monkeypatch.setenv("UP_KEY", "k")

    async def test(gateway, up):
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    handler = says(kit.whole({"error": {}}, 401))
    (record,) = run(kit, tmp_path, test, handler, use_case=DEFAULT, backend={"api_key_env": "UP_KEY"})
    assert (record.status, record.reason) == ("fallback", "upstream_401")


def test_a_key_that_is_not_set_says_which(kit, tmp_path, monkeypatch) -> None:
    """A missing environment variable is named in the error."""
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)

    async def test(gateway, up):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, b"NO_SUCH_KEY" in answer.body, up.requests) == (502, True, [])

    (record,) = run(kit, tmp_path, test, hangs, backend={"api_key_env": "NO_SUCH_KEY"})
    assert (record.reason, record.cost_pico_usd) == ("backend_error", 0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n<garbage>", "malformed"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 19\r\n\r\n{"error":{"code":1}', "malformed"),
        (b'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"error":{"code":1}}', "upstream_error"),
        (b"not http at all\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n{", "malformed"),
    ],
)
def test_a_lying_answer_is_a_failure(kit, tmp_path, answer, reason) -> None:
    """200 with garbage, with an error inside, or cut short is not an answer."""

    async def test(gateway, up):
        got = await kit.post(gateway, kit.CHAT)
        assert (got.status, json.loads(got.body)["error"]["code"]) == (502, reason)

    (record,) = run(kit, tmp_path, test, says(answer))
    assert (record.status, record.reason, record.in_budget) == ("failed", reason, False)


def test_a_stream_that_fails_before_its_first_word_falls_back(kit, tmp_path) -> None:
    """An error event, garbage, or an end before any output still leaves room for another answer."""
    role = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}
    for tail, reason in (
        (kit.sse({"error": {"message": "boom"}}), "upstream_error"),
        (kit.sse(b"{garbage"), "malformed"),
        (b"0\r\n\r\n", "truncated"),
        (b"", "malformed"),
    ):

        async def test(gateway, up, reason=reason):
            answer = await kit.post(gateway, {**kit.CHAT, "stream": True})
            assert (answer.status, answer.headers["x-breakeven-reason"]) == (200, reason)
            assert b"Please try later." in answer.body

        folder = tmp_path / f"{reason}{len(tail)}"
        (record,) = run(kit, folder, test, says(kit.STREAM_HEAD + kit.sse(role) + tail), use_case=DEFAULT)
        assert (record.status, record.reason) == ("fallback", reason)


@pytest.mark.parametrize(
    ("tail", "reason"),
    [(b'{"error":{"message":"boom"}}', "upstream_error"), (b"{garbage", "malformed"), (b"", "truncated")],
)
def test_a_stream_that_breaks_in_the_middle_says_so(kit, tmp_path, tail, reason) -> None:
    """Once words are out no other model speaks: the client gets an error event, the ledger a failure with tokens."""
    parts = (kit.STREAM_HEAD + kit.sse(kit.delta("Hel")), kit.sse(tail) if tail else b"0\r\n\r\n")

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k", max_retries=0) as client:
            stream = await client.chat.completions.create(**kit.CHAT, stream=True)
            assert (await anext(stream)).choices[0].delta.content == "Hel"
            with pytest.raises(openai.APIError, match=r"failed|ended"):
                await anext(stream)
            await stream.close()

    (record,) = run(kit, tmp_path, test, says(*parts), use_case=DEFAULT)
    assert (record.status, record.reason) == ("failed", reason)
    assert (record.served.output, record.consumed.output, record.tokens_basis) == (1, 1, "assumed")


def test_a_stream_that_stalls_is_cut_at_the_deadline(kit, tmp_path) -> None:
    """The budget holds inside a stream too."""

    async def test(gateway, up):
        answer = await kit.post(gateway, {**kit.CHAT, "stream": True})
        assert b'"code":"deadline"' in answer.body
        assert b"[DONE]" not in answer.body

    async def stalls(head, body, writer):
        writer.write(kit.STREAM_HEAD + kit.sse(kit.delta("Hel")))
        await asyncio.sleep(60)

    (record,) = run(kit, tmp_path, test, stalls, use_case={"budget_s": 0.3})
    assert (record.status, record.reason) == ("failed", "deadline")


@pytest.mark.parametrize("words", [0, 1, 5])
@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_is_one_cancelled_record(kit, tmp_path, words, stream) -> None:
    """The upstream sees its connection end; the record holds what was produced, flagged as assumed."""
    if words and not stream:
        return

    async def drips(head, body, writer):
        if words:
            writer.write(kit.STREAM_HEAD)
        for _ in range(words):
            writer.write(kit.sse(kit.delta("x")))
            await writer.drain()
            await asyncio.sleep(0.01)
        await asyncio.sleep(60)

    async def test(gateway, up):
        url = gateway.url + "/v1/chat/completions"
        body = json.dumps({**kit.CHAT, "stream": stream}).encode()
        asking = asyncio.create_task(gateway.client.request("POST", url, body=body))
        if words:
            response = await asking
            seen = b""
            while seen.count(b'"content"') < words:
                seen += await response.chunk()
            response.close()
        else:
            await kit.until(lambda: up.requests)
            asking.cancel()
        await kit.until(lambda: up.aborted)

    (record,) = run(kit, tmp_path, test, drips)
    assert (record.status, record.reason, record.attempts[0].outcome) == ("cancelled", "client_gone", "cancelled")
    assert (record.served.output, record.consumed.output, record.tokens_basis) == (words, words, "assumed")
    assert record.cost_pico_usd > 0


def test_a_cached_answer_stands_in(kit, tmp_path) -> None:
    """With `cached` in the failure chain an earlier answer to the same question is served when the model fails."""
    calls = []

    async def once(head, body, writer):
        calls.append(body)
        writer.write(kit.whole(kit.COMPLETION) if len(calls) == 1 else kit.whole({"error": {}}, 500))

    async def test(gateway, up):
        first = await kit.post(gateway, kit.CHAT)
        again = await kit.post(gateway, {**kit.CHAT, "user": "another"})
        assert (again.status, again.body) == (200, first.body)
        assert again.headers["x-breakeven-cache"] == "stale"
        other = await kit.post(gateway, {**kit.CHAT, "temperature": 1})
        assert other.status == 502
        key = await kit.post(gateway, kit.CHAT, headers=[("authorization", "Bearer other")])
        assert key.status == 502

    _, stale, *_ = run(kit, tmp_path, test, once, use_case={"failure": ("cached", "error")})
    assert (stale.status, stale.cache, stale.reason) == ("fallback", "stale", "upstream_500")
    assert (stale.served, stale.consumed, stale.cost_pico_usd) == (Tokens(input=11, output=3), Tokens(), 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_cache_hit_asks_nobody(kit, tmp_path, stream) -> None:
    """With cache_ttl_s the second request is served from memory, valid SSE included: served tokens, none consumed."""

    async def test(gateway, up):
        async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="k") as client:
            for expected in ("miss", "hit"):
                raw = await client.chat.completions.with_raw_response.create(**kit.CHAT, stream=stream)
                assert raw.headers["x-breakeven-cache"] == expected
                if stream:
                    assert "".join([one.choices[0].delta.content or "" async for one in raw.parse()]) == "Hello!"
                else:
                    assert raw.parse().choices[0].message.content == "Hello there"
        assert len(up.requests) == 1

    miss, hit = run(kit, tmp_path, test, kit.honest, use_case={"cache_ttl_s": 60.0})
    assert (miss.status, miss.cache, hit.status, hit.cache) == ("answered", "miss", "cached", "hit")
    assert hit.served == miss.served == Tokens(input=11, output=3)
    assert (hit.consumed, hit.billable, hit.priced, hit.cost_pico_usd) == (Tokens(), Tokens(), Tokens(), 0)
    assert hit.attempts == ()


def test_weights_choose_and_are_recorded(kit, tmp_path) -> None:
    """A weighted route records eligible set, propensities, arm and seed; a subject keeps its arm."""

    async def test(gateway, up):
        for number in range(64):  # so that an arm nobody draws is a fault, not luck (0.75 ** 64 is 1e-8)
            for _ in range(2):
                await kit.post(gateway, kit.CHAT, headers=[("x-breakeven-subject", f"s{number}")])

    base = kit.make_policy()
    second = kit.PolicyDeployment(name="b", backend="up", model="big", tokens=kit.PRICE)
    targets = (RouteTarget(deployment="api", weight=1, arm="A"), RouteTarget(deployment="b", weight=3, arm="B"))
    found = run(
        kit,
        tmp_path,
        test,
        kit.honest,
        deployments=(*base.deployments, second),
        use_case={"route": kit.Route(strategy="weighted", targets=targets)},
    )
    assert len(found) == 128
    assert {(one.eligible, one.propensities) for one in found} == {(("api", "b"), (0.25, 0.75))}
    assert {one.arm for one in found} == {"A", "B"}
    assert all(first.arm == second.arm for first, second in zip(found[::2], found[1::2], strict=True))


def test_a_slow_client_and_a_slow_disk_lose_nothing(kit, tmp_path) -> None:
    """`ack_durable` answers only after the record is synced; the record is the same."""

    async def test(gateway, up):
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        assert gateway.runtime.journal._synced == 1

    (record,) = run(kit, tmp_path, test, kit.honest, use_case={"ack_durable": True})
    assert record.status == "answered"


def test_a_full_disk_stops_records_and_not_answers(kit, tmp_path) -> None:
    """When the journal cannot be written answers go on, readiness and the counter tell, and it recovers alone."""

    async def test(gateway, up):
        journal = gateway.runtime.journal
        real = journal._file.append

        def full(frames, rows):
            raise OSError(28, "No space left on device")

        journal._file.append = full
        journal._probe = lambda: full(b"", 0)
        assert (await kit.post(gateway, kit.CHAT)).status == 200
        event = {"specversion": "1.0", "id": "1", "source": "s", "type": "breakeven.click.v1", "subject": "u"}
        refused = await kit.post(gateway, event, "/events", [("content-type", "application/cloudevents+json")])
        assert (refused.status, refused.headers["retry-after"]) == (503, "2")
        ready = await gateway.client.request("GET", gateway.url + "/readyz")
        assert (ready.status, b"journal" in await ready.read()) == (503, True)
        metrics = await gateway.client.request("GET", gateway.url + "/metrics")
        assert b"breakeven_journal_errors_total " in await metrics.read()
        journal._file.append = real
        del journal._probe
        await kit.until(lambda: journal.healthy)
        assert (await kit.post(gateway, kit.CHAT)).status == 200

    (record,) = run(kit, tmp_path, test, kit.honest)
    assert record.sequence == 3  # the gap shows the loss


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fails", ["append", "sync"])
@pytest.mark.parametrize(("tier", "status"), [("critical", 200), ("opportunistic", 503)])
def test_an_answer_that_must_last_never_claims_it_did(kit, tmp_path, monkeypatch, stream, fails, tier, status) -> None:
    """While the disk fails, `ack: durable` is answered as the tier's policy says: open with a mark, closed with 503."""

    async def test(gateway, up):
        def broken(*_arguments) -> None:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(JournalFile, fails, broken)
        answer = await kit.post(gateway, {**kit.CHAT, "stream": stream})
        if stream and status == 503:
            assert b"[DONE]" not in answer.body
            assert b"controls_down" in answer.body
            return
        assert answer.status == status
        assert answer.headers.get("x-breakeven-ack") == ("not-stored" if status == 200 and not stream else None)
        assert answer.headers.get("retry-after") == ("2" if status == 503 else None)

    run(kit, tmp_path, test, kit.honest, use_case={"ack_durable": True, "tier": tier})


@pytest.mark.parametrize("fails", ["append", "sync"])
def test_events_are_refused_while_the_disk_fails(kit, tmp_path, monkeypatch, fails) -> None:
    """503 and when to come back, nothing accepted; with the disk back the same event is taken, once."""
    event = {"specversion": "1.0", "id": "1", "source": "s", "type": "breakeven.click.v1", "subject": "u"}
    headers = [("content-type", "application/cloudevents+json")]

    async def test(gateway, up):
        def broken(*_arguments) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as patch:
            patch.setattr(JournalFile, fails, broken)
            for _ in range(30):
                refused = await kit.post(gateway, event, "/events", headers)
                assert (refused.status, refused.headers["retry-after"]) == (503, "2")
            assert len(list((tmp_path / "journal").glob("*.open"))) <= 12
        await kit.until(lambda: gateway.runtime.journal.healthy)
        assert (await kit.post(gateway, event, "/events", headers)).status == 202

    found = run(kit, tmp_path, test, kit.honest)
    assert {one.event_id for one in found} == {"1"}


def test_a_wall_clock_that_jumps_makes_no_negative_latency(kit, tmp_path, monkeypatch) -> None:
    """An hour back and forth at every look: durations stay those of the monotonic clock, numbers stay in order."""
    real, looks = time.time, itertools.count()

    def jumpy() -> float:
        return real() + (-3600.0, 0.0, 3600.0, 1.0)[next(looks) % 4]

    async def test(gateway, up):
        monkeypatch.setattr(time, "time", jumpy)
        for stream in (False, True) * 4:
            assert (await kit.post(gateway, {**kit.CHAT, "stream": stream})).status == 200

    found = run(kit, tmp_path, test, kit.honest)
    assert [one.sequence for one in found] == list(range(1, 9))
    for one in found:
        durations = [one.total_s, *one.stages.values(), *(step.duration_s for step in one.attempts), one.ttft_s or 0.0]
        assert all(0.0 <= value < 20.0 for value in durations)
