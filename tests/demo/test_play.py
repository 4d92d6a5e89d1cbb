"""A half of the demo is sent as planned, and every replayed row is accounted for."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from breakeven.client.tracking import Client, Options
from breakeven.demo import logs
from breakeven.demo.play import PlayResult, play
from breakeven.demo.traffic import Config, plan
from breakeven.errors import BackendError

CONFIG = Config(seed=5, rows=120, half_s=0.5)
several = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def played(running: Any, gateway: Any, half: int = 0, config: Config = CONFIG, **arguments: Any) -> PlayResult:
    async def story() -> PlayResult:
        async with running(gateway), asyncio.timeout(60):
            return await play(half, gateway.url, plan(config), **arguments)

    return asyncio.run(story())


@given(seed=st.integers(0, 10_000), broken=st.sets(st.integers(0, 59), max_size=20))
@several
def test_replay_conserves_rows(running: Any, gateway: Any, seed: int, broken: set[int]) -> None:
    """Rows = observed + unobserved + unanswered, whatever fails; each answered row has exactly one of the two."""
    gateway = type(gateway)()
    gateway.broken = broken
    config = Config(seed=seed, rows=120, half_s=0.3)
    found = played(running, gateway, config=config).replay
    assert found.rows == 60 == found.observed + found.unobserved + found.unanswered
    assert found.unanswered == len(broken)
    assert found.clicks <= found.observed
    about = Counter(
        event["predictionid"]
        for event in gateway.events.values()
        if event["type"] in {"breakeven.exposure.v1", "breakeven.unobserved.v1"}
    )
    assert set(about) == set(gateway.ranked)
    assert set(about.values()) <= {1}


def test_every_observed_row_has_the_logged_item(running: Any, gateway: Any) -> None:
    """An exposure is sent only where the gateway chose what the log had shown, and clicks only where it was clicked."""
    config = Config(seed=2, rows=2_000, half_s=1.0)
    gateway.prefer = lambda campaign: campaign + 3
    found = played(running, gateway, config=config)
    rows = [one.row for one in plan(config).halves[0].homepage]
    matching = [row for row in rows if row.item == row.campaign + 3]
    assert found.replay.observed == len(matching) > 0
    assert found.replay.clicks == sum(row.clicked for row in matching)
    assert found.replay.unobserved == len(rows) - len(matching)
    exposed = [event for event in gateway.events.values() if event["type"] == "breakeven.exposure.v1"]
    assert Counter(gateway.ranked[event["predictionid"]]["campaign"] for event in exposed) == Counter(
        row.campaign for row in matching
    )


def test_a_click_is_also_a_conversion(running: Any, gateway: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the shown item was clicked in the log, both are sent, once each, about the same prediction."""
    clicked = tuple(row for row in logs.evaluation() if row.clicked and row.campaign == 0)[:1] * 4
    gateway.prefer = lambda _campaign: clicked[0].item
    monkeypatch.setattr("breakeven.demo.traffic.evaluation", lambda: clicked)
    found = played(running, gateway, config=Config(rows=4, half_s=0.1))
    assert (found.replay.observed, found.replay.clicks) == (2, 2)
    kinds = Counter(event["type"] for event in gateway.events.values())
    assert kinds == {f"breakeven.{kind}.v1": 2 for kind in ("exposure", "click", "conversion")}


def test_both_use_cases_are_sent_whole(running: Any, gateway: Any) -> None:
    """Every planned conversation is asked with the trace's counts, and outcomes are sent for the homepage alone."""
    config = Config(seed=5, rows=120, half_s=1.5)
    found = played(running, gateway, half=1, config=config)
    turns = plan(config).halves[1].assistant
    assert turns
    assert Counter(chat["max_tokens"] for chat in gateway.chats) == Counter(turn.output_tokens for turn in turns)
    assert found.assistant.ok == len(turns)
    assert [answer.output_tokens for answer in found.assistant.answers] == [turn.output_tokens for turn in turns]
    assert found.homepage.ok == 60
    assert {event["predictionid"] for event in gateway.events.values()} == set(gateway.ranked)
    cases = Counter(headers["x-breakeven-use-case"] for headers in gateway.headers)
    assert cases == {"homepage": 60, "assistant": len(turns)}


def test_events_are_all_delivered_before_it_returns(running: Any, gateway: Any) -> None:
    """What is reported as accepted has arrived, with and without a tracker of one's own."""
    found = played(running, gateway)
    assert found.events.accepted == found.events.tracked == len(gateway.events)
    gateway = type(gateway)()

    async def story() -> PlayResult:
        async with running(gateway):
            tracker = Client(gateway.url, options=Options(interval_s=0.01))
            result = await play(0, gateway.url, plan(CONFIG), tracker=tracker)
            await asyncio.to_thread(tracker.close)
            return result

    assert asyncio.run(story()).events.accepted == len(gateway.events)


def test_undelivered_outcomes_are_an_error(running: Any, gateway: Any) -> None:
    """A gateway that takes no events cannot pass for one without outcomes."""

    async def story() -> None:
        async with running(gateway):
            options = Options(attempts=1, backoff_max_s=0.0)
            tracker = Client("http://127.0.0.1:9", options=options)
            try:
                await play(0, gateway.url, plan(CONFIG), tracker=tracker)
            finally:
                tracker._queue.clear()
                await asyncio.to_thread(tracker.close)

    with pytest.raises(BackendError, match="could not be sent"):
        asyncio.run(story())


def test_progress_ends_at_the_total(running: Any, gateway: Any) -> None:
    """Progress never goes back and ends when the last request has."""
    seen: list[tuple[int, int]] = []
    found = played(running, gateway, progress=lambda done, total: seen.append((done, total)))
    total = found.replay.rows + len(found.assistant.answers)
    assert seen[-1] == (total, total)
    assert seen == sorted(seen)
    assert found.span_s > 0
    assert found.cpu_s >= 0
