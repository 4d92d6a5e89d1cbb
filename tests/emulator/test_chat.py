"""The emulator's API: what is asked is counted exactly, and what is wrong is named."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.emulator import chat
from breakeven.errors import UsageError

MESSAGES = [{"role": "user", "content": "hello there"}]


def body(**fields):
    return json.dumps({"model": "m", "messages": MESSAGES, **fields}).encode()


def stated(prompt, answer):
    return {"emulate_input_tokens": str(prompt), "emulate_output_tokens": str(answer)}


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_stated_counts_are_used(prompt, answer) -> None:
    """`metadata` states the counts and the answer stops by itself."""
    job = chat.read(body(metadata=stated(prompt, answer)), "m")
    assert (job.input_tokens, job.output_tokens, job.finish_reason) == (prompt, answer, "stop")


@given(st.integers(1, 1000), st.integers(1, 1000), st.sampled_from(["max_tokens", "max_completion_tokens"]))
def test_a_limit_cuts(limit, answer, name) -> None:
    """No answer is longer than its limit, and one that reaches it ends for length."""
    job = chat.read(body(metadata=stated(5, answer), **{name: limit}), "m")
    assert job.output_tokens == min(limit, answer)
    assert job.finish_reason == ("length" if answer >= limit else "stop")


def test_without_counts_the_prompt_is_estimated() -> None:
    """Characters / 4 rounded up over text and parts, and 64 tokens or the limit."""
    parts = [{"type": "text", "text": "abcd"}, {"type": "image_url", "image_url": {"url": "x"}}]
    messages = [*MESSAGES, {"role": "user", "content": parts}, {"role": "assistant", "content": None}]
    job = chat.read(body(messages=messages), "m")
    assert (job.input_tokens, job.output_tokens, job.finish_reason) == (math.ceil(15 / 4), 64, "stop")
    limited = chat.read(body(max_tokens=7), "m")
    assert (limited.output_tokens, limited.finish_reason) == (7, "length")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "not a chat completion request"),
        (b'"\xff"', "not a chat completion request"),
        (body(model="other"), "'other'.*"),
        (json.dumps({"model": "m"}).encode(), "messages"),
        (body(n=2), "n is 2"),
        (body(max_tokens=0), "max_tokens is 0"),
        (body(metadata=stated("-3", 1)), "emulate_input_tokens is '-3'"),
        (body(metadata=stated(1, "9" * 9)), "emulate_output_tokens is 9"),
        (body(metadata=stated(0, 5)), "emulate_input_tokens is 0"),
    ],
)
def test_bad_requests_name_the_value(data, words) -> None:
    """One clear error, with what to send instead."""
    with pytest.raises(UsageError, match=words) as caught:
        chat.read(data, "m")
    assert caught.value.way_out


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.booleans())
def test_chunks_add_up_to_the_whole(parts, include_usage) -> None:
    """However tokens are grouped into chunks, the text is the whole answer's and there is one word a token."""
    total = sum(parts)
    job = chat.read(body(metadata=stated(3, total), stream=True, stream_options={"include_usage": include_usage}), "m")
    voice = chat.Voice(id="i", model="m", label="l", created=1)
    data, said = b"", 0
    for part in parts:
        data += voice.chunk(job, said, said + part)
        said += part
    events = [line[6:] for line in (data + voice.end(job)).decode().split("\n\n") if line]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks if chunk["choices"])
    whole = json.loads(voice.whole(job))
    assert text == whole["choices"][0]["message"]["content"]
    assert len(text.split()) == total == whole["usage"]["completion_tokens"]
    assert all(chunk["system_fingerprint"] == "emulated:l" for chunk in (*chunks, whole))
    assert [chunk for chunk in chunks if chunk.get("usage")] == ([chunks[-1]] if include_usage else [])
