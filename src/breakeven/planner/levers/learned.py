"""A router learned from outcomes of one's own, its threshold tested, and what it is worth on prompts it never saw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from breakeven.config.lever.span import Share, Span
from breakeven.config.lever.traffic import Router as Question
from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.levers import frontier
from breakeven.planner.levers.judge import About, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.planner.levers.router import Router, Rows, fit, rows_of, weights_of
from breakeven.planner.levers.tested import guarded
from breakeven.schema.lever import Lever, RouterWeights, Tested

PENALTIES = (3.0, 10.0, 30.0, 100.0)
FOLDS = 4
ENOUGH = 200
QUANTILES = 101
REACH = 2.32
"""Standard errors to the end of a triangle whose middle 80 % are those of a normal distribution."""

ROUTER = About(
    name="router",
    title="A router learned from outcomes",
    how="weak share x (strong - weak) - router, and what the quality lost is worth",
    conditions=(
        "prompts to come are like those of the outcomes; watch the loss on a sample sent to both",
        "both models are billed by use, or have capacity for their share",
    ),
    basis="measured",
)


class Outcomes(NamedTuple):
    """Prompts and the quality, 0 to 1, that each model reached on each of them."""

    prompts: Sequence[str]
    quality: Mapping[str, Floats]


class Learned(NamedTuple):
    """The router, the test of its threshold, and prompts held out from both with their scores."""

    router: Router
    tested: Tested
    strong: str
    weak: str
    score: Floats
    strong_quality: Floats
    weak_quality: Floats
    penalty: float
    quantiles: tuple[float, ...] = ()

    @property
    def to_weak(self) -> NDArray[np.bool_]:
        """Which of the held-out prompts go to the weak model."""
        if self.tested.threshold is None:
            return np.zeros(self.score.size, dtype=bool)
        return self.score < self.tested.threshold

    def weights(self) -> RouterWeights:
        """Plain arrays for whoever serves requests."""
        return weights_of(
            self.router,
            strong=self.strong,
            weak=self.weak,
            threshold=self.tested.threshold,
            quantiles=self.quantiles,
        )


def learn(question: Question, outcomes: Outcomes, rows: Rows | None = None) -> Learned:
    """Split the prompts, learn on one part, test the threshold on another, and score the rest.

    Raises:
        UsageError: a model is not in the outcomes, or strong and weak are the same.
        EvidenceError: there are fewer than 200 prompts, or too few to calibrate on.
    """
    strong, weak = pair(question, outcomes)
    count = len(outcomes.prompts)
    if count < ENOUGH:
        message = f"{question.outcomes} has {count} prompts, at least {ENOUGH} are needed to learn, test and judge"
        raise EvidenceError(message, "label more prompts with both models' answers")
    rows = rows_of(outcomes.prompts) if rows is None else rows
    training, calibration, held = _parts(question, count)
    better, worse = outcomes.quality[strong], outcomes.quality[weak]
    gain = better - worse
    chosen = penalty_of(rows.of(training), gain[training])
    router = fit(rows.of(training), gain[training], penalty=chosen)
    scores = router.scores(rows.of(calibration))
    found = guarded(
        scores, better[calibration], worse[calibration],
        budget=question.loss_budget, level=question.level, bound=question.bound,
    )  # fmt: skip
    quantiles = tuple(np.quantile(scores, np.linspace(0, 1, QUANTILES)).tolist())
    return Learned(
        router, found, strong, weak, router.scores(rows.of(held)), better[held], worse[held], chosen, quantiles
    )


def pair(question: Question, outcomes: Outcomes) -> tuple[str, str]:
    """The strong and the weak model: as named, else the better and the other of two.

    Raises:
        UsageError: one is not in the outcomes, both are the same, or there are more than two and none is named.
    """
    known = list(outcomes.quality)
    for name in (question.strong, question.weak):
        if name and name not in known:
            message = f"{question.outcomes} has no model {name}; its columns are {', '.join(known)}"
            raise UsageError(message, "name columns of the file as `strong` and `weak`")
    if not (question.strong and question.weak) and len(known) != 2:  # noqa: PLR2004 - a pair
        message = f"{question.outcomes} has {len(known)} models: {', '.join(known) or 'none'}"
        raise UsageError(message, "name two of them as `strong` and `weak`")
    ranked = sorted(known, key=lambda name: -float(outcomes.quality[name].mean()))
    strong = question.strong or next(name for name in ranked if name != question.weak)
    weak = question.weak or next(name for name in ranked[::-1] if name != strong)
    if strong == weak:
        message = f"`strong` and `weak` both name {strong}"
        raise UsageError(message, "name two models")
    return strong, weak


def _parts(question: Question, count: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    order = np.random.default_rng(question.seed).permutation(count)
    labelled = round(count * question.labels_share)
    learned = round(labelled * (1 - question.calibration_share))
    return order[:learned], order[learned:labelled], order[labelled:]


def penalty_of(rows: Rows, gain: Floats) -> float:
    """The penalty with the least squared error on folds left out."""
    if len(PENALTIES) == 1:
        return PENALTIES[0]
    fold = np.arange(rows.size) % FOLDS
    errors = dict.fromkeys(PENALTIES, 0.0)
    for out in range(FOLDS):
        inside, outside = np.flatnonzero(fold != out), np.flatnonzero(fold == out)
        here, there = rows.of(inside), rows.of(outside)
        for penalty in PENALTIES:
            said = fit(here, gain[inside], penalty=penalty).scores(there)
            errors[penalty] += float(((said - gain[outside]) ** 2).sum())
    return min(errors, key=lambda penalty: (errors[penalty], penalty))


def router(question: Question, stakes: Stakes, learned: Learned) -> Lever:
    """What the tested router saves on the held-out prompts, and what quality it loses there."""
    sent = learned.to_weak.astype(np.float64)
    lost = sent * (learned.strong_quality - learned.weak_quality)
    spans: dict[str, Span] = {
        **spans_of(question),
        "weak_share": _measured(sent, Share),
        "lost_quality": _measured(lost, Span),
        "strong_quality": Share(value=float(learned.strong_quality.mean()), basis="measured"),
    }
    about = (
        ROUTER
        if learned.tested.threshold is not None
        else replace(ROUTER, conditions=(_untested(learned.tested), *ROUTER.conditions))
    )
    curve = frontier.quality_by_share(learned.score, learned.strong_quality, learned.weak_quality)
    extra = _extra(question, learned, curve, float(lost.mean()))
    return judge(about, spans, stakes, lambda v: _effect(v, extra))


def _untested(found: Tested) -> str:
    return (
        f"no threshold passed the test that at most {found.budget:.3g} is lost, on {found.n} prompts: everything goes "
        "to the strong model; label more prompts, or allow more loss"
    )


def _effect(v: Values, extra: Mapping[str, Extra]) -> Effect:
    share, strong = v["weak_share"], v["strong_usd"]
    changed = share * v["weak_usd"] + (1 - share) * strong + v["router_usd"]
    kept = v["strong_quality"] - v["lost_quality"]
    shown = {
        "weak_share": Extra(share, "share", "of held-out prompts"),
        "lost_quality": Extra(v["lost_quality"], "share"),
    }
    return Effect(cost=(strong, changed), quality=(v["strong_quality"], kept), extra=lambda: {**shown, **extra})


def _measured(sample: Floats, kind: type[Span]) -> Span:
    """The mean of a sample; its range gives draws the sampling error."""
    mean, error = float(sample.mean()), float(sample.std(ddof=1)) / np.sqrt(sample.size)
    low, high = max(kind.least, mean - REACH * error), min(kind.most, mean + REACH * error)
    return kind(value=mean, low=float(low), high=float(high), basis="measured", source="held-out prompts")


def _extra(question: Question, learned: Learned, curve: Floats, lost: float) -> dict[str, Extra]:
    gap = float(curve[-1] - curve[0])
    mixed = lost / gap if gap > 0 else np.nan
    found = {
        "apgr": Extra(np.asarray(frontier.apgr(curve)), "ratio", "mean share of the gap recovered; 0.5 at random"),
        "cpt_50": Extra(np.asarray(frontier.cpt(curve, 0.5)), "share", "calls to the strong model for half of the gap"),
        "cpt_80": Extra(np.asarray(frontier.cpt(curve, 0.8)), "share", "for four fifths"),
        "aiq": Extra(
            np.asarray(frontier.aiq(curve, question.weak_usd.value, question.strong_usd.value)),
            "share",
            "mean height of the hull of quality over cost",
        ),
        "random_share": Extra(np.asarray(mixed), "share", "that mixing at random sends down at the same loss"),
        "tested_on": Extra(np.asarray(float(learned.tested.n)), "prompts", f"{learned.tested.bound} bound"),
    }
    if learned.tested.threshold is not None:
        found["threshold"] = Extra(
            np.asarray(learned.tested.threshold), "ratio", "score from which the strong one answers"
        )
    return found
