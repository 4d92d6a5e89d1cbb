"""A load test against servers on real sockets: the emulator's timing comes back, and what failed is not counted."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from breakeven.app import load as app
from breakeven.app.load import extra as more
from breakeven.errors import BackendError, UsageError
from breakeven.measure import campaign
from breakeven.measure.plan import Plan
from breakeven.measure.prompt import Length
from breakeven.measure.rows import rows
from breakeven.report.render import text
from breakeven.schema.load import LoadReport
from breakeven.schema.measurement import read_rows, write_rows
from breakeven.schema.performance import StepCurve

CURVE = StepCurve(
    prefill_s_per_token=1e-5, step_base_s=0.004, step_per_sequence_s=0.001, step_per_context_s=0.0, max_sequences=8,
    kv_tokens=200_000,
)  # fmt: skip
KEY = "sk-very-secret"


def plan(url: str, **fields: Any) -> Plan:
    default = {"url": url, "input": Length(mean=64), "output": Length(mean=24), "seconds": 20.0, "key": KEY}
    return Plan(**{**default, **fields})


def measured(url: str, **fields: Any) -> LoadReport:
    return campaign.run(plan(url, **fields), app.frame(url, {"gpu": "test-card", "tp": 1, "ngpu": 1}))


@pytest.fixture(scope="module")
def emulator(emulated: Any) -> Iterator[str]:
    """The emulator on a free port, with a curve whose steps are far longer than a thread switch."""
    with emulated(CURVE) as url:
        yield url


def test_the_emulator_s_coefficients_come_back(emulator: str) -> None:
    """Step = base + per sequence x in flight: both are found from one and four in flight, within 20 %.

    Medians are compared, so that a stalled machine would have to stall half of all answers, and each by a fifth.
    """
    one, four = measured(emulator, closed=(1, 4), requests=12).points
    assert one.tpot_s.p50 == pytest.approx(0.005, rel=0.2)
    assert four.tpot_s.p50 == pytest.approx(0.008, rel=0.2)
    assert (one.sound, one.failed, one.output_tokens, one.in_flight) == (True, 0, 24, pytest.approx(1, abs=0.1))
    assert one.ttft_s.p50 >= 0.005 + 64 * 1e-5 - 1e-3
    assert one.input_tokens == pytest.approx(64, abs=8)
    assert one.e2e_s.p50 == pytest.approx(one.ttft_s.p50 + 23 * one.tpot_s.p50, rel=0.1)


def test_little_s_law_holds(emulator: str) -> None:
    """In flight = answers per second x seconds each: three figures that are counted in three ways."""
    [point] = measured(emulator, closed=(3,), requests=18).points
    assert point.output_tok_s / point.output_tokens * point.e2e_s.mean == pytest.approx(3, rel=0.2)
    assert point.sent == point.answered + point.failed
    assert point.measured == 18 <= point.answered


def test_an_open_loop_keeps_its_schedule(emulator: str) -> None:
    """The same seed sends the same arrivals whatever the answers: throughput is the arrivals', not the clients'."""
    [point] = measured(emulator, open=(40.0,), requests=40, warm_up=20).points
    assert (point.kind, point.load, point.sent, point.failed) == ("open_qps", 40.0, 60, 0)
    assert point.measured == 40
    assert point.output_tok_s == pytest.approx(40 * 24, rel=0.6)
    assert point.late_p99_s is not None


def test_the_report_reads_as_rows_and_as_text(emulator: str) -> None:
    """A sound point is three rows that read back equal; the text names the load and how it was made."""
    report = measured(emulator, closed=(2,), requests=8, warm_up=2)
    found = rows(report)
    assert read_rows(write_rows(found)) == found
    assert [(row.metric, row.unit) for row in found] == [
        ("mean_ttft_ms", "ms"), ("mean_tpot_ms", "ms"), ("output_tok_s", "tok/s"),
    ]  # fmt: skip
    assert {(row.engine, row.model, row.gpu, row.load_kind, row.load, row.osl) for row in found} == {
        ("emulator", "m", "test-card", "closed_concurrency", 2.0, 24.0)
    }
    shown = text.render(app.document(report))
    for words in ("2 in flight", "8 of", "2 answers of warm-up", "no prefix cache helps", "start spread"):
        assert words in shown


def test_lengths_may_vary(emulator: str) -> None:
    """With a spread answers differ, their mean is what was asked for, and nobody calls them short."""
    [point] = measured(emulator, closed=(4,), requests=24, output=Length(mean=12, spread=8)).points
    assert point.output_tokens == pytest.approx(12, abs=4)
    assert point.e2e_s.p95 > point.e2e_s.p50


# Servers of our own making

Handler = Callable[[dict[str, Any], asyncio.StreamWriter], Awaitable[None]]
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
DONE = b"data: [DONE]\n\n"


def said(word: str) -> bytes:
    return b'data: {"choices":[{"delta":{"content":"' + word.encode() + b'"}}]}\n\n'


def counted(prompt: int, output: int) -> bytes:
    usage = f'{{"prompt_tokens":{prompt},"completion_tokens":{output}}}'
    return b'data: {"choices":[],"usage":' + usage.encode() + b"}\n\n"


def whole(body: dict[str, Any]) -> bytes:
    content = body["messages"][0]["content"]
    return HEAD + said("a") * body["max_tokens"] + counted(len(content.split()), body["max_tokens"]) + DONE


@contextmanager
def serving(loopback: Any, reply: Any, answer: Handler, models: bytes | None = None) -> Iterator[str]:
    """An OpenAI-compatible server, whose completions the test writes."""
    listed = models or b'{"data":[{"id":"m","owned_by":"vllm"}]}'

    async def handler(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path == "/v1/models":
            writer.write(reply(200, listed))
        elif path == "/version":
            writer.write(reply(200, b'{"version":"9.9"}'))
        elif path == "/v1/chat/completions":
            await answer(json.loads(body), writer)
            writer.close()
        else:
            writer.write(reply(404, b"{}"))

    with threaded(loopback, handler) as url:
        yield url


@contextmanager
def threaded(loopback: Any, handler: Any) -> Iterator[str]:
    """A server in a thread of its own, with its own event loop."""
    ready, urls = threading.Event(), []
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def story() -> None:
        async with loopback(handler) as base:
            urls.append(base)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(story(),), daemon=True)
    thread.start()
    ready.wait(10)
    yield urls[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


def test_a_stream_that_ends_in_an_error_is_a_failure(loopback: Any, reply: Any) -> None:
    """HTTP 200, an error event and [DONE] is no answer: it is counted, named, and in no latency."""
    asked = 0

    async def answer(body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        broken = said("a") + b'data: {"error":{"message":"engine died"}}\n\n' + DONE
        writer.write(HEAD + broken if asked > 10 and asked % 3 == 0 else whole(body))

    with serving(loopback, reply, answer) as url:
        [point] = measured(url, closed=(2,), requests=30).points
    assert point.sent == point.answered + point.failed
    assert point.failed > 0
    assert point.measured == 30 - sum(count for _, count in point.failures) or point.measured < 30
    assert "engine died" in point.failures[0][0]
    assert point.e2e_s.n == point.measured
    assert any("measured requests failed" in doubt for doubt in point.doubts)
    assert not point.sound


def test_fields_that_a_server_refuses_are_left_out(loopback: Any, reply: Any) -> None:
    """`ignore_eos` is tried, then done without, and the report says that answers may end early, and that they did."""
    bodies: list[dict[str, Any]] = []

    async def answer(body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        bodies.append(body)
        if "ignore_eos" in body:
            writer.write(reply(400, b'{"error":"unknown field ignore_eos"}'))
        else:
            writer.write(HEAD + said("a") + said("b") + counted(64, 2) + DONE)

    with serving(loopback, reply, answer) as url:
        report = measured(url, closed=(1,), requests=10)
    assert any("takes no ignore_eos" in remark for remark in report.remarks)
    assert any("ended early: 2.0 of 24" in note for note in report.points[0].notes)
    assert (report.engine, report.version) == ("vllm", "9.9")
    assert [body for body in bodies if "seed" in body] == []
    assert sum("ignore_eos" in body for body in bodies) == 1


def test_no_prompt_begins_as_another(loopback: Any, reply: Any) -> None:
    """What the server receives: all prompts differ in their first letters, warm-up and probes included."""
    prompts: list[str] = []

    async def answer(body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        prompts.append(body["messages"][0]["content"])
        writer.write(whole(body))

    with serving(loopback, reply, answer) as url:
        measured(url, closed=(1, 2), requests=20)
    assert len({prompt[:10] for prompt in prompts}) == len(prompts)


def test_a_key_that_a_server_repeats_is_not_shown(loopback: Any, reply: Any) -> None:
    """The key goes to the server, and into no error, report or text, even if the server says it back."""

    async def refuse(_body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(reply(401, f'{{"error":"no access for {KEY}"}}'.encode()))

    with serving(loopback, reply, refuse) as url, pytest.raises(BackendError, match=r"no access for \[key\]") as told:
        measured(url, closed=(1,))
    assert KEY not in str(told.value)
    asked = 0

    async def later(body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        event = b'data: {"error":"quota of ' + KEY.encode() + b'"}\n\n'
        writer.write(whole(body) if asked <= 3 else HEAD + event + DONE)

    with serving(loopback, reply, later) as url:
        report = measured(url, closed=(1,), requests=4)
    assert "quota of [key]" in report.points[0].failures[0][0]
    assert KEY.encode() not in msgspec.json.encode(report)
    assert KEY not in text.render(app.document(report)) + repr(plan(url))
    with pytest.raises(BackendError, match=r"none of \d+ requests .*quota of"):
        app.gate(report)


@pytest.mark.parametrize(
    ("models", "asked", "words"),
    [
        (b'{"data":[{"id":"a"},{"id":"b"}]}', None, r"lists 2 models \(a, b\), and --model names none"),
        (b'{"data":[{"id":"a"}]}', "b", "--model 'b' is not served at .*, which lists a"),
    ],
)
def test_the_model_is_one_that_is_served(
    loopback: Any, reply: Any, models: bytes, asked: str | None, words: str
) -> None:
    """Nothing is sent to a model that is not there."""

    async def answer(_body: dict[str, Any], _writer: asyncio.StreamWriter) -> None:
        pytest.fail("a completion was asked for")

    with serving(loopback, reply, answer, models) as url, pytest.raises(UsageError, match=words):
        measured(url, closed=(1,), model=asked)


def test_a_server_without_usage_is_refused(loopback: Any, reply: Any) -> None:
    """Tokens are counted by the server or not at all."""

    async def answer(_body: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + said("a") + DONE)

    with serving(loopback, reply, answer) as url, pytest.raises(BackendError, match="streams no usage"):
        measured(url, closed=(1,))


def test_a_server_that_only_speaks_v2_is_found_out(loopback: Any, reply: Any) -> None:
    """No list of models, but `/v2`: its declared inputs are filled, one request at a time, and refusals are counted."""
    shapes: list[list[int]] = []

    async def handler(path: str, body: bytes, writer: asyncio.StreamWriter) -> None:
        if path == "/v2":
            writer.write(reply(200, b'{"name":"server"}'))
        elif path == "/v2/models/double":
            writer.write(reply(200, b'{"inputs":[{"name":"x","datatype":"FP32","shape":[-1,2]}]}'))
        elif path == "/v2/models/double/infer":
            [tensor] = json.loads(body)["inputs"]
            shapes.append(tensor["shape"])
            writer.write(reply(200 if len(shapes) % 20 else 500, b"{}"))
        else:
            writer.write(reply(404, b"{}"))

    with threaded(loopback, handler) as url:
        report = measured(url, model="double", batches=(1, 8), requests=30)
        with pytest.raises(UsageError, match="--closed 2 is for servers that complete text"):
            measured(url, model="double", closed=(2,))
    one, eight = report.points
    assert (report.api, one.kind, one.load, eight.load) == ("v2", "batch", 1.0, 8.0)
    assert [shapes.count([size, 2]) for size in (1, 8)] == [one.sent, eight.sent]
    assert (one.failed, one.failures) == (1, (("HTTP 500: {}", 1),))
    assert eight.rows_s == pytest.approx(8 / eight.e2e_s.mean)


def test_another_machine_is_not_loaded_without_consent() -> None:
    """The host must be named; another host's name does not do. Nothing is sent before."""
    url = "http://example.invalid:8000"
    for consent in ("", "example.com"):
        with pytest.raises(UsageError, match=r"--yes-load example\.invalid"):
            app.measure(plan(url, closed=(1,)), app.frame(url, {}), consent=consent)


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("lo", False)],
)
def test_what_is_this_machine(host: str, here: bool) -> None:
    """The loopback network and the name localhost; no name is resolved for it."""
    assert app.loopback(host) is here


def test_options_that_cannot_be_meant_are_refused() -> None:
    """A seed in the body, JSON that is no object, a key that is not set."""
    with pytest.raises(UsageError, match="sets seed to 1"):
        more('{"seed": 1}')
    with pytest.raises(UsageError, match="is no JSON object"):
        more("[1]")
    with pytest.raises(UsageError, match="names NO_SUCH_KEY, which is not set"):
        app.key("NO_SUCH_KEY", {})
    assert app.key("K", {"K": "v"}) == "v"
