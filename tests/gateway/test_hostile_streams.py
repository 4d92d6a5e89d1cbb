"""R10: streams that are wrong in every way seen or feared, cut at every byte.

Read purely, each ends once, in the same word wherever it is cut, and what is handed over is the same; a dozen go
through a real server and sender too.
"""

import asyncio
import json

import pytest

from breakeven.gateway.backend.openai import OpenAISender
from breakeven.gateway.backend.openai_wire import StreamReader
from breakeven.gateway.backend.port import Call
from breakeven.schema.policy import Backend
from breakeven.schema.record import Tokens
from breakeven.wire.client import Client
from breakeven.wire.sse import MAX_EVENT_BYTES, Parser

DONE = b"data: [DONE]\n\n"
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n'


def says(text: str) -> bytes:
    """One chunk of output."""
    chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


A, B = says("a"), says("b")
RUNES = says("naïve 模型 🚀")
NESTED = b"[" * 5000 + b"]" * 5000
STREAMS: dict[str, tuple[bytes, str]] = {
    # good ones: the rest must differ from these
    "plain": (A + B + DONE, "done"),
    "usage": (A + B + USAGE + DONE, "done"),
    "runes": (RUNES + DONE, "done"),
    "CR LF": ((A + USAGE + B + DONE).replace(b"\n", b"\r\n"), "done"),
    "CR": ((A + USAGE + B + DONE).replace(b"\n", b"\r"), "done"),
    "mixed line ends": (A.replace(b"\n", b"\r\n") + B.replace(b"\n", b"\r") + RUNES + DONE, "done"),
    "BOM": (b"\xef\xbb\xbf" + A + DONE, "done"),
    "no blank after the colon": ((A + DONE).replace(b"data: ", b"data:"), "done"),
    "comments between": (b": hi\n\n" + A + b": still here\n\n" + DONE, "done"),
    "other fields": (b"id: 7\nretry: 10\nevent: message\n" + A + DONE, "done"),
    "data over several lines": (b'data: {"choices":\ndata: [{"delta":{"content":"x"}}]}\n\n' + DONE, "done"),
    "after the end: a second [DONE]": (A + DONE + DONE, "done"),
    "after the end: more output": (A + DONE + B, "done"),
    "after the end: an error": (A + DONE + b'data: {"error":"late"}\n\n', "done"),
    "after the end: garbage": (A + DONE + b"\xff\x00{{{", "done"),
    "usage: negative": (A + USAGE.replace(b"7", b"-7") + DONE, "done"),
    "usage: impossible": (A + USAGE.replace(b":7", b":" + b"9" * 18) + DONE, "done"),
    "usage: null": (A + b'data: {"choices":[],"usage":null}\n\n' + DONE, "done"),
    "usage: none of it": (A + b'data: {"choices":[],"usage":{}}\n\n' + DONE, "done"),
    "usage twice": (USAGE + A + USAGE.replace(b"7", b"8") + DONE, "done"),
    "error: null": (b'data: {"error":null,"choices":[{"delta":{"content":"x"}}]}\n\n' + DONE, "done"),
    "empty blocks": (b"\n\n\n\n" + A + b"\n\n\n" + DONE, "done"),
    "giant event": (says("x" * 3000) + DONE, "done"),
    "many choices": (
        b'data: {"choices":[' + b",".join([b'{"delta":{"content":"x"}}'] * 20) + b"]}\n\n" + DONE,
        "done",
    ),
    # no end
    "nothing": (b"", "truncated"),
    "a line end": (b"\n", "truncated"),
    "half a BOM": (b"\xef\xbb", "truncated"),
    "a BOM in the middle": (A + b"\xef\xbb\xbf" + B, "truncated"),
    "blank lines before a BOM": (b"\n\n\xef\xbb\xbf" + A, "truncated"),
    "comments only": (b": one\n\n: two\n\n", "truncated"),
    "no [DONE]": (A + B, "truncated"),
    "no [DONE], with usage": (A + USAGE, "truncated"),
    "half an event": (A + b'data: {"choices":[{"del', "truncated"),
    "[DONE] without its blank line": (A + b"data: [DONE]\n", "truncated"),
    "half a [DONE]": (A + b"data: [DO", "truncated"),
    "[DONE] in a comment": (A + b": [DONE]\n\n", "truncated"),
    "[DONE] in another field": (A + b"foo: [DONE]\n\n", "truncated"),
    "HTML": (b"<!doctype html><html><body>502</body></html>\n\n", "truncated"),
    "a body that is no stream": (b'{"choices":[{"message":{"content":"x"}}]}', "truncated"),
    "zero bytes": (b"\x00" * 50, "truncated"),
    "garbage": (bytes(range(256)), "truncated"),
    "a compressed stream": (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\x49\x2c\x49\x04\x00", "truncated"),
    "another HTTP answer inside": (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "truncated"),
    # malformed
    "[DONE] alone": (DONE, "malformed"),
    "usage alone": (USAGE + DONE, "malformed"),
    "a role and no choice": (b'data: {"object":"chat.completion.chunk"}\n\n' + DONE, "malformed"),
    "[DONE] in lower case": (A + b"data: [done]\n\n", "malformed"),
    "[DONE] as text": (A + b'data: "[DONE]"\n\n', "malformed"),
    "truncated JSON": (A + b'data: {"choices":[{"delta":{"content":"x\n\n' + DONE, "malformed"),
    "two objects in one event": (b"data: {}{}\n\n", "malformed"),
    "empty data": (A + b"data:\n\n" + DONE, "malformed"),
    "an array": (b"data: [1]\n\n" + DONE, "malformed"),
    "a number": (b"data: 42\n\n" + DONE, "malformed"),
    "null": (b"data: null\n\n" + DONE, "malformed"),
    "choices: a number": (b'data: {"choices":5}\n\n' + DONE, "malformed"),
    "choices: texts": (b'data: {"choices":["a"]}\n\n' + DONE, "malformed"),
    "delta: a text": (b'data: {"choices":[{"delta":"a"}]}\n\n' + DONE, "malformed"),
    "usage: a text": (b'data: {"choices":[],"usage":"much"}\n\n' + DONE, "malformed"),
    "usage: beyond 64 bits": (A + USAGE.replace(b":7", b":" + b"9" * 400) + DONE, "done"),
    "usage: a fraction": (A + USAGE.replace(b":7", b":7.5") + DONE, "malformed"),
    "NaN": (b'data: {"choices":NaN}\n\n' + DONE, "malformed"),
    "invalid UTF-8": (b'data: {"choices":[{"delta":{"content":"\xff\xfe"}}]}\n\n' + DONE, "malformed"),
    "half a rune": (A + RUNES.replace("🚀".encode(), "🚀".encode()[:2]) + DONE, "malformed"),
    "a zero byte in JSON": (b'data: {"choices":\x00[]}\n\n' + DONE, "malformed"),
    "a line end in JSON": (b'data: {"choices":[{"delta":{"content":"a\nb"}}]}\n\n' + DONE, "malformed"),
    "deep nesting": (b'data: {"choices":' + NESTED + b"}\n\n" + DONE, "malformed"),
    "JSON lines": (b'data: {"choices":[]}\ndata: {"choices":[]}\n\n' + DONE, "malformed"),
    "a BOM inside data": (b"data: \xef\xbb\xbf{}\n\n" + DONE, "malformed"),
    # errors
    "error, then [DONE]": (A + b'data: {"error":{"message":"engine died"}}\n\n' + DONE, "upstream_error"),
    "error at once, then [DONE]": (b'data: {"error":{"message":"engine died"}}\n\n' + DONE, "upstream_error"),
    "error as text": (A + b'data: {"error":"out of memory","error_type":"x"}\n\n' + DONE, "upstream_error"),
    "error with usage": (b'data: {"error":"x","usage":{"prompt_tokens":1}}\n\n' + DONE, "upstream_error"),
    "error with choices": (b'data: {"error":"x","choices":[{"delta":{"content":"y"}}]}\n\n' + DONE, "upstream_error"),
    "error by name": (A + b"event: error\ndata: {}\n\n" + DONE, "upstream_error"),
    "error by object": (A + b'data: {"object": "error","message":"x"}\n\n' + DONE, "upstream_error"),
    "error as a field": (A + b'error: {"code":500,"message":"x"}\n\n' + DONE, "upstream_error"),
    "error in CR LF": ((A + b'data: {"error":{"message":"x"}}\n\n' + DONE).replace(b"\n", b"\r\n"), "upstream_error"),
}
GOOD_OUTPUT = {
    "plain": 2,
    "usage": 2,
    "runes": 1,
    "CR LF": 2,
    "CR": 2,
    "BOM": 1,
    "many choices": 20,
}


def read(*parts: bytes, drop_usage: bool = True) -> list:
    """What the reader makes of these reads of the socket: it is asked nothing after its last piece."""
    reader = StreamReader("the mock", drop_usage=drop_usage)
    pieces = []
    for part in parts:
        pieces.append(reader.feed(part))
        if pieces[-1].done or pieces[-1].error:
            return pieces
    return [*pieces, reader.end()]


def outcome(pieces: list) -> tuple:
    """Everything that must not depend on the cut."""
    assert not [piece for piece in pieces[:-1] if piece.done or piece.error]
    last = pieces[-1]
    assert bool(last.done) != bool(last.error)
    assert bool(last.detail) == bool(last.error)
    usage = next((piece.usage for piece in reversed(pieces) if piece.usage), None)
    data = b"".join(piece.data for piece in pieces)
    return data, sum(piece.chunks for piece in pieces), usage, last.error or "done", last.detail


def cuts(stream: bytes) -> range:
    """Every byte; of a long stream about five hundred of them."""
    return range(0, len(stream) + 1, max(1, len(stream) // 500))


def test_the_corpus_is_large_enough() -> None:
    """At least sixty streams, most of them hostile."""
    assert len(STREAMS) >= 60
    assert len({stream for stream, _ in STREAMS.values()}) == len(STREAMS)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("drop_usage", [True, False], ids=["usage dropped", "usage kept"])
def test_a_stream_ends_once_and_alike_at_every_cut(name: str, drop_usage: bool) -> None:
    """No exception, exactly one last piece, and the same data, chunks, usage and ending wherever the read was cut."""
    stream, ending = STREAMS[name]
    whole = outcome(read(stream, drop_usage=drop_usage))
    assert whole[3] == ending
    for cut in cuts(stream):
        assert outcome(read(stream[:cut], stream[cut:], drop_usage=drop_usage)) == whole, cut


@pytest.mark.parametrize("name", [name for name in STREAMS if len(STREAMS[name][0]) < 1000])
def test_a_stream_ends_alike_byte_by_byte(name: str) -> None:
    """The slowest of servers is read like the fastest."""
    stream, _ = STREAMS[name]
    assert outcome(read(*(stream[at : at + 1] for at in range(len(stream))))) == outcome(read(stream))


@pytest.mark.parametrize("name", STREAMS)
def test_what_is_handed_over_is_what_came(name: str) -> None:
    """With usage kept, the data is the stream's beginning, byte for byte; after a BOM."""
    stream = STREAMS[name][0].removeprefix(b"\xef\xbb\xbf")
    assert stream.startswith(outcome(read(STREAMS[name][0], drop_usage=False))[0])


@pytest.mark.parametrize("name", GOOD_OUTPUT)
def test_good_streams_keep_everything_but_the_end(name: str) -> None:
    """All output is handed over and counted; only [DONE], and the usage that nobody asked for, are kept back."""
    stream, _ = STREAMS[name]
    data, chunks, usage, ending, _ = outcome(read(stream))
    assert (chunks, ending) == (GOOD_OUTPUT[name], "done")
    assert usage == (Tokens(input=7, output=2) if name in {"usage", "CR LF", "CR"} else None)
    assert [event.data for event in Parser().feed(data)] == [
        event.data
        for event in Parser().feed(stream)
        if event.data != b"[DONE]" and b'"usage"' not in (event.data or b"")
    ]


@pytest.mark.parametrize("cut", [0, 1, len(A), len(A) + 1, MAX_EVENT_BYTES, MAX_EVENT_BYTES + len(A) + 1])
def test_an_event_beyond_the_limit_ends_the_stream(cut: int) -> None:
    """4 MiB of one event are malformed however they come, and what came before them is still handed over."""
    stream = A + b"data: " + b"x" * MAX_EVENT_BYTES + b"\n\n" + DONE
    data, chunks, _, ending, detail = outcome(read(stream[:cut], stream[cut:]))
    assert (data, chunks, ending) == (A, 1, "malformed")
    assert f"more than {MAX_EVENT_BYTES} bytes" in detail


THROUGH = [
    "usage", "CR LF", "BOM", "after the end: more output", "after the end: a second [DONE]", "no [DONE]", "nothing",
    "garbage", "truncated JSON", "half a rune", "deep nesting", "error, then [DONE]", "error as a field", "HTML",
]  # fmt: skip


class Ended:
    """A sink that keeps the pieces and says when they ended."""

    def __init__(self) -> None:
        self.pieces: list = []
        self.over = asyncio.Event()

    def on_connected(self, seconds: float) -> None: ...
    def on_sent(self) -> None: ...
    def on_head(self, status: int, headers: list) -> None: ...

    def on_failure(self, error) -> None:
        raise error

    def on_piece(self, piece) -> None:
        assert not self.over.is_set()
        self.pieces.append(piece)
        if piece.done or piece.error:
            self.over.set()


async def through(sender: OpenAISender, kit) -> tuple:
    call = Call(body=json.dumps({**kit.CHAT, "stream": True}).encode(), client_model="m", stream=True)
    sink = Ended()
    sender.send(call, sink)
    await asyncio.wait_for(sink.over.wait(), 20)
    return outcome(sink.pieces)


@pytest.mark.parametrize("name", THROUGH)
def test_a_real_server_s_stream_ends_alike(kit, name: str) -> None:
    """Over a socket, cut in three places: the same ending as in one read; and the next request is served."""
    stream, _ = STREAMS[name]
    now: list[bytes] = []

    async def handler(head: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
        writer.write(kit.STREAM_HEAD)
        for part in now:
            if part:
                writer.write(b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
                await asyncio.sleep(0)
        writer.write(b"0\r\n\r\n")

    async def main() -> None:
        async with kit.start_upstream(handler) as up, Client() as client:
            sender = OpenAISender(Backend(name="b", kind="openai", base_url=up.url), client)
            for cut in (0, len(stream) // 3, len(stream) // 2, max(0, len(stream) - 1)):
                now[:] = stream[:cut], stream[cut:]
                assert await through(sender, kit) == outcome(read(stream))
            now[:] = [A, DONE]
            assert (await through(sender, kit))[3] == "done"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("head", "error"),
    [
        (b"content-type: application/json\r\n", "not_a_stream"),
        (b"content-type: text/plain\r\n", "not_a_stream"),
        (b"", "not_a_stream"),
        (b"content-type: text/event-stream\r\ncontent-encoding: gzip\r\n", "malformed"),
        (b"content-type: text/event-stream\r\ncontent-encoding: br\r\n", "malformed"),
    ],
)
def test_a_head_that_promises_no_plain_stream_ends_it(kit, head: bytes, error: str) -> None:
    """What is no event stream, or is packed though nobody asked for it, is told once, with nothing of its body."""

    async def handler(_: bytes, body: dict, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"content-length: %d\r\n\r\n" % len(A + DONE) + A + DONE)

    async def main() -> None:
        async with kit.start_upstream(handler) as up, Client() as client:
            sender = OpenAISender(Backend(name="b", kind="openai", base_url=up.url), client)
            data, chunks, _, ending, _ = await through(sender, kit)
            assert (data, chunks, ending) == (b"", 0, error)
            assert client.idle() == 0

    asyncio.run(main())
