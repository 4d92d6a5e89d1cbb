"""The callback form of the client: what a handler is told, in which order, and that nothing follows the end."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import BackendError, UsageError
from breakeven.wire.client import Client, prepare
from breakeven.wire.connection import Connection, Limits
from breakeven.wire.failure import ProtocolError, TimedOutError, UnreachableError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
BOTH = pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])


class Told:
    """A handler that keeps what it is told and refuses to be told from inside `start`, or anything after the end."""

    def __init__(self, at: Callable[[str], None] = lambda _: None) -> None:
        self.starting = True
        self.words: list[str] = []
        self.status = 0
        self.headers: list[tuple[str, str]] = []
        self.body = b""
        self.error: BackendError | None = None
        self.over = asyncio.Event()
        self._at = at

    def _tell(self, word: str) -> None:
        assert not self.starting, "told from inside start"
        assert not self.over.is_set(), "told after the end"
        self.words.append(word)
        if word in {"end", "failure"}:
            self.over.set()
        self._at(word)

    def on_connected(self, seconds: float) -> None:
        assert seconds >= 0
        self._tell("connected")

    def on_sent(self) -> None:
        self._tell("sent")

    def on_head(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.status, self.headers = status, headers
        self._tell("head")

    def on_body(self, data: bytes) -> None:
        assert data
        self.body += data
        self._tell("body")

    def on_end(self) -> None:
        self._tell("end")

    def on_failure(self, error: BackendError) -> None:
        self.error = error
        self._tell("failure")


def start(client: Client, url: str, told: Told | None = None, timeout_s: float = 20.0):
    """Start a POST; what is told, and the flight."""
    told = told or Told()
    flight = client.start(prepare("POST", url, [("a", "b")]), b"body", told, timeout_s, [("c", "d")])
    told.starting = False
    return told, flight


async def ask(client: Client, url: str, timeout_s: float = 20.0) -> Told:
    told, _ = start(client, url, timeout_s=timeout_s)
    await asyncio.wait_for(told.over.wait(), 30)
    return told


async def until(fact: Callable[[], object]) -> None:
    while not fact():  # noqa: ASYNC110 - facts of all kinds are waited for
        await asyncio.sleep(0.002)


@BOTH
def test_an_exchange_is_told_in_order(loopback, says, run) -> None:
    """Connected, sent, head, body, end; a kept connection is not told again; the request is what was meant."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            first, second = await ask(client, server.url + "/x"), await ask(client, server.url + "/x")
            assert first.words == ["connected", "sent", "head", "body", "end"]
            assert second.words == ["sent", "head", "body", "end"]
            assert (second.status, second.headers, second.body) == (200, [("content-length", "5")], b"hello")
            host = server.url.removeprefix("http://").encode()
            assert server.requests[1] == (
                b"POST /x HTTP/1.1\r\nhost: " + host + b"\r\na: b\r\nc: d\r\ncontent-length: 4\r\n\r\nbody"
            )
            assert (server.connections, client.idle()) == (1, 1)

    run(main())


@BOTH
@pytest.mark.parametrize("at", ["connected", "sent", "head", "body", "end"])
def test_giving_up_at_any_point_is_the_end_of_it(loopback, says, at: str, run) -> None:
    """After `abort` nothing is told, whenever it is called; the server sees the connection end; the next one works."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            flights = []
            told = Told(lambda word: flights[0].abort() if word == at else None)
            told, flight = start(client, server.url, told)
            flights.append(flight)
            await until(lambda: at in told.words)
            told.over.set()
            if at not in {"connected", "end"}:
                await asyncio.wait_for(server.closed.wait(), 20)
            assert told.words[-1] == at
            assert (await ask(client, server.url)).words[-1] == "end"
            assert client.idle() == 1

    run(main())


@BOTH
def test_giving_up_before_anything_happened(loopback, says, run) -> None:
    """A flight aborted at once, connecting or on a kept connection, tells nothing; aborting twice is no harm."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            for _ in range(2):
                told, flight = start(client, server.url)
                flight.abort()
                flight.abort()
                await ask(client, server.url)
                assert told.words == []

    run(main())


@BOTH
def test_a_paused_flight_reads_nothing_and_is_not_silent(loopback, run) -> None:
    """Between `pause` and `resume` the server is held back by TCP, however long, and no timeout comes of it."""
    size = 64 * 1024 * 1024

    async def large(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(64):
            writer.write(b"x" * (size // 64))
            await writer.drain()

    async def main() -> None:
        async with loopback(large) as server, Client() as client:
            count = 0
            flights = []
            over = asyncio.Event()

            class Counting(Told):
                def on_body(self, data: bytes) -> None:
                    nonlocal count
                    count += len(data)

                def on_end(self) -> None:
                    over.set()

            told = Counting(lambda word: flights[0].pause() if word == "head" else None)
            told, flight = start(client, server.url, told, timeout_s=0.1)
            flights.append(flight)
            await asyncio.sleep(0.8)
            held = count
            assert held < 8 * 1024 * 1024
            flight.resume()
            await asyncio.wait_for(over.wait(), 30)
            assert (count, client.idle()) == (size, 1)

    run(main())


@BOTH
def test_silence_fails_the_flight(loopback, run) -> None:
    """No answer, or none that goes on, is a timeout told once; the server sees the connection end."""

    async def silent(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/half" in request:
            writer.write(CHUNKED + b"5\r\nhello\r\n")

    async def main() -> None:
        async with loopback(silent) as server, Client() as client:
            none, half = await asyncio.gather(*(ask(client, server.url + path, 0.05) for path in ("/", "/half")))
            assert isinstance(none.error, TimedOutError)
            assert none.words == ["connected", "sent", "failure"]
            assert half.words == ["connected", "sent", "head", "body", "failure"]
            assert "go on" in half.error.message
            await asyncio.wait_for(server.closed.wait(), 20)

    run(main())


@BOTH
@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([True, False, True], ["sent", "connected", "head", "body", "end"]),
        ([True, False, False], ["sent", "connected", "failure"]),
    ],
)
def test_a_kept_connection_that_is_dead_is_replaced_once(loopback, answers, told, run) -> None:
    """Closed before any byte of the answer: sent again on a new connection, `sent` told once; and not a third time."""

    async def main() -> None:
        verdicts = iter(answers)

        async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
            writer.write(OK) if next(verdicts) else writer.close()

        async with loopback(handler) as server, Client() as client:
            await ask(client, server.url)
            again = await ask(client, server.url)
            assert again.words == told
            assert isinstance(again.error, UnreachableError) == ("failure" in told)
            assert (len(server.requests), server.connections) == (3, 2)

    run(main())


def test_a_kept_connection_that_breaks_in_the_answer_is_not_replaced(loopback) -> None:
    """One byte of an answer shows that the request was taken: it is not sent twice."""
    first = True

    async def breaks(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal first
        writer.write(OK if first else b"H")
        first or writer.close()
        first = False

    async def main() -> None:
        async with loopback(breaks) as server, Client() as client:
            await ask(client, server.url)
            assert isinstance((await ask(client, server.url)).error, ProtocolError)
            assert len(server.requests) == 2

    asyncio.run(main())


@BOTH
@pytest.mark.parametrize(("tail", "kept"), [(b"3\r\n: x\r\n0\r\n\r\n", 1), (b"8000\r\n" + b"x" * 0x8000 + b"\r\n", 0)])
def test_a_detached_flight_keeps_its_connection_if_it_ends_soon(loopback, tail: bytes, kept: int, run) -> None:
    """Nothing is told after `detach`; a short rest is read over and the connection kept, a long one closes it."""
    go = asyncio.Event()

    async def handler(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"5\r\nhello\r\n")
        await go.wait()
        writer.write(tail)

    async def main() -> None:
        async with loopback(handler) as server, Client() as client:
            flights = []
            told = Told(lambda word: flights[0].detach() if word == "body" else None)
            told, flight = start(client, server.url, told)
            flights.append(flight)
            await until(lambda: "body" in told.words)
            told.over.set()
            go.set()
            if kept:
                await until(client.idle)
            else:
                await asyncio.wait_for(server.closed.wait(), 20)
            assert (flight.over, client.idle()) == (True, kept)

    run(main())


def test_a_detached_flight_that_never_ends_is_closed(loopback) -> None:
    """A rest that drips forever does not hold a connection: bytes of it do not count against the silence."""

    async def drips(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"5\r\nhello\r\n")
        while True:
            writer.write(b"1\r\n:\r\n")
            await asyncio.sleep(0.01)

    async def main() -> None:
        async with loopback(drips) as server, Client() as client:
            told, flight = start(client, server.url, timeout_s=0.1)
            await until(lambda: "body" in told.words)
            flight.detach()
            await until(lambda: flight.over)
            assert "failure" not in told.words

    asyncio.run(main())


@BOTH
def test_closing_the_client_ends_every_flight_once(loopback, run) -> None:
    """Connecting, waiting or reading: each handler is told that the client was closed, and no socket stays."""

    async def hangs(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/half" in request:
            writer.write(CHUNKED + b"5\r\nhello\r\n")

    async def main() -> None:
        async with loopback(hangs) as server:
            client = Client()
            reading, waiting = (start(client, server.url + path)[0] for path in ("/half", "/"))
            await until(lambda: reading.body and "sent" in waiting.words)
            connecting, _ = start(client, server.url)
            await client.close()
            assert [one.words[-1] for one in (reading, waiting, connecting)] == ["failure"] * 3
            assert "the client was closed" in waiting.error.message
            await asyncio.wait_for(server.closed.wait(), 20)

    run(main())


@BOTH
def test_many_at_once_are_all_answered(loopback, run) -> None:
    """Flights do not mix: each gets its own answer, over as many connections as were in flight."""

    async def echoes(request: bytes, writer: asyncio.StreamWriter) -> None:
        path = request.split(b" ", 2)[1]
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(path), path))

    async def main() -> None:
        async with loopback(echoes) as server, Client() as client:
            for _ in range(10):
                told = await asyncio.gather(*(ask(client, f"{server.url}/{number}") for number in range(100)))
                assert [one.body for one in told] == [b"/%d" % number for number in range(100)]
            assert server.connections == 100

    run(main())


@pytest.mark.parametrize("header", [("a\r\nb", "c"), ("a", "b\nc"), ("a", "\0"), ("a", "€")])
def test_a_header_that_cannot_be_sent_is_refused_before_anything_is(header) -> None:
    """Line breaks, zero bytes and letters outside latin-1 are the caller's mistake, fixed or not."""

    async def main() -> None:
        async with Client() as client:
            with pytest.raises(UsageError, match="header 'a"):
                client.start(prepare("GET", "http://127.0.0.1:1"), b"", Told(), 1.0, [header])
            with pytest.raises(UsageError, match="header 'a"):
                prepare("GET", "http://127.0.0.1:1", [header])

    asyncio.run(main())


def test_what_is_prepared_shows_no_key() -> None:
    """R28: neither repr nor str of a prepared head holds what was put into it."""
    prepared = prepare("GET", "http://127.0.0.1:1", [("authorization", "Bearer secret")])
    assert "secret" not in f"{prepared!r}{prepared}{vars(type(prepared))}"


class Wire:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = b""
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.aborted = True


ANSWERS = {
    "sized": OK,
    "chunked": CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\ntrailer: 1\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "a second answer behind": OK + OK,
    "line ends behind": OK + b"\r\n\r\n",
    "garbage behind": OK + b"\x00garbage",
    "closing": b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
    "old": b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\n",
    "bad size": CHUNKED + b"5\r\nhello\r\nzz\r\n",
    "both framings": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
    "short": b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello",
    "unframed": b"HTTP/1.1 200 OK\r\n\r\nhello",
    "headless": b"HTTP/1.1 200 OK\r\ncontent-le",
}


async def told_of(*parts: bytes) -> tuple:
    """What a handler is told of an answer in these reads, followed by the connection's end; and if it was kept."""
    client = Client(Limits(header_bytes=512))
    prepared = prepare("POST", "http://127.0.0.1:1")
    connection = Connection(prepared.place, client.limits, client)
    connection.connection_made(Wire())
    connection._keep = True
    client._idle[prepared.place] = [connection]
    connection.idle_since = asyncio.get_running_loop().time()
    told = Told()
    client.start(prepared, b"", told, 20.0)
    told.starting = False
    for part in parts:
        connection.data_received(part)
    kept = client.idle()
    connection.connection_lost(None)
    await client.close()
    return told.words[-1], told.status, told.headers, told.body, type(told.error), bool(kept)


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_told_alike_at_every_cut(name: str) -> None:
    """Status, headers, body and ending do not depend on how the bytes were cut; nothing is told twice or too late."""
    answer = ANSWERS[name]

    async def main() -> None:
        whole = await told_of(answer)
        assert whole[0] in {"end", "failure"}
        for cut in range(1, len(answer)):
            found = await told_of(answer[:cut], answer[cut:])
            assert found[:3] == whole[:3], cut
            assert found[3] == whole[3] or whole[0] == "failure", cut
            assert found[4] == whole[4], cut
            assert found[5] <= whole[5], (
                cut
            )  # what comes late behind an answer, were it line ends, costs the connection

    asyncio.run(main())


@given(st.lists(st.sampled_from([*ANSWERS.values(), b"\r\n", b"HTTP/1.1 ", b"200", b"\x00", b"0\r\n\r\n"]), max_size=4),
       st.data())  # fmt: skip
def test_whatever_comes_ends_once(parts: list[bytes], data: st.DataObject) -> None:
    """Any bytes in any reads: no exception, exactly one ending, and a connection kept only after a whole answer."""
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
    reads = [stream[low:high] for low, high in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    ending, _, _, _, _, kept = asyncio.run(told_of(*filter(None, reads)))
    assert ending in {"end", "failure"}
    assert ending == "end" or not kept
