"""The exact cache's key: equal for requests that mean the same, different for all others, and a memo that agrees."""

import json
import subprocess
import sys

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from breakeven.gateway.decision.body import cache_key
from breakeven.gateway.decision.exact import KeyMemo, cacheable
from breakeven.gateway.decision.refusal import RequestError
from breakeven.schema.policy import Route, UseCase

PARTS = ("chat", "u", "p1", "scope", "m")
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
UNASKED = ("user", "metadata", "id", "stream", "stream_options", "request_id", "safety_identifier", "prompt_cache_key")
NAMES = st.sampled_from(["model", "messages", "temperature", "seed", "x"]) | st.text(max_size=4)
BODIES = st.dictionaries(NAMES.filter(lambda name: name not in UNASKED), VALUES.filter(lambda x: x is not None))


def shuffled(value: object, draw: st.DrawFn) -> object:
    """The same object with its fields in another order, all the way down."""
    if isinstance(value, list):
        return [shuffled(one, draw) for one in value]
    if isinstance(value, dict):
        return {name: shuffled(value[name], draw) for name in draw(st.permutations(sorted(value)))}
    return value


@given(BODIES, st.data())
def test_equal_meaning_has_an_equal_key(body, data) -> None:
    """Order of fields, blanks, escapes, and whatever no answer depends on, leave the key as it is."""
    other = shuffled(body, data.draw)
    for name in data.draw(st.sets(st.sampled_from(["user", "metadata", "id", "request_id", "stream_options", "y"]))):
        other[name] = None if name == "y" else data.draw(VALUES)
    if data.draw(st.booleans()):
        other["stream"] = data.draw(st.sampled_from([False, None]))
    written = json.dumps(
        other, ensure_ascii=data.draw(st.booleans()), indent=data.draw(st.sampled_from([None, 1, "\t"]))
    )
    assert cache_key(written.encode(), *PARTS) == cache_key(json.dumps(body).encode(), *PARTS)


def same(a: object, b: object) -> bool:
    """Equal as JSON is read: true is not 1, and inside values 1 is not 1.0, nor 0.0 -0.0."""
    if type(a) is not type(b) or (isinstance(a, float) and repr(a) != repr(b)):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[name], b[name]) for name in a)
    return a == b


def spelled(value: object) -> object:
    """A parameter's number, however it is spelled."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 2**53 and repr(value) != "-0.0"
    return int(value) if whole else value


@given(BODIES, NAMES.filter(lambda name: name not in UNASKED), VALUES.filter(lambda x: x is not None))
def test_any_other_meaning_has_another_key(body, name, value) -> None:
    """A relevant field that is changed, added or taken away changes the key."""
    assume(name not in body or not same(spelled(body[name]), spelled(value)))
    key = cache_key(json.dumps(body).encode(), *PARTS)
    assert cache_key(json.dumps({**body, name: value}).encode(), *PARTS) != key
    for gone in body:
        assert cache_key(json.dumps({k: v for k, v in body.items() if k != gone}).encode(), *PARTS) != key


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ('{"t":1}', '{"t":1.0}', True),
        ('{"t":0}', '{"t":0.0}', True),
        ('{"t":0.5}', '{"t":5e-1}', True),
        ('{"t":100}', '{"t":1E2}', True),
        ('{"t":0.0}', '{"t":-0.0}', False),
        ('{"t":9007199254740992}', '{"t":9007199254740993.0}', False),
        ('{"t":9007199254740993}', '{"t":9007199254740992}', False),
        ('{"x":[1]}', '{"x":[1.0]}', False),
        ('{"t":1}', '{"t":"1"}', False),
        ('{"t":1}', '{"t":true}', False),
        ('{"t":"a"}', '{"t":"\\u0061"}', True),
        ('{"t":"\u00e9"}', '{"t":"\\u00e9"}', True),
        ('{"t":"\u00e9"}', '{"t":"e\\u0301"}', False),
        ('{"a":1,"a":2}', '{"a":2}', True),
        ('{"stream":true}', "{}", False),
        ('{"stream":true,"stream_options":{"include_usage":true}}', '{"stream":true}', False),
        ('{"stream":false,"stream_options":{"include_usage":true}}', "{}", True),
        ('{"x":{"user":"a"}}', '{"x":{"user":"b"}}', False),
    ],
)
def test_what_counts_as_equal(one, other, equal) -> None:
    """Numbers of the top level by value, exactly; strings by characters, unnormalised; the last of duplicate fields."""
    assert (cache_key(one.encode(), *PARTS) == cache_key(other.encode(), *PARTS)) is equal


@given(st.lists(st.text(max_size=4), max_size=4), st.lists(st.text(max_size=4), max_size=4))
def test_parts_are_partitions(one, other) -> None:
    """Keys are equal only where all parts are, wherever one ends and the next begins."""
    assert (cache_key(b"{}", *one) == cache_key(b"{}", *other)) is (one == other)


def test_a_key_is_stable_across_processes() -> None:
    """Whatever the process hashes strings by."""
    code = "from breakeven.gateway.decision.body import cache_key; print(cache_key(b'{\"b\":1,\"a\":2}', 'chat', 'u'))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {cache_key(b'{ "a": 2, "b": 1 }', "chat", "u")}


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1e999}', b'{"a":"\xff"}', b'{"a":"\\ud800"}', b"[" * 10_000])
def test_what_is_no_json_has_no_key(body) -> None:
    """It is refused with a 400, also where a reader that decodes only what it needs would let it pass."""
    with pytest.raises(RequestError) as caught:
        cache_key(body)
    assert caught.value.status == 400


@given(
    st.lists(st.tuples(st.sampled_from([b"{}", b"{ }", b'{"a":1}', b'{"a":2}']), st.sampled_from("uv")), max_size=30),
    st.integers(1, 5),
)
def test_the_memo_agrees_and_is_bounded(asked, entries) -> None:
    """Whatever was asked before, the memo gives the key, and holds no more than it may."""
    memo = KeyMemo(entries)
    for body, use_case in asked:
        assert memo.key(body, "chat", use_case) == cache_key(body, "chat", use_case)
        assert len(memo) <= entries


def test_the_least_recently_used_key_leaves_first() -> None:
    """What is asked for stays."""
    memo = KeyMemo(2)
    for body in (b"1", b"2", b"1", b"3"):
        memo.key(body)
    assert {seen[1] for seen in memo._keys} == {()}
    assert list(memo._keys.values()) == [cache_key(b"1"), cache_key(b"3")]


USE_CASE = UseCase(name="u", route=Route(strategy="fixed", targets=()), cache_ttl_s=60)


@pytest.mark.parametrize("said", ["no-store", "no-cache", "max-age=0, No-Cache", "NO-STORE", "private, max-age=0"])
def test_a_client_may_ask_for_a_fresh_answer(said) -> None:
    """`cache-control` of the request keeps it out of the cache, both ways."""
    assert not cacheable(USE_CASE, {"cache-control": said})
    assert cacheable(USE_CASE, {"cache-control": "max-age=60"})


def test_flagged_data_is_never_cached() -> None:
    """Personal data by the use case, tools by the request."""
    assert cacheable(USE_CASE, {})
    assert not cacheable(USE_CASE, {}, tools=True)
    assert not cacheable(UseCase(name="u", route=USE_CASE.route, personal_data=True), {})
