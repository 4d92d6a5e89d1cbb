"""The demo's traffic is the logged one: contiguous, unscaled, and the same for the same seed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.demo import logs, message
from breakeven.demo.traffic import Config, Traffic, plan
from breakeven.errors import UsageError

seeds = st.integers(0, 2**31)
quick = settings(max_examples=20, deadline=None)


def small(seed: int) -> Traffic:
    return plan(Config(seed=seed, rows=300))


def wire(traffic: Traffic) -> list[bytes]:
    return [
        *(message.rank("http://g", "r", one).body for half in traffic.halves for one in half.homepage),
        *(message.chat("http://g", "m", one).body for half in traffic.halves for one in half.assistant),
    ]


@given(seeds)
@quick
def test_same_seed_same_requests(seed: int) -> None:
    """Two plans of one seed are equal, down to the bytes on the wire."""
    assert small(seed) == small(seed)
    assert wire(small(seed)) == wire(small(seed))


def test_another_seed_another_window() -> None:
    """The seed picks the window and the rows."""
    assert len({small(seed).window_s for seed in range(20)}) == 20
    assert len({small(seed).first_row for seed in range(20)}) > 15


@given(seeds, st.floats(0.5, 100))
@quick
def test_the_window_is_contiguous_and_unscaled(seed: int, half_s: float) -> None:
    """Every trace row inside the window is sent, none outside it, at its own offset, with its own token counts."""
    traffic = plan(Config(seed=seed, rows=0, half_s=half_s))
    start_s, end_s = traffic.window_s
    trace = logs.conversations()
    arrivals = trace.column("arrival_s")
    assert start_s >= 0
    assert end_s <= arrivals[-1]
    sent = [
        (turn.number, half * half_s + turn.at_s) for half, part in enumerate(traffic.halves) for turn in part.assistant
    ]
    assert [number for number, _ in sent] == [k for k in range(trace.n) if start_s <= arrivals[k] < end_s]
    for number, at_s in sent:
        assert at_s == pytest.approx(arrivals[number] - start_s, abs=1e-6)
    for turn in (turn for part in traffic.halves for turn in part.assistant):
        assert 0 <= turn.at_s < half_s
        assert turn.input_tokens == trace.column("input_tokens")[turn.number]
        assert turn.output_tokens == trace.column("output_tokens")[turn.number]


def test_ninety_seconds_hold_about_five_hundred_conversations() -> None:
    """The stated size of the default window, over many seeds."""
    sizes = [sum(len(half.assistant) for half in plan(Config(seed=seed, rows=0)).halves) for seed in range(50)]
    assert 400 < sum(sizes) / len(sizes) < 600


@given(seeds, st.integers(0, 15_407))
@quick
def test_homepage_rows_are_one_block_of_the_evaluation_log(seed: int, rows: int) -> None:
    """The replayed rows are consecutive in logged order, each once, and none was trained on."""
    traffic = plan(Config(seed=seed, rows=rows, half_s=1))
    sent = [one.row for half in traffic.halves for one in half.homepage]
    assert sent == list(logs.evaluation()[traffic.first_row : traffic.first_row + rows])
    sizes = [len(half.homepage) for half in traffic.halves]
    assert abs(sizes[0] - sizes[1]) <= 1
    for half in traffic.halves:
        times = [one.at_s for one in half.homepage]
        assert times == sorted(times)
        assert all(0 <= at_s <= 1 for at_s in times)


def test_campaigns_are_interleaved() -> None:
    """Any thousand rows in a row hold all three campaigns in earnest."""
    rows = [one.row.campaign for half in plan(Config()).halves for one in half.homepage]
    for start in range(0, len(rows), 1000):
        assert min(rows[start : start + 1000].count(campaign) for campaign in range(3)) > 200


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (Config(rows=15_408), "15,408 homepage rows were asked for, and the evaluation log holds 15,407"),
        (Config(rows=-1), "-1 homepage rows"),
        (Config(half_s=2000), "two halves of 2000 s were asked for, and the trace lasts 3,502 s"),
        (Config(half_s=0), "two halves of 0 s"),
        (Config(half_s=float("nan")), "two halves of nan s"),
    ],
)
def test_more_than_the_logs_hold_is_refused(config: Config, words: str) -> None:
    """Both numbers are named; nothing is repeated or invented to fill a wish."""
    with pytest.raises(UsageError, match=words):
        plan(config)


def test_a_ranking_request_offers_every_item_of_its_campaign() -> None:
    """A v2 tensor of all candidates at the row's position and user, with the contract's headers."""
    for one in small(3).halves[0].homepage[:50]:
        request = message.rank("http://g", "homepage-ranker", one)
        (tensor,) = json.loads(request.body)["inputs"]
        count = logs.ITEMS[one.row.campaign]
        assert request.url == "http://g/v2/models/homepage-ranker/infer"
        assert (tensor["name"], tensor["datatype"], tensor["shape"]) == ("candidates", "INT64", [count, 7])
        rows = [tensor["data"][k : k + 7] for k in range(0, len(tensor["data"]), 7)]
        tail = [one.row.position, *one.row.user]
        assert rows == [[one.row.campaign, item, *tail] for item in range(count)]
        headers = dict(request.headers)
        assert headers["x-breakeven-use-case"] == "homepage"
        assert headers["x-breakeven-subject"] == headers["x-breakeven-session"] == message.session(one.row)
        assert headers["x-breakeven-labels"] == f"campaign={logs.CAMPAIGNS[one.row.campaign]}"


def test_a_session_is_a_page_view() -> None:
    """Rows of one moment, campaign and user share a session; no two others do; and it holds no raw feature."""
    rows = logs.impressions()
    views = {(row.time_us, row.campaign, row.user) for row in rows}
    assert len({message.session(row) for row in rows}) == len(views)


def test_a_chat_request_carries_the_traces_counts_and_no_invented_prompt() -> None:
    """Streaming, with usage, token counts as strings in the metadata, and text that says that it is none."""
    turn = small(3).halves[0].assistant[0]
    request = message.chat("http://g", "assistant", turn)
    body: dict[str, Any] = json.loads(request.body)
    assert request.stream
    assert dict(request.headers)["x-breakeven-use-case"] == "assistant"
    assert (body["model"], body["stream"], body["stream_options"]) == ("assistant", True, {"include_usage": True})
    assert body["max_tokens"] == turn.output_tokens
    assert body["metadata"] == {
        "emulate_input_tokens": str(turn.input_tokens),
        "emulate_output_tokens": str(turn.output_tokens),
    }
    assert "holds no text" in body["messages"][0]["content"]


@given(st.lists(st.floats(0, 1, width=16), min_size=1, max_size=80))
def test_the_choice_is_the_first_of_the_best(scored: list[float]) -> None:
    """Ties are broken by the lowest item, always."""
    assert message.chosen(scored) == scored.index(max(scored))


@given(st.sampled_from(logs.evaluation()), st.integers(0, 79))
def test_only_what_the_log_saw_is_an_outcome(row: logs.Impression, item: int) -> None:
    """A matching item is an exposure, with click and conversion only if clicked; any other is unobserved by replay."""
    kinds = message.outcomes(row, item)
    if item != row.item:
        assert kinds == ("unobserved",)
    else:
        assert kinds == (("exposure", "click", "conversion") if row.clicked else ("exposure",))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"outputs":[{"name":"score","datatype":"FP32","shape":[2],"data":[0.5,0.25]}]}', [0.5, 0.25]),
        (b'{"outputs":[{"name":"score","data":[0.5]}]}', None),
        (b'{"outputs":[{"name":"other","data":[0.5,0.25]}]}', None),
        (b'{"outputs":[{"name":"score","data":["a","b"]}]}', None),
        (b'{"error":"overloaded"}', None),
        (b"", None),
    ],
)
def test_scores_are_one_per_item_or_none(body: bytes, expected: list[float] | None) -> None:
    """An answer that does not score every item chooses nothing."""
    assert message.scores(body, 2) == expected
