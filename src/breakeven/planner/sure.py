"""Options that keep the attainment in other samples of the demand too; what is said where a sample cannot tell."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from breakeven.perf.attain import has_targets
from breakeven.planner.candidate import Candidate
from breakeven.planner.evaluate import at_size, evaluate, idle_size
from breakeven.planner.placed.units import Shape
from breakeven.planner.promise import promises
from breakeven.planner.sample import SAMPLES, Samples
from breakeven.planner.weigh import Scales
from breakeven.schema.noun import Figure
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Plan

BINDING = "sample"


def surely(option: Option, candidate: Candidate, scales: Scales) -> Option:
    """The option with the fewest replicas, no fewer than it has, that keep the attainment in other samples.

    Excluded where no number does, or its number is fixed. As it is where samples are not asked.
    """
    samples, capacity, speed = scales.samples, option.capacity, option.performance
    if samples is None or capacity is None or speed is None or candidate.predictor is None or not option.feasible:
        return option
    if samples.keeps(candidate, scales.question, capacity.serving):
        return option
    most = 0 if candidate.fixed else idle_size(speed, capacity.serving)
    if most <= capacity.serving or not samples.keeps(candidate, scales.question, most):
        return _unsure(option, scales)
    replicas = _fewest(candidate, scales, samples, capacity.serving, most)
    return at_size(candidate, scales.question, predict=scales.points, price=scales.bill, replicas=replicas)


def _fewest(candidate: Candidate, scales: Scales, samples: Samples, low: int, most: int) -> int:
    """The fewest beyond `low`, which miss it, by steps that double and halve; `most` keep it."""
    high, step = low + 1, 1
    while high < most and not samples.keeps(candidate, scales.question, high):
        low, step = high, 2 * step
        high = min(most, low + step)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if samples.keeps(candidate, scales.question, middle) else (middle, high)
    return high


def _unsure(option: Option, scales: Scales) -> Option:
    n, asked = scales.speeds.trace.n, scales.question.objective.attainment
    said = f"of samples like these {n:,} requests more than a tenth have under {asked:.1%} in budget"
    return _excluded(option, f"{BINDING}: {said}")


def carried(option: Option, shape: Shape, scales: Scales) -> Option:
    """A standing option, excluded where too many requests come while the rate is above what saturates its replicas.

    The trace that is simulated is the middle of what is known; `shape` is all of it.
    """
    speed, asked = option.performance, scales.question.objective.attainment
    if speed is None or not option.feasible or speed.rho <= 0:
        return option
    beyond = shape.overflow(1 / speed.rho)
    if beyond <= 1 - asked:
        return option
    most = scales.question.workload.rate_mean_rps / speed.rho
    said = f"{beyond:.1%} of the requests come beyond the {most:.3g} requests/s that saturate its replicas"
    return _excluded(option, f"capacity: {said}, {1 - asked:.1%} may be late")


def _excluded(option: Option, binding: str) -> Option:
    return msgspec.structs.replace(
        option, feasible=False, binding=binding, cost_per_useful_prediction_usd=None, useful_share=None
    )


def sampled(plan: Plan, candidate: Candidate, scales: Scales) -> Plan:
    """The plan with the interval of its share in budget as wide as that of samples like its own, and what it means.

    `candidate` is the chosen one. As it is where its speed is not predicted, no target is stated, or there are too few
    requests to cut.
    """
    option = next(one for one in plan.options if one.name == plan.chosen)
    speed, capacity = option.performance, option.capacity
    known = candidate.predictor is not None and speed is not None and has_targets(scales.question.objective)
    shares = Samples(scales.speeds).shares(candidate, scales.question, capacity.serving) if known and capacity else ()
    if speed is None or not shares:
        return plan
    low, high = (float(one) for one in np.quantile(shares, (0.1, 0.9)))
    wider = msgspec.structs.replace(option, performance=_widened(speed, low, high, scales))
    promised = promises(wider, plan.workload, scales.question.used_share)
    return msgspec.structs.replace(
        plan,
        options=tuple(wider if one.name == plan.chosen else one for one in plan.options),
        promises=promised,
        assumptions=(*plan.assumptions, *_said(wider, candidate, scales, low)),
    )


def _widened(speed: Performance, low: float, high: float, scales: Scales) -> Performance:
    share, rate = speed.goodput_share, scales.question.workload.rate_mean_rps
    wide = _around(share, low, high, 1.0)
    return msgspec.structs.replace(speed, goodput_share=wide, goodput_rps=_around(speed.goodput_rps, low, high, rate))


def _around(figure: Figure, low: float, high: float, times: float) -> Figure:
    """The figure whose interval holds that of samples too."""
    ends = [one for one in (figure.low, figure.high, figure.value) if one is not None]
    return msgspec.structs.replace(
        figure,
        low=min([*ends, low * times]),
        high=max([*ends, high * times]),
        how=f"{figure.how}; interval with that of {SAMPLES} samples as long, cut anew from them in blocks",
    )


def _said(option: Option, candidate: Candidate, scales: Scales, low: float) -> tuple[str, ...]:
    """What the number of requests did to the plan, where it did anything."""
    n, asked, capacity = scales.speeds.trace.n, scales.question.objective.attainment, option.capacity
    if scales.samples is None:
        return (_untold(option, n, asked, low),)
    plain = evaluate(candidate, scales.question, predict=scales.points, price=scales.bill).capacity
    if plain is None or capacity is None or plain.serving >= capacity.serving:
        return ()
    said = (
        f"{n:,} requests are few: {option.name} has {capacity.serving} replicas where {plain.serving} would do for "
        f"these very ones, so that {asked:.0%} are in budget in nine of ten samples as long, cut anew in blocks."
    )
    return (said,)


def _untold(option: Option, n: int, asked: float, low: float) -> str:
    """How many requests more would tell: the width of an interval falls as one over the root of their number."""
    head = (
        f"{n:,} requests are too few to promise {asked:.0%} in budget: samples as long, cut anew from them in blocks, "
        f"have {low:.1%} or less in one of ten, and nothing that may be chosen keeps it in nine"
    )
    value = None if option.performance is None else option.performance.goodput_share.value
    if value is None or value <= asked:
        return f"{head}. No number of requests would tell, since the share is the attainment itself: loosen a target."
    more = math.ceil(n * ((value - low) / (value - asked)) ** 2) - n
    return f"{head}; about {more:,} requests more would tell." if more > 0 else f"{head}."
