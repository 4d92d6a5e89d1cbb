"""How fast candidates are, each simulated once: offers of one accelerator share their speed."""

from __future__ import annotations

import msgspec

from breakeven.perf.predict import Options, predict, sustained
from breakeven.planner.question import Question
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.workload import Trace, Workload

MOST_REQUESTS = 4_000
"""A longer trace is simulated by its middle stretch: 200 requests lie above its 95th percentile."""


class Speeds:
    """The performance model on one trace; what has been simulated is kept.

    A stretch keeps the trace's bursts; that the rate changes over a day is the workload's to say, whose 95th percentile
    decides the number of replicas. What a replica sustains depends on neither the rate nor the number of replicas, so
    that levels of load share it.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace.middle(MOST_REQUESTS)
        self._sustained: dict[tuple[StepCurve, Objective], float] = {}
        self._found: dict[tuple[StepCurve, Workload, Objective, int], Performance] = {}

    def of(self, curve: StepCurve, question: Question, replicas: int, deployment: str) -> Performance:
        """What that many replicas deliver on the trace at the workload's rate."""
        key = (curve, question.workload, question.objective, replicas)
        if key not in self._found:
            self._found[key] = predict(
                question.workload,
                question.objective,
                curve,
                deployment=deployment,
                replicas=replicas,
                trace=self.trace,
                options=Options(sustained_rps=self._highest(curve, question)),
            )
        return msgspec.structs.replace(self._found[key], deployment=deployment)

    def _highest(self, curve: StepCurve, question: Question) -> float:
        key = (curve, question.objective)
        if key not in self._sustained:
            self._sustained[key] = sustained(self.trace, curve, question.objective, question.workload)
        return self._sustained[key]
