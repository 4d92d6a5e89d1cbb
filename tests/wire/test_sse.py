"""Server-sent events survive any cut, any line ending, and come out as they went in."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.errors import BackendError
from breakeven.wire.sse import Event, Parser, comment, encode

DATA = st.binary(max_size=40).map(lambda data: data.replace(b"\r", b"").replace(b"\n", b""))


def parse(*parts: bytes) -> list[Event]:
    parser = Parser()
    return [event for part in parts for event in parser.feed(part)]


@given(st.lists(DATA, max_size=6), st.data())
def test_what_is_encoded_is_read_back_at_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    """decode(encode(x)) = x however the bytes are cut, and the raw bytes of the events are the stream."""
    stream = b"".join(map(encode, payloads))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    parts = [stream[low:high] for low, high in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    events = parse(*parts)
    assert [event.data for event in events] == payloads
    assert b"".join(event.raw for event in events) == stream


@given(st.sampled_from([b"\n", b"\r\n", b"\r"]), st.sampled_from([b"\n", b"\r\n", b"\r"]), st.integers(0, 40))
def test_line_endings_mean_the_same(first: bytes, second: bytes, cut: int) -> None:
    """LF, CR LF and CR end lines alike, alone or mixed, also when the cut falls between CR and LF."""
    assume(first + second != b"\r\n")  # together they are one line ending
    stream = b"data: a" + first + b"data: b" + first + second + b"data: c" + second + second
    assert [event.data for event in parse(stream[:cut], stream[cut:], b"")] == [b"a\nb", b"c"]


@given(st.integers(1, 7))
def test_every_byte_alone_gives_the_same_events(size: int) -> None:
    """Feeding in pieces of any size gives what feeding at once gives, with CR LF."""
    stream = b": hi\r\n\r\nevent: x\r\nid: 7\r\ndata: 1\r\ndata:2\r\n\r\ndata\r\n\r\n"
    whole = parse(stream)
    pieces = parse(*(stream[at : at + size] for at in range(0, len(stream), size)))
    assert [(one.data, one.name, one.id, one.comments) for one in pieces] == [
        (one.data, one.name, one.id, one.comments) for one in whole
    ]
    assert [(one.data, one.name, one.comments) for one in whole] == [
        (None, b"message", (b"hi",)),
        (b"1\n2", b"x", ()),
        (b"", b"message", ()),
    ]


@given(
    st.lists(st.sampled_from([b"data: ", b"a", b":", b"\n", b"\n\n", b"\r", b"\r\n", b"id: 1"]), max_size=14), st.data()
)
def test_whole_events_at_once_are_read_as_byte_by_byte(parts: list[bytes], data: st.DataObject) -> None:
    """The short cut for whole events gives what the search gives, whatever came before and wherever the cut falls."""
    stream = b"data: first\n\n" + b"".join(parts)
    cut = data.draw(st.integers(0, len(stream)))
    quick = parse(stream[:cut], stream[cut:])
    slow = parse(*(stream[at : at + 1] for at in range(len(stream))))
    assert [(e.data, e.name, e.id, e.comments) for e in quick] == [(e.data, e.name, e.id, e.comments) for e in slow]
    assert b"\r" in stream or quick == slow  # an LF that follows a CR may belong to either event's bytes


def test_one_leading_blank_of_a_value_is_dropped_and_no_more() -> None:
    """`data:  x` holds ` x`; a colon inside a value stays; unknown fields are ignored."""
    assert [event.data for event in parse(b"data:  x\n\nfoo: 1\ndata:a:b\n\n")] == [b" x", b"a:b"]


def test_a_byte_order_mark_is_skipped() -> None:
    """A stream may begin with a UTF-8 BOM, cut anywhere."""
    assert [event.data for event in parse(b"\xef", b"\xbb\xbfda", b"ta: x\n\n")] == [b"x"]


def test_what_is_not_whole_is_pending() -> None:
    """An event without its blank line is not an event: it is what a cut stream leaves behind."""
    parser = Parser()
    assert parser.feed(b"data: a\n\ndata: half") != []
    assert parser.pending == b"data: half"


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 100, b"data: " + b"x" * 100 + b"\n\n"])
def test_an_event_beyond_the_limit_is_refused(stream: bytes) -> None:
    """An endless event names its stream and limit instead of filling the memory."""
    with pytest.raises(BackendError, match=r"the mock sent .* more than 64 bytes"):
        Parser("the mock", max_event_bytes=64).feed(stream)


def test_a_comment_is_no_event_for_clients() -> None:
    """What we say about a prediction has no data, so clients skip it."""
    (event,) = parse(comment(b'breakeven {"cost_usd":"0.1"}'))
    assert event.data is None
    assert event.comments == (b'breakeven {"cost_usd":"0.1"}',)


def test_data_of_several_lines_is_several_data_lines() -> None:
    """A line break inside data cannot end an event."""
    (event,) = parse(encode(b"a\r\nb\n\nc", name=b"error"))
    assert (event.data, event.name) == (b"a\nb\n\nc", b"error")
