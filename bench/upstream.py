"""A model server that does what its path says: the far side of the gateway's benches, in a process of its own.

    python bench/upstream.py PORT

The first part of the path is the behaviour, with numbers after hyphens: `/ok/v1/chat/completions` answers at once,
`/delay-50/...` after 50 ms, `/pace-40/...` streams a chunk every 40 ms, `/status-503/...` fails, `/flaky-30/...` 30 of
100 times, `/hang/...` never answers, `/slots-20-8/...` serves 8 at a time for 20 ms each, `/raw-NAME/...` sends a
stream of HOSTILE, `/switch/...` does what `GET /_switch/BEHAVIOUR` said last. `GET /_seen` says what came,
`GET /_forget` forgets it. A plain answer has 800 bytes with usage; a stream has 34 chunks, 1 ms apart, with usage in
the last, then `[DONE]`.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from collections import Counter, deque
from collections.abc import Callable

import uvloop

USAGE = '"usage":{"prompt_tokens":90,"completion_tokens":33,"total_tokens":123}'
CHUNKS = 34
PACE_S = 0.001
_HEADER = '"id":"chatcmpl-0123456789","object":"chat.completion%s","created":1700000000,"model":"m"'
_BASE = "{%s,%s,%s}"
_CHOICE = '"choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"%s"}}]'
_ROOM = 800 - len(_BASE % (_HEADER % "", _CHOICE % "", USAGE))
BODY = (_BASE % (_HEADER % "", _CHOICE % ("lorem ipsum " * 99)[:_ROOM], USAGE)).encode()


def event(data: str) -> bytes:
    """One event in one HTTP chunk."""
    text = f"data: {data}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(text), text)


def delta(text: str, finish: str = "null") -> str:
    choice = f'"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":{finish}}}]'
    return f"{{{_HEADER % '.chunk'},{choice}}}"


DELTA = event(delta("token "))
LAST = event(delta("", '"stop"'))
COUNTED = event(f'{{{_HEADER % ".chunk"},"choices":[],{USAGE}}}')
DONE, END = event("[DONE]"), b"0\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
FRAMES = [HEAD + DELTA, *[DELTA] * (CHUNKS - 3), LAST, COUNTED + DONE + END]


def _raw(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data) if data else b""


ERROR = event('{"error":{"message":"engine died","type":"internal_error","code":500}}')
HOSTILE: dict[str, tuple[list[bytes], bool]] = {
    # name: (what is written, 5 ms apart; whether the connection is then cut)
    "error-done": ([HEAD + DELTA, ERROR + DONE + END], False),
    "error-first": ([HEAD + ERROR + DONE + END], False),
    "no-done": ([HEAD + DELTA, DELTA, END], False),
    "cut": ([HEAD + DELTA, DELTA], True),
    "cut-in-chunk": ([HEAD + DELTA, DELTA[:-9]], True),
    "cut-at-head": ([HEAD], True),
    "empty": ([HEAD + END], False),
    "garbage": ([HEAD + _raw(b"\x00\xff\xfe not an event\n\n"), event("{]"), END], False),
    "bad-json": ([HEAD + event('{"choices":[{"delta":'), DONE + END], False),
    "bad-utf8": ([HEAD + _raw(b'data: {"choices":[{"index":0,"delta":{"content":"\xc3"}}]}\n\n') + DONE + END], False),
    "bad-chunk-size": ([HEAD + DELTA, b"zz\r\nxx\r\n"], False),
    "huge-event": ([HEAD + _raw(b"data: " + b"x" * 30_000_000 + b"\n\n") + DONE + END], False),
    "wrong-type": ([HEAD.replace(b"text/event-stream", b"text/html") + _raw(b"<html>busy</html>") + END], False),
    "one-byte-each": (
        [HEAD] + [b"1\r\n%c\r\n" % byte for byte in b"data: " + delta("slow").encode() + b"\n\n"] + [DONE + END],
        False,
    ),
    "after-done": ([HEAD + DELTA + DONE, DELTA + END], False),
}


class State:
    """What came and what is set."""

    def __init__(self) -> None:
        self.switch = "ok"
        self.seen: Counter[str] = Counter()
        self.aborted: dict[str, float] = {}
        self.busy: Counter[str] = Counter()
        self.waiting: dict[str, deque[Callable[[], None]]] = {}


STATE = State()


class Upstream(asyncio.Protocol):
    """One connection; requests one after another."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.write = transport.write
        self.transport = transport
        self.loop = asyncio.get_running_loop()
        self.buffer = b""
        self.asked = ""
        self.slot = ""

    def connection_lost(self, error: Exception | None) -> None:
        del error
        if self.asked:
            STATE.aborted[self.asked] = time.monotonic()
            self._over()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        at = self.buffer.find(b"\r\n\r\n")
        if at < 0:
            return
        head = self.buffer[:at].lower()
        found = head.find(b"content-length:")
        size = int(head[found + 15 :].split(b"\r\n", 1)[0]) if found >= 0 else 0
        if len(self.buffer) - at - 4 < size:
            return
        body, self.buffer = self.buffer[at + 4 : at + 4 + size], self.buffer[at + 4 + size :]
        path = head.split(b" ", 2)[1].decode()
        self.ask(path.split("/")[1], path, body)

    def ask(self, behaviour: str, path: str, body: bytes) -> None:
        """Answer one request."""
        if behaviour in {"_seen", "_forget", "_switch"}:
            self.write(self.admin(behaviour, path))
            return
        STATE.seen[behaviour] += 1
        if not body:
            self.write(whole(b'{"object":"list","data":[{"id":"m","object":"model"}]}'))
            return
        if behaviour == "switch":
            behaviour = STATE.switch
        nonce = re.search(rb"nonce-[0-9a-z-]+", body)
        self.asked = nonce[0].decode() if nonce else "?"
        kind, *numbers = behaviour.split("-")
        streaming = b'"stream":true' in body or b'"stream": true' in body
        DOES[kind](self, streaming, numbers)

    def admin(self, behaviour: str, path: str) -> bytes:
        if behaviour == "_forget":
            STATE.seen.clear()
            STATE.aborted.clear()
        elif behaviour == "_switch":
            STATE.switch = path.split("/")[2]
        return whole(json.dumps({"seen": STATE.seen, "aborted": STATE.aborted}).encode())

    def _over(self) -> None:
        self.asked = ""
        slot, self.slot = self.slot, ""
        if slot:
            waiting = STATE.waiting.get(slot)
            STATE.busy[slot] -= 1
            while waiting and STATE.busy[slot] < int(slot.split("-")[1]):
                waiting.popleft()()

    def answer(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        """At once."""
        del numbers
        if streaming:
            self.frames(FRAMES, PACE_S)
        else:
            self.write(PLAIN)
            self._over()

    def frames(self, frames: list[bytes], pace_s: float, at: int = 0, *, cut: bool = False) -> None:
        """Write the rest of the frames, one every `pace_s`."""
        if self.transport.is_closing():
            return
        self.write(frames[at])
        if at + 1 < len(frames):
            self.loop.call_later(pace_s, lambda: self.frames(frames, pace_s, at + 1, cut=cut))
            return
        self._over()
        if cut:
            self.transport.close()

    def pace(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        if streaming:
            self.frames(FRAMES, int(numbers[0]) / 1000)
        else:
            self.delay(streaming, numbers)

    def delay(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        self.loop.call_later(int(numbers[0]) / 1000, self.late, streaming)

    def late(self, streaming: bool) -> None:  # noqa: FBT001 - one of a table
        if not self.transport.is_closing():
            self.answer(streaming, [])

    def status(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        del streaming
        said = b'{"error":{"message":"no","type":"overloaded","code":"no"}}'
        self.write(whole(said, int(numbers[0]), b"retry-after: %s\r\n" % numbers[1].encode() if numbers[1:] else b""))
        self._over()

    def flaky(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        """Fails `numbers[0]` of a hundred, in turn."""
        turn = STATE.busy["flaky"] = (STATE.busy["flaky"] + 37) % 100
        if turn < int(numbers[0]):
            self.status(streaming, ["503"])
        else:
            self.answer(streaming, [])

    def hang(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        """Never answers; `hang-2` streams two chunks first."""
        if streaming and numbers:
            self.write(b"".join(FRAMES[: int(numbers[0])]))

    def slots(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        """Serves `numbers[1]` at a time for `numbers[0]` ms each; the others wait in line."""
        name = "-".join(numbers)
        waiting = STATE.waiting.setdefault(name, deque())

        def serve() -> None:
            if not self.transport.is_closing():
                STATE.busy[name] += 1
                self.slot = name
                self.delay(streaming, numbers)

        if STATE.busy[name] < int(numbers[1]):
            serve()
        else:
            waiting.append(serve)

    def raw(self, streaming: bool, numbers: list[str]) -> None:  # noqa: FBT001 - one of a table
        del streaming
        frames, cut = HOSTILE["-".join(numbers)]
        self.frames(frames, 0.005, cut=cut)


def whole(body: bytes, status: int = 200, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d X\r\ncontent-type: application/json\r\n%scontent-length: %d\r\n\r\n"
    return head % (status, more, len(body)) + body


PLAIN = whole(BODY)
DOES: dict[str, Callable[[Upstream, bool, list[str]], None]] = {
    "ok": Upstream.answer,
    "v1": Upstream.answer,
    "pace": Upstream.pace,
    "delay": Upstream.delay,
    "status": Upstream.status,
    "flaky": Upstream.flaky,
    "hang": Upstream.hang,
    "slots": Upstream.slots,
    "raw": Upstream.raw,
}


async def main(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=4096)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
