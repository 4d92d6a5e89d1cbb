"""What every kind of backend must do: answer, stream or not, report usage, tell errors, and be cancelled.

A new kind passes by adding one line to KINDS.
"""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper

from breakeven.errors import BackendError, ConfigError
from breakeven.gateway.backend.port import Call
from breakeven.gateway.backend.table import BACKENDS, open_sender
from breakeven.schema.policy import Backend
from breakeven.schema.record import Tokens
from breakeven.wire.client import Client

CHAT = b'{"model":"m","messages":[]}'
TENSOR = b'{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[2.0]}]}'
BAD_TENSOR = TENSOR.replace(b"[2.0]", b"[2.0,3.0]")
INFERENCE = {"model_name": "m", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [4.0]}]}
KINDS = {"openai": (CHAT, CHAT), "oip": (TENSOR, BAD_TENSOR), "onnx": (TENSOR, BAD_TENSOR)}


def save_model(path) -> None:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


@asynccontextmanager
async def sender_of(kit, tmp_path, kind: str, handler):
    """A sender of that kind; remote kinds speak to a server with this handler."""
    save_model(tmp_path / "m.onnx")
    async with kit.start_upstream(handler) as up, Client() as client:
        url = up.url if kind == "openai" else up.url.removesuffix("/v1")
        backend = Backend(name="b", kind=kind, base_url=url, model_path=str(tmp_path / "m.onnx"), timeout_s=5)
        sender = open_sender(backend, client)
        yield sender, up
        await sender.close()


class Told:
    """A sink that keeps what it was told, and refuses to be told anything after the end or from inside `send`."""

    def __init__(self) -> None:
        self.sending = True
        self.connected = self.sent = 0
        self.status = 0
        self.headers: list = []
        self.pieces: list = []
        self.failure: BackendError | None = None
        self.over = asyncio.Event()
        self.changed = asyncio.Event()

    def check(self) -> None:
        assert not self.sending, "told from inside send"
        assert not self.over.is_set(), "told after the end"
        self.changed.set()

    def on_connected(self, seconds: float) -> None:
        self.check()
        assert seconds >= 0
        self.connected += 1

    def on_sent(self) -> None:
        self.check()
        self.sent += 1

    def on_head(self, status: int, headers: list) -> None:
        self.check()
        assert not self.status
        self.status, self.headers = status, headers

    def on_piece(self, piece) -> None:
        self.check()
        assert self.status, "a piece before the head"
        self.pieces.append(piece)
        if piece.done or piece.error:
            self.over.set()

    def on_failure(self, error: BackendError) -> None:
        self.check()
        self.failure = error
        self.over.set()


def send(sender, call: Call):
    """Send, without waiting: what is told, and the way to give up."""
    told = Told()
    trial = sender.send(call, told)
    told.sending = False
    return told, trial


async def ask(sender, call: Call) -> Told:
    """Send and wait for the end."""
    told, _ = send(sender, call)
    await asyncio.wait_for(told.over.wait(), 20)
    return told


def honest(kit, kind):
    async def v2(head, body, writer):
        bad = len(body["inputs"][0]["data"]) != 1
        writer.write(kit.whole({"error": "shape"}, 400) if bad else kit.whole(INFERENCE))

    return kit.honest if kind == "openai" else v2


def test_the_suite_covers_every_kind() -> None:
    """A backend that is in the table is in this suite."""
    assert KINDS.keys() == BACKENDS.keys()


@pytest.mark.parametrize("kind", KINDS)
def test_an_answer_is_whole_and_says_so(kit, tmp_path, kind) -> None:
    """One good call gives pieces, the last of them done, with headers fit to pass on."""

    async def main():
        async with sender_of(kit, tmp_path, kind, honest(kit, kind)) as (sender, _):
            told = await ask(sender, Call(body=KINDS[kind][0], client_model="m"))
            assert (told.status, told.pieces[-1].done, told.pieces[-1].error) == (200, True, "")
            assert json.loads(b"".join(piece.data for piece in told.pieces))
            names = {name for name, _ in told.headers}
            assert "content-type" in names
            assert names.isdisjoint({"content-length", "transfer-encoding", "connection", "date", "server"})

    asyncio.run(main())


@pytest.mark.parametrize("kind", KINDS)
def test_sending_is_reported(kit, tmp_path, kind) -> None:
    """`on_sent` is told once, when the call may cost something; a new connection is told once, a kept one not."""

    async def main():
        async with sender_of(kit, tmp_path, kind, honest(kit, kind)) as (sender, _):
            first, second = [await ask(sender, Call(body=KINDS[kind][0], client_model="m")) for _ in range(2)]
            assert (first.sent, second.sent) == (1, 1)
            assert (first.connected, second.connected) == ((0, 0) if kind == "onnx" else (1, 0))

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["oip", "onnx"])
def test_the_callers_error_comes_back_as_a_status(kit, tmp_path, kind) -> None:
    """A request that the model cannot take is an answer of 400 with a body, not an exception."""

    async def main():
        async with sender_of(kit, tmp_path, kind, honest(kit, kind)) as (sender, _):
            told = await ask(sender, Call(body=KINDS[kind][1], client_model="m"))
            (piece,) = told.pieces
            assert (told.status, piece.error) == (400, "upstream_400")
            assert "error" in json.loads(piece.data)

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["openai", "oip"])
def test_a_server_that_breaks_is_a_backend_error(kit, tmp_path, kind) -> None:
    """A connection that ends in mid-answer is a failure that says where."""

    async def breaks(head, body, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
        await writer.drain()
        writer.close()

    async def main():
        async with sender_of(kit, tmp_path, kind, breaks) as (sender, _):
            told = await ask(sender, Call(body=KINDS[kind][0], client_model="m"))
            assert "mid-answer" in told.failure.message
            assert not told.pieces

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["openai", "oip"])
@pytest.mark.parametrize("stream", [False, True])
def test_cancelling_reaches_the_server(kit, tmp_path, kind, stream) -> None:
    """Giving up, before or in the answer, ends the connection that the server works for."""

    async def hangs(head, body, writer):
        if body.get("stream"):
            writer.write(kit.STREAM_HEAD + kit.sse(kit.delta("x")))
        await asyncio.sleep(60)

    async def main():
        async with sender_of(kit, tmp_path, kind, hangs) as (sender, up):
            body = msgspec.json.encode({**json.loads(KINDS[kind][0]), "stream": stream})
            told, trial = send(sender, Call(body=body, client_model="m", stream=stream))
            await kit.until(lambda: up.requests and (told.pieces or not stream or kind == "oip"))
            trial.cancel()
            trial.cancel()
            told.over.set()
            await kit.until(lambda: up.aborted)

    asyncio.run(main())


@pytest.mark.parametrize("stream", [False, True])
def test_usage_is_what_the_server_counted(kit, tmp_path, stream) -> None:
    """Input with cached, output with reasoning, from the body or from the stream's last chunk."""
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 16},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }

    async def counts(head, body, writer):
        if stream:
            writer.write(kit.STREAM_HEAD + kit.sse(kit.delta("x"), {"choices": [], "usage": usage}) + kit.STREAM_END)
        else:
            writer.write(kit.whole({**kit.COMPLETION, "usage": usage}))

    async def main():
        async with sender_of(kit, tmp_path, "openai", counts) as (sender, _):
            body = msgspec.json.encode({**kit.CHAT, "stream": stream})
            told = await ask(sender, Call(body=body, client_model="m", stream=stream))
            assert [piece.usage for piece in told.pieces if piece.usage] == [
                Tokens(input=20, cached_input=16, output=9, reasoning=4)
            ]

    asyncio.run(main())


HOSTILE = [
    (b'data: {"error":{"message":"x"}}\n\n', "upstream_error"),
    (b"event: error\ndata: {}\n\n", "upstream_error"),
    (b"data: {\n\n", "malformed"),
    (b"data: \xff\xfe\n\n", "malformed"),
    (b"data: [1]\n\n", "malformed"),
    (b'data: {"choices":5}\n\n', "malformed"),
    (b'data: {"choices":[{"delta":{"content":"x"}}]}\n\n', "truncated"),
    (b'data: {"choices":[{"delta":{"content":"x"}}]}\r\n\r\ndata: half', "truncated"),
    (b"", "truncated"),
    (b": only comments\n\n", "truncated"),
]


@pytest.mark.parametrize(("stream", "error"), HOSTILE)
def test_a_hostile_stream_ends_in_one_word_at_every_cut(kit, tmp_path, stream, error) -> None:
    """R10: cut anywhere, a stream that is no answer is told so once, and nothing hangs or crashes."""

    async def main():
        parts = []

        async def handler(head, body, writer):
            writer.write(kit.STREAM_HEAD)
            for part in parts:
                if part:
                    writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                    await writer.drain()
                    await asyncio.sleep(0)
            writer.write(b"0\r\n\r\n")

        async with sender_of(kit, tmp_path, "openai", handler) as (sender, _):
            for cut in range(0, len(stream) + 1, 3):
                parts[:] = stream[:cut], stream[cut:]
                body = msgspec.json.encode({**kit.CHAT, "stream": True})
                told = await ask(sender, Call(body=body, client_model="m", stream=True))
                assert told.pieces[-1].error == error
                assert told.pieces[-1].detail

    asyncio.run(main())


def test_a_stream_that_is_none_is_told(kit, tmp_path) -> None:
    """A whole body where a stream was asked for is a failure with a reason, not a stream of garbage."""

    async def whole(head, body, writer):
        writer.write(kit.whole(kit.COMPLETION))

    async def main():
        async with sender_of(kit, tmp_path, "openai", whole) as (sender, _):
            body = msgspec.json.encode({**kit.CHAT, "stream": True})
            told = await ask(sender, Call(body=body, client_model="m", stream=True))
            assert [piece.error for piece in told.pieces] == ["not_a_stream"]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("base_url", "target"),
    [
        ("", "/v1/chat/completions"),
        ("/", "/v1/chat/completions"),
        ("/v1", "/v1/chat/completions"),
        ("/api/v3/", "/api/v3/chat/completions"),
    ],
)
def test_a_bare_host_means_v1(kit, tmp_path, base_url, target) -> None:
    """A base URL without a path gets /v1; one with a path is taken as it is."""

    async def main():
        async with kit.start_upstream(kit.honest) as up, Client() as client:
            backend = Backend(name="b", kind="openai", base_url=up.url.removesuffix("/v1") + base_url)
            await ask(open_sender(backend, client), Call(body=CHAT, client_model="m"))
            assert up.requests[0][0].startswith(f"POST {target} ".encode())

    asyncio.run(main())


@pytest.mark.parametrize("kind", ["openai", "oip"])
def test_a_url_that_is_none_is_a_configuration_error(kind) -> None:
    """A backend without a usable base_url is refused when it is opened, not at the first request."""
    with pytest.raises(ConfigError, match="is not a URL"):
        open_sender(Backend(name="b", kind=kind, base_url="localhost:8000"), Client())


def test_the_request_path_imports_no_numpy() -> None:
    """A gateway without an ONNX backend loads neither numpy nor onnxruntime, duckdb or pydantic."""
    program = (
        "import sys, breakeven.gateway.worker\n"
        "print([name for name in ('numpy', 'onnxruntime', 'duckdb', 'pydantic') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
