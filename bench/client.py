"""A closed loop of keep-alive requests, cheap enough to share a machine with what it measures.

    python bench/client.py '{"url": "http://127.0.0.1:8080/v1", "requests": 5000, "concurrency": 32}'

Prints one JSON object. Every answer is checked: status 200 and its whole length, of a stream every frame; the first
that is wrong is shown. `distinct` prompts differ in a number of fixed width.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import uvloop

DEFAULTS: dict[str, Any] = {
    "url": "", "requests": 5000, "concurrency": 32, "stream": False, "distinct": True, "frames": 35, "key": "",
    "model": "m", "headers": {}, "timeout_s": 60.0, "first": 0,
}  # fmt: skip
PROMPT = "Please summarise the following note of a customer in one sentence and name the product it speaks about. " * 3


class Load:
    """What is sent, what came."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.left = options["requests"]
        self.number = options["first"]
        self.open = 0
        self.errors = 0
        self.first_error = ""
        self.latency_s: list[float] = []
        self.ttft_s: list[float] = []
        self.gap_s = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        body: dict[str, Any] = {
            "model": options["model"],
            "messages": [
                {"role": "system", "content": "You are terse."},
                {"role": "user", "content": f"nonce-%012d {PROMPT}"},
            ],
            "max_tokens": 64,
            "temperature": 0,
        }
        if options["stream"]:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        self.body = json.dumps(body, separators=(",", ":"))
        parts = urlsplit(options["url"])
        lines = [
            f"POST {parts.path}/chat/completions HTTP/1.1",
            f"host: {parts.netloc}",
            "content-type: application/json",
            f"content-length: {len(self.body % 0)}",
            *([f"authorization: Bearer {options['key']}"] if options["key"] else []),
            *(f"{name}: {value}" for name, value in options["headers"].items()),
        ]
        self.head = "\r\n".join(lines).replace("%", "%%") + "\r\n\r\n"
        self.request = (self.head + self.body).encode()

    def next(self) -> bytes | None:
        """The next request; None when all were given out."""
        if self.left <= 0:
            return None
        self.left -= 1
        self.number += bool(self.options["distinct"])
        return self.request % self.number

    def wrong(self, message: str) -> None:
        self.errors += 1
        self.first_error = self.first_error or message

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(None)


class Asking(asyncio.Protocol):
    """One connection: a request, its answer, the next."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.stream = load.options["stream"]
        self.waiting = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        self.load.open += 1
        self.ask()

    def ask(self) -> None:
        request = self.load.next()
        if request is None:
            self.waiting = False
            self.transport.close()
            return
        self.waiting, self.buffer, self.need, self.seen_s = True, b"", 0, 0.0
        self.parts: list[bytes] = []
        self.start_s = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self.stream:
            self.streamed(data)
            return
        self.buffer += data
        if not self.need:
            at = self.buffer.find(b"\r\n\r\n")
            if at < 0:
                return
            head = self.buffer[:at].lower()
            size = head.find(b"content-length:")
            self.need = at + 4 + int(head[size + 15 :].split(b"\r\n", 1)[0]) if size >= 0 else 0
            if not head.startswith(b"http/1.1 200") or not self.need:
                self.load.wrong(self.buffer[:300].decode("latin-1"))
                self.transport.abort()
                return
        if len(self.buffer) >= self.need:
            self.load.latency_s.append(time.perf_counter() - self.start_s)
            self.ask()

    def streamed(self, data: bytes) -> None:
        now = time.perf_counter()
        self.parts.append(data)
        if self.seen_s:
            self.load.gap_s = max(self.load.gap_s, now - self.seen_s)
            self.seen_s = now
        elif b"data:" in data:
            self.load.ttft_s.append(now - self.start_s)
            self.seen_s = now
        if data.endswith(b"0\r\n\r\n"):
            answer = b"".join(self.parts)
            if answer.endswith(b"\r\n0\r\n\r\n"):
                self.check(answer)
        elif not self.seen_s and not b"".join(self.parts).startswith(b"HTTP/1.1 200"):
            self.load.wrong(data[:300].decode("latin-1"))
            self.transport.abort()

    def check(self, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        frames = dechunked(body).count(b"data: ")
        if not head.startswith(b"HTTP/1.1 200") or frames != self.load.options["frames"]:
            self.load.wrong(
                f"{frames} frames, not {self.load.options['frames']}: {answer[:200]!r} ... {answer[-400:]!r}"
            )
        self.load.latency_s.append(time.perf_counter() - self.start_s)
        self.ask()

    def connection_lost(self, error: Exception | None) -> None:
        if self.waiting:
            self.load.wrong(f"the connection ended before the answer did: {error}")
        self.load.closed()


def dechunked(body: bytes) -> bytes:
    """The body of a chunked answer."""
    parts, at = [], 0
    while at < len(body):
        end = body.index(b"\r\n", at)
        size = int(body[at:end].split(b";")[0], 16)
        parts.append(body[end + 2 : end + 2 + size])
        at = end + size + 4
    return b"".join(parts)


async def run(options: dict[str, Any]) -> dict[str, Any]:
    """Send them all."""
    load = Load(DEFAULTS | options)
    parts = urlsplit(load.options["url"])
    loop = asyncio.get_running_loop()
    load.open += 1
    start_s = time.perf_counter()
    for _ in range(load.options["concurrency"]):
        await loop.create_connection(lambda: Asking(load), parts.hostname, parts.port)
    load.closed()
    try:
        await asyncio.wait_for(load.done, load.options["timeout_s"])
    except TimeoutError:
        load.wrong(f"{load.open} connections still wait after {load.options['timeout_s']} s")
    wall_s = time.perf_counter() - start_s
    return {
        "requests": len(load.latency_s),
        "errors": load.errors,
        "first_error": load.first_error,
        "wall_s": wall_s,
        "p50_ms": quantile_ms(load.latency_s, 0.5),
        "p99_ms": quantile_ms(load.latency_s, 0.99),
        "ttft_p50_ms": quantile_ms(load.ttft_s, 0.5),
        "gap_max_ms": load.gap_s * 1000,
    }


def quantile_ms(values: list[float], share: float) -> float:
    """A quantile in milliseconds; 0 of nothing."""
    if len(values) < 2:
        return sum(values) * 1000
    return statistics.quantiles(values, n=1000, method="inclusive")[round(share * 1000) - 1] * 1000


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.loads(sys.argv[1])))))
