"""What a replica sustains when its steps last longer or shorter than predicted: simulated, not assumed proportional.

Near a latency target the rate falls faster than the speed, and beyond it to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial

import numpy as np

from breakeven.perf import attain, classic
from breakeven.perf.batch_curve import BatchCurve, batch_s
from breakeven.perf.predict import rate_rps, sustained
from breakeven.perf.simulate import simulate
from breakeven.perf.step import slowed
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.belief import Array
from breakeven.planner.question import Question
from breakeven.planner.speed import MODEL, Kept, curve_of, digest_of, options_of, stretch, targets_of
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace

LOGS = (-0.8, -0.35, -0.15, 0.0, 0.12, 0.25, 0.4, 0.7)
"""Ln of how many times as long steps are, at which a replica is simulated."""
LOADS = (1.0, 1.05, 1.1, 1.2, 1.35, 1.6, 2.0, 3.0)
"""Times the rate that is sustained, at which a replica is simulated: beyond it what comes in time falls at once."""
IDLE = 1e-3
"""Of the trace's rate: requests that hardly meet."""


class Response(Noun, frozen=True, kw_only=True):
    """By ln of the steps' length: the rate sustained against the predicted one, and the share in target when idle.

    `beyond` is the share in target at `LOADS` times what is sustained, against that at 1; empty where all that is
    carried is in target.
    """

    logs: tuple[float, ...]
    ratios: tuple[float, ...]
    idle: tuple[float, ...]
    beyond: tuple[float, ...] = ()

    def ratio(self, log_slower: Array) -> Array:
        """Rate sustained / rate sustained as predicted; flat beyond what was simulated."""
        return np.interp(log_slower, self.logs, self.ratios)

    def idle_share(self, log_slower: Array) -> Array:
        """The share of requests in target however many replicas there are."""
        return np.interp(log_slower, self.logs, self.idle)

    def overloaded(self, usage: Array) -> Array:
        """What is left of the share in target at so many times the rate that is sustained, 1 or more."""
        if not self.beyond:
            return np.asarray(1.0 / usage)
        last = np.minimum(1.0, LOADS[-1] / usage)
        return np.asarray(np.interp(usage, LOADS, self.beyond) * last)


PROPORTIONAL = Response(
    logs=tuple(np.linspace(-1.5, 1.5, 61).tolist()),
    ratios=tuple(np.exp(-np.linspace(-1.5, 1.5, 61)).tolist()),
    idle=(1.0,) * 61,
)
"""Without a trace or a target: twice as fast carries twice as much."""


def responses(
    given: Iterable[tuple[Candidate, int]], question: Question, trace: Trace, kept: Kept | None = None
) -> dict[str, Response]:
    """The response of each candidate, by name, as it serves; without a latency target it is proportional.

    Beside each stands how many replicas share the load: many of a classic model carry more each than one. What was kept
    is not simulated again, and neither is what serves alike.
    """
    predicted = [(one, replicas) for one, replicas in given if one.predictor is not None]
    if not attain.has_targets(question.objective):
        return {one.name: PROPORTIONAL for one, _ in predicted}
    part, kept, load = trace.middle(stretch(trace)), Kept() if kept is None else kept, question.workload
    base = digest_of((MODEL, part, targets_of(question.objective), load, LOGS, LOADS, IDLE))

    def key(one: Candidate, replicas: int) -> str:
        shared = 1 if one.batches is None else replicas
        return digest_of((base, one.predictor, one.serving, one.hit_share, shared))

    def made(one: Candidate, replicas: int) -> Response:
        if one.batches is not None:
            return _in_batches(one.batches, question, part, replicas)
        return _simulated(one, question, part)

    return {one.name: _remembered(key(one, n), kept, partial(made, one, n)) for one, n in predicted}


def _remembered(key: str, kept: Kept, make: Callable[[], Response]) -> Response:
    if key not in kept.slower:
        made = make()
        kept.slower[key], kept.changed = (made.ratios, made.idle, made.beyond), True
    kept.used.add(key)
    ratios, idle, beyond = kept.slower[key]
    return Response(logs=LOGS, ratios=ratios, idle=idle, beyond=beyond)


def _in_batches(curve: BatchCurve, question: Question, trace: Trace, replicas: int) -> Response:
    load, asked = question.workload, question.objective
    factors = [math.exp(log) for log in LOGS]
    rates = np.array(
        [classic.highest_rps(load, asked, curve, trace, slower=factor, replicas=replicas) for factor in factors]
    )
    alone_s, budget_s = float(batch_s(curve, [1])[0]), math.inf if asked.budget_s is None else asked.budget_s
    idle = tuple(float(factor * alone_s + curve.max_delay_s <= budget_s) for factor in factors)
    return Response(logs=LOGS, ratios=_falling(rates), idle=idle)


def _simulated(one: Candidate, question: Question, trace: Trace) -> Response:
    asked, options = question.objective, options_of(one)

    def share(curve: StepCurve, scale: float) -> float:
        return attain.share_in_budget(simulate(trace, curve, 1, scale=scale, serving=one.serving), asked)

    planned = curve_of(one)
    at = [slowed(planned, math.exp(log)) for log in LOGS]
    rates = np.array([sustained(trace, curve, asked, question.workload, options) for curve in at])
    base = rates[LOGS.index(0.0)]
    idle = [share(curve, IDLE) for curve in at]
    shares = [share(planned, base * load / rate_rps(trace)) for load in LOADS] if base > 0 else []
    return Response(
        logs=LOGS,
        ratios=_falling(rates),
        idle=tuple(np.minimum.accumulate(idle).tolist()),
        beyond=tuple(min(shares[: at + 1]) / shares[0] for at in range(len(shares))),
    )


def _falling(rates: Array) -> tuple[float, ...]:
    """Rates against the one that is predicted; slower steps never carry more."""
    base = rates[LOGS.index(0.0)]
    falling = np.minimum.accumulate(rates) / base if base > 0 else np.zeros(len(LOGS))
    return tuple(falling.tolist())
