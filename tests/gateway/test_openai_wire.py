"""The OpenAI protocol of a server: what is learnt of whole answers and of streams, in three APIs."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.backend.openai_wire import StreamReader, from_wire
from breakeven.schema.record import Tokens

USAGE = {"prompt_tokens": 11, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 4}}
TOKENS = Tokens(input=11, cached_input=4, output=3)
DONE = b"data: [DONE]\n\n"


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def of_chat(*deltas: dict, **more) -> dict:
    return {"id": "c", "choices": [{"index": at, "delta": delta} for at, delta in enumerate(deltas)], **more}


def of_completion(*texts: str, **more) -> dict:
    return {"id": "c", "choices": [{"index": at, "text": text} for at, text in enumerate(texts)], **more}


def total(stream: bytes, *cuts: int, drop_usage: bool = False) -> tuple:
    """What a stream comes to, fed in parts: bytes, chunks, usage, error, end."""
    reader = StreamReader("here", drop_usage=drop_usage)
    data, chunks, usage, error, done = b"", 0, None, "", False
    for low, high in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        piece = reader.feed(stream[low:high])
        data, chunks, usage = data + piece.data, chunks + piece.chunks, piece.usage or usage
        error, done = piece.error, piece.done
        if error or done:
            break
    return data, chunks, usage, error, done


STREAMS = {
    "chat": [of_chat({"role": "assistant"}), of_chat({"content": "a"}), of_chat({"content": "b"}), of_chat({})],
    "completion": [of_completion("a"), of_completion("b"), of_completion("")],
}


@pytest.mark.parametrize("api", STREAMS)
@pytest.mark.parametrize("drop", [True, False])
def test_a_stream_is_counted_and_forwarded(api, drop) -> None:
    """Two chunks hold output; usage comes last, and goes to the client only where it asked; `[DONE]` is kept back."""
    body = b"".join(map(event, STREAMS[api]))
    usage = event({"id": "c", "choices": [], "usage": USAGE})
    assert total(body + usage + DONE, drop_usage=drop) == (body if drop else body + usage, 2, TOKENS, "", True)


@given(
    st.lists(
        st.sampled_from(
            [
                event(of_chat({"content": "x"})),
                event(of_completion("y", "z")),
                event(of_chat({"tool_calls": [{"index": 0}]}, {"reasoning": "r"}, usage=USAGE)),
                event({"choices": [], "usage": USAGE}),
                event({"error": {"message": "no"}}),
                event({"object": "error", "message": "no"}),
                b": ping\n\n",
                b"data: {\n\n",
                b"event: error\ndata: {}\n\n",
                DONE,
            ]
        ),
        max_size=5,
    ),
    st.data(),
)
def test_cuts_change_nothing(events, data) -> None:
    """A stream comes to the same however its bytes are cut."""
    stream = b"".join(events)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    assert total(stream, *cuts, drop_usage=True)[:4] == total(stream, drop_usage=True)[:4]


@pytest.mark.parametrize(
    ("chunk", "count"),
    [
        (of_chat({"content": ""}), 0),
        (of_chat({"content": None}), 0),
        (of_chat({"reasoning_content": "r"}), 1),
        (of_chat({"content": None, "tool_calls": [{"index": 0}]}), 1),
        (of_chat({"content": "a"}, {"content": "b"}), 2),
        (of_chat({"refusal": "no"}), 1),
        (of_completion("a", "b"), 2),
        (of_completion(""), 0),
        ({"choices": [{"index": 0, "finish_reason": "stop"}]}, 0),
    ],
    ids=lambda one: str(one)[:60],
)
def test_a_chunk_counts_the_choices_that_hold_output(chunk, count) -> None:
    """Words, reasoning, tools and refusals are output; roles and reasons are not."""
    assert total(event(chunk))[1] == count


@pytest.mark.parametrize(
    ("last", "error"),
    [
        (event({"error": {"message": "out of memory", "code": 500}}), "upstream_error"),
        (event({"object": "error", "message": "out of memory"}), "upstream_error"),
        (b"event: error\n" + event({"message": "out of memory"}), "upstream_error"),
        (b"data: out of memory\n\n", "malformed"),
        (b"data: [" + b"[" * 5000 + b"\n\n", "malformed"),
    ],
)
def test_an_error_in_a_stream_is_no_success(last, error) -> None:
    """Under HTTP 200, after good chunks and before `[DONE]`; what came before it is kept."""
    good = event(of_chat({"content": "a"}))
    assert total(good + last + DONE)[:4] == (good, 1, None, error)


@pytest.mark.parametrize("stream", [DONE, event({"choices": [], "usage": USAGE}) + DONE, b": ping\n\n" + DONE])
def test_a_stream_without_a_choice_is_no_answer(stream) -> None:
    """`[DONE]` alone does not make one."""
    assert total(stream)[3:] == ("malformed", False)


def test_a_stream_that_stops_is_truncated() -> None:
    """Without `[DONE]` nothing is whole; the bytes into the cut event are told."""
    reader = StreamReader("here", drop_usage=False)
    reader.feed(event(of_chat({"content": "a"})) + b"data: {")
    piece = reader.end()
    assert (piece.error, piece.done) == ("truncated", False)
    assert "7 bytes" in piece.detail


WHOLE = {
    "chat": {"choices": [{"message": {"role": "assistant", "content": "Hello there"}}], "usage": USAGE},
    "completion": {"choices": [{"index": 0, "text": "Hello there"}], "usage": USAGE},
}


@pytest.mark.parametrize("api", WHOLE)
def test_a_whole_answer_is_read(api) -> None:
    """Usage as the server counted it, chunks as a guess from bytes, the body as it came."""
    body = json.dumps(WHOLE[api]).encode()
    piece = from_wire(body)
    assert (piece.data, piece.usage, piece.error, piece.done) == (body, TOKENS, "", True)
    assert piece.chunks == len('"Hello there"') // 4 + 1


def test_an_embedding_counts_its_input_only() -> None:
    """`completion_tokens` is absent, so the output is 0; there are no chunks."""
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    body = json.dumps({"object": "list", "data": [{"index": 0, "embedding": [0.1]}], "usage": usage}).encode()
    piece = from_wire(body)
    assert (piece.usage, piece.chunks, piece.done) == (Tokens(input=8), 0, True)


@pytest.mark.parametrize(
    "usage", [None, {}, {"completion_tokens": 3}, {"prompt_tokens": None}, {"total_tokens": 9}], ids=str
)
def test_usage_that_says_no_input_says_nothing(usage) -> None:
    """It is estimated then, and marked so."""
    assert from_wire(json.dumps({**WHOLE["chat"], "usage": usage}).encode()).usage is None


@given(st.integers(-(10**30), 10**30))
def test_a_count_that_cannot_be_true_is_bounded(count) -> None:
    """0 to 10^9, whatever a server claims."""
    usage = from_wire(json.dumps({**WHOLE["chat"], "usage": {**USAGE, "completion_tokens": count}}).encode()).usage
    assert usage.output == min(max(count, 0), 10**9)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"", "malformed"),
        (b"<html>", "malformed"),
        (b"{}", "malformed"),
        (b'{"choices":[]}', "malformed"),
        (b'{"choices":null,"data":[]}', "malformed"),
        (b'{"choices":[{"message":7}]}', "malformed"),
        (b'{"error":{"message":"no"}}', "upstream_error"),
        (b'{"error":"no","choices":[{"text":"a"}]}', "upstream_error"),
    ],
)
def test_what_is_no_answer_is_an_error(body, error) -> None:
    """Whatever its status."""
    piece = from_wire(body)
    assert (piece.error, piece.done) == (error, False)


@given(st.binary(max_size=80))
def test_no_bytes_break_a_reader(data) -> None:
    """Whatever a server sends is a piece or an error."""
    assert isinstance(total(data), tuple)
    assert isinstance(from_wire(data).error, str)
