"""Levers of a plan's options: at their own prices and batches, with what is assumed said."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from msgspec.structs import replace

from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.evaluate import evaluate
from breakeven.planner.levers.plan import CUT_SHARE, levers_of
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.plan import Option
from breakeven.workload.sample import sample

AS_OF = "2026-11-24"
CATALOG = load()
Asks = Callable[..., Question]


@cache
def weighed(asked: Question, model: str) -> list[tuple[Candidate, Option]]:
    trace = sample(asked.workload, rng=np.random.default_rng(5), n=100)
    scales = Scales(
        catalog=CATALOG, assumptions=assumptions(CATALOG.assumptions(), "base"), question=asked, speeds=Speeds(trace)
    )
    scope = Scope(models=(model,), as_of=AS_OF, rented=1, bought=1, apis=1)
    found = [one for one in candidates(CATALOG, asked, scope) if not one.binding]
    return [(one, evaluate(one, asked, predict=scales.speed, price=scales.bill)) for one in found]


@pytest.fixture
def asked(question: Asks) -> Question:
    return question()


def test_every_priced_option_has_the_levers_that_fit_it(asked: Question) -> None:
    """An API can shorten its context; a replica can also draft and use fewer bits; nothing else is claimed."""
    seen = {}
    for candidate, option in weighed(asked, "llama-3.1-8b"):
        found = levers_of(asked, option, candidate, CATALOG)
        seen[option.placement] = {one.name for one in found}
        assert all(one.saving_usd_per_month.value is not None for one in found)
        assert [one.saving_share.value for one in found] == sorted(
            (one.saving_share.value for one in found), reverse=True
        )
    assert seen["api"] == {"context"}
    assert seen["cloud"] == {"context", "speculation", "quantization"}
    assert seen["cpu"] == set()


def test_a_mixture_s_option_tells_of_its_experts(asked: Question) -> None:
    """The claim by active parameters is held against the option's own batch."""
    [(candidate, option)] = [pair for pair in weighed(asked, "qwen3-30b-a3b") if pair[1].placement == "cloud"]
    found = {one.name: one for one in levers_of(asked, option, candidate, CATALOG)}
    assert found["experts"].figure("claim_understates").value >= 1.0


def test_a_context_cut_is_priced_as_the_bill_prices_tokens(asked: Question) -> None:
    """A month of the API's context lever is the cut share of what its input costs."""
    [(candidate, option)] = [pair for pair in weighed(asked, "llama-3.1-8b") if pair[1].placement == "api"]
    [found] = levers_of(asked, option, candidate, CATALOG)
    tokens = asked.monthly_predictions * asked.workload.input_tokens_mean
    by_hand = tokens * CUT_SHARE * candidate.offer.input_usd_per_mtok / 1e6
    assert found.saving_usd_per_month.value == pytest.approx(by_hand)
    assert "cut_tokens" in found.saving.note
    assert "system_tokens" not in found.saving.note


def test_what_is_unpriced_has_no_levers(asked: Question) -> None:
    """Unknown is not nought."""
    for candidate, option in weighed(asked, "llama-3.1-8b"):
        unpriced = replace(option, monthly_cost_usd=None)
        assert levers_of(asked, unpriced, candidate, CATALOG) == ()
