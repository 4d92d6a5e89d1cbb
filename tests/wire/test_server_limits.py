"""What one client may send and take: sizes, times and room. Clocks stand still unless a test moves them."""

import asyncio
import socket
import struct
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.wire.server import ServerLimits

GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
HEAD = b"POST /v1/x HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


# Slow clients


def drip(line, data: bytes, every_s: float) -> float:
    """Send a byte at a time; when the server had enough, or 0 if never."""
    began = line.clock.now
    for byte in data:
        line.say(bytes([byte]))
        line.after(every_s)
        if line.over:
            return line.clock.now - began
    return 0.0


@settings(max_examples=60)
@given(every_s=st.floats(0.3, 9.0))
def test_a_dripping_head_ends_at_its_deadline(desks, lines, answers, every_s) -> None:
    """The whole head must be there 10 s after its first byte, however steadily it comes: else 408, then the end."""
    desk = desks()
    line = lines(desk)
    line.say(GET)
    line.after(20.0)
    took_s = drip(line, HEAD + b"A: b\r\n" * 40, every_s)
    assert 10.0 <= took_s <= 10.0 + every_s + line.context.limits.sweep_s
    assert [status for status, _, _ in answers(bytes(line.transport.out), "GET", "POST")] == [200, 408]
    assert (len(desk.requests), desk.refusals) == (1, [(408, "header_timeout")])


def test_a_silent_connection_ends_without_a_word(desks, lines) -> None:
    """Who connects and says nothing is closed after 10 s; a line break is nothing."""
    for said in (b"", b"\r\n"):
        line = lines(desks())
        line.say(said)
        line.after(9.7)
        assert not line.over
        line.after(0.5)
        assert line.transport.closed
        assert line.transport.out == b""


@pytest.mark.parametrize("head", [HEAD + b"Content-Length: 90\r\n\r\n", CHUNKED + b"5a\r\n"])
def test_a_dripping_body_ends_at_its_deadline(desks, lines, answers, head) -> None:
    """The whole body must be there 30 s after the head, in both framings: else 408, then the end."""
    desk = desks()
    line = lines(desk)
    line.say(head)
    took_s = drip(line, b"x" * 89, 1.0)
    assert 30.0 <= took_s <= 31.25
    [(status, headers, body)] = answers(bytes(line.transport.out), "POST")
    assert (status, headers["connection"]) == (408, "close")
    assert msgspec.json.decode(body)["at"] == "/v1/x"
    assert (desk.requests, desk.refusals) == ([], [(408, "body_timeout")])


def test_a_kept_connection_ends_when_it_idles(desks, lines) -> None:
    """After an answer the next request may take 75 s to begin."""
    line = lines(desks())
    line.say(GET)
    line.after(74.7)
    assert not line.over
    line.say(GET)
    line.after(74.7)
    assert not line.over
    line.after(0.5)
    assert line.transport.closed


def test_an_answer_may_take_its_time(desks, lines, answers) -> None:
    """No deadline of the transport runs while the service works."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(GET)
    line.after(1000.0)
    assert not line.over
    desk.outs[0].reply(200, [], b"at last")
    [(_, _, body)] = answers(bytes(line.transport.out), "GET")
    assert body == b"at last"


def test_waiting_for_the_answer_before_is_not_the_clients_slowness(desks, lines) -> None:
    """A head sent ahead gets its ten seconds from when it is read; but it was received when it came."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(GET, GET[:10])
    came_s = line.clock.now
    line.after(100.0)
    run_soon(lambda: desk.outs[0].reply(200, [], b""))
    line.after(9.0)
    assert not line.over
    line.say(GET[10:])
    assert [request.received_s for request in desk.requests] == [came_s, came_s]


def run_soon(act) -> None:
    """Do something inside a loop, and what that leaves for later."""

    async def main() -> None:
        act()
        await asyncio.sleep(0)

    asyncio.run(main())


# Large requests


def test_a_huge_head_is_refused_at_the_limit(desks, lines, answers) -> None:
    """431 once 64 KiB came without an end, and no more than that was held; also when it comes at once."""
    endless = HEAD + b"A: " + b"a" * 300_000
    for size in (1, 1000, len(endless)):
        desk = desks()
        line = lines(desk)
        held = 0
        for at in range(0, len(endless), size):
            line.say(endless[at : at + size])
            held = max(held, line.connection.held_bytes)
            if line.over:
                break
        assert held <= 64 * 1024 + max(size, 1)
        [(status, _, body)] = answers(bytes(line.transport.out), "POST")
        assert (status, msgspec.json.decode(body)["at"]) == (431, "/v1/x")


@pytest.mark.parametrize(("count", "status"), [(127, 200), (128, 431)])
def test_many_header_lines_are_refused(desks, lines, answers, count, status) -> None:
    """128 lines pass, Host among them; one more does not."""
    line = lines(desks())
    raw = line.say(b"GET / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"A%d: b\r\n" % n for n in range(count)) + b"\r\n")
    assert [found for found, _, _ in answers(raw, "GET")] == [status]


@pytest.mark.parametrize("cut", [1, 100_000])
def test_a_long_target_is_refused(desks, lines, answers, cut) -> None:
    """8 KiB of target pass; one byte more is 414, before the head has ended."""
    for size, status in ((8192, 200), (8193, 414)):
        line = lines(desks())
        request = b"GET /" + b"p" * (size - 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n"
        raw = line.say(*(request[at : at + cut] for at in range(0, len(request), cut)))
        assert [found for found, _, _ in answers(raw, "GET")] == [status]


def test_a_body_is_refused_by_what_its_head_says(desks, lines, answers) -> None:
    """413 before a byte of the body is read, and instead of the leave to send it."""
    desk = desks(limit=1000)
    line = lines(desk)
    raw = line.say(HEAD + b"Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n")
    assert [status for status, _, _ in answers(raw, "POST")] == [413]
    line.say(b"x" * 100_000)
    assert line.connection.held_bytes < 200


@settings(max_examples=60)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(1, 2000))
def test_an_endless_chunked_body_is_never_held_beyond_the_limit(desks, lines, sizes, piece) -> None:
    """Whatever the chunks and cuts, no more of a body is held than is allowed, and 413 comes when it is exceeded."""
    desk = desks(limit=1000)
    line = lines(desk)
    line.say(CHUNKED)
    body = b"".join(b"%x\r\n%b\r\n" % (size, b"x" * size) for size in sizes) + b"0\r\n\r\n"
    for at in range(0, len(body), piece):
        line.say(body[at : at + piece])
        assert line.connection.held_bytes <= 1000 + len(CHUNKED) + 10
    assert len(desk.requests) == (sum(sizes) <= 1000)
    assert desk.refusals == ([] if sum(sizes) <= 1000 else [(413, "body_too_large")])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"1;" + b"e" * 100_000, 400),
        (b"".join(b"1;%b\r\nx\r\n" % (b"e" * 1000) for _ in range(100)), 431),
        (b"0\r\n" + b"".join(b"T%d: %b\r\n" % (n, b"t" * 1000) for n in range(100)), 431),
        (b"fffffffffffffff\r\n", 413),
        (b"-1\r\n", 400),
        (b"0x1\r\nx\r\n", 400),
        (b"1\nx\n0\n\n", 400),
        (b"1\r\nxy\r\n", 400),
        (b"0\r\nno colon\r\n\r\n", 400),
        (b"0\r\n folded: t\r\n\r\n", 400),
        (b"0\r\nContent-Length: 4\r\n\r\n", 400),
    ],
)
def test_what_surrounds_chunks_is_bounded_too(desks, lines, answers, body, status) -> None:
    """Extensions, trailers and sizes are bounded and well-formed, or the body is refused."""
    desk = desks()
    raw = lines(desk).say(CHUNKED, *(body[at : at + 700] for at in range(0, len(body), 700)))
    assert [found for found, _, _ in answers(raw, "POST")] == [status]
    assert desk.requests == []


def test_requests_sent_ahead_are_bounded(desks, lines) -> None:
    """While an answer is awaited, the client is read 64 KiB ahead (its leaving is seen), then it has to wait."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(GET)
    line.say(b"x" * 1000)
    assert not line.transport.paused
    line.say(b"x" * 65_000)
    assert line.transport.paused


def test_a_flood_of_requests_lets_others_have_their_turn(desks, lines, answers) -> None:
    """Many requests in one read are served some at a time, all of them, in order, without growing the stack."""
    desk = desks()
    line = lines(desk)

    async def main() -> None:
        line.say(GET * 5000)
        turns = [len(desk.requests)]
        while turns[-1] < 5000:
            await asyncio.sleep(0)
            turns.append(len(desk.requests))
        assert max(after - before for before, after in pairwise(turns)) <= 16

    asyncio.run(main())
    assert len(answers(bytes(line.transport.out), *["GET"] * 5000)) == 5000
    assert not line.transport.paused


# Refusals

CASES = [
    (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
    (HEAD + b"Authorization: a\r\nauthorization: b\r\n\r\n", 400),
    (HEAD + b"Content-Type: a\r\nContent-Type: a\r\n\r\n", 400),
    (HEAD + b"x-breakeven-consent: granted\r\nX-Breakeven-Consent: denied\r\n\r\n", 400),
    (HEAD + b"x-breakeven-anything: a\r\nX-Breakeven-Anything: a\r\n\r\n", 400),
    (HEAD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    (HEAD + b"Expect: a-miracle\r\nContent-Length: 1\r\n\r\nx", 417),
    (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501),
    (b"GET / HTTP/2.0\r\n\r\n", 505),
    (b"GET / HTTP/0.9\r\n\r\n", 505),
    (b"GET /\r\n\r\n", 400),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    (b"GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET ftp://a/b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    (b"GET / HTTP/1.1\nHost: x\n\n", 400),
]


@pytest.mark.parametrize(("request_bytes", "status"), CASES)
def test_a_refusal_is_answered_once_and_ends_the_connection(desks, lines, answers, request_bytes, status) -> None:
    """What is not served is said so with the right status, the service's own body, and nothing after it is read."""
    desk = desks()
    line = lines(desk)
    raw = line.say(request_bytes, GET)
    [(found, headers, body)] = answers(raw, "POST")
    assert (found, headers["connection"]) == (status, "close")
    assert msgspec.json.decode(body)["kind"] == desk.refusals[0][1]
    assert (desk.requests, len(desk.refusals)) == ([], 1)
    assert line.transport.ended


def test_a_refused_head_request_gets_no_body(desks, lines, answers) -> None:
    """Even where the head was never whole."""
    raw = lines(desks()).say(b"HEAD / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 70_000)
    assert [(status, body) for status, _, body in answers(raw, "HEAD")] == [(431, b"")]


def test_an_upgrade_is_ignored(desks, lines, answers) -> None:
    """A client that offers another protocol is answered in this one, body and following requests included."""
    desk = desks()
    offer = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    raw = lines(desk).say(offer + GET)
    assert [status for status, _, _ in answers(raw, "POST", "GET")] == [200, 200]
    assert [request.body for request in desk.requests] == [b"abc", b""]


def test_the_host_of_an_absolute_target_counts(desks, lines) -> None:
    """RFC 9112, section 3.2.2: what a request asks of a proxy is taken, and its authority replaces Host."""
    desk = desks()
    lines(desk).say(
        b"GET http://real:80/a?b HTTP/1.1\r\nHost: other\r\n\r\nGET http://real HTTP/1.1\r\nHost: x\r\n\r\n"
    )
    found = [(request.headers["host"], request.path, request.query) for request in desk.requests]
    assert found == [("real:80", "/a", "b"), ("real", "/", "")]


def test_a_refused_client_can_read_why_while_it_still_sends(run, start_server, desks, answers, until) -> None:
    """The rest of a refused body is thrown away for a while: closing at once would reset the connection."""

    async def main() -> None:
        desk = desks(limit=1000)
        async with start_server(desk) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HEAD + b"Content-Length: 2000000\r\n\r\n" + b"x" * 2_000_000)
            await writer.drain()
            [(status, _, _)] = answers(await reader.read(), "POST")
            assert status == 413
            writer.close()
            await until(lambda: not server.connections)

    run(main())


def test_a_refused_client_that_stays_is_closed(desks, lines) -> None:
    """After two seconds of patience, whatever it still sends."""
    line = lines(desks())
    line.say(b"nonsense\r\n\r\n")
    for _ in range(7):
        line.say(b"x" * 10_000)
        line.after(0.25)
    assert not line.transport.closed
    line.after(0.5)
    assert line.transport.closed


# Slow readers


def test_a_client_that_takes_nothing_is_dropped(desks, lines) -> None:
    """30 s without taking a byte while the way back is full end the connection, and the service hears of it."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(GET)
    [out] = desk.outs
    gone = []
    out.on_gone = lambda: gone.append(line.clock.now)
    out.start(200, [])
    out.write(b"x" * 100_000)
    line.transport.unread = 100_000
    line.connection.pause_writing()
    assert out.full
    line.after(20.0)
    line.transport.unread -= 1
    line.after(29.7)
    assert not line.over
    line.after(0.6)
    assert line.transport.closed
    assert len(gone) == 1
    assert out.gone


def test_a_client_that_takes_nothing_is_dropped_on_a_real_socket(run, start_server, desks, until) -> None:
    """What the loop itself says is unsent counts: it is dropped in mid-answer and after the answer's end."""

    async def main() -> None:
        desk = desks(
            lambda request, out: stream(out) if request.path == "/stream" else out.reply(200, [], b"z" * 20_000_000)
        )

        def stream(out) -> None:
            out.start(200, [])
            out.write(b"z" * 20_000_000)

        async with start_server(desk, ServerLimits(stall_s=0.1, sweep_s=0.02)) as (server, port):
            clients = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(2)]
            clients[0][1].write(GET)
            clients[1][1].write(GET.replace(b"/v1/models", b"/stream"))
            await until(lambda: len(desk.requests) == 2)
            await until(lambda: not server.connections)
            assert desk.outs[-1].gone or desk.outs[-2].gone
            for _, writer in clients:
                writer.close()

    run(main())


def test_room_is_told_to_the_answer_that_waits_for_it(desks, lines) -> None:
    """`full` follows the transport, and `on_room` is called when it is over."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(GET)
    [out] = desk.outs
    told = []
    out.on_room = lambda: told.append(out.full)
    out.start(200, [])
    line.connection.pause_writing()
    assert out.full
    line.connection.resume_writing()
    assert told == [False]


def test_an_answer_knows_that_there_was_no_room_before_it(desks, lines) -> None:
    """A way back that filled while the body came is full from the start, and stalls end it all the same."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(HEAD + b"Content-Length: 1\r\n\r\n")
    line.connection.pause_writing()
    line.transport.unread = 1
    line.say(b"x")
    assert desk.outs[0].full
    line.after(30.5)
    assert desk.outs[0].gone


def test_nothing_more_is_served_to_who_does_not_read(desks, lines) -> None:
    """Answers of requests sent ahead wait for room, so that they cannot pile up."""
    desk = desks()
    line = lines(desk)
    line.connection.pause_writing()
    line.say(GET * 3)
    assert desk.requests == []
    line.transport.unread = 0
    run_soon(line.connection.resume_writing)
    assert len(desk.requests) == 3


def test_a_finished_answer_is_flushed_before_the_end(run, start_server, desks, answers) -> None:
    """`Connection: close` closes after the last byte was taken, however slowly, and not before."""

    async def main() -> None:
        whole = b"z" * 3_000_000
        desk = desks(lambda _, out: out.reply(200, [], whole))
        async with start_server(desk) as (_, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
            writer.write(b"GET / HTTP/1.0\r\n\r\n")
            await asyncio.sleep(0.1)
            [(_, _, body)] = answers(await reader.read(), "GET")
            assert body == whole
            writer.close()

    run(main())


# Connections


def test_more_connections_than_allowed_are_closed(run, start_server, desks, talk, until) -> None:
    """The one too many is closed without a word; when another ends there is room again."""

    async def main() -> None:
        async with start_server(desks(), ServerLimits(connections=2)) as (server, port):
            first, second = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
            await until(lambda: server.connections == 2)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()
            first[1].close()
            await until(lambda: server.connections == 1)
            assert (await talk(port, b"GET / HTTP/1.0\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            second[1].close()

    run(main())


def test_the_server_keeps_its_deadlines_by_itself(run, start_server, desks, talk, answers, until) -> None:
    """With small limits on a real clock: silent, half a head, half a body and idle are ended without being asked."""

    async def main() -> None:
        limits = ServerLimits(header_s=0.05, body_s=0.05, idle_s=0.05, sweep_s=0.01, linger_s=0.05)
        async with start_server(desks(), limits) as (server, port):
            silent, head, body, idle = await asyncio.gather(
                talk(port, b""),
                talk(port, HEAD[:9]),
                talk(port, HEAD + b"Content-Length: 3\r\n\r\nx"),
                talk(port, GET),
            )
            assert silent == b""
            assert [answers(raw, "POST")[0][0] for raw in (head, body, idle)] == [408, 408, 200]
            await until(lambda: not server.connections)

    run(main())


def test_a_client_that_resets_is_gone(run, start_server, desks, until) -> None:
    """A reset in mid-stream is heard of once and leaves nothing behind."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (server, port):
            sock = socket.create_connection(("127.0.0.1", port))
            sock.sendall(GET)
            [out] = await desk.some()
            gone = asyncio.Event()
            out.on_gone = gone.set
            out.start(200, [])
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            await asyncio.wait_for(gone.wait(), 5)
            await until(lambda: not server.connections)
            assert out.gone

    run(main())
