"""What an application may rely on when it tells a gateway about outcomes."""

from __future__ import annotations

import os
import socket
import threading
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.client.tracking import Client, Counts, Options
from breakeven.errors import BackendError, UsageError

HANG_UP = 0
QUICK = Options(batch=10, interval_s=3600, attempts=4, backoff_s=0.0, backoff_max_s=0.0, timeout_s=5)
STRICT = msgspec.structs.replace(QUICK, strict=True)
failures = st.lists(st.sampled_from([HANG_UP, 408, 429, 500, 502, 503, 504]), max_size=3)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@given(script=failures, count=st.integers(1, 35))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_retries_never_duplicate_and_never_lose(gateway: Any, script: list[int], count: int) -> None:
    """However the first attempts fail, even after the events arrived, each event counts exactly once."""
    gateway.counted.clear()
    gateway.script = list(script)
    with Client(gateway.url, options=QUICK) as track:
        ids = {track.exposure(f"p{k}") for k in range(count)}
        found = track.flush()
    assert found == Counts(tracked=count, accepted=count, rejected=0, dropped=0, pending=0)
    assert {key[1] for key in gateway.counted} == ids
    assert len(gateway.counted) == count


def test_a_retry_sends_the_same_bytes(gateway: Any) -> None:
    """Ids and times are fixed when an event is tracked, not when it is sent."""
    gateway.script = [503, HANG_UP, 500]
    with Client(gateway.url, options=QUICK) as track:
        track.conversion("p1", value=19.9, currency="EUR")
    assert len(gateway.posts) == 4
    assert all(post == gateway.posts[0] for post in gateway.posts)


def test_an_event_is_a_cloudevent_that_says_what_it_is_about(gateway: Any) -> None:
    """CloudEvents 1.0 in batched JSON mode, with the attributes of the contract."""
    with Client(gateway.url + "/", key="secret", options=QUICK) as track:
        track.track(
            "revenue",
            subject="u1",
            value=3.5,
            currency="USD",
            time=1_700_000_000.25,
            event_id="order-1",
            consent="granted",
            data={"basket": 2},
        )
        track.stage("p1", "render", 0.25)
    first, second = gateway.posts[0]
    assert first == {
        "specversion": "1.0",
        "id": "order-1",
        "source": "urn:breakeven:client",
        "type": "breakeven.revenue.v1",
        "time": "2023-11-14T22:13:20.250000Z",
        "datacontenttype": "application/json",
        "subject": "u1",
        "consent": "granted",
        "data": {"value": 3.5, "currency": "USD", "basket": 2},
    }
    assert second["predictionid"] == "p1"
    assert second["data"] == {"stage": "render", "duration_s": 0.25}
    assert gateway.paths == ["/events"]
    assert gateway.headers[0]["content-type"] == "application/cloudevents-batch+json"
    assert gateway.headers[0]["authorization"] == "Bearer secret"


def test_shorthands_name_their_kind(gateway: Any) -> None:
    """exposure, click, conversion and a type of one's own arrive as such."""
    with Client(gateway.url, options=QUICK) as track:
        track.exposure("p1")
        track.click("p1")
        track.conversion(subject="u1")
        track.track("com.example.viewed.v1", prediction_id="p1")
    kinds = [event["type"] for event in gateway.posts[0]]
    assert kinds == [
        "breakeven.exposure.v1",
        "breakeven.click.v1",
        "breakeven.conversion.v1",
        "com.example.viewed.v1",
    ]
    assert gateway.posts[0][2]["subject"] == "u1"
    assert "predictionid" not in gateway.posts[0][2]


def test_batches_keep_their_bound_and_their_order(gateway: Any) -> None:
    """No batch exceeds the stated size, and events leave in the order in which they were tracked."""
    with Client(gateway.url, options=QUICK) as track:
        ids = [track.exposure(f"p{k}") for k in range(37)]
    assert all(len(post) <= 10 for post in gateway.posts)
    assert [event["id"] for post in gateway.posts for event in post] == ids


def test_the_background_thread_sends_without_a_flush(gateway: Any) -> None:
    """A full batch goes out by itself."""
    arrived = threading.Event()
    gateway.refuse = lambda _event: bool(arrived.set())
    client = Client(gateway.url, options=QUICK)
    for k in range(10):
        client.exposure(f"p{k}")
    assert arrived.wait(30)
    assert client.close().accepted == 10


def test_an_unreachable_gateway_is_an_error_and_loses_nothing() -> None:
    """flush() raises, names the place, keeps the events, and a later gateway gets them."""
    port = free_port()
    client = Client(f"http://127.0.0.1:{port}", options=STRICT)
    client.exposure("p1")
    with pytest.raises(BackendError, match=rf"1 events could not be sent to http://127.0.0.1:{port} in 4 attempts"):
        client.flush()
    assert client.counts().pending == 1
    with pytest.raises(BackendError, match="stay queued"):
        client.close()


def test_what_failed_is_sent_by_the_next_flush(gateway: Any) -> None:
    """Events that four attempts could not send leave with the fifth, once each."""
    gateway.script = [503] * 4
    with Client(gateway.url, options=QUICK) as track:
        track.exposure("p1")
        with pytest.raises(BackendError, match="HTTP 503"):
            track.flush()
        assert track.flush() == Counts(tracked=1, accepted=1, rejected=0, dropped=0, pending=0)
    assert len(gateway.counted) == 1


def test_a_failure_in_the_background_can_be_seen() -> None:
    """The background thread does not swallow its error: counts() shows it."""
    client = Client(f"http://127.0.0.1:{free_port()}", options=QUICK)
    for k in range(10):
        client.exposure(f"p{k}")
    waiting = threading.Event()
    while not client.counts().problem:
        waiting.wait(0.01)
    assert "could not be sent" in client.counts().problem
    assert client.close().pending == 10, "close() tells of it, and raises only where that is asked for"


def test_one_bad_event_costs_only_itself(gateway: Any) -> None:
    """A batch refused as such is sent again in halves, until only the bad event is refused."""
    gateway.refuse = lambda event: event.get("predictionid") == "p13"
    with Client(gateway.url, options=QUICK) as track:
        for k in range(20):
            track.exposure(f"p{k}")
        found = track.flush()
    assert (found.accepted, found.rejected, found.pending) == (19, 1, 0)
    assert "HTTP 400" in found.problem
    assert {event["predictionid"] for event in gateway.counted.values()} == {f"p{k}" for k in range(20)} - {"p13"}


@pytest.mark.parametrize("rejected", [2, [{"id": "a"}, {"id": "b"}]])
def test_a_partly_accepted_batch_is_counted_so(gateway: Any, rejected: object) -> None:
    """What the gateway says it rejected is not counted as accepted."""
    gateway.answer = {"accepted": 3, "rejected": rejected}
    with Client(gateway.url, options=QUICK) as track:
        for k in range(5):
            track.exposure(f"p{k}")
        found = track.flush()
    assert (found.accepted, found.rejected) == (3, 2)
    assert "rejected" in found.problem


def test_a_wrong_key_is_not_retried(gateway: Any) -> None:
    """A refusal that a retry cannot mend is reported at once."""
    gateway.script = [401]
    with Client(gateway.url, key="wrong", options=QUICK) as track:
        track.exposure("p1")
        found = track.flush()
    assert (found.rejected, len(gateway.posts)) == (1, 1)
    assert "HTTP 401" in found.problem


@given(st.integers(0, 30), st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_the_queue_is_bounded_and_counts_what_it_drops(count: int, capacity: int) -> None:
    """Tracked = accepted + rejected + dropped + pending, and pending never exceeds the capacity."""
    options = Options(capacity=capacity, batch=1000, interval_s=3600, attempts=1)
    client = Client("http://127.0.0.1:9", options=options)
    for k in range(count):
        client.exposure(f"p{k}")
    found = client.counts()
    assert found.pending == min(count, capacity)
    assert found.tracked == count == found.accepted + found.rejected + found.dropped + found.pending
    client._queue.clear()
    client.close()


def test_a_closed_client_takes_nothing_more(gateway: Any) -> None:
    """Tracking after close() is an error, closing twice is not."""
    client = Client(gateway.url, options=STRICT)
    client.exposure("p1")
    assert client.close() == client.close()
    with pytest.raises(UsageError, match="after the client was closed"):
        client.exposure("p2")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"kind": "exposure"}, "neither a prediction nor a subject"),
        ({"kind": "purchase", "subject": "u"}, "no kind of event 'purchase'"),
        ({"kind": "revenue", "subject": "u", "value": float("nan")}, "value of 'revenue' must be finite, got nan"),
        ({"kind": "stage", "subject": "u", "duration_s": float("inf")}, "duration_s of 'stage' must be finite"),
    ],
)
def test_what_cannot_be_meant_is_said_at_once(arguments: dict[str, Any], words: str) -> None:
    """A wrong event is the caller's error, not a silent loss."""
    with Client("http://127.0.0.1:9", options=STRICT) as track:
        with pytest.raises(UsageError, match=words):
            track.track(**arguments)
        assert track.counts().tracked == 0


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host", "http://"])
def test_a_wrong_address_is_said_at_once(url: str) -> None:
    """So is a URL that is none."""
    with pytest.raises(UsageError, match="not the URL of a gateway"):
        Client(url)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "exposure"},
        {"kind": "purchase", "subject": "u"},
        {"kind": "revenue", "subject": "u", "value": float("nan")},
        {"kind": "click", "subject": "u", "data": {"when": object()}},
        {"kind": "click", "subject": "u", "time": 1e300},
    ],
)
def test_a_mistake_never_reaches_the_request_it_is_about(wrong: dict[str, Any]) -> None:
    """Unless asked to be strict, what cannot be meant is counted with its reason, and no exception is raised."""
    track = Client("http://127.0.0.1:9", options=QUICK)
    assert track.track(**wrong) == ""
    assert (track.counts().invalid, track.counts().tracked) == (1, 0)
    assert track.counts().problem
    track.close()
    assert track.exposure("p1") == ""
    assert track.counts().invalid == 2


def test_consent_goes_with_every_event(gateway: Any) -> None:
    """The one given with it, else the client's."""
    with Client(gateway.url, options=msgspec.structs.replace(QUICK, consent="granted")) as track:
        track.exposure("p1")
        track.render("p1", 0.2, consent="denied")
        track.conversion("p1", consent="unknown")
        track.click("p1")
    assert [event["consent"] for event in gateway.posts[0]] == ["granted", "denied", "unknown", "granted"]
    assert gateway.posts[0][1]["data"] == {"stage": "render", "duration_s": 0.2}


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_worker_sends_its_own_events_and_none_of_its_parent(gateway: Any) -> None:
    """A server that forks its workers after making the client loses nothing and sends nothing twice."""
    with Client(gateway.url, options=QUICK) as track:
        track.exposure("parent")
        child = os.fork()
        if child == 0:
            track.exposure("child")
            track.flush()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
    assert sorted(event["predictionid"] for event in gateway.counted.values()) == ["child", "parent"]
    assert len([event for post in gateway.posts for event in post]) == 2
