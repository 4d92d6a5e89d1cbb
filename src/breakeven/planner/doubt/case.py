"""What is doubted: the options in the order of their names with their terms, all inputs, and the draws of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.cost.assumptions import assumptions
from breakeven.perf import apart, attain
from breakeven.perf.batch_curve import BatchCurve
from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.effects import errors
from breakeven.perf.prior import PRIOR
from breakeven.planner.binding import UNMEASURED_API
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt import beliefs as believe
from breakeven.planner.doubt.belief import Array, Belief, Dice, at_base, drawn
from breakeven.planner.doubt.response import PROPORTIONAL, Response, responses
from breakeven.planner.doubt.resting import Around, rests_of, with_rest
from breakeven.planner.doubt.terms import Terms, speed_keys, terms
from breakeven.planner.doubt.world import World, world_of
from breakeven.planner.question import Question
from breakeven.planner.speed import Kept
from breakeven.schema.doubt import Beliefs
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace

MOST = 20
"""Options that are drawn: the chosen one, the cheapest of each kind of place, and the cheapest at all."""
FAR = 5.0
"""Times the chosen option's unit cost beyond which an option is drawn only as the cheapest of its kind of place."""
MOST_UNMEASURED = 4
Pair = tuple[Option, Candidate]


class Evidence(Noun, frozen=True, kw_only=True):
    """What is known of the inputs beyond the catalog.

    `useful_n` are the predictions behind the question's used share, where it does not say so itself. `quality` is how
    useful a model is against the reference (the model that stands, else the chosen one), by `quality/MODEL/PRECISION`.
    `errors` are those of the performance model that predicted.
    """

    beliefs: Beliefs = Beliefs()
    useful_n: int = 0
    quality: Mapping[str, Figure] = {}
    errors: Errors = errors(PRIOR)


class Given(Noun, frozen=True, kw_only=True):
    """What a plan was made of: its options, the candidates behind them, the question, the catalog and the trace."""

    options: tuple[Option, ...]
    candidates: Mapping[str, Candidate]
    question: Question
    catalog: Catalog
    trace: Trace | None
    evidence: Evidence
    kept: Kept = msgspec.field(default_factory=Kept)

    def pairs(self, among: Sequence[Option]) -> list[Pair]:
        """The options with their candidates."""
        return [(one, self.candidates[one.name]) for one in among]

    def known(self) -> Mapping[str, Fact]:
        """The catalog's assumptions by key."""
        return {fact.key: fact for fact in self.catalog.assumptions()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """The world, its inputs, and the draws; `excluded` are APIs that only a missing measurement excludes."""

    world: World
    inputs: tuple[Belief, ...]
    draws: Mapping[str, Array]
    dice: Dice
    chosen: int
    beliefs: Beliefs
    excluded: tuple[Terms, ...]

    @property
    def decided(self) -> Terms:
        """The chosen option."""
        return self.world.options[self.chosen]


def case_of(given: Given, chosen: str, rng: np.random.Generator, draws: int) -> Case:
    """The case of a choice.

    Raises:
        ValueError: the chosen option has no price, or is none of the options.
    """
    pairs = given.pairs(contenders(given.options, chosen))
    each, beliefs = _terms(given, pairs, chosen), given.evidence.beliefs
    inputs = _inputs(given, pairs, each)
    dice = Dice(rng, draws)
    return Case(
        world=world_of(each, given.question, at_base(inputs), beliefs.path),
        inputs=inputs,
        draws=drawn(inputs, dice),
        dice=dice,
        chosen=[one.name for one in each].index(chosen),
        beliefs=beliefs,
        excluded=_excluded(given),
    )


def _responses(given: Given, pairs: Sequence[Pair]) -> Mapping[str, Response]:
    if given.trace is None:
        return {}
    several = ((other, 1 if one.capacity is None else one.capacity.serving) for one, other in pairs)
    return responses(several, given.question, given.trace, given.kept)


def _terms(given: Given, pairs: Sequence[Pair], chosen: str) -> tuple[Terms, ...]:
    every = (*pairs, *rests_of(pairs))
    keys, kinds, found = speed_keys(every), _qualities(given, pairs, chosen), _responses(given, every)
    around = Around(
        question=given.question,
        trace=given.trace,
        assumed=assumptions(given.catalog.assumptions(), "base"),
        responses=found,
        keys=keys,
        tdp_w={one.name: _tdp_w(given.catalog, one) for one, _ in every},
    )
    made = (
        (
            terms(
                one,
                other,
                given.question,
                response=found.get(one.name, PROPORTIONAL),
                tdp_w=around.tdp_w[one.name],
                speed=keys[one.name],
                quality=kinds[one.name],
            ),
            one,
            other,
        )
        for one, other in pairs
    )
    return tuple(with_rest(one, option, other, around) for one, option, other in made if one is not None)


def contenders(options: Sequence[Option], chosen: str) -> tuple[Option, ...]:
    """The options that are drawn, by name, of those that meet the objective at a price.

    Raises:
        ValueError: the chosen option has no price, or is none of the options.
    """
    priced = [one for one in options if one.feasible and one.monthly_cost_usd is not None]
    ranked = sorted(priced, key=lambda one: (one.name != chosen, one.cost_per_useful_prediction_usd or 0.0, one.name))
    if not ranked or ranked[0].name != chosen:
        message = f"{chosen} is to be doubted and is none of {len(priced)} options that meet the objective at a price"
        raise ValueError(message)
    limit = FAR * (ranked[0].cost_per_useful_prediction_usd or 0.0)
    near = [one for one in ranked[1:] if (one.cost_per_useful_prediction_usd or 0.0) <= limit]
    first = {one.placement: one for one in reversed(ranked)}
    kept = {one.name: one for one in (ranked[0], *first.values(), *near[: MOST - 1 - len(first)])}
    return tuple(kept[name] for name in sorted(kept))


def _tdp_w(catalog: Catalog, option: Option) -> float | None:
    name = option.deployment.accelerator
    return catalog.accelerator(name).tdp_w if name else None


def _qualities(given: Given, pairs: Sequence[Pair], chosen: str) -> dict[str, str]:
    """The key of each option's usefulness; empty for the reference, and where nothing is known to differ."""
    stands = [one for one, other in pairs if other.fixed] or [one for one, _ in pairs if one.name == chosen]
    reference = believe.quality_key(stands[0].deployment)
    keys = {one.name: believe.quality_key(one.deployment) for one, _ in pairs}
    measured, evidence = given.question.used_share is not None, given.evidence
    return {
        name: key if key != reference and (measured or key in evidence.quality) else "" for name, key in keys.items()
    }


def _inputs(given: Given, pairs: Sequence[Pair], each: Sequence[Terms]) -> tuple[Belief, ...]:
    question, evidence, known = given.question, given.evidence, given.known()
    cited = {key for one, _ in pairs for line in one.bill.lines for key in line.facts}
    qualities = sorted({one.quality for one in each if one.quality})
    every = (*each, *(one.rest for one in each if one.rest is not None))
    return (
        *believe.demand(question, evidence.beliefs),
        believe.useful(question.used_share, evidence.useful_n or question.used_n),
        *(believe.quality(key, evidence.quality.get(key), evidence.beliefs) for key in qualities),
        *_speeds(given, pairs, each),
        *believe.trends(every, known, evidence.beliefs),
        *believe.assumptions(believe.used_assumptions(cited), known),
        *believe.prices(every),
    )


def _speeds(given: Given, pairs: Sequence[Pair], each: Sequence[Terms]) -> tuple[Belief, ...]:
    found: dict[str, Belief] = {}
    rests = [one.rest for (option, _), one in zip(pairs, each, strict=True) if option.rest is not None]
    every = zip((*pairs, *rests_of(pairs)), (*each, *rests), strict=True)
    for (option, candidate), one in every:
        if one is not None and one.speed is not None:
            found[one.speed.key] = believe.stated_speed(one.speed)
        if one is None or one.capacity is None:
            continue
        if one.capacity.speed not in found:
            error = _error(option, candidate, given)
            found[one.capacity.speed] = believe.speed(
                one.capacity.speed, option.deployment, error, given.evidence.beliefs
            )
    return tuple(found.values())


def _error(option: Option, candidate: Candidate, given: Given) -> Residuals:
    """Ln of how many times as long steps were; of a measured deployment as its own interval says."""
    model = given.evidence.errors
    if candidate.batches is not None:
        return _measured(candidate.batches)
    if candidate.curve is not None and attain.has_targets(given.question.objective):
        return model.tpot if candidate.serving.split is None else apart.wider(model.tpot)
    low, high, n, how = (*_logs(option), 0, "its own measurement")
    if candidate.curve is not None:
        whole = model.throughput if candidate.serving.split is None else apart.wider(model.throughput)
        low, high, n, how = whole.log_low, whole.log_high, whole.n, whole.how
    return Residuals(n=n, mape=0.0, median=0.0, p90=0.0, log_low=-high, log_high=-low, how=how)


def _measured(curve: BatchCurve) -> Residuals:
    """What a curve of batches says of itself."""
    low, high = float(np.log(curve.error_low)), float(np.log(curve.error_high))
    how = "its batches, on this hardware or one like it"
    return Residuals(n=len(curve.points), mape=0.0, median=0.0, p90=0.0, log_low=low, log_high=high, how=how)


def _logs(option: Option) -> tuple[float, float]:
    figure = None if option.performance is None else option.performance.max_goodput_rps
    if figure is None or not figure.value or not figure.low or not figure.high:
        return 0.0, 0.0
    return float(np.log(figure.low / figure.value)), float(np.log(figure.high / figure.value))


def _excluded(given: Given) -> tuple[Terms, ...]:
    """Priced APIs that only a missing measurement excludes, the cheapest first."""
    unknown = [one for one in given.options if one.binding == UNMEASURED_API and one.monthly_cost_usd is not None]
    unknown = [one for one in unknown if one.placement == "api"]
    unknown.sort(key=lambda one: (one.monthly_cost_usd or 0.0, one.name))
    made = (terms(one, other, given.question) for one, other in given.pairs(unknown[:MOST_UNMEASURED]))
    return tuple(one for one in made if one is not None)
