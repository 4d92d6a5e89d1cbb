"""Identity, cache, load: the small parts and their laws."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.errors import ConfigError
from breakeven.gateway.cache import ANSWER_BYTES, AnswerCache, CachedAnswer
from breakeven.gateway.decision.answer import usd
from breakeven.gateway.decision.body import cache_key
from breakeven.gateway.decision.load import Load
from breakeven.gateway.identity import Subjects, node_id, uuid7
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.record import Tokens


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**74 - 1))
def test_ids_are_uuids_of_version_7(time_ms, bits) -> None:
    """Version and variant are right, the first 48 bits are the time, and all 74 random bits are kept."""
    found = uuid.UUID(uuid7(time_ms, bits))
    assert (found.version, found.variant) == (7, uuid.RFC_4122)
    assert found.int >> 80 == time_ms
    assert ((found.int >> 64 & 0xFFF) << 62 | found.int & (1 << 62) - 1) == bits


@given(st.integers(0, 2**48 - 2), st.integers(0, 2**74 - 1), st.integers(0, 2**74 - 1))
def test_ids_sort_by_time(time_ms, first, second) -> None:
    """A later millisecond gives a greater id, whatever the random bits."""
    assert uuid7(time_ms, first) < uuid7(time_ms + 1, second)


def test_a_node_names_host_process_and_start() -> None:
    """The node id is safe in a file name and differs when any of its parts does."""
    ids = {node_id(host, pid, start) for host in ("a.b", "c") for pid in (1, 37) for start in (0, 10**12)}
    assert len(ids) == 8
    assert node_id("My Host.local/", 36, 35) == "my-host-local-10-z"


def test_subjects_are_hashed_with_a_key_that_stays(tmp_path) -> None:
    """The same subject hashes alike across processes and differs between tenants; the key file is private."""
    first, second = Subjects(tmp_path / "keys"), Subjects(tmp_path / "keys")
    assert first.hashed("a", "ada") == second.hashed("a", "ada")
    assert first.hashed("a", "ada") != first.hashed("b", "ada")
    assert first.hashed("a", "") == ""
    assert len(first.hashed("a", "ada")) == 32
    path = tmp_path / "keys" / "a.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(path.read_text())) == 32


def test_workers_that_start_together_share_one_key(tmp_path) -> None:
    """Of many processes that make the key at once one wins, and nothing is left behind."""
    with ThreadPoolExecutor(16) as threads:
        found = set(threads.map(lambda _: Subjects(tmp_path).hashed("t", "ada"), range(64)))
    assert len(found) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["t.key"]


@pytest.mark.parametrize("tenant", ["../../x", "a/b", "..", "\u00e9"])
def test_a_tenants_name_cannot_leave_the_folder(tmp_path, tenant) -> None:
    """Whatever a tenant is called, its key lies in the folder of keys."""
    Subjects(tmp_path / "keys").hashed(tenant, "x")
    assert [path.parent for path in tmp_path.rglob("*.key")] == [tmp_path / "keys"]


@pytest.mark.parametrize("text", ["", "zz", "ab"])
def test_a_spoilt_key_is_not_used(tmp_path, text) -> None:
    """A key that is not 32 bytes would part subjects from their outcomes: it is refused by name."""
    (tmp_path / "t.key").write_text(text)
    with pytest.raises(ConfigError, match=r"t.key"):
        Subjects(tmp_path).hashed("t", "ada")


def answer(size: int = 10, stored_s: float = 0.0) -> CachedAnswer:
    return CachedAnswer(body=b"x" * size, content_type="c", tokens=Tokens(), stored_s=stored_s)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.booleans()), max_size=60))
def test_no_answer_crosses_tenants(steps) -> None:
    """Invariant 5: whatever is put and asked for, a tenant gets only what it put itself."""
    cache = AnswerCache()
    for number, (tenant, key, put) in enumerate(steps):
        if put:
            body = CachedAnswer(body=f"{tenant}{number}".encode(), content_type="", tokens=Tokens(), stored_s=0.0)
            cache.put(tenant, key, body)
        elif found := cache.get(tenant, key, max_age_s=1, now=0):
            assert found.body.startswith(tenant.encode())


def test_a_cache_is_bounded_in_bytes_and_age() -> None:
    """The least recently used leaves first; an old answer is no answer; a huge one is not kept."""
    cache = AnswerCache(tenant_bytes=4000)
    for key in "abc":
        cache.put("t", key, answer(800))
    assert cache.get("t", "a", max_age_s=9, now=1) is not None
    cache.put("t", "d", answer(800))
    assert [key for key in "abcd" if cache.get("t", key, max_age_s=9, now=1)] == ["a", "c", "d"]
    assert cache.get("t", "a", max_age_s=9, now=9.1) is None
    cache.put("t", "a", answer(1, stored_s=9.0))
    assert cache.get("t", "a", max_age_s=9, now=9.1).body == b"x"
    cache.put("t", "huge", answer(ANSWER_BYTES + 1))
    assert cache.get("t", "huge", max_age_s=9, now=0) is None


def test_a_cache_key_is_canonical() -> None:
    """Order of fields, blanks, user and id do not matter; everything that shapes the answer does."""
    base = cache_key(b'{"model":"m","messages":[{"a":1,"b":2}]}', "chat", "u")
    assert base == cache_key(b'{ "messages":[{"b":2,"a":1}], "user":"x", "model":"m", "metadata":{}}', "chat", "u")
    others = [
        cache_key(b'{"model":"n","messages":[{"a":1,"b":2}]}', "chat", "u"),
        cache_key(b'{"model":"m","messages":[{"a":1,"b":2}],"stream":true}', "chat", "u"),
        cache_key(b'{"model":"m","messages":[{"a":1,"b":2}]}', "infer", "u"),
        cache_key(b'{"model":"m","messages":[{"a":1,"b":2}]}', "chat", "v"),
        cache_key(b'{"model":"m","messages":[{"a":1,"b":2}]}', "chatu", ""),
    ]
    assert len({base, *others}) == 6


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0.01, 5)), min_size=1, max_size=12))
def test_the_mean_in_flight_is_the_integral_over_a_life(spans) -> None:
    """Mean = (sum of overlaps with every request) / duration, itself included: at least 1 (Little's law by hand)."""
    load, tickets, means = Load(), {}, {}
    moments = sorted(
        [(start, 1, number) for number, (start, _) in enumerate(spans)]
        + [(start + length, 0, number) for number, (start, length) in enumerate(spans)],
        key=lambda moment: (moment[0], -moment[1]),
    )
    for now, entering, number in moments:
        if entering:
            tickets[number] = load.enter(now)
        else:
            means[number] = load.leave(tickets[number], now)
    assert load.count == 0
    for number, (start, length) in enumerate(spans):
        end = start + length
        overlap = sum(max(0.0, min(end, a + b) - max(start, a)) for a, b in spans)
        assert means[number] == pytest.approx(overlap / (end - start), rel=1e-6)


@given(st.none() | st.integers(-(10**30), 10**30))
def test_a_cost_is_written_exactly(pico) -> None:
    """The header's dollars times 10**12 are the record's integer again; unpriced is a word, never 0."""
    text = usd(pico)
    if pico is None:
        assert text == "unpriced"
        return
    whole, _, rest = text.removeprefix("-").partition(".")
    assert int(whole) * PICO_PER_USD + int(rest.ljust(12, "0") or 0) == abs(pico)
    assert text.startswith("-") is (pico < 0)
