"""The HTTP client against real loopback servers, honest and malformed."""

import asyncio
import ssl

import pytest

from breakeven.errors import BackendError, ConfigError, UsageError
from breakeven.wire.address import address
from breakeven.wire.client import Client
from breakeven.wire.connection import Limits
from breakeven.wire.failure import ProtocolError, TimedOutError, UnreachableError

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


async def fetch(server, **options) -> tuple[int, bytes]:
    async with Client(options.pop("limits", None)) as client:
        response = await client.request("POST", server.url + "/x?y=1", [("a", "b")], b"body", **options)
        return response.status, await response.read()


def test_a_request_arrives_as_it_was_meant(loopback, says) -> None:
    """Method, target, Host, headers, length and body reach the server unchanged."""

    async def main() -> None:
        async with loopback(says(OK)) as server:
            assert await fetch(server) == (200, b"hello")
            host = server.url.removeprefix("http://").encode()
            assert server.requests == [
                b"POST /x?y=1 HTTP/1.1\r\nhost: " + host + b"\r\na: b\r\ncontent-length: 4\r\n\r\nbody"
            ]

    asyncio.run(main())


def test_connections_are_kept_and_shared(loopback, says) -> None:
    """Exchanges one after another use one connection; at the same time they use one each."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            for _ in range(3):
                assert await (await client.request("GET", server.url)).read() == b"hello"
            assert (server.connections, client.idle()) == (1, 1)
            both = await asyncio.gather(*(client.request("GET", server.url) for _ in range(2)))
            for response in both:
                await response.read()
            assert (server.connections, client.idle()) == (2, 2)

    asyncio.run(main())


@pytest.mark.parametrize(
    "parts",
    [
        (OK,),
        tuple(OK[at : at + 1] for at in range(len(OK))),
        (CHUNKED + b"2\r\nhe\r\n", b"3\r\nllo\r\n0\r\n\r\n"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK,),
    ],
)
def test_bodies_are_whole_however_they_come(loopback, says, parts) -> None:
    """Content-Length, chunks, single bytes and interim answers give the same body."""

    async def main() -> None:
        async with loopback(says(*parts)) as server:
            assert await fetch(server) == (200, b"hello")

    asyncio.run(main())


def test_a_body_without_length_ends_with_its_connection(loopback, says) -> None:
    """HTTP/1.0 style answers are read to the end of the connection, which is not kept."""

    async def main() -> None:
        async with loopback(says(b"HTTP/1.1 200 OK\r\n\r\nhel", b"lo", close=True)) as server, Client() as client:
            assert await (await client.request("GET", server.url)).read() == b"hello"
            assert client.idle() == 0

    asyncio.run(main())


def test_an_answer_to_head_has_no_body(loopback, says) -> None:
    """HEAD's Content-Length is not waited for."""

    async def main() -> None:
        async with loopback(says(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n")) as server, Client() as client:
            assert await (await client.request("HEAD", server.url)).read() == b""

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"garbage\r\n\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "malformed"),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            "malformed",
        ),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello", "mid-answer"),
        (CHUNKED + b"5\r\nhel", "mid-answer"),
        (CHUNKED + b"zz\r\n", "malformed"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 5000, "more than 1024 bytes of headers"),
        (b"HTTP/1.1 200 OK\r\n" + b"x: yyyyyyyyyyyyyyyyyyyy\r\n" * 90, "more than 1024 bytes of headers"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n" + b"x" * 900, "more than 512 bytes"),
        (b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n", "malformed"),
    ],
)
def test_a_malformed_answer_is_a_backend_error_that_says_where(loopback, says, answer, problem) -> None:
    """What is not HTTP/1.1, cut short or too large names the server and the problem, and has a way out."""

    async def main() -> None:
        async with loopback(says(answer, close=True)) as server:
            with pytest.raises(ProtocolError, match=problem) as raised:
                await fetch(server, limits=Limits(header_bytes=1024, body_bytes=512))
            assert server.url in raised.value.message
            assert raised.value.way_out

    asyncio.run(main())


def test_nobody_there_is_unreachable(loopback, says) -> None:
    """A refused connection says so and is told from a slow one."""

    async def main() -> None:
        async with loopback(says(OK)) as server:
            pass
        with pytest.raises(UnreachableError, match="cannot reach http://127"):
            await fetch(server)

    asyncio.run(main())


def test_silence_is_a_timeout_and_closes_the_connection(loopback) -> None:
    """A server that never answers, or stops in mid-body, ends within the limit; it sees its connection end."""

    async def silent(request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"POST" not in request:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhello")

    async def main() -> None:
        async with loopback(silent) as server, Client() as client:
            with pytest.raises(TimedOutError, match=r"did not answer within 0.05 s"):
                await client.request("POST", server.url, timeout_s=0.05)
            await server.closed.wait()
            response = await client.request("GET", server.url, timeout_s=0.05)
            with pytest.raises(TimedOutError, match="go on"):
                await response.read()

    asyncio.run(main())


def test_a_stale_connection_is_replaced_without_a_word(loopback) -> None:
    """A kept connection that the server closed meanwhile costs no failure: nothing of an answer had come."""
    served = 0

    async def one_each(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal served
        served += 1
        if served == 2:
            writer.close()
            return
        writer.write(OK)

    async def main() -> None:
        async with loopback(one_each) as server, Client() as client:
            for _ in range(2):
                assert await (await client.request("POST", server.url, body=b"x")).read() == b"hello"
            assert server.connections == 2

    asyncio.run(main())


def test_a_fresh_connection_that_closes_is_not_tried_again(loopback) -> None:
    """A server that takes the request and closes may have acted on it: the caller decides, not the pool."""

    async def closes(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def main() -> None:
        async with loopback(closes) as server:
            with pytest.raises(UnreachableError, match="without an answer"):
                await fetch(server)
            assert len(server.requests) == 1

    asyncio.run(main())


def test_bytes_nobody_asked_for_are_not_the_next_answer(loopback, says) -> None:
    """A second answer behind the first is dropped with its connection (response smuggling)."""

    async def main() -> None:
        forged = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged"
        async with loopback(says(OK + forged)) as server, Client() as client:
            for _ in range(2):
                assert await (await client.request("GET", server.url)).read() == b"hello"
            assert server.connections == 2

    asyncio.run(main())


def test_giving_up_closes_the_connection(loopback, says) -> None:
    """An answer that is closed, or whose reader is cancelled, ends at the server too."""

    async def main() -> None:
        async with loopback(says(CHUNKED + b"5\r\nhello\r\n")) as server, Client() as client:
            response = await client.request("GET", server.url)
            assert await response.chunk() == b"hello"
            waiting = asyncio.create_task(response.read())
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            await asyncio.wait_for(server.closed.wait(), 5)
            assert client.idle() == 0

    asyncio.run(main())


def test_leaving_the_loop_early_closes_the_connection(loopback, says) -> None:
    """`chunks()` left before its end leaves nothing half-read in the pool."""

    async def main() -> None:
        async with loopback(says(CHUNKED + b"5\r\nhello\r\n")) as server, Client() as client:
            response = await client.request("GET", server.url)
            pieces = response.chunks()
            assert await anext(pieces) == b"hello"
            await pieces.aclose()
            await asyncio.wait_for(server.closed.wait(), 5)
            assert client.idle() == 0

    asyncio.run(main())


def test_a_detached_body_gives_its_connection_back(loopback) -> None:
    """A reader that has all it wants need not wait for the last chunk, and the connection is still kept."""
    go = asyncio.Event()

    async def slow_end(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(CHUNKED + b"5\r\nhello\r\n")
        await go.wait()
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def main() -> None:
        async with loopback(slow_end) as server, Client() as client:
            response = await client.request("GET", server.url)
            await response.chunk()
            response.detach()
            assert client.idle() == 0
            go.set()
            while not client.idle():  # noqa: ASYNC110 - the pool has no event for it
                await asyncio.sleep(0.001)
            assert await (await client.request("GET", server.url)).chunk() == b"hello"
            assert server.connections == 1

    asyncio.run(main())


def test_a_slow_reader_slows_the_sender(loopback) -> None:
    """Nobody takes the body, so the socket is paused: memory stays bounded, and the whole body still arrives."""
    size = 32 * 1024 * 1024

    async def large(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size)
        for _ in range(32):
            writer.write(b"x" * (size // 32))
            await writer.drain()

    async def main() -> None:
        limits = Limits(buffered_bytes=64 * 1024)
        async with loopback(large) as server, Client(limits) as client:
            response = await client.request("GET", server.url, timeout_s=0.2)
            await asyncio.sleep(0.5)
            assert response._buffered < 4 * 1024 * 1024
            assert sum([len(piece) async for piece in response.chunks()]) == size

    asyncio.run(main())


@pytest.mark.parametrize("header", [("a\r\nb", "c"), ("a", "b\nc"), ("a", "\0")])
def test_a_header_cannot_smuggle_another(loopback, says, header) -> None:
    """Line breaks in names or values are refused before a byte is sent."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            with pytest.raises(UsageError, match="line break"):
                await client.request("GET", server.url, [header])
            assert server.requests == []

    asyncio.run(main())


@pytest.mark.parametrize(
    "url", ["ftp://x/", "http://", "//x", "http://u:p@x/", "http://x /", "http://x/\n", "http://x:99999/", "http://é/"]
)
def test_a_url_that_cannot_be_meant_is_refused(url: str) -> None:
    """Other schemes, no host, credentials and control characters name the URL and show a right one."""
    with pytest.raises(ConfigError, match="is not a URL") as raised:
        address(url)
    assert "http://host:port/path" in raised.value.way_out


@pytest.mark.parametrize(
    ("url", "authority", "target"),
    [
        ("http://x", "x", "/"),
        ("http://x:80/a", "x", "/a"),
        ("https://x:8443/a?b=c", "x:8443", "/a?b=c"),
        ("http://[::1]:8000/", "[::1]:8000", "/"),
    ],
)
def test_urls_come_apart(url: str, authority: str, target: str) -> None:
    """Default ports are left out of Host, IPv6 keeps its brackets, a query stays."""
    where = address(url)
    assert (where.origin.authority, where.target) == (authority, target)


def test_tls_is_verified_by_default() -> None:
    """The default context demands a valid certificate for the name."""

    async def main() -> None:
        client = Client()
        context = client._context()
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
        await client.close()

    asyncio.run(main())


def test_an_untrusted_server_is_unreachable(loopback, says) -> None:
    """A server that does not speak TLS is reported as unreachable over https, not as an internal failure."""

    async def main() -> None:
        async with loopback(says(OK)) as server, Client() as client:
            with pytest.raises(BackendError, match="cannot reach https://"):
                await client.request("GET", server.url.replace("http", "https"), timeout_s=1)

    asyncio.run(main())
