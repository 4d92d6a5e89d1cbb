"""A small HTTP/1.1 server on a real loopback socket, whose handler the test writes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
import uvicorn

from breakeven.emulator.server import Settings, asgi_app
from breakeven.schema.performance import StepCurve

Handler = Callable[[str, bytes, asyncio.StreamWriter], Awaitable[None]]


def plain(status: int, body: bytes, kind: str = "application/json") -> bytes:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def stream_head() -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


@contextlib.asynccontextmanager
async def serve(handler: Handler) -> AsyncIterator[str]:
    """The server's base URL; the handler gets path and body, and writes the whole answer."""
    tasks: set[asyncio.Task[None]] = set()

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
                fields = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                body = await reader.readexactly(int(fields.get("content-length", 0)))
                await handler(head[0].split(" ")[1], body, writer)
                await writer.drain()

    async def whole(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await connection(reader, writer)
        except asyncio.CancelledError:
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(whole, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture
def loopback() -> Callable[[Handler], contextlib.AbstractAsyncContextManager[str]]:
    """Starts such a server."""
    return serve


@pytest.fixture
def reply() -> Callable[..., bytes]:
    """An answer with a length."""
    return plain


@pytest.fixture
def streaming() -> bytes:
    """The head of an answer that ends with its connection."""
    return stream_head()


@contextlib.contextmanager
def emulate(curve: StepCurve) -> Iterator[str]:
    """The emulator's URL, on a free port and in a thread of this process."""
    listener = socket.create_server(("127.0.0.1", 0))
    made = asgi_app(Settings(curve=curve, model="m", label="test"))
    server = uvicorn.Server(uvicorn.Config(made, lifespan="off", ws="none", log_level="warning"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listener.close()


@pytest.fixture(scope="module")
def emulated() -> Callable[[StepCurve], contextlib.AbstractContextManager[str]]:
    """Starts an emulated deployment."""
    return emulate
