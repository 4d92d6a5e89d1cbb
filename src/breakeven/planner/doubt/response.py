"""What a replica sustains when its steps last longer or shorter than predicted: simulated, not assumed proportional.

Near a latency target the rate falls faster than the speed, and beyond it to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from breakeven.perf import attain
from breakeven.perf.predict import sustained
from breakeven.perf.simulate import simulate
from breakeven.perf.step import slowed
from breakeven.planner.doubt.belief import Array
from breakeven.planner.question import Question
from breakeven.planner.speed import MODEL, Kept, digest_of, stretch, targets_of
from breakeven.schema.noun import Noun
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace

LOGS = (-0.8, -0.35, -0.15, 0.0, 0.12, 0.25, 0.4, 0.7)
"""Ln of how many times as long steps are, at which a replica is simulated."""
IDLE = 1e-3
"""Of the trace's rate: requests that hardly meet."""

Respond = Callable[[StepCurve], "Response"]


class Response(Noun, frozen=True, kw_only=True):
    """By ln of the steps' length: the rate sustained against the predicted one, and the share in target when idle."""

    logs: tuple[float, ...]
    ratios: tuple[float, ...]
    idle: tuple[float, ...]

    def ratio(self, log_slower: Array) -> Array:
        """Rate sustained / rate sustained as predicted; flat beyond what was simulated."""
        return np.interp(log_slower, self.logs, self.ratios)

    def idle_share(self, log_slower: Array) -> Array:
        """The share of requests in target however many replicas there are."""
        return np.interp(log_slower, self.logs, self.idle)


PROPORTIONAL = Response(
    logs=tuple(np.linspace(-1.5, 1.5, 61).tolist()),
    ratios=tuple(np.exp(-np.linspace(-1.5, 1.5, 61)).tolist()),
    idle=(1.0,) * 61,
)
"""Without a trace or a target: twice as fast carries twice as much."""


def responses(
    curves: Iterable[StepCurve], question: Question, trace: Trace, kept: Kept | None = None
) -> dict[StepCurve, Response]:
    """The response of each curve; without a latency target it is proportional. What was kept is not simulated again."""
    if not attain.has_targets(question.objective):
        return dict.fromkeys(curves, PROPORTIONAL)
    part, kept, load = trace.middle(stretch(trace)), Kept() if kept is None else kept, question.workload
    asked = targets_of(question.objective), load.input_tokens_mean, load.output_tokens_mean
    base = digest_of((MODEL, part, asked, LOGS, IDLE))
    return {curve: _remembered(curve, question, part, kept, base) for curve in dict.fromkeys(curves)}


def _remembered(curve: StepCurve, question: Question, trace: Trace, kept: Kept, base: str) -> Response:
    key = digest_of((base, curve))
    if key not in kept.slower:
        made = _response(curve, question, trace)
        kept.slower[key], kept.changed = (made.ratios, made.idle), True
    kept.used.add(key)
    ratios, idle = kept.slower[key]
    return Response(logs=LOGS, ratios=ratios, idle=idle)


def _response(curve: StepCurve, question: Question, trace: Trace) -> Response:
    at = [slowed(curve, math.exp(log)) for log in LOGS]
    rates = np.array([sustained(trace, one, question.objective, question.workload) for one in at])
    base = rates[LOGS.index(0.0)]
    falling = np.minimum.accumulate(rates) / base if base > 0 else np.zeros(len(LOGS))
    idle = [attain.share_in_budget(simulate(trace, one, 1, scale=IDLE), question.objective) for one in at]
    return Response(logs=LOGS, ratios=tuple(falling.tolist()), idle=tuple(np.minimum.accumulate(idle).tolist()))
