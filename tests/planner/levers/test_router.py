"""A router of one's own: what it learns, what its threshold guarantees, and that a gateway scores alike."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.assembly import outcomes_file
from breakeven.config.lever.traffic import Router as Question
from breakeven.errors import EvidenceError, LedgerError, UsageError
from breakeven.metric.routing_score import score
from breakeven.planner.levers import frontier
from breakeven.planner.levers.judge import Stakes
from breakeven.planner.levers.learned import learn, pair, router
from breakeven.planner.levers.router import fit, rows_of, weights_of
from breakeven.planner.levers.tested import (
    TESTS,
    _sum_below,
    betting,
    binomial_below,
    binomial_upper,
    clopper_pearson,
    empirical_bernstein,
    exact,
    guarded,
)

EXAMPLE = Path(__file__).parents[3] / "examples/levers/outcomes.csv"
OUTCOMES, _ = outcomes_file.read(EXAMPLE)
ASKED = {"outcomes": "outcomes.csv", "strong_usd": 0.004, "weak_usd": 0.0005}
LEARNED = learn(Question.model_validate(ASKED | {"labels_share": 0.6, "calibration_share": 0.5}), OUTCOMES)
BOUNDS = tuple(TESTS)


def world(seed: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, and answers right or wrong of a strong and a weak model whose gap grows with the score."""
    random = np.random.default_rng(seed)
    hard = random.random(n)
    strong = (random.random(n) < 0.9 - 0.1 * hard).astype(float)
    weak = (random.random(n) < 0.89 - 0.5 * hard**2).astype(float)
    return hard, strong, weak


def true_loss(threshold: float | None) -> float:
    """Mean loss of sending everything below the threshold to the weak model: integral of 0.01 - 0.1 h + 0.5 h^2."""
    h = 0.0 if threshold is None else min(1.0, threshold)
    return 0.01 * h - 0.05 * h * h + 0.5 / 3 * h**3


def test_plain_arrays_score_as_the_router_does() -> None:
    """What the gateway computes in plain Python equals numpy's to rounding, for prompts seen, unseen and empty."""
    prompts = [*OUTCOMES.prompts[:20], "nothing of this was ever seen", "", "Größe ÷ 2"]
    model = fit(rows_of(OUTCOMES.prompts), OUTCOMES.quality["large"] - OUTCOMES.quality["small"], penalty=10.0)
    plain = weights_of(model, strong="large", weak="small", threshold=0.1)
    for prompt, expected in zip(prompts, model.scores(rows_of(prompts)), strict=True):
        assert score(plain, prompt) == pytest.approx(float(expected), abs=1e-9)


def test_the_ridge_is_the_exact_one() -> None:
    """Conjugate gradients equal the normal equations solved densely."""
    rows = rows_of(OUTCOMES.prompts[:300], 512)
    gain = (OUTCOMES.quality["large"] - OUTCOMES.quality["small"])[:300]
    found = fit(rows, gain, penalty=2.0)
    dense = np.zeros((300, 512))
    np.add.at(dense, (rows.rows, rows.columns), rows.values * found.idf[rows.columns])
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    exact = np.linalg.solve(dense.T @ dense + 2.0 * np.eye(512), dense.T @ (gain - gain.mean()))
    assert np.abs(found.weights - exact).max() < 1e-5


def test_it_learns_which_prompts_need_the_strong_model() -> None:
    """On prompts never seen it recovers far more of the gap than a random order, and loses less than mixing."""
    found = router(Question.model_validate(ASKED), Stakes(), LEARNED)
    assert found.figure("apgr").value > 0.65
    assert found.figure("weak_share").value > 1.4 * found.figure("random_share").value
    assert found.verdict == "pays"


@given(seed=st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_a_perfect_order_is_best_and_its_reverse_worst(seed: int) -> None:
    """APGR of the true gains is above that of any order, and CPT rises with what is to be recovered."""
    score_, strong, weak = world(seed, 400)
    curves = [frontier.quality_by_share(one, strong, weak) for one in (strong - weak, score_, weak - strong)]
    areas = [frontier.apgr(curve) for curve in curves]
    assert areas == sorted(areas, reverse=True)
    assert frontier.cpt(curves[0], 0.5) <= frontier.cpt(curves[0], 0.8) <= 1.0


def test_the_hull_is_above_its_points_and_never_falls() -> None:
    """AIQ lies between the weak model's quality and the best of all shares."""
    score_, strong, weak = world(1, 500)
    curve = frontier.quality_by_share(score_, strong, weak)
    cost = np.linspace(1.0, 2.0, curve.size)
    at, height = frontier.hull(cost, curve)
    assert (np.interp(cost, at, height) >= curve - 1e-12).all()
    assert (np.diff(height) >= 0).all()
    assert curve[0] < frontier.aiq(curve, 1.0, 2.0) <= curve.max()


@pytest.mark.parametrize("bound", BOUNDS)
def test_the_budget_is_exceeded_no_oftener_than_promised(bound: str) -> None:
    """In a world whose loss is known exactly, over 120 calibrations: at most the level and two of its deviations."""
    broken = 0
    for seed in range(120):
        found = guarded(*world(1000 + seed, 500), budget=0.05, level=0.1, bound=bound)
        broken += true_loss(found.threshold) > 0.05
    assert broken / 120 <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / 120)


def test_the_exact_test_sends_most_down() -> None:
    """On the same calibration, in the mean of 8 worlds, a bet comes next; and all of them send something."""
    sent = {
        bound: np.mean(
            [guarded(*world(seed, 1500), budget=0.05, level=0.05, bound=bound).weak_share for seed in range(8)]
        )
        for bound in BOUNDS
    }
    assert sorted(sent, key=lambda name: -sent[name])[:2] == ["exact", "betting"]
    assert min(sent.values()) > 0.1


@given(budget=st.floats(0.01, 0.3), level=st.floats(0.01, 0.3))
@settings(max_examples=20, deadline=None)
def test_a_looser_promise_sends_no_less_down(budget: float, level: float) -> None:
    """More loss allowed, or a weaker guarantee: the share to the weak model never falls."""
    sample = world(5, 600)
    for bound in ("clopper-pearson", "empirical-bernstein"):
        strict = guarded(*sample, budget=budget, level=level, bound=bound)
        loose = guarded(*sample, budget=budget * 1.5, level=min(0.9, level * 1.5), bound=bound)
        assert loose.weak_share >= strict.weak_share


def test_binomial_tails_are_sums() -> None:
    """P(Binomial(n, p) <= k) by hand, and bounds reject what is certainly too much."""
    by_hand = sum(math.comb(40, k) * 0.1**k * 0.9 ** (40 - k) for k in range(4))
    assert binomial_below(3, 40, 0.1) == pytest.approx(by_hand)
    certain = np.ones(200)
    assert not any(test(certain, 0.1, 0.05) for test in (exact, clopper_pearson, empirical_bernstein, betting))
    assert binomial_below(3, 40, binomial_upper(3, 40, 0.05)) == pytest.approx(0.05, abs=1e-6)
    assert exact(np.zeros(200), 0.1, 0.05)
    assert clopper_pearson(np.zeros(200), 0.1, 0.05)
    assert betting(np.zeros(200), 0.1, 0.05)


@pytest.mark.parametrize("total", [-3, 0, 5])
def test_the_sum_of_losses_is_that_of_draws(total: int) -> None:
    """The tail by powers of the characteristic function equals a million drawn sums."""
    n, share, mean = 40, 0.3, 0.05
    random = np.random.default_rng(1)
    ups = random.binomial(n, share, size=1_000_000)
    sums = 2 * random.binomial(ups, (share + mean) / (2 * share)) - ups
    assert _sum_below(total, n, share, mean) == pytest.approx(float((sums <= total).mean()), rel=0.01)


def test_nothing_passes_where_nothing_can() -> None:
    """With a budget that so few prompts cannot show, everything goes to the strong model, and the lever says why."""
    asked = Question.model_validate(ASKED | {"loss_budget": 0.001})
    learned = learn(asked, OUTCOMES)
    assert learned.tested.threshold is None
    assert learned.weights().threshold is None
    found = router(asked, Stakes(), learned)
    assert found.verdict == "changes nothing"
    assert "no threshold passed" in found.conditions[0]


def test_qualities_between_nought_and_one_need_another_bound() -> None:
    """Clopper-Pearson counts; the way out names the bound that does not."""
    score_, strong, weak = world(1, 100)
    with pytest.raises(EvidenceError, match="qualities of 0 or 1"):
        guarded(score_, strong * 0.5, weak, budget=0.1, level=0.1, bound="clopper-pearson")
    with pytest.raises(EvidenceError, match="20 prompts"):
        guarded(score_[:20], strong[:20], weak[:20], budget=0.1, level=0.1, bound="betting")


def test_models_are_the_file_s() -> None:
    """The better of two is the strong one; a name that is no column is refused with those that are."""
    assert pair(Question.model_validate(ASKED), OUTCOMES) == ("large", "small")
    assert pair(Question.model_validate(ASKED | {"weak": "large"}), OUTCOMES) == ("small", "large")
    with pytest.raises(UsageError, match="no model medium; its columns are large, small"):
        pair(Question.model_validate(ASKED | {"weak": "medium"}), OUTCOMES)


def test_bad_rows_of_outcomes_are_named_and_the_rest_kept(tmp_path: Path) -> None:
    """Line, field and value; a file without models, or without a prompt column, is refused."""
    path = tmp_path / "rows.csv"
    path.write_text("id,prompt,a,b\n1,hello,1,0\n2,,1,1\n3,there,1.5,0\n4,again,0.5,\n")
    found, bad = outcomes_file.read(path)
    assert list(found.prompts) == ["hello"]
    assert [one.partition("rows.csv:")[2] for one in bad.named] == [
        "3: prompt is empty", "4: a is '1.5'; it lies in 0..1", "5: b is empty",
    ]  # fmt: skip
    path.write_text("id,prompt,a\n1,hello,1\n")
    with pytest.raises(EvidenceError, match="has 1 quality columns"):
        outcomes_file.read(path)
    path.write_text("id,text,a,b\n1,hello,1,0\n")
    with pytest.raises(LedgerError, match="no column prompt"):
        outcomes_file.read(path)


def test_too_few_outcomes_are_said(tmp_path: Path) -> None:
    """With how many there are and how many are needed."""
    path = tmp_path / "rows.csv"
    with path.open("w") as file:
        csv.writer(file).writerows([["prompt", "a", "b"], *([f"p {n}", 1, n % 2] for n in range(50))])
    found, _ = outcomes_file.read(path)
    with pytest.raises(EvidenceError, match="50 prompts, at least 200"):
        learn(Question.model_validate(ASKED), found)
