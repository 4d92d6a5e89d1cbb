"""A loopback server that says what a test tells it, byte by byte; and the own server before a desk that echoes."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager

import h11
import msgspec
import pytest
import uvloop

from breakeven.wire.http import Headers, HttpRequest, Outgoing, Service
from breakeven.wire.server import HttpServer, ServerLimits, serve
from breakeven.wire.server_connection import ServerConnection
from breakeven.wire.server_context import ServerContext

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


class Clock:
    """Seconds that pass only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A service that keeps what came; `answer` says how it is answered, by default with what was understood."""

    def __init__(self, answer=None, limit: int = 1 << 20) -> None:
        self.requests: list[HttpRequest] = []
        self.outs: list[Outgoing] = []
        self.refusals: list[tuple[int, str]] = []
        self.limit = limit
        self.answer = answer or self.echo
        self._came = asyncio.Event()

    async def some(self) -> list[Outgoing]:
        """The ways back of all that came, once something did."""
        await self._came.wait()
        return self.outs

    def max_body_bytes(self) -> int:
        return self.limit

    def request(self, request: HttpRequest, out: Outgoing) -> None:
        self.requests.append(request)
        self.outs.append(out)
        self._came.set()
        self.answer(request, out)

    def refusal(self, status: int, kind: str, message: str, path: str) -> tuple[Headers, bytes]:
        self.refusals.append((status, kind))
        return [("content-type", "application/json")], msgspec.json.encode({"kind": kind, "at": path, "is": message})

    @staticmethod
    def echo(request: HttpRequest, out: Outgoing) -> None:
        out.reply(200, [("content-type", "application/json")], msgspec.json.encode(seen(request)))

    @staticmethod
    def hold(request: HttpRequest, out: Outgoing) -> None:
        """Answer later, by hand."""


def seen(request: HttpRequest) -> dict[str, object]:
    """A request as a test compares it."""
    return {
        "method": request.method,
        "path": request.path,
        "query": request.query,
        "headers": request.headers,
        "body": request.body.decode("latin-1"),
    }


class Memory(asyncio.Transport):
    """A transport without a socket: exact cuts in, all bytes out, as much room as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.out = bytearray()
        self.unread = 0
        self.ended = self.closed = self.paused = False
        self.high = 1 << 16
        self.protocol: asyncio.Protocol | None = None

    def write(self, data: bytes) -> None:
        assert not self.ended, "nothing is written after the end"
        self.out += data

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high or self.high

    def get_write_buffer_size(self) -> int:
        return self.unread

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self.closed:
            self.closed = True
            assert self.protocol is not None
            self.protocol.connection_lost(None)


class Line:
    """A server's connection at the end of a `Memory`, on a clock that stands still."""

    def __init__(self, desk: Desk, limits: ServerLimits | None = None, context: ServerContext | None = None) -> None:
        self.clock = context.clock if context else Clock()
        self.context = context or ServerContext(desk, limits or ServerLimits(), self.clock, lambda: 1_767_225_600.0)
        self.connection = ServerConnection(self.context)
        self.transport = Memory()
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def say(self, *parts: bytes) -> bytes:
        """Bytes in; everything that has come out so far."""
        for part in parts:
            if not self.transport.closed:
                self.connection.data_received(part)
        return bytes(self.transport.out)

    def after(self, seconds: float) -> None:
        """Let time pass in steps of a sweep."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(end, self.clock.now + self.context.limits.sweep_s)
            self.context.sweep()

    @property
    def over(self) -> bool:
        return self.transport.closed or self.transport.ended


Answered = tuple[int, dict[str, str], bytes]


def answers(raw: bytes, *methods: str) -> list[Answered]:
    """What h11 reads in the answers to these requests; it raises at what is not HTTP/1.1 to the letter."""
    found: list[Answered] = []
    for method in methods:
        client = h11.Connection(h11.CLIENT)
        client.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        client.send(h11.EndOfMessage())
        client.receive_data(raw)
        answer, body = client.next_event(), b""
        while isinstance(answer, h11.InformationalResponse):
            answer = client.next_event()
        assert isinstance(answer, h11.Response), answer
        headers = {name.decode(): value.decode("latin-1") for name, value in answer.headers}
        if "content-length" not in headers and "transfer-encoding" not in headers:
            client.receive_data(b"")
        while not isinstance(event := client.next_event(), h11.EndOfMessage):
            assert isinstance(event, h11.Data), event
            body += bytes(event.data)
        found.append((answer.status_code, headers, body))
        raw = client.trailing_data[0]
    assert not raw, raw
    return found


@asynccontextmanager
async def serve_itself(service: Service, limits: ServerLimits | None = None) -> AsyncIterator[tuple[HttpServer, int]]:
    """The own transport on a port of 127.0.0.1; `port` says which."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    server = await serve(service, sock, limits)
    try:
        yield server, port
    finally:
        await server.drain(0.0)


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request):
    """Run a coroutine; whatever reaches the loop's exception handler fails the test."""

    def go(main: Coroutine[None, None, object]) -> None:
        trouble: list[dict[str, object]] = []
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.get_loop().set_exception_handler(lambda _, context: trouble.append(context))
            runner.run(main)
        assert trouble == []

    return go


@pytest.fixture(params=[serve_itself], ids=["own"])
def start_server(request):
    """Each transport that drives a `Service`, as a context of it: `async with` gives the server and its port."""
    return request.param


@pytest.fixture(name="desks", scope="session")
def _desk():
    return Desk


@pytest.fixture(name="lines", scope="session")
def _line():
    return Line


@pytest.fixture(name="seen", scope="session")
def _seen():
    return seen


@pytest.fixture(name="answers", scope="session")
def _answers():
    return answers


@pytest.fixture
def talk():
    """A client that says its bytes, and returns what comes back: to the end, or to some last bytes."""

    async def go(port: int, data: bytes, until: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(data)
            return await (reader.readuntil(until) if until else reader.read())
        finally:
            writer.close()

    return go


@pytest.fixture
def until():
    """Wait for something to become true; a test that waits in vain ends with its time."""

    async def wait(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110 - the condition is not the test's to signal
            await asyncio.sleep(0.001)

    return wait
