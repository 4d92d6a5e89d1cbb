"""The emulator over sockets: the openai client works unchanged, and every answer says that it is emulated."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time

import openai
import pytest
import uvicorn

from breakeven.emulator.server import Settings, asgi_app, run
from breakeven.errors import UsageError
from breakeven.schema.performance import StepCurve

CURVE = StepCurve(
    prefill_s_per_token=1e-6, step_base_s=0.002, step_per_sequence_s=1e-6, step_per_context_s=0.0, max_sequences=8,
    kv_tokens=200_000,
)  # fmt: skip
LABEL = "llama on one h100"


@pytest.fixture(scope="module")
def port():
    """A server in a thread of this process, on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    app = asgi_app(Settings(curve=CURVE, model="m", label=LABEL, seed=4))
    config = uvicorn.Config(app, lifespan="off", ws="none", log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture
def client(port):
    with openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="none", max_retries=0) as made:
        yield made


def ask(client, **fields):
    metadata = {"emulate_input_tokens": "374", "emulate_output_tokens": "44"}
    messages = [{"role": "user", "content": "hi"}]
    return client.chat.completions.create(**{"model": "m", "messages": messages, "metadata": metadata, **fields})


def test_a_whole_answer(client) -> None:
    """The client parses the answer; counts are those stated; content and fingerprint are plainly synthetic."""
    found = ask(client)
    assert (found.usage.prompt_tokens, found.usage.completion_tokens) == (374, 44)
    assert found.choices[0].message.content.startswith("[emulated] token")
    assert found.choices[0].finish_reason == "stop"
    assert found.system_fingerprint == f"emulated:{LABEL}"


def test_the_header_says_so_in_every_answer(client, port) -> None:
    """Answers, streams, lists and errors alike carry the label."""
    raw = client.chat.completions.with_raw_response.create(
        model="m", messages=[{"role": "user", "content": "hi"}], max_tokens=2
    )
    assert raw.headers["x-breakeven-emulated"] == LABEL
    with client.chat.completions.with_streaming_response.create(
        model="m", messages=[{"role": "user", "content": "hi"}], max_tokens=2, stream=True
    ) as stream:
        assert stream.headers["x-breakeven-emulated"] == LABEL
    for path in ("/health", "/v1/models", "/metrics", "/nowhere"):
        assert get(port, path)[1]["x-breakeven-emulated"] == LABEL


def get(port, path):
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()


def test_a_stream_with_usage(client) -> None:
    """Chunks add up to the answer, the last one holds exact usage, and one before it the reason."""
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert len(text.split()) == 44
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].usage.completion_tokens == 44
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert len({chunk.id for chunk in chunks}) == 1


def test_the_counters_are_what_was_answered(client, port) -> None:
    """Requests and tokens of the metrics grow by exactly what one answer's usage says."""
    before = counters(port)
    usage = ask(client).usage
    grown = {name: value - before[name] for name, value in counters(port).items()}
    assert grown == {"requests": 1, "prompt_tokens": usage.prompt_tokens, "generation_tokens": usage.completion_tokens}


def counters(port):
    lines = [line.rsplit(" ", 1) for line in get(port, "/metrics")[2].splitlines() if "_total{" in line]
    found = {
        line.split("{")[0].removeprefix("breakeven_emulator_"): int(value) for line, value in lines if "." not in value
    }
    return {name: found[f"{name}_total"] for name in ("requests", "prompt_tokens", "generation_tokens")}


def test_many_at_once(client) -> None:
    """More streams than slots are all answered, each with its own count."""
    found = {}

    def one(number) -> None:
        stream = ask(client, stream=True, stream_options={"include_usage": True}, max_tokens=number)
        found[number] = list(stream)[-1].usage.completion_tokens

    threads = [threading.Thread(target=one, args=(number,)) for number in range(1, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number for number in range(1, 25)}


def test_answers_take_their_time(client) -> None:
    """No answer comes before the schedule allows: 44 tokens of at least 2 ms each."""
    begun = time.perf_counter()
    ask(client)
    assert time.perf_counter() - begun >= 44 * CURVE.step_base_s


def test_a_client_that_leaves_frees_its_slot(client, port) -> None:
    """Closing a stream half way ends its sequence; the gauge of requests in flight returns to 0."""
    stream = ask(client, stream=True, metadata={"emulate_output_tokens": "100000"})
    next(iter(stream))
    assert in_flight(port) == 1
    stream.close()
    deadline = time.monotonic() + 30
    while in_flight(port):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def in_flight(port):
    lines = get(port, "/metrics")[2].splitlines()
    (line,) = [line for line in lines if line.startswith("breakeven_emulator_requests_in_flight")]
    return int(line.rsplit(" ", 1)[1])


def test_models_and_health(client, port) -> None:
    """One model is listed, and health is plain."""
    assert [model.id for model in client.models.list()] == ["m"]
    assert json.loads(get(port, "/health")[2]) == {"status": "ok"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"model": "gpt"}, "'gpt' is not served here; ask for 'm'"),
        ({"metadata": {"emulate_input_tokens": "300000"}}, "300064 tokens, and 200000 fit"),
        ({"metadata": {"emulate_output_tokens": "x"}}, "emulate_output_tokens is 'x'"),
    ],
)
def test_bad_requests_get_the_error_of_the_api(client, fields, words) -> None:
    """The client raises its own bad-request error, and the message names the value."""
    with pytest.raises(openai.BadRequestError, match=words):
        ask(client, **fields)


def test_an_unknown_path_lists_what_there_is(port) -> None:
    """404 in the shape of the API."""
    status, _, text = get(port, "/nowhere")
    assert status == 404
    assert "POST /v1/chat/completions" in json.loads(text)["error"]["message"]


def test_a_taken_port_is_named(port) -> None:
    """The error gives the address and a way out."""
    with pytest.raises(UsageError, match=f"127.0.0.1:{port}"):
        run(CURVE, model="m", label="l", port=port)


def answers(port):
    with contextlib.closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.slow
def test_the_process_ends_with_its_parents_pipe() -> None:
    """When the other end of the pipe closes, the server stops cleanly."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    reading, writing = os.pipe()
    code = (
        "from breakeven.emulator.server import run; from breakeven.schema.performance import StepCurve; "
        "run(StepCurve(prefill_s_per_token=0.0, step_base_s=0.01, step_per_sequence_s=0.0, step_per_context_s=0.0, "
        f"max_sequences=1, kv_tokens=10), model='m', label='l', port={free}, parent_pipe_fd={reading})"
    )
    child = subprocess.Popen([sys.executable, "-c", code], pass_fds=[reading])
    os.close(reading)
    try:
        deadline = time.monotonic() + 60
        while not answers(free):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        os.close(writing)
        assert child.wait(timeout=30) == 0
    finally:
        child.kill()
        child.wait()
