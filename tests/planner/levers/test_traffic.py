"""Routing, cascades, caches, contexts: each closed form against worlds drawn prediction by prediction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.config.lever.span import Amount, Positive, Share
from breakeven.config.lever.traffic import Cache, Cascade, Context, ShareRouting
from breakeven.errors import UsageError
from breakeven.planner.levers.judge import Stakes
from breakeven.planner.levers.routing import cascade, share
from breakeven.planner.levers.sparing import cache, context
from breakeven.schema.lever import Flip, Lever

N = 1_000_000
NOTHING = Stakes()
shares = st.floats(0.01, 0.99)


def flip_of(found: Lever, name: str) -> Flip:
    return next(one for one in found.flips if one.input == name)


@given(s=shares, k=st.floats(1.01, 50))
@settings(max_examples=30, deadline=None)
def test_a_share_to_a_model_k_times_cheaper_saves_s_times_1_less_1_over_k(s: float, k: float) -> None:
    """The textbook formula, in dollars and as a share."""
    found = share(
        ShareRouting(share=Share(value=s), times_cheaper=Positive(value=k), strong_usd=Positive(value=0.01)), NOTHING
    )
    assert found.verdict == "pays"
    assert found.saving.value == pytest.approx(0.01 * s * (1 - 1 / k))
    assert found.saving_share.value == pytest.approx(s * (1 - 1 / k))


def test_a_router_dearer_than_what_it_saves_loses_money_and_the_flip_is_its_price() -> None:
    """It turns exactly where the router costs s (1 - 1/k) of a prediction."""
    asked = ShareRouting(
        share=Share(value=0.5), times_cheaper=Positive(value=5), strong_usd=Positive(value=0.01),
        router_usd=Amount(value=0.006),
    )  # fmt: skip
    found = share(asked, NOTHING)
    assert found.verdict == "loses money"
    assert found.sentence.startswith("Loses money")
    turn = flip_of(found, "router_usd")
    assert (turn.pays, turn.value) == ("below", pytest.approx(0.004, rel=1e-4))


def drawn_cascade(q: dict[str, float]) -> tuple[float, float]:
    """Mean cost and share right of a million predictions."""
    random = np.random.default_rng(3)
    weak = random.random(N) < q["weak_quality"]
    accepted = random.random(N) < np.where(weak, q["accepts_right"], q["accepts_wrong"])
    strong = random.random(N) < q["strong_after_reject"]
    cost = q["weak_usd"] + q["verifier_usd"] + ~accepted * q["strong_usd"]
    return float(cost.mean()), float(np.where(accepted, weak, strong).mean())


@pytest.mark.parametrize("strong", [0.81, 0.6])
def test_a_cascade_equals_its_simulation(strong: float) -> None:
    """Cost and quality within a per cent of a million drawn predictions."""
    q = {
        "weak_usd": 0.0005, "strong_usd": 0.004, "verifier_usd": 0.0001, "weak_quality": 0.68, "strong_quality": 0.81,
        "strong_after_reject": strong, "accepts_right": 0.85, "accepts_wrong": 0.2,
    }  # fmt: skip
    found = cascade(Cascade.model_validate(q), NOTHING)
    cost, right = drawn_cascade(q)
    assert found.changed.cost_usd.value == pytest.approx(cost, rel=0.01)
    assert found.changed.quality.value == pytest.approx(right, rel=0.01)


@given(p=shares, q=shares, a=shares)
@settings(max_examples=30, deadline=None)
def test_a_blind_verifier_is_no_better_than_mixing_at_random(p: float, q: float, a: float) -> None:
    """Where right and wrong answers are accepted alike, quality is that of a random mix."""
    asked = {
        "weak_usd": 0.001, "strong_usd": 0.01, "weak_quality": p, "strong_quality": q, "accepts_right": a,
        "accepts_wrong": a,
    }  # fmt: skip
    found = cascade(Cascade.model_validate(asked), NOTHING)
    assert found.changed.quality.value == pytest.approx(a * p + (1 - a) * q)


CACHE = {"answer_usd": 0.004, "lookup_usd": 0.00005, "hit_rate": 0.3, "error_rate": 0.02, "wrong_usd": 0.02}


def test_a_cache_equals_its_simulation() -> None:
    """A wrong hit is asked again and loses what is stated: a million predictions cost as computed, within 1 %."""
    random = np.random.default_rng(4)
    hit = random.random(N) < CACHE["hit_rate"]
    wrong = hit & (random.random(N) < CACHE["error_rate"])
    cost = CACHE["lookup_usd"] + (~hit | wrong) * CACHE["answer_usd"] + wrong * CACHE["wrong_usd"]
    found = cache(Cache.model_validate(CACHE), NOTHING)
    assert found.changed.cost_usd.value == pytest.approx(float(cost.mean()), rel=0.01)
    assert found.baseline.cost_usd.value == pytest.approx(CACHE["answer_usd"])


def test_a_cache_whose_hits_are_wrong_too_often_loses_money() -> None:
    """With a look-up that costs nothing it turns at c / (c + L), which is also the figure told."""
    asked = CACHE | {"lookup_usd": 0, "error_rate": 0.3}
    found = cache(Cache.model_validate(asked), NOTHING)
    limit = 0.004 / 0.024
    assert found.verdict == "loses money"
    assert found.figure("highest_error_rate").value == pytest.approx(limit)
    assert flip_of(found, "error_rate").value == pytest.approx(limit, rel=1e-3)
    assert found.figure("lowest_hit_rate").value is None


def test_a_lookup_needs_a_lowest_hit_rate() -> None:
    """The flip of the hit rate is the look-up's cost over the net saving of a hit."""
    found = cache(Cache.model_validate(CACHE), NOTHING)
    assert flip_of(found, "hit_rate").value == pytest.approx(found.figure("lowest_hit_rate").value, rel=1e-3)


CONTEXT = {
    "system_tokens": 2000, "history_tokens": 1000, "user_tokens": 100, "output_tokens": 200, "cut_tokens": 1200,
    "input_usd_per_mtok": 2.0, "output_usd_per_mtok": 8.0,
}  # fmt: skip


def test_cut_tokens_save_what_they_are_billed_at() -> None:
    """Uncached at the input price, cached at the cached one, in between by share; a call adds up by hand."""
    for cached, price in ((0.0, 2.0), (1.0, 0.2), (0.5, 1.1)):
        asked = CONTEXT | {"cached_input_usd_per_mtok": 0.2, "cached_share": cached}
        found = context(Context.model_validate(asked), NOTHING)
        assert found.saving.value == pytest.approx(1200 * price / 1e6)
        by_hand = (3000 * price + 100 * 2.0 + 200 * 8.0) / 1e6
        assert found.baseline.cost_usd.value == pytest.approx(by_hand)


def test_without_a_cached_price_a_cache_saves_nothing() -> None:
    """An unstated price is no discount, and never free."""
    found = context(Context.model_validate(CONTEXT | {"cached_share": 0.9}), NOTHING)
    assert found.saving.value == pytest.approx(1200 * 2.0 / 1e6)
    assert found.figure("saved_by_caching_usd").value == 0


def test_more_than_there_is_cannot_be_cut() -> None:
    """The message names both numbers."""
    with pytest.raises(UsageError, match=r"4000 tokens .* 3000"):
        context(Context.model_validate(CONTEXT | {"cut_tokens": 4000}), NOTHING)


def test_a_cut_that_costs_quality_is_weighed_by_what_predictions_are_worth() -> None:
    """Two points of quality at 10 cents outweigh a fifth of a cent; at a tenth of a cent they do not."""
    asked = Context.model_validate(CONTEXT | {"quality": 0.8, "cut_quality": 0.78})
    assert context(asked, Stakes(value_usd=Amount(value=0.2))).verdict == "loses money"
    assert context(asked, Stakes(value_usd=Amount(value=0.001))).verdict == "pays"
    assert context(asked, NOTHING).judged == "cost per useful prediction"
