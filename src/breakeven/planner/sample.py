"""The error of few requests: a plan is made on one sample of the demand, and the next one will be another.

What just keeps its targets on the sample that it was chosen by misses them on the next about as often as not, and more
often where thousands were tried on it. Other samples are therefore cut anew from the trace, in blocks, and an option
must keep the attainment in nine of ten of them. Of many requests samples are alike, and this asks for nothing more.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from breakeven.perf.attain import has_targets
from breakeven.perf.resample import FEWEST, resampled
from breakeven.perf.steady import replica_rps
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.schema.workload import Trace

SAMPLES = 20
MAY_MISS = 2
"""So many of them may miss the attainment: a tenth, beyond the lower end of an interval of 80 %."""
BUSIEST = 5
"""Where none of so many misses, the busiest first, the less busy ones are taken to keep it too."""
SEED = 20


class Samples:
    """Samples as long as the trace that speeds are simulated on, the same ones for every candidate."""

    def __init__(self, speeds: Speeds) -> None:
        self.speeds = speeds

    @cached_property
    def traces(self) -> tuple[Trace, ...]:
        """The samples; none of fewer than `FEWEST` requests."""
        if self.speeds.trace.n < FEWEST:
            return ()
        random = np.random.default_rng(SEED)
        drawn = (resampled(self.speeds.trace, random) for _ in range(SAMPLES))
        return tuple(one for one in drawn if one.n > 1 and one.column("arrival_s")[-1] > 0)

    @cached_property
    def _means(self) -> tuple[tuple[float, float], ...]:
        return tuple((_mean(one.input_tokens), _mean(one.output_tokens)) for one in self.traces)

    def keeps(self, candidate: Candidate, question: Question, replicas: int) -> bool:
        """Whether so many replicas keep the attainment in all samples but `MAY_MISS`."""
        if not has_targets(question.objective):
            return True
        key = self.speeds.key(candidate, question, "samples", question.workload.rate_mean_rps, replicas)
        missed = self.speeds.remembered(key, lambda: self._missed(candidate, question, replicas), BUSIEST)
        return missed <= MAY_MISS

    def _missed(self, candidate: Candidate, question: Question, replicas: int) -> float:
        """Samples that miss the attainment, as far as they have to be counted."""
        missed = 0
        for number, trace in enumerate(self._by_work(candidate)):
            if missed > MAY_MISS or (number == BUSIEST and not missed):
                break
            missed += self.speeds.share_in(trace, candidate, question, replicas) < question.objective.attainment
        return float(missed)

    def shares(self, candidate: Candidate, question: Question, replicas: int) -> tuple[float, ...]:
        """Of every sample the share in budget, ascending."""
        return tuple(sorted(self.speeds.share_in(one, candidate, question, replicas) for one in self.traces))

    def _by_work(self, candidate: Candidate) -> list[Trace]:
        """The busiest first: by the seconds in which a saturated replica works it off."""
        curve, chunk = candidate.curve, float(candidate.serving.max_batch_tokens)
        work = [
            trace.n if curve is None else trace.n / replica_rps(curve, prompt=prompt, output=output, chunk=chunk)
            for trace, (prompt, output) in zip(self.traces, self._means, strict=True)
        ]
        return [self.traces[at] for at in sorted(range(len(work)), key=lambda at: -work[at])]


def _mean(column: bytes) -> float:
    return float(np.frombuffer(column, dtype="<f8").mean())
