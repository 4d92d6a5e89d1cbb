"""Samples and tokens of thought: closed forms against drawn worlds and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.config.lever.quality import Reasoning, Samples
from breakeven.errors import EvidenceError
from breakeven.planner.levers.judge import Stakes
from breakeven.planner.levers.thinking import best_samples, coverage, fit, reasoning, samples

NOTHING = Stakes()
A, B = 0.122, 0.645


def array(value: float) -> np.ndarray:
    return np.asarray(float(value))


@pytest.mark.parametrize("count", [1, 5, 40, 250])
def test_coverage_equals_drawn_prompts(count: int) -> None:
    """Prompts with Beta difficulties and independent samples are solved as often, within a per cent."""
    chance = np.random.default_rng(count).beta(A, B, 2_000_000)
    drawn = float((1 - (1 - chance) ** count).mean())
    assert float(coverage(array(A), array(B), array(count))) == pytest.approx(drawn, rel=0.01)


def test_published_end_points_are_met() -> None:
    """Brown et al. 2024 (arXiv 2407.21787): 15.9 % of issues with one sample, 56 % with 250."""
    assert float(coverage(array(A), array(B), array(1))) == pytest.approx(0.159, abs=0.002)
    assert float(coverage(array(A), array(B), array(250))) == pytest.approx(0.56, abs=0.002)


@given(a=st.floats(0.05, 3), b=st.floats(0.05, 3), ratio=st.floats(0.5, 3000))
@settings(max_examples=40, deadline=None)
def test_the_best_number_of_samples_is_that_of_trying_all(a: float, b: float, ratio: float) -> None:
    """No other number brings more, net of its cost."""
    found = float(best_samples(array(a), array(b), array(1.0), array(ratio)))
    counts = np.arange(1, 5000, dtype=float)
    net = ratio * coverage(array(a), array(b), counts) - counts
    assert ratio * float(coverage(array(a), array(b), array(found))) - found >= net.max() - 1e-6 * ratio


def test_samples_are_judged_by_what_they_solve() -> None:
    """At twenty times a sample's cost one is enough; at a thousand times many pay, and a stated number may lose."""
    one = {"difficulty_a": A, "difficulty_b": B, "sample_usd": 0.002}
    few = samples(Samples.model_validate(one | {"solved_usd": 0.02}), NOTHING)
    assert (few.figure("best_samples").value, few.verdict) == (1.0, "changes nothing")
    many = samples(Samples.model_validate(one | {"solved_usd": 2.0}), NOTHING)
    assert many.figure("best_samples").value > 20
    assert many.verdict == "pays"
    too_many = samples(Samples.model_validate(one | {"solved_usd": 0.02, "samples": 100}), NOTHING)
    assert too_many.verdict == "loses money"


@given(q=st.floats(0.5, 0.95), gap=st.floats(0.5, 20), power=st.floats(0.2, 1.5))
@settings(max_examples=25, deadline=None)
def test_a_curve_of_thought_is_found_again(q: float, gap: float, power: float) -> None:
    """Points on q - A T^-b give back the shares between them."""
    tokens = (200, 500, 1000, 3000, 8000)
    found = fit([(t, q - gap * t**-power) for t in tokens])
    for t in (300.0, 2000.0, 6000.0):
        assert float(found.at(array(t))) == pytest.approx(q - gap * t**-power, abs=2e-4)


POINTS = tuple((float(t), 0.8 - 3.0 * t**-0.5) for t in (250, 500, 1000, 2000, 4000, 8000))
ASKED = {"points": POINTS, "usd_per_mtok": 10.0, "useful_usd": 0.1, "tokens": 6000.0}


def test_the_stop_is_where_the_next_token_brings_its_price() -> None:
    """Equal to the best of all budgets tried, and its marginal worth to the price, within a per cent."""
    found = reasoning(Reasoning.model_validate(ASKED), NOTHING)
    stop = found.figure("stop_tokens").value
    tried = np.arange(50, 20000, dtype=float)
    net = 0.1 * (0.8 - 3.0 * tried**-0.5) - tried * 10e-6
    assert stop == pytest.approx(float(tried[net.argmax()]), rel=0.01)
    assert 0.1 * 1.5 * stop**-1.5 == pytest.approx(10e-6, rel=0.01)
    assert found.verdict == "pays"


def test_the_best_budget_is_nothing_to_improve() -> None:
    """Stating the stop as today's budget saves nothing; every other budget loses against it."""
    stop = reasoning(Reasoning.model_validate(ASKED), NOTHING).figure("stop_tokens").value
    assert abs(reasoning(Reasoning.model_validate(ASKED | {"tokens": stop}), NOTHING).saving.value or 0.0) < 1e-9
    for factor in (0.2, 0.7, 1.5, 4.0):
        saved = reasoning(Reasoning.model_validate(ASKED | {"tokens": stop * factor}), NOTHING).saving.value
        assert saved > 0


def test_three_points_are_not_a_curve() -> None:
    """Said with the numbers, and what to measure."""
    with pytest.raises(EvidenceError, match="four different numbers of tokens"):
        fit([(100, 0.5), (200, 0.6), (200, 0.61), (300, 0.62)])
    assert math.isfinite(fit(POINTS).ceiling)
