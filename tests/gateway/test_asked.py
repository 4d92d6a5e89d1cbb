"""What is read of an OpenAI request, in three APIs: enough to route, reserve and record; wrong types are named."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.asked import (
    MAX_CHOICES,
    MAX_TOKENS,
    PART_TOKENS,
    PREFIX_BYTES,
    TEMPLATE_TOKENS,
    Asked,
    estimated_tokens,
    worst_tokens,
)
from breakeven.gateway.decision.chat import chat_of
from breakeven.gateway.decision.completion import completion_of
from breakeven.gateway.decision.embedding import embedding_of
from breakeven.gateway.decision.refusal import RequestError

READERS = {
    "chat": (chat_of, {"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
    "completion": (completion_of, {"model": "m", "prompt": "hi"}),
    "embedding": (embedding_of, {"model": "m", "input": "hi"}),
}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
AUDIO = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
FILE = {"type": "file", "file": {"file_id": "f"}}


def read(api: str, **fields) -> Asked:
    reader, body = READERS[api]
    return reader(json.dumps({**body, **fields}).encode())


def said(*contents: object) -> list[dict]:
    return [{"role": "user", "content": content} for content in contents]


@pytest.mark.parametrize("api", READERS)
def test_a_plain_request_asks_for_one_whole_answer(api) -> None:
    """The least that each API takes."""
    asked = read(api)
    assert (asked.model, asked.stream, asked.choices, asked.images, asked.tools) == ("m", False, 1, 0, False)
    assert asked.prefix == b"hi"
    assert asked.max_tokens == (0 if api == "embedding" else None)


@pytest.mark.parametrize("api", ["chat", "completion"])
def test_what_a_client_may_say_is_read(api) -> None:
    """Streaming, usage, limit, choices, user and the contract in the metadata."""
    asked = read(
        api,
        stream=True,
        stream_options={"include_usage": True},
        max_tokens=7,
        n=2,
        best_of=3,
        user="ada",
        metadata={"breakeven_use_case": "u", "breakeven_deadline_ms": 50},
    )
    assert (asked.stream, asked.asked_usage, asked.max_tokens, asked.choices) == (True, True, 7, 3)
    assert (asked.user, asked.metadata) == ("ada", {"breakeven_use_case": "u", "breakeven_deadline_ms": "50"})


@pytest.mark.parametrize("api", READERS)
def test_null_says_nothing(api) -> None:
    """A field that is null is a field that is absent."""
    nothing = dict.fromkeys(
        ("stream", "stream_options", "user", "metadata", "n", "best_of", "tools", "dimensions", "encoding_format")
    )
    assert read(api, **nothing) == read(api)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_is_known_by_its_field(field) -> None:
    """Where it must be lowered, the same field says so."""
    asked = read("chat", **{field: 7})
    assert (asked.max_tokens, asked.output_field) == (7, field)


@pytest.mark.parametrize(
    ("prompt", "count", "prefix"),
    [
        ("a", 1, b"a"),
        (["a", "b"], 2, b"a"),
        ([1, 22, 3], 1, b"1, 22, 3]"),
        ([[1, 2], [3]], 2, b"1, 2], [3]]"),
        ("", 1, b""),
        ('q"uote', 1, b'q\\"uote'),
    ],
)
def test_every_prompt_of_a_list_is_answered(prompt, count, prefix) -> None:
    """Choices multiply: n answers to each prompt."""
    assert (read("completion", prompt=prompt).choices, read("completion", prompt=prompt).prefix) == (count, prefix)
    assert read("completion", prompt=prompt, n=4).choices == 4 * count
    assert read("embedding", input=prompt).choices == count


WRONG = [
    ("chat", {"messages": "hi"}, "messages", '"hi"'),
    ("chat", {"messages": {}}, "messages", "{}"),
    ("chat", {"max_tokens": -1}, "max_tokens", "-1"),
    ("chat", {"max_completion_tokens": 1.5}, "max_completion_tokens", "1.5"),
    ("chat", {"max_tokens": MAX_TOKENS + 1}, "max_tokens", str(MAX_TOKENS + 1)),
    ("chat", {"max_tokens": 5, "max_completion_tokens": 9}, "max_completion_tokens", "9"),
    ("chat", {"n": 0}, "n", "0"),
    ("chat", {"n": MAX_CHOICES + 1}, "n", "129"),
    ("chat", {"stream": "yes"}, "stream", '"yes"'),
    ("chat", {"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "1"),
    ("chat", {"metadata": ["breakeven_use_case"]}, "metadata", "breakeven_use_case"),
    ("completion", {"prompt": 7}, "prompt", "7"),
    ("completion", {"prompt": []}, "prompt", "[]"),
    ("completion", {"prompt": [1, "a"]}, "prompt[1]", '"a"'),
    ("completion", {"prompt": ["a", 1]}, "prompt[1]", "1"),
    ("completion", {"prompt": [[1], ["a"]]}, "prompt[1][0]", '"a"'),
    ("completion", {"prompt": [-1]}, "prompt[0]", "-1"),
    ("completion", {"best_of": 1000}, "best_of", "1000"),
    ("completion", {"max_tokens": "7"}, "max_tokens", '"7"'),
    ("embedding", {"input": None}, "input", "null"),
    ("embedding", {"dimensions": 0}, "dimensions", "0"),
    ("embedding", {"encoding_format": "int8"}, "encoding_format", "int8"),
    ("embedding", {"model": 3}, "model", "3"),
]


@pytest.mark.parametrize(("api", "fields", "field", "value"), WRONG, ids=lambda one: str(one)[:30])
def test_a_wrong_field_is_named_with_its_value(api, fields, field, value) -> None:
    """400 with the field, the value found and a way out."""
    with pytest.raises(RequestError) as caught:
        read(api, **fields)
    error = caught.value
    assert (error.status, error.field) == (400, field)
    assert value in error.message
    assert error.way_out


@pytest.mark.parametrize(("api", "field"), [("chat", "messages"), ("completion", "prompt"), ("embedding", "input")])
def test_a_missing_field_is_named(api, field) -> None:
    """What the API cannot do without."""
    with pytest.raises(RequestError, match=f"no {field}") as caught:
        READERS[api][0](b'{"model":"m"}')
    assert caught.value.field == field


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode), st.sampled_from(sorted(READERS)))
def test_no_body_breaks_a_reader(body, api) -> None:
    """Whatever the bytes: a request, or a refusal."""
    with suppress(RequestError):
        assert READERS[api][0](body).choices >= 1


@pytest.mark.parametrize("api", READERS)
def test_deep_json_is_refused(api) -> None:
    """Nesting beyond the decoder's depth is a refusal, not a crash."""
    field = next(name for name in READERS[api][1] if name != "model")
    with pytest.raises(RequestError):
        READERS[api][0](b'{"model":"m","x":' + b"[" * 100_000 + b"]" * 100_000 + f',"{field}":"a"}}'.encode())


@given(st.text(max_size=2000), st.text(max_size=50), st.booleans(), st.booleans())
def test_the_prefix_is_how_the_first_text_begins(first, second, ascii_only, parted) -> None:
    """Requests that begin with the same text have the same prefix, whatever follows, up to its length."""
    content = [{"type": "text", "text": first}] if parted else first
    body = {"model": "m", "messages": [{"role": "system", "content": content}, {"role": "user", "content": second}]}
    prefix = chat_of(json.dumps(body, ensure_ascii=ascii_only).encode()).prefix
    written = json.dumps(first, ensure_ascii=ascii_only).encode()[1:-1]
    assert prefix == written[: len(prefix)]
    assert len(prefix) >= min(len(written), PREFIX_BYTES) - 1
    prompt = json.dumps({"model": "m", "prompt": [first, second]}, ensure_ascii=ascii_only).encode()
    assert completion_of(prompt).prefix == prefix


PARTS = st.sampled_from([{"type": "text", "text": '"image_url": [x]'}, IMAGE, AUDIO, FILE])


@given(st.lists(st.text(max_size=9) | st.lists(PARTS, max_size=4), max_size=4), st.booleans())
def test_parts_beside_text_are_counted(contents, hide) -> None:
    """Every picture, sound and file counts once; texts that speak of them do not, and no escape hides a key."""
    body = json.dumps({"model": "m", "messages": said(*contents)})
    if hide:
        body = body.replace('"image_url":', '"\\u0069mage_url":').replace('"input_audio":', '"input\\u005faudio":')
    wanted = sum(part["type"] != "text" for content in contents if isinstance(content, list) for part in content)
    assert chat_of(body.encode()).images == wanted


@pytest.mark.parametrize("field", ["tools", "functions"])
def test_tools_are_seen(field) -> None:
    """An empty list is none."""
    assert read("chat", **{field: [{"type": "function"}]}).tools
    assert not read("chat", **{field: []}).tools


@given(st.text(max_size=300), st.none() | st.integers(0, 500), st.integers(1, 4), st.integers(0, 500))
def test_a_byte_level_tokenizer_never_exceeds_the_bound(text, limit, n, cap) -> None:
    """Input: a token a byte of the texts, and 16 of a template a message. Output: every choice its limit."""
    messages = said(text, [{"type": "text", "text": text}, IMAGE], "")
    body = json.dumps({"model": "m", "messages": messages, "max_tokens": limit, "n": n}, ensure_ascii=False).encode()
    asked = chat_of(body)
    bound, output = worst_tokens(asked, len(body), cap)
    assert bound >= 2 * len(text.encode()) + 16 * len(messages) + PART_TOKENS
    assert output == (n * limit if limit is not None else n * cap if cap else None)


def test_more_is_never_bounded_by_less() -> None:
    """The bound grows with bytes, pictures, tools, choices and limits; the estimate lies below it."""
    plain = Asked(model="m", max_tokens=10)
    low, out = worst_tokens(plain, 400)
    assert (low, out) == (400 + TEMPLATE_TOKENS, 10)
    for more in (Asked(model="m", max_tokens=10, images=1), Asked(model="m", max_tokens=10, tools=True)):
        assert worst_tokens(more, 400)[0] > low
    assert worst_tokens(plain, 401)[0] > low
    assert worst_tokens(Asked(model="m", max_tokens=10, choices=2), 400)[1] == 20
    assert worst_tokens(Asked(model="m"), 400) == (low, None)
    assert worst_tokens(Asked(model="m", max_tokens=0), 400, cap=9)[1] == 0
    assert [estimated_tokens(size) for size in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_embeddings_generate_nothing() -> None:
    """Their output is bounded by 0, whatever the cap, and they never stream."""
    asked = read("embedding", input=["a"] * 5, stream=True)
    assert worst_tokens(asked, 99, cap=1000)[1] == 0
    assert not asked.stream
