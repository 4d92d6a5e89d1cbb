"""Answers become figures: intervals cover, tokens are conserved over any cut of time, failures are never silent."""

from __future__ import annotations

import statistics
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.measure.answer import Answer
from breakeven.measure.summary import FEWEST, failures, flow, mean_interval, problem, spread, tokens_within
from breakeven.metric.latency import tpot_s


def answer(index: int, at_s: float, ttft_s: float, total_s: float, tokens: int) -> Answer:
    return Answer(
        index=index, at_s=at_s, status=200, total_s=total_s, ttft_s=ttft_s, tpot_s=tpot_s(total_s, ttft_s, tokens),
        output_tokens=tokens, input_tokens=10,
    )  # fmt: skip


ANSWERS = st.builds(
    lambda at_s, ttft_s, rest_s, tokens: answer(0, at_s, ttft_s, ttft_s + rest_s, tokens),
    st.floats(0, 100), st.floats(0, 10), st.floats(1e-6, 10), st.integers(1, 500),
)  # fmt: skip


@given(ANSWERS, st.lists(st.floats(0, 130), max_size=8))
def test_tokens_are_conserved_over_any_cut_of_time(one: Answer, cuts: list[float]) -> None:
    """Wherever time is cut, the tokens of the pieces add up to those of the answer."""
    edges = [0.0, *sorted(cuts), 131.0]
    parts = [tokens_within(one, a, b) for a, b in pairwise(edges)]
    assert sum(parts) == pytest.approx(one.output_tokens)
    assert min(parts) >= 0


@given(st.integers(1, 6), st.integers(2, 60), st.floats(0.01, 1))
def test_a_periodic_load_has_its_own_rate(clients: int, tokens: int, total_s: float) -> None:
    """Clients that ask again at once get clients x tokens / answer time, wherever in a period the window begins."""
    answers = [
        answer(0, (turn + client / clients) * total_s, total_s / tokens, total_s, tokens)
        for turn in range(12)
        for client in range(clients)
    ]
    found = flow(answers, 1.5 * total_s, 9.5 * total_s)
    assert found is not None
    assert found.tok_s == pytest.approx(clients * tokens / total_s, rel=0.1)
    assert found.in_flight == pytest.approx(clients)
    assert found.low is not None
    assert found.low * (1 - 1e-9) <= found.tok_s <= found.high * (1 + 1e-9)


def test_intervals_cover_the_mean() -> None:
    """Of 400 samples of 80 independent durations, about 95 % of the intervals hold the mean."""
    random = np.random.default_rng(1)
    held = 0
    for _ in range(400):
        low, high = mean_interval(list(random.exponential(1.0, 80)), 1.0)
        held += low <= 1.0 <= high
    assert 0.90 <= held / 400 <= 0.99


def test_intervals_know_what_was_served_together() -> None:
    """Groups of eight that share their luck: blind to that the interval would cover far too rarely."""
    random = np.random.default_rng(2)
    aware, blind = 0, 0
    for _ in range(300):
        values = [float(value) for value in np.repeat(random.exponential(1.0, 40), 8)]
        low, high = mean_interval(values, 8.0)
        aware += low <= 1.0 <= high
        half = 1.96 * statistics.stdev(values) / len(values) ** 0.5
        blind += abs(statistics.fmean(values) - 1.0) <= half
    assert aware / 300 >= 0.88
    assert blind / 300 <= 0.6


def test_too_few_values_have_no_interval() -> None:
    """Below two values in each of four batches nothing is claimed."""
    assert mean_interval([1.0] * (2 * FEWEST - 1), 1.0) is None
    assert mean_interval([1.0] * (2 * FEWEST), 1.0) == (1.0, 1.0)


@given(st.lists(st.floats(0.001, 10), min_size=1, max_size=50))
def test_percentiles_are_in_order_and_inside(values: list[float]) -> None:
    """Smallest <= p50 <= p95 <= p99 <= largest, and the mean lies inside."""
    answers = [Answer(index=i, at_s=float(i), total_s=value) for i, value in enumerate(values)]
    found = spread(answers, lambda one: one.total_s, 1.0)
    assert found is not None
    assert min(values) <= found.p50 <= found.p95 <= found.p99 <= max(values)
    assert found.n == len(values)
    assert min(values) <= found.mean * (1 + 1e-12)
    assert found.mean <= max(values) * (1 + 1e-12)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": 200, "ttft_s": 0.1, "output_tokens": 3}, ""),
        ({"status": 200, "ttft_s": 0.1}, "a stream without usage"),
        ({"status": 200, "output_tokens": 3}, "a whole stream without a token in it"),
        ({"status": 200, "ttft_s": 0.1, "output_tokens": 3, "error": "error in the stream: x"}, "error in the stream"),
        ({"status": 429, "refusal": "slow down"}, "HTTP 429: slow down"),
        ({"status": 0, "error": "cannot reach"}, "cannot reach"),
    ],
)
def test_what_counts_as_failed(fields: dict[str, object], words: str) -> None:
    """HTTP 200 is not enough: an answer has a token, the usage that counts it, and no error."""
    found = problem(Answer(index=0, at_s=0.0, **fields))
    assert (words in found) if words else (found == "")


def test_failures_are_counted_by_reason() -> None:
    """The most frequent first; those without a problem are none."""
    assert failures(["b", "", "a", "b"]) == (("b", 2), ("a", 1))
