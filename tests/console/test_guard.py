"""Laws of the console's door: whose Host it answers, which headers it sends, how fresh its answers are."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.console import guard
from breakeven.console.source import Fresh


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8081", "localhost:8081", "localhost", "[::1]:8081", "10.0.0.7", "LOCALHOST:1", "a.localhost:80"]
)
def test_own_hosts_are_answered(memory, get, host):
    """Loopback names and numeric addresses are ours."""
    assert get(memory, "/healthz", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8081", "localhost.evil.example", "127.0.0.1.nip.io", "", "[::1"]
)
def test_foreign_hosts_are_refused_without_data(memory, get, host):
    """A name that its owner may point at us (DNS rebinding) gets no data and a message."""
    answer = get(memory, "/", host=host)
    assert answer.status == 421
    assert not memory.asked


def test_a_configured_host_is_answered(memory, get):
    """What `serve --host NAME` binds to is answered."""
    assert get(memory, "/healthz", host="console.corp:80", hosts=("Console.Corp",)).status == 200


@given(st.text(max_size=30))
def test_no_text_passes_as_a_name(text):
    """Only localhost and numeric addresses pass without configuration."""
    if guard.allowed(text, frozenset()):
        name = guard.host_name(text)
        assert name.endswith("localhost") or set(name) <= set("0123456789abcdef.:%") or "%" in name


@pytest.mark.parametrize("path", ["/", "/unit-cost.json", "/decide.csv", "/static/live.js", "/nowhere", "/?hours=x"])
def test_every_answer_is_hardened(memory, get, path):
    """Security headers stand on pages, data, files and errors alike."""
    headers = get(memory, path).headers
    assert headers.items() >= guard.SECURITY_HEADERS.items()
    assert "unsafe" not in headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/", "/overview.json", "/overview.csv"])
def test_data_is_not_stored_by_caches(memory, get, path):
    """Pages with figures are never kept by a browser or proxy."""
    assert get(memory, path).headers["cache-control"] == "no-store"


def test_an_answer_is_kept_for_a_moment(memory):
    """Many tabs ask the ledger once; after the time to live it is asked again."""
    now = [0.0]
    fresh = Fresh(memory, ttl_s=1.0, clock=lambda: now[0])
    for _ in range(5):
        fresh.statement(hours=1)
    assert len(memory.asked) == 1
    fresh.statement(hours=2)
    now[0] = 1.5
    fresh.statement(hours=1)
    assert len(memory.asked) == 3


def test_answers_of_different_questions_are_kept_apart(memory):
    """Plans, findings and policies do not take each other's place."""
    fresh = Fresh(memory)
    assert fresh.plans() == memory.kept
    assert fresh.findings(memory.kept[0].id) == memory.found
    assert fresh.findings("another") == ()
    assert fresh.policy() == memory.rules


def test_a_failure_is_not_kept(memory):
    """After an error the next question asks again."""
    calls = []

    def fail_once(_: object) -> object:
        calls.append(1)
        if len(calls) == 1:
            raise OSError
        return "there"

    memory.made = fail_once
    fresh = Fresh(memory, ttl_s=60)
    with pytest.raises(OSError):
        fresh.statement()
    assert fresh.statement() == "there"


def test_one_thread_at_a_time_asks(memory):
    """The source is never asked by two threads at once."""
    inside, most = [0], [0]

    def slow(_: object) -> object:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        threading.Event().wait(0.01)
        inside[0] -= 1
        return inside

    memory.made = slow
    fresh = Fresh(memory, ttl_s=0.0)
    threads = [threading.Thread(target=fresh.statement) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
