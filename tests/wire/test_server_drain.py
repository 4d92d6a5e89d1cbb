"""The end of a server: what is under way finishes, what idles is closed, and nothing is waited for longer than said."""

import asyncio

import pytest

from breakeven.wire.server import ServerLimits

GET = b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody"


def test_an_idle_connection_is_closed_at_once(run, start_server, desks, until) -> None:
    """Kept alive or silent since its making: nothing is lost, and nothing is waited for."""

    async def main() -> None:
        async with start_server(desks()) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await reader.readuntil(b"}")
            silent, other = await asyncio.open_connection("127.0.0.1", port)
            await until(lambda: server.connections == 2)
            assert await server.drain(60.0) == 0
            assert await silent.read() == b""
            writer.close()
            other.close()

    run(main())


@pytest.mark.parametrize("begun", [False, True])
def test_an_answer_under_way_is_finished(run, start_server, desks, answers, begun) -> None:
    """Begun before or not, it ends whole; if its head comes later, it says that the connection ends."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            [out] = await desk.some()
            if begun:
                out.start(200, [])
                out.write(b"one ")
            drained = asyncio.create_task(server.drain(60.0))
            await asyncio.sleep(0.02)
            assert not drained.done()
            if not begun:
                out.start(200, [])
                out.write(b"one ")
            out.finish(b"two")
            [(status, headers, body)] = answers(await reader.read(), "GET")
            assert (status, body) == (200, b"one two")
            assert ("connection" in headers) == (not begun)
            writer.close()
            assert await drained == 0

    run(main())


def test_a_request_that_has_begun_is_served(run, start_server, desks, answers) -> None:
    """A body still on its way may arrive; its answer is the connection's last."""

    async def main() -> None:
        desk = desks()
        async with start_server(desk) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(POST[:-2])
            await asyncio.sleep(0.02)
            drained = asyncio.create_task(server.drain(60.0))
            await asyncio.sleep(0.02)
            writer.write(POST[-2:])
            [(status, headers, _)] = answers(await reader.read(), "POST")
            assert (status, headers["connection"]) == (200, "close")
            writer.close()
            assert await drained == 0

    run(main())


def test_requests_sent_ahead_end_with_the_answer_that_says_so(run, start_server, desks, answers) -> None:
    """While draining one more answer leaves, and it says that none follows: the client knows what to send again."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (server, port):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET * 3)
            [out] = await desk.some()
            drained = asyncio.create_task(server.drain(60.0))
            await asyncio.sleep(0.02)
            out.reply(200, [], b"only")
            [(_, headers, body)] = answers(await reader.read(), "GET")
            assert (headers["connection"], body) == ("close", b"only")
            writer.close()
            assert await drained == 0

    run(main())


def test_what_does_not_end_in_time_is_cut_and_counted(run, start_server, desks) -> None:
    """Answers, half requests and unread bytes; their services hear that the client is gone."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk, ServerLimits(write_buffer_bytes=1024)) as (server, port):
            waiting, half, unread = [await asyncio.open_connection("127.0.0.1", port, limit=1024) for _ in range(3)]
            half[1].write(POST[:-1])
            waiting[1].write(GET)
            [out] = await desk.some()
            gone = []
            out.on_gone = lambda: gone.append(1)
            desk.answer = lambda _, out: out.reply(200, [], b"z" * 20_000_000)
            unread[1].write(GET)
            await asyncio.sleep(0.05)
            assert await server.drain(0.05) == 3
            assert (server.connections, gone, out.gone) == (0, [1], True)
            for _, writer in (waiting, half, unread):
                writer.close()

    run(main())


def test_nobody_is_accepted_any_more(run, start_server, desks) -> None:
    """The port is given up before the last answer has ended."""

    async def main() -> None:
        desk = desks(desks.hold)
        async with start_server(desk) as (server, port):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(GET)
            await desk.some()
            drained = asyncio.create_task(server.drain(60.0))
            await asyncio.sleep(0.02)
            with pytest.raises(OSError, match=r"\d"):
                await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            assert await drained == 0

    run(main())
