"""What a service can rely on, whatever transport drives it: requests as they were meant, answers as they were given.

A transport joins by joining the fixture `start_server`.
"""

import asyncio

import msgspec
import pytest

GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def post(body: bytes, *lines: bytes, target: bytes = b"/v1/chat/completions") -> bytes:
    head = [b"POST " + target + b" HTTP/1.1", b"Host: x", b"Content-Length: %d" % len(body), *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def test_a_request_arrives_as_it_was_meant(run, start_server, talk, answers, desks) -> None:
    """Method, path (decoded once), query (not decoded), headers (names in lower case) and body reach the service."""

    async def main() -> None:
        desk = desks()
        request = post(
            b'{"a": 1}', b"X-Two: a", b"x-two: b", b"Connection: close", target=b"/v2/a%2520b%C3%A9?c=%20d?e"
        )
        async with start_server(desk) as (_, port):
            [(status, headers, body)] = answers(await talk(port, request), "POST")
        assert (status, headers["content-type"]) == (200, "application/json")
        assert headers["content-length"] == str(len(body))
        assert "server" not in headers
        assert msgspec.json.decode(body) == {
            "method": "POST",
            "path": "/v2/a%20bé",
            "query": "c=%20d?e",
            "headers": {"host": "x", "content-length": "8", "x-two": "a, b", "connection": "close"},
            "body": '{"a": 1}',
        }

    run(main())


def test_the_instants_of_receipt_are_those_of_the_head(run, start_server, talk, desks) -> None:
    """A request was received before it was served, even if its body came later; both clocks say so."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(post(b"whole", b"Connection: close")[:-3])
            await asyncio.sleep(0.05)
            writer.write(b"ole")
            await reader.read()
            writer.close()
        [request] = desk.requests
        now = asyncio.get_running_loop().time()
        assert now - 5 < request.received_s < now - 0.04
        assert request.time_s > 1.7e9
        assert request.body == b"whole"

    run(main())


def test_a_chunked_body_is_one_body(run, start_server, talk, answers, desks) -> None:
    """However it was cut, with extensions and trailers, the service gets the bytes."""

    async def main() -> None:
        desk = desks()
        chunks = b"3\r\nabc\r\n00a;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"
        head = b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with start_server(desk) as (_, port):
            await talk(port, head + chunks + LAST)
        assert [request.body for request in desk.requests] == [b"abc0123456789", b""]

    run(main())


def test_requests_sent_ahead_are_answered_in_order(run, start_server, talk, answers, desks) -> None:
    """Of requests sent without waiting, each is begun when the answer before it has ended, and none is lost."""

    async def main() -> None:
        open_now = 0

        def later(request, out) -> None:
            nonlocal open_now
            open_now += 1
            assert open_now == 1

            def end() -> None:
                nonlocal open_now
                open_now -= 1
                out.reply(200, [], request.path.encode())

            asyncio.get_running_loop().call_soon(end)

        desk = desks(later)
        ahead = b"".join(post(b"b" * number, target=b"/%d" % number) for number in range(40))
        async with start_server(desk) as (_, port):
            raw = await talk(port, ahead + LAST)
        assert [body for _, _, body in answers(raw, *["POST"] * 40, "GET")] == [
            *(b"/%d" % number for number in range(40)),
            b"/last",
        ]

    run(main())


@pytest.mark.parametrize(
    ("request_line", "more", "kept"),
    [
        (b"GET / HTTP/1.1", b"", True),
        (b"GET / HTTP/1.1", b"Connection: close\r\n", False),
        (b"GET / HTTP/1.0", b"", False),
        (b"GET / HTTP/1.0", b"Connection: keep-alive\r\n", True),
    ],
)
def test_a_connection_is_kept_when_both_want_it(run, start_server, talk, desks, request_line, more, kept) -> None:
    """HTTP/1.1 goes on unless told otherwise, HTTP/1.0 only when asked to."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (_, port):
            await talk(port, request_line + b"\r\nHost: x\r\n" + more + b"\r\n" + LAST)
        assert len(desk.requests) == 1 + kept

    run(main())


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_a_stream_arrives_piece_by_piece(run, start_server, answers, desks, version) -> None:
    """Parts are sent when they are written, chunked or up to the end of the connection, and together are the body."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/" + version + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            [out] = await desk.some()
            assert not out.started
            out.start(200, [("content-type", "text/event-stream")])
            assert out.started
            out.write(b"data: one\n\n")
            raw = await reader.readuntil(b"one\n\n")
            out.write(b"")
            out.write(b"data: two\n\n")
            raw += await reader.readuntil(b"two\n\n")
            out.finish(b"data: [DONE]\n\n")
            raw += await reader.read()
            writer.close()
        [(status, headers, body)] = answers(raw, "GET")
        assert (status, body) == (200, b"data: one\n\ndata: two\n\ndata: [DONE]\n\n")
        assert (headers.get("transfer-encoding") == "chunked") == (version == b"1.1")

    run(main())


def test_head_is_answered_without_a_body(run, start_server, talk, answers, desks) -> None:
    """HEAD gets the headers of GET and no body, streamed or not; the next answer follows at once."""

    async def main() -> None:
        def answer(request, out) -> None:
            if request.path == "/stream":
                out.start(200, [])
                out.write(b"part")
                out.finish(b"end")
            else:
                out.reply(200, [], b"whole")

        desk = desks(answer)
        head = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n"
        async with start_server(desk) as (_, port):
            got = answers(await talk(port, head + LAST), "HEAD", "HEAD", "GET")
        assert [body for _, _, body in got] == [b"", b"", b"whole"]
        assert got[0][1]["content-length"] == "5"

    run(main())


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_that_has_no_body_has_none(run, start_server, talk, answers, desks, status) -> None:
    """204 and 304 end with their head, whatever the service says."""

    async def main() -> None:
        desk = desks(
            lambda request, out: (
                out.reply(status, [("x-a", "b")], b"") if request.path != "/last" else out.reply(200, [], b"z")
            )
        )
        async with start_server(desk) as (_, port):
            first, last = answers(await talk(port, GET + LAST), "GET", "GET")
        assert (first[0], first[1]["x-a"], first[2]) == (status, "b", b"")
        assert last[2] == b"z"

    run(main())


def test_a_preflight_reaches_the_service(run, start_server, talk, desks) -> None:
    """OPTIONS is for the service to answer, for a path and for the whole server."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (_, port):
            await talk(
                port,
                b"OPTIONS /events HTTP/1.1\r\nHost: x\r\nOrigin: y\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + LAST,
            )
        assert [(one.method, one.path) for one in desk.requests[:2]] == [("OPTIONS", "/events"), ("OPTIONS", "*")]

    run(main())


def test_a_client_that_waits_for_leave_to_send_gets_it(run, start_server, desks) -> None:
    """`Expect: 100-continue` is answered before the body comes, once."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            whole = post(b"body", b"Expect: 100-continue", b"Connection: close")
            writer.write(whole[:-4])
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"body")
            assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
            writer.close()
        assert desk.requests[0].body == b"body"

    run(main())


@pytest.mark.parametrize("when", ["awaited", "streaming"])
def test_a_service_hears_that_its_client_left(run, start_server, desks, when) -> None:
    """Once, at once, while the answer is awaited and in the middle of it; then writing does nothing."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (_, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            [out] = await desk.some()
            left = asyncio.Event()
            calls = []
            out.on_gone = lambda: (calls.append(1), left.set())
            if when == "streaming":
                out.start(200, [])
                out.write(b"part")
                await asyncio.sleep(0)
            assert not out.gone
            writer.close()
            await asyncio.wait_for(left.wait(), 5)
            assert out.gone
            if when == "streaming":
                out.write(b"more")
                out.finish()
            else:
                out.reply(200, [], b"late")
            await asyncio.sleep(0.01)
            assert calls == [1]

    run(main())


def test_nothing_is_lost_on_a_client_that_reads_slowly(run, start_server, answers, desks) -> None:
    """A slow reader makes the way back full; the producer waits for room, and every byte arrives in order."""

    async def main() -> None:
        piece, pieces = bytes(range(256)) * 256, 200
        waits = 0
        done = asyncio.Event()

        def answer(request, out) -> None:
            sent = 0

            def produce() -> None:
                nonlocal sent, waits
                while sent < pieces and not out.full:
                    out.write(piece)
                    sent += 1
                if sent < pieces:
                    waits += 1
                elif not done.is_set():
                    done.set()
                    out.finish()

            out.on_room = produce
            out.start(200, [])
            produce()

        desk = desks(answer)
        async with start_server(desk) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(LAST)
            await asyncio.sleep(0.05)
            assert not done.is_set()
            raw = await reader.read()
            writer.close()
        [(_, _, body)] = answers(raw, "GET")
        assert body == piece * pieces
        assert waits > 0

    run(main())


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "\0", "€"])
def test_an_answer_cannot_be_split(run, start_server, talk, answers, desks, value) -> None:
    """A header that would end its line, or cannot be written, raises, and what leaves is a 500 without it."""

    async def main() -> None:
        desk = desks(lambda _, out: out.reply(200, [("x-a", value)], b"ok"))
        async with start_server(desk) as (_, port):
            [(status, headers, _)] = answers(await talk(port, LAST), "GET")
        assert status == 500
        assert headers.keys().isdisjoint({"x-a", "x-evil"})
        assert desk.refusals == [(500, "internal")]

    run(main())


def test_a_service_that_raises_is_answered_for(run, start_server, talk, answers, desks) -> None:
    """An exception before the answer is a 500 in the service's own shape, and the connection goes on."""

    async def main() -> None:
        def answer(request, out) -> None:
            if request.path != "/last":
                raise ZeroDivisionError
            out.reply(200, [], b"fine")

        async with start_server(desks(answer)) as (_, port):
            got = answers(await talk(port, GET + LAST), "GET", "GET")
        assert [status for status, _, _ in got] == [500, 200]
        assert msgspec.json.decode(got[0][2])["at"] == "/v1/models"

    run(main())


def test_a_body_larger_than_allowed_is_refused(run, start_server, talk, answers, desks) -> None:
    """413 for a declared length and for chunks that add up, in the service's shape; the service never sees it."""

    async def main() -> None:
        desk = desks(limit=10)
        chunked = (
            b"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n"
        )
        async with start_server(desk) as (_, port):
            for request in (post(b"x" * 11), chunked):
                [(status, _, body)] = answers(await talk(port, request), "POST")
                assert (status, msgspec.json.decode(body)["kind"]) == (413, "body_too_large")
            assert (await talk(port, post(b"x" * 10, b"Connection: close"))).startswith(b"HTTP/1.1 200 ")
        assert [len(request.body) for request in desk.requests] == [10]

    run(main())


H = b"POST /v1/x HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        H + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        H + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        H + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        H + b"Content-Length: 3x\r\n\r\nabc",
        H + b"Content-Length: -3\r\n\r\nabc",
        H + b"A: b\r\n c\r\n\r\n",
        H + b"A: b\0c\r\n\r\n",
        H + b"A : b\r\n\r\n",
        H + b"no colon\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_ambiguous_framing_is_refused(run, start_server, talk, answers, desks, request_bytes) -> None:
    """400, always, and the connection ends: nothing behind it is taken for a request."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (_, port):
            raw = await talk(port, request_bytes + GET)
        [(status, headers, _)] = answers(raw, "POST")
        assert status == 400
        assert headers.get("connection") == "close"
        assert desk.requests == []

    run(main())
