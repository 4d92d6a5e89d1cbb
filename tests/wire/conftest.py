"""A loopback server that says exactly what a test tells it, byte by byte."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

Handler = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


class Loopback:
    """Counts connections and keeps the requests (head and body) that came."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[bytes] = []
        self.url = ""
        self.closed = asyncio.Event()


@pytest.fixture
def loopback():
    """Start a server that calls the handler with each whole request and a writer."""

    @asynccontextmanager
    async def start(handler: Handler) -> AsyncIterator[Loopback]:
        here = Loopback()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            here.connections += 1
            try:
                while head := await reader.readuntil(b"\r\n\r\n"):
                    length = next(
                        (
                            int(line.split(b":")[1])
                            for line in head.split(b"\r\n")
                            if line.startswith(b"content-length")
                        ),
                        0,
                    )
                    here.requests.append(head + await reader.readexactly(length))
                    await handler(here.requests[-1], writer)
                    if writer.is_closing():
                        break
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                here.closed.set()
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        here.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield here
            server.close()
        await asyncio.sleep(0)

    return start


def says(*parts: bytes, close: bool = False) -> Handler:
    """A handler that writes these bytes, whatever was asked."""

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        if close:
            writer.close()

    return handler


@pytest.fixture(name="says")
def _says():
    return says
