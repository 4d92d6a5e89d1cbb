"""Plain HTTP/1.1 over asyncio streams for the fault benches: bytes as they come, and leaving at will."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from client import dechunked
from served import KEY, Serve

CHAT = "/v1/chat/completions"


class Answer:
    """What came back; `end` says how it ended: whole, cut or timeout. Status 0: nothing came."""

    def __init__(self, data: bytes, end: str, seconds: float) -> None:
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.status = int(lines[0].split(" ")[1]) if lines[0].startswith("HTTP/1.1 ") else 0
        self.headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])}
        self.data = data
        self.end = end
        self.seconds = seconds
        chunked = self.headers.get("transfer-encoding", "") == "chunked" and end == "whole"
        self.body = dechunked(body) if chunked else body


def chat(model: str, *, stream: bool = False, text: str = "hi", **more: Any) -> bytes:  # noqa: ANN401 - JSON
    """The body of a chat request."""
    asked = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 64} | more
    return json.dumps(asked | ({"stream": True, "stream_options": {"include_usage": True}} if stream else {})).encode()


def request(
    body: bytes,
    headers: dict[str, str] | None = None,
    *,
    path: str = CHAT,
    method: str = "POST",
    key: str = KEY,
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "host: gateway", "content-type: application/json"]
    lines += [f"authorization: Bearer {key}"] if key else []
    lines += [f"content-length: {len(body)}"] if body or method == "POST" else []
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def is_whole(data: bytes) -> bool:
    """Whether an answer is there to its end."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        return False
    low = head.lower()
    if b"transfer-encoding: chunked" in low:
        return body.endswith(b"0\r\n\r\n") and (body == b"0\r\n\r\n" or body.endswith(b"\r\n0\r\n\r\n"))
    at = low.find(b"content-length:")
    if at < 0:
        return low.startswith((b"http/1.1 204", b"http/1.1 1"))
    return len(body) >= int(low[at + 15 :].split(b"\r\n", 1)[0])


class Line:
    """A kept-alive connection."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.writer: asyncio.StreamWriter | None = None

    async def ask(self, sent: bytes, timeout_s: float = 20.0) -> Answer:
        """One request to the end of its answer."""
        start_s = time.perf_counter()
        data, end = b"", "whole"
        try:
            async with asyncio.timeout(timeout_s):
                if self.writer is None:
                    self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
                self.writer.write(sent)
                while not is_whole(data):
                    more = await self.reader.read(1 << 16)
                    if not more:
                        end = "cut"
                        break
                    data += more
        except TimeoutError:
            end = "timeout"
        except OSError:
            end = "cut"
        answer = Answer(data, end, time.perf_counter() - start_s)
        if end != "whole" or answer.headers.get("connection") == "close":
            self.close()
        return answer

    def close(self) -> None:
        """Leave."""
        if self.writer is not None:
            self.writer.close()
            self.writer = None


class Lines:
    """Connections for an open loop: an idle one is used again, otherwise a new one made."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.idle: list[Line] = []

    async def ask(self, sent: bytes, timeout_s: float = 20.0) -> Answer:
        """One request on a connection of its own for the time."""
        line = self.idle.pop() if self.idle else Line(self.port)
        answer = await line.ask(sent, timeout_s)
        if line.writer is not None:
            self.idle.append(line)
        return answer

    def close(self) -> None:
        """Leave."""
        for line in self.idle:
            line.close()
        self.idle = []


@asynccontextmanager
async def lines(serve: Serve) -> AsyncIterator[Lines]:
    """Connections to the gateway."""
    found = Lines(serve.port)
    try:
        yield found
    finally:
        found.close()


async def once(port: int, sent: bytes, timeout_s: float = 20.0) -> Answer:
    """One request on a fresh connection."""
    line = Line(port)
    answer = await line.ask(sent, timeout_s)
    line.close()
    return answer


async def leave(port: int, sent: bytes, events: int, wait_s: float = 0.05) -> float:
    """Ask, read so many events of the stream (0: just wait a moment), and go; the monotonic second of going."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    seen = b""
    if not events:
        await asyncio.sleep(wait_s)
    async with asyncio.timeout(10):
        while seen.count(b"data: ") < events:
            more = await reader.read(1 << 16)
            if not more:
                break
            seen += more
    gone_s = time.monotonic()
    writer.transport.abort()
    return gone_s


async def steady(
    lines: Lines, sent: bytes, per_s: float, until: asyncio.Event, into: list[Answer], timeout_s: float = 20.0
) -> None:
    """An open loop at a constant rate, until told."""
    loop = asyncio.get_running_loop()
    next_s, tasks = loop.time(), set()

    async def one() -> None:
        into.append(await lines.ask(sent, timeout_s))

    while not until.is_set():
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        next_s += 1 / per_s
        await asyncio.sleep(max(0.0, next_s - loop.time()))
    if tasks:
        await asyncio.wait(tasks)


def p99_ms(answers: list[Answer]) -> float:
    """The 99th percentile of their durations, by nearest rank."""
    found = sorted(one.seconds for one in answers)
    return found[min(len(found) - 1, int(len(found) * 0.99))] * 1000 if found else 0.0
