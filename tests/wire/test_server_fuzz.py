"""Whatever bytes come, in whatever order with whatever the service does: no exception, and an answer or an end."""

import asyncio
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = [
    b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody",
    b"POST /v1/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: t\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx",
    b"HEAD http://a/b?c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
]


@st.composite
def damaged(draw) -> bytes:
    """Some of the seeds in a row, with bytes flipped, cut out, repeated and put in."""
    data = bytearray(b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3))))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        match draw(st.integers(0, 3)):
            case 0:
                data[at : at + 1] = bytes([draw(st.integers(0, 255))])
            case 1:
                del data[at : at + draw(st.integers(1, 30))]
            case 2:
                data[at:at] = data[at : at + draw(st.integers(1, 40))]
            case _:
                data[at:at] = draw(
                    st.binary(max_size=6) | st.sampled_from([b"\r\n", b"\r\n\r\n", b"\0", b": ", b"99999999"])
                )
    return bytes(data)


@settings(max_examples=500)
@given(damaged(), st.integers(1, 80))
def test_damaged_requests_end_in_an_answer_or_a_close(desks, lines, data, piece) -> None:
    """Every request that arrives is answered once; what is refused is refused once; time ends all the rest."""
    desk = desks()
    line = lines(desk)
    line.say(*(data[at : at + piece] for at in range(0, len(data), piece)))
    finals = bytes(line.transport.out).count(b"\r\ndate: ")
    assert finals == len(desk.requests) + len(desk.refusals)
    assert len(desk.refusals) <= 1
    line.after(200.0)
    assert line.transport.closed
    assert line.context.connections == set()
    assert len(desk.refusals) <= 1
    assert bytes(line.transport.out).count(b"\r\ndate: ") == len(desk.requests) + len(desk.refusals)


STEPS = st.sampled_from(["say", "say", "part", "reply", "finish", "full", "room", "sweep", "eof", "reset", "drain"])


@settings(max_examples=500)
@given(damaged(), st.lists(st.tuples(STEPS, st.integers(1, 200)), min_size=1, max_size=25))
def test_no_order_of_events_breaks_a_connection(desks, lines, data, steps) -> None:
    """Bytes, answers, room, time, loss and drain in any order: one exchange at a time, each lost or answered once."""
    desk = desks(desks.hold)

    async def main() -> None:
        line = lines(desk)
        lost: list[object] = []
        rest, size = data, 0
        for step, size in steps:
            out = desk.outs[-1] if desk.outs else None
            if out is not None and out.on_gone is None and not out.gone and not out.started:
                out.on_gone = partial(lost.append, out)
            act(line, out, step, rest[:size], size)
            rest = rest[size:] if step == "say" else rest
            await asyncio.sleep(0)
            assert len(set(map(id, lost))) == len(lost)
        line.after(400.0)
        if desk.outs and not line.transport.closed:
            line.connection.eof_received()
            line.transport.close()
        assert line.transport.closed
        assert line.context.connections == set()

    asyncio.run(main())


def act(line, out, step: str, data: bytes, size: int) -> None:
    """One event at a connection."""
    if line.transport.closed:
        return
    if step == "say" and data:
        line.say(data)
    elif step == "eof":
        line.connection.eof_received()
        line.transport.close()
    elif step == "reset":
        line.transport.close()
    elif step == "full":
        line.connection.pause_writing()
    elif step == "room":
        line.connection.resume_writing()
    elif step == "sweep":
        line.after(size / 10)
    elif step == "drain":
        line.context.draining = True
        line.connection.leave()
    elif out is not None:
        answer(out, step)


def answer(out, step: str) -> None:
    """One step of an answer; what is out of order raises, and harms nothing."""
    try:
        if step == "reply":
            out.reply(200, [], b"whole")
        elif step == "finish":
            out.finish(b"end")
        else:
            if not out.started:
                out.start(200, [])
            out.write(b"part")
    except RuntimeError:
        assert out.started or step == "finish"


@pytest.mark.parametrize("misuse", ["twice", "reply in a stream", "start in a stream", "after the end", "before"])
def test_an_answer_out_of_order_raises(desks, lines, misuse) -> None:
    """A service that answers twice, or outside of its answer, is told so, and the client gets nothing of it."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(SEEDS[0])
    [out] = desk.outs
    if misuse == "twice":
        out.reply(200, [], b"")
    elif misuse != "before":
        out.start(200, [])
    if misuse == "after the end":
        out.finish()
    before = bytes(line.transport.out)
    wrong = {"twice": out.reply, "reply in a stream": out.reply, "start in a stream": out.start}.get(misuse, out.write)
    arguments = {out.reply: (200, [], b""), out.start: (200, [])}.get(wrong, (b"x",))
    with pytest.raises(RuntimeError):
        wrong(*arguments)
    assert line.transport.out == before


@pytest.mark.parametrize("status", [0, 100, 199, 600])
def test_a_status_that_is_none_raises(desks, lines, status) -> None:
    """A final answer's status is 200 to 599; after the error another answer may be given."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(SEEDS[0])
    [out] = desk.outs
    with pytest.raises(ValueError, match="status"):
        out.reply(status, [], b"")
    out.reply(200, [], b"fine")
    assert line.transport.out.endswith(b"fine")


def test_framing_is_the_transports_alone(desks, lines, answers) -> None:
    """Lengths, dates and codings that a service passes on are dropped; its wish to close is heeded."""
    own = [("content-length", "99"), ("transfer-encoding", "chunked"), ("date", "never"), ("connection", "close")]
    desk = desks(lambda _, out: out.reply(200, [*own, ("x-a", "b")], b"fine"))
    line = lines(desk)
    [(_, headers, body)] = answers(line.say(SEEDS[0]), "GET")
    assert headers == {
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "x-a": "b",
        "content-length": "4",
        "connection": "close",
    }
    assert body == b"fine"
    assert line.transport.ended


@pytest.mark.parametrize("after", ["start", "reply"])
def test_a_service_that_raises_late_cannot_mend_its_answer(desks, lines, after) -> None:
    """In the middle of an answer the connection is cut, so that no client takes it for whole; after it, it goes on."""

    def act(_, out) -> None:
        out.start(200, []) if after == "start" else out.reply(200, [], b"whole")
        raise ZeroDivisionError

    desk = desks(act)
    line = lines(desk)
    line.say(SEEDS[0])
    assert line.transport.closed == (after == "start")
    assert line.transport.out.endswith(b"whole" if after == "reply" else b"\r\n\r\n")
    assert desk.refusals == []


def test_a_service_that_fails_at_farewell_harms_nobody_else(desks, lines, caplog) -> None:
    """What `on_gone` raises is logged, and the sweep that lost the client goes on to the next connection."""
    desk = desks(desks.hold)
    first = lines(desk)
    second = lines(desk, context=first.context)
    for line in (first, second):
        line.say(SEEDS[0])
        desk.outs[-1].on_gone = lambda: 1 // 0
        line.connection.pause_writing()
        line.transport.unread = 1
    first.after(60.0)
    assert first.transport.closed
    assert second.transport.closed
    assert caplog.text.count("ZeroDivisionError") == 2


def test_an_answer_to_nobody_is_dropped(desks, lines) -> None:
    """After the client is gone every step of an answer does nothing, and none raises."""
    desk = desks(desks.hold)
    line = lines(desk)
    line.say(SEEDS[0])
    [out] = desk.outs
    line.transport.abort()
    out.start(200, [])
    out.write(b"part")
    out.finish(b"end")
    out.reply(200, [], b"whole")
    assert out.gone
    assert line.transport.out == b""


def test_where_one_side_cannot_be_closed_alone_both_are(desks, lines) -> None:
    """A transport that cannot send an end and read on, as with TLS, is closed after what it holds was sent."""
    line = lines(desks())
    line.transport.can_write_eof = lambda: False
    line.say(b"nonsense\r\n\r\n")
    assert line.transport.closed
