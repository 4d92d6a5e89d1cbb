"""CPU per request of the gateway worker, and what the same client pays directly, side by side on this machine.

    python bench/gateway_cpu.py [--requests 4000] [--concurrency 32] [--json]

A trivial upstream (asyncio, a fixed answer) runs in its own process; the load comes from a third. CPU is read from
/proc, so that a noisy machine changes little; wall times are not reported. Linux only.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import uvloop

from breakeven.demo.process import free_port, wait_until_ready
from breakeven.wire.client import Client

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
CHUNKS = 32
USAGE = '"usage":{"prompt_tokens":9,"completion_tokens":32,"total_tokens":41}'
BODY = f'{{"id":"c","object":"chat.completion","created":0,"model":"m","choices":[],{USAGE}}}'.encode()
DELTA = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":0,"model":"m",'
    b'"choices":[{"index":0,"delta":{"content":"token "},"finish_reason":null}]}\n\n'
)
TAIL = f'data: {{"id":"c","object":"chat.completion.chunk","created":0,"model":"m","choices":[],{USAGE}}}\n\n'.encode()
STREAM = DELTA * CHUNKS + TAIL + b"data: [DONE]\n\n"
ASK = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 32}).encode()
ASK_STREAM = json.dumps(
    {"model": "m", "messages": [{"role": "user", "content": "hello"}], "stream": True,
     "stream_options": {"include_usage": True}}
).encode()  # fmt: skip


class Upstream(asyncio.Protocol):
    """Answers every request at once; a stream's chunks leave one by one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        size = next(
            (int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), 0
        )
        if len(rest) < size:
            return
        self.buffer = rest[size:]
        streaming = b'"stream": true' in rest[:size] or b'"stream":true' in rest[:size]
        self._answer(streaming=streaming)

    def _answer(self, *, streaming: bool) -> None:
        write = self.transport.write  # type: ignore[attr-defined]
        if not streaming:
            head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(BODY)
            write(head + BODY)
            return
        write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        self._chunk(CHUNKS)

    def _chunk(self, left: int) -> None:
        data = DELTA if left else TAIL + b"data: [DONE]\n\n"
        self.transport.write(b"%x\r\n%s\r\n" % (len(data), data) + (b"" if left else b"0\r\n\r\n"))  # type: ignore[attr-defined]
        if left:
            asyncio.get_running_loop().call_later(0.001, self._chunk, left - 1)


def serve_upstream(port: int) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port)
        async with server:
            await server.serve_forever()

    uvloop.run(main())


async def load(url: str, body: bytes, requests: int, concurrency: int) -> None:
    """A closed loop; every answer is read to its end and must be a 200."""
    left = iter(range(requests))
    async with Client() as client:

        async def one() -> None:
            for _ in left:
                headers = [("content-type", "application/json")]
                response = await client.request("POST", f"{url}/v1/chat/completions", headers, body, timeout_s=30)
                read = await response.read()
                if response.status != 200 or (body is ASK_STREAM and not read.rstrip().endswith(b"[DONE]")):
                    message = f"{response.status}: {read[:200]!r}"
                    raise RuntimeError(message)

        await asyncio.gather(*(one() for _ in range(concurrency)))


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def is_worker(pid: int) -> bool:
    return b"gateway" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"--only\0")[-1]


def measure(url: str, pid: int, body: bytes, requests: int, concurrency: int) -> float:
    """Microseconds of CPU of one process per request: the median of three runs after a warm-up."""
    uvloop.run(load(url, body, max(200, requests // 10), concurrency))
    runs = []
    for _ in range(3):
        before = cpu_s(pid)
        uvloop.run(load(url, body, requests, concurrency))
        runs.append((cpu_s(pid) - before) / requests * 1e6)
    return statistics.median(runs)


def run(requests: int, concurrency: int) -> dict[str, float]:
    """All figures."""
    upstream_port, port = free_port(), free_port()
    upstream = multiprocessing.get_context("spawn").Process(target=serve_upstream, args=(upstream_port,), daemon=True)
    upstream.start()
    direct, through = f"http://127.0.0.1:{upstream_port}", f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "breakeven", "serve", "--openai-base-url", f"{direct}/v1", "--port", str(port)]
        gateway = subprocess.Popen(
            [*command, "--console-port", "0", "--data-dir", folder], stderr=subprocess.DEVNULL, cwd=folder
        )
        try:
            wait_until_ready(f"{through}/readyz")
            worker = next(pid for pid in children(gateway.pid) if is_worker(pid))
            streams = max(200, requests // 10)
            assert upstream.pid is not None
            found = {
                "upstream_us": measure(direct, upstream.pid, ASK, requests, concurrency),
                "gateway_us": measure(through, worker, ASK, requests, concurrency),
                "upstream_stream_us": measure(direct, upstream.pid, ASK_STREAM, streams, concurrency),
                "gateway_stream_us": measure(through, worker, ASK_STREAM, streams, concurrency),
            }
        finally:
            gateway.terminate()
            gateway.wait(20)
            upstream.terminate()
            upstream.join()
    found["gateway_chunk_us"] = (found["gateway_stream_us"] - found["gateway_us"]) / CHUNKS
    found["ratio_to_upstream"] = found["gateway_us"] / found["upstream_us"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = run(options.requests, options.concurrency)
    if options.json:
        print(json.dumps(found))
        return
    print(f"gateway worker, CPU per request (c={options.concurrency}): {found['gateway_us']:.0f} us")
    print(f"trivial upstream, CPU per request:            {found['upstream_us']:.0f} us")
    print(f"ratio:                                        {found['ratio_to_upstream']:.1f}")
    print(f"gateway worker, CPU per stream of {CHUNKS} chunks:  {found['gateway_stream_us']:.0f} us")
    print(f"gateway worker, CPU per chunk:                {found['gateway_chunk_us']:.0f} us")


if __name__ == "__main__":
    main()
