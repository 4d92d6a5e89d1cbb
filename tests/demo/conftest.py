"""A stand-in gateway on a real loopback socket: scores, streams, takes events."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest


class Gateway:
    """Prefers the item `prefer(campaign)`; every request whose number is in `broken` is answered with 500."""

    def __init__(self) -> None:
        self.prefer: Callable[[int], int] = lambda _campaign: 0
        self.broken: set[int] = set()
        self.ranked: dict[str, dict[str, Any]] = {}
        self.chats: list[dict[str, Any]] = []
        self.events: dict[str, dict[str, Any]] = {}
        self.headers: list[dict[str, str]] = []
        self.asked = 0
        self.url = ""

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> bytes:
        if path == "/events":
            self.events |= {event["id"]: event for event in json.loads(body)}
            return plain(202, b"{}")
        self.headers.append(headers)
        if path.endswith("/chat/completions"):
            return self.chat(json.loads(body))
        return self.rank(json.loads(body))

    def rank(self, body: dict[str, Any]) -> bytes:
        number, self.asked = self.asked, self.asked + 1
        if number in self.broken:
            return plain(500, b'{"error":"broken"}')
        (tensor,) = body["inputs"]
        count = tensor["shape"][0]
        scores = [0.0] * count
        scores[self.prefer(tensor["data"][0])] = 1.0
        prediction_id = f"p{number}"
        self.ranked[prediction_id] = {"campaign": tensor["data"][0], "item": scores.index(1.0)}
        output = {"name": "score", "datatype": "FP32", "shape": [count], "data": scores}
        return plain(200, json.dumps({"outputs": [output]}).encode(), prediction_id)

    def chat(self, body: dict[str, Any]) -> bytes:
        self.chats.append(body)
        events = [
            {"choices": [{"delta": {"role": "assistant", "content": ""}}]},
            *({"choices": [{"delta": {"content": "word "}}]} for _ in range(2)),
            {"choices": [], "usage": {"completion_tokens": int(body["metadata"]["emulate_output_tokens"])}},
        ]
        text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        return plain(200, text.encode())


def plain(status: int, body: bytes, prediction_id: str = "") -> bytes:
    extra = f"x-breakeven-prediction-id: {prediction_id}\r\n" if prediction_id else ""
    return f"HTTP/1.1 {status} X\r\n{extra}content-length: {len(body)}\r\n\r\n".encode() + body


@contextlib.asynccontextmanager
async def serve(state: Gateway) -> AsyncIterator[Gateway]:
    tasks: set[asyncio.Task[None]] = set()

    async def exchanges(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(headers["content-length"]))
            writer.write(state.answer(head[0].split(" ")[1], headers, body))
            await writer.drain()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await exchanges(reader, writer)
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    state.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield state
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
def running() -> Callable[[Gateway], contextlib.AbstractAsyncContextManager[Gateway]]:
    """Serves a gateway's state inside a running loop."""
    return serve
