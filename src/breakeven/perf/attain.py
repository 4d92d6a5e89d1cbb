"""The share of requests inside their targets, and the highest rate at which enough of them are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from breakeven.metric.goodput import goodput_share
from breakeven.perf.simulate import Simulation, simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace

TOLERANCE = 0.02
"""Relative width at which the search for the highest rate stops."""

_SPREAD = 1e4

Met = Callable[[float], bool]


def has_targets(objective: Objective) -> bool:
    """Whether the objective states any latency target."""
    return any(target is not None for target in (objective.budget_s, objective.ttft_s, objective.tpot_s))


def share_in_budget(simulation: Simulation, objective: Objective) -> float:
    """Share of all requests that met every target; a refused request met none. 0 for an empty trace.

    The rule of `metric.usefulness.in_budget` for whole columns.
    """
    ttft, tpot, e2e = (simulation.column(name) for name in ("ttft_s", "tpot_s", "e2e_s"))
    inside = ~np.isnan(e2e)
    if objective.budget_s is not None:
        inside &= e2e <= objective.budget_s
    if objective.ttft_s is not None:
        inside &= ttft <= objective.ttft_s
    if objective.tpot_s is not None:
        inside &= np.isnan(tpot) | (tpot <= objective.tpot_s)
    return goodput_share(int(inside.sum()), simulation.n) or 0.0


def highest_scale(
    trace: Trace,
    curve: StepCurve,
    objective: Objective,
    *,
    start: float,
    max_batch_tokens: int | None = None,
    serving: Serving = Serving(),  # noqa: B008 - frozen
) -> float:
    """Highest speed-up of the trace's arrivals at which one replica keeps the objective's attainment.

    Bisection on a log scale around `start`, to 2 %. 0 when the attainment is missed however slow the arrivals.
    """

    def met(scale: float) -> bool:
        found = simulate(trace, curve, 1, scale=scale, max_batch_tokens=max_batch_tokens, serving=serving)
        return share_in_budget(found, objective) >= objective.attainment

    low, high = _bracket(met, start)
    while low > 0 and high / low > 1 + TOLERANCE:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if met(middle) else (low, middle)
    return low


def _bracket(met: Met, start: float) -> tuple[float, float]:
    """A met and a missed scale around `start`; (0, ..) when none is met, and the widest when all are."""
    if met(start):
        low, high = start, start * 2
        while met(high) and high < start * _SPREAD:
            low, high = high, high * 2
        return low, high
    low, high = start / 2, start
    while not met(low):
        low, high = low / 2, low
        if low < start / _SPREAD:
            return 0.0, high
    return low, high
