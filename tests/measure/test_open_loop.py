"""An open loop keeps its own times, and says when it could not."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.errors import UsageError
from breakeven.measure.answer import Stream
from breakeven.measure.exchange import Request
from breakeven.measure.open_loop import Options, Run, Shot, fire
from breakeven.wire.client import Client

anywhere = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def shots(base: str, times: list[float], **fields: Any) -> list[Shot]:
    def make(number: int) -> Request:
        return Request(method="POST", url=f"{base}/{number}", body=str(number).encode(), **fields)

    return [Shot(at_s, lambda number=number: make(number)) for number, at_s in enumerate(times)]


async def run(schedule: list[Shot], **arguments: Any) -> Run:
    async with Client() as client, asyncio.timeout(60):
        return await fire(schedule, client, **arguments)


def test_no_request_waits_for_an_answer(loopback: Any, reply: Any) -> None:
    """With a server that answers nobody before all have asked, every request still leaves: no closed loop hides."""
    count = 40

    async def story() -> Run:
        everybody = asyncio.Barrier(count)

        async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
            await everybody.wait()
            writer.write(reply(200, b"{}"))

        async with loopback(handler) as base:
            return await run(shots(base, [0.0] * count))

    found = asyncio.run(story())
    assert found.ok == count
    assert found.peak_in_flight == count


@given(times=st.lists(st.floats(0, 0.2), max_size=20).map(sorted))
@anywhere
def test_nothing_leaves_early_and_lateness_is_told(loopback: Any, reply: Any, times: list[float]) -> None:
    """Every shot has one answer, in order, due when it was due; lateness is never negative."""

    async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, b"{}"))

    async def story() -> Run:
        async with loopback(handler) as base:
            return await run(shots(base, times))

    found = asyncio.run(story())
    assert [answer.at_s for answer in found.answers] == times
    assert [answer.index for answer in found.answers] == list(range(len(times)))
    assert all(answer.late_s >= 0 for answer in found.answers)
    assert found.ok == len(times)
    assert found.span_s >= (times[-1] if times else 0)
    if times:
        assert found.late_max_s == max(answer.late_s for answer in found.answers)
        assert found.late_p50_s <= found.late_p99_s <= found.late_max_s


def test_a_generator_that_falls_behind_says_so(loopback: Any, reply: Any) -> None:
    """Requests due before the run began are late by that much, and the run is marked."""

    async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200, b"{}"))

    async def story() -> Run:
        async with loopback(handler) as base:
            return await run(shots(base, [-1.0] * 20))

    found = asyncio.run(story())
    assert found.fell_behind
    assert found.late_p50_s >= 1
    assert found.ok == 20


def test_the_guard_drops_rather_than_delays(loopback: Any, reply: Any) -> None:
    """Beyond the bound in flight a request is not sent late but not at all, and counted."""

    async def story() -> tuple[Run, int]:
        release, asked = asyncio.Event(), 0

        async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
            nonlocal asked
            asked += 1
            await release.wait()
            writer.write(reply(200, b"{}"))

        def ended(answer: Any, _body: bytes) -> None:
            if answer.index == 9:
                release.set()

        async with loopback(handler) as base:
            found = await run(shots(base, [0.0] * 10), options=Options(in_flight=3), on_answer=ended)
        return found, asked

    found, asked = asyncio.run(story())
    assert (asked, found.ok, found.unsent, found.peak_in_flight) == (3, 3, 7, 3)
    assert found.answers[9].error == "not sent: 3 requests were in flight"
    assert not found.answers[9].ok


def test_bodies_and_statuses_reach_the_callback(loopback: Any, reply: Any) -> None:
    """The callback sees each answer with its own body; an error status is an answer, not an exception."""
    seen: dict[int, tuple[int, bytes]] = {}

    async def handler(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(500 if path == "/2" else 200, b"got " + body))

    async def story() -> Run:
        async with loopback(handler) as base:
            return await run(
                shots(base, [0.0, 0.0, 0.0]),
                on_answer=lambda answer, body: seen.update({answer.index: (answer.status, body)}),
            )

    found = asyncio.run(story())
    assert seen == {0: (200, b"got 0"), 1: (200, b"got 1"), 2: (500, b"got 2")}
    assert [answer.ok for answer in found.answers] == [True, True, False]
    assert found.answers[0].header("content-type") == "application/json"
    assert found.answers[0].header("absent") == ""


def test_an_unreachable_server_is_an_answer_with_an_error() -> None:
    """One error per request that names the place, and no exception."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = asyncio.run(run(shots(f"http://127.0.0.1:{port}", [0.0, 0.0])))
    assert found.ok == 0
    assert all(f"127.0.0.1:{port}" in answer.error and answer.status == 0 for answer in found.answers)
    assert found.unsent == 0


def test_a_schedule_out_of_order_is_refused() -> None:
    """A schedule is in the order of its times, or its lateness would mean nothing."""
    with pytest.raises(UsageError, match="not in the order of their times"):
        asyncio.run(run(shots("http://127.0.0.1:9", [1.0, 0.5])))


def test_an_empty_schedule_is_an_empty_run() -> None:
    """Nothing to send is no error, and has no lateness."""
    found = asyncio.run(run([]))
    assert (found.answers, found.late_max_s, found.fell_behind) == ((), None, False)


def chunk(content: str) -> bytes:
    return b'data: {"choices":[{"delta":{"content":"' + content.encode() + b'"}}]}\n\n'


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":5}}\n\n'
ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}],"usage":null}\n\n'
DONE = b": breakeven {}\n\ndata: [DONE]\n\n"


@pytest.mark.parametrize(
    ("body", "error", "chunks", "tokens"),
    [
        (ROLE + chunk("a") + chunk("bc") + USAGE + DONE, "", 2, 5),
        (ROLE + chunk("a") + DONE, "", 1, None),
        (ROLE + DONE, "", 0, None),
        (ROLE + chunk("a"), "the stream ended without [DONE]", 1, None),
        (chunk("a") + b'data: {"error":{"message":"no"}}\n\n' + DONE, "error in the stream", 1, None),
        (chunk("a") + b"data: {nonsense\n\n", "malformed answer: event b'{nonsense'", 0, None),
    ],
)
def test_a_stream_is_whole_or_an_error(
    loopback: Any, streaming: bytes, body: bytes, error: str, chunks: int, tokens: int | None
) -> None:
    """Status 200 is not enough: a stream counts as answered only with its end, and without an error in it."""

    async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(streaming + body)
        writer.close()

    async def story() -> Run:
        async with loopback(handler) as base:
            return await run(shots(base, [0.0], stream=True))

    answer = asyncio.run(story()).answers[0]
    assert (error in answer.error) if error else (answer.error == "")
    assert answer.ok == (not error)
    assert (answer.chunks, answer.output_tokens) == (chunks, tokens)
    assert (answer.ttft_s is not None) == (chunks > 0)
    if answer.tpot_s is not None:
        assert answer.tpot_s == pytest.approx((answer.total_s - answer.ttft_s) / 4)


def test_the_first_token_is_timed_when_it_comes() -> None:
    """TTFT ends at the first content, not at the head, the role, a comment, or the end of the stream."""
    stream = Stream("here")
    for at_s, data in enumerate([ROLE, b": ping\n\n", chunk("a")[:9], chunk("a")[9:], chunk("b") + USAGE + DONE]):
        stream.feed(data, float(at_s))
    assert (stream.first_s, stream.chunks, stream.output_tokens, stream.done) == (3.0, 2, 5, True)


@pytest.mark.parametrize(
    "delta", ['{"reasoning_content":"hm"}', '{"tool_calls":[{"index":0}]}', '{"content":"a","role":"assistant"}']
)
def test_any_kind_of_token_is_a_first_token(delta: str) -> None:
    """Reasoning and tool calls are output too."""
    stream = Stream("here")
    stream.feed(b'data: {"choices":[{"index":0,"delta":' + delta.encode() + b"}]}\n\n", 1.0)
    assert stream.first_s == 1.0


def test_a_refused_stream_keeps_its_body(loopback: Any, reply: Any) -> None:
    """An error instead of a stream is read as the JSON that it is."""
    bodies: list[bytes] = []

    async def handler(_path: str, _body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(429, b'{"error":"slow down"}'))

    async def story() -> Run:
        async with loopback(handler) as base:
            return await run(shots(base, [0.0], stream=True), on_answer=lambda _answer, body: bodies.append(body))

    answer = asyncio.run(story()).answers[0]
    assert (answer.status, answer.ttft_s, bodies) == (429, None, [b'{"error":"slow down"}'])
