"""How fast candidates are, each simulated once: offers of one accelerator share their speed, and so do later plans."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import msgspec

from breakeven.perf import apart, attain, classic
from breakeven.perf.batch_curve import BatchCurve
from breakeven.perf.kernel import build
from breakeven.perf.predict import Options, ceiling_rps, predict, rate_rps, sustained
from breakeven.perf.simulate import simulate
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.workload import Trace

MOST_REQUESTS = 4_000
"""A longer trace is simulated by its middle stretch: 200 requests lie above its 95th percentile."""

MOST_TOKENS = 64_000_000
"""Prompt tokens of that stretch: long prompts take many steps and many blocks each."""

FEWEST_REQUESTS = 1_000
"""Requests of that stretch however long they are: 50 lie above its 95th percentile."""

COMPILE_TRACE = 1_000
"""Requests of a trace from which a search compiles the simulator before its first run."""

SEARCH_RUNS = 9
"""Simulations that the search for the highest rate takes, about: to 2 % from a bracket of two or four."""

MODEL = 1
"""Raise it when the simulator's answers change: speeds that were kept under another number are not read."""


class Kept(msgspec.Struct):
    """Speeds that were simulated before, by a digest of all they depend on; prices are not among it.

    `highest` are requests per second that a replica sustains, `shares` its share in budget at a rate, `found` what a
    number of replicas delivers, `slower` what it sustains at other speeds (see `doubt.response`). `used` are the
    digests asked for since it was read; `changed`: some of them were new.
    """

    highest: dict[str, float] = {}
    shares: dict[str, float] = {}
    found: dict[str, Performance] = {}
    slower: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {}
    used: set[str] = set()
    changed: bool = False


class Speeds:
    """The performance model on one trace; what has been simulated is kept.

    A stretch keeps the trace's bursts; that the rate changes over a day is the workload's to say, whose 95th percentile
    decides the number of replicas. What a replica sustains depends on neither the rate nor the number of replicas, so
    that levels of load share it.
    """

    def __init__(self, trace: Trace, kept: Kept | None = None) -> None:
        self.trace = trace.middle(stretch(trace))
        self.work = 0
        self._asked: set[str] = set()
        self.kept = Kept() if kept is None else kept
        self._ready = False
        self._trace_digest = digest_of(self.trace)
        self._bases: dict[int, tuple[Candidate, str]] = {}
        self._lengths: dict[float, apart.Lengths] = {}

    def of(
        self, candidate: Candidate, question: Question, replicas: int, *, point_only: bool = False
    ) -> Performance:  # fmt: skip
        """What that many replicas deliver on the trace at the workload's rate; `point_only`: without its intervals.

        Raises:
            ValueError: the candidate has no curve.
        """
        key = self.key(candidate, question, "point" if point_only else "found", question.workload, replicas)
        if key not in self.kept.found:
            self.kept.found[key] = self._predicted(candidate, question, replicas, point_only=point_only)
        self._count(self._highest_key(candidate, question), SEARCH_RUNS)
        self._count(key, 1 if point_only else 3)
        deployment, found = candidate.deployment.id, self.kept.found[key]
        return msgspec.structs.replace(found, deployment=deployment, curve=candidate.curve)

    def share(self, candidate: Candidate, question: Question, rate: float, replicas: int = 1) -> float:
        """Share in budget of replicas at so many requests per second, arrivals scaled: one simulation."""
        key = self.key(candidate, question, "share", rate, replicas)
        return self.remembered(key, lambda: self._share(candidate, question, rate, replicas, self.trace), 1)

    def share_in(self, trace: Trace, candidate: Candidate, question: Question, replicas: int) -> float:
        """Share in budget at the workload's rate on another sample, which is as much busier than the trace as it is.

        One simulation, which is not kept.
        """
        busier = rate_rps(trace) / rate_rps(self.trace)
        return self._share(candidate, question, question.workload.rate_mean_rps * busier, replicas, trace)

    def remembered(self, key: str, make: Callable[[], float], runs: int) -> float:
        """A share that was kept under that key, else made by about so many runs."""
        if key not in self.kept.shares:
            self.kept.shares[key] = make()
            self.kept.changed = True
        self._count(key, runs)
        return self.kept.shares[key]

    def carried(self, candidate: Candidate, question: Question, rate: float) -> float:
        """Share in budget of one replica at so many requests per second; of a group the least of its sides."""
        parts = ((n, msgspec.structs.replace(candidate, serving=one)) for n, one in apart.sides(candidate.serving))
        return min(self.share(part, question, rate / times) for times, part in parts)

    def _count(self, key: str, runs: int) -> None:
        self.kept.used.add(key)
        if key not in self._asked:
            self._asked.add(key)
            self.work += runs * self.trace.n

    def _share(
        self, candidate: Candidate, question: Question, rate: float, replicas: int, trace: Trace
    ) -> float:  # fmt: skip
        if candidate.batches is not None:
            load, asked = question.workload, question.objective
            return classic.share_at(load, asked, candidate.batches, trace, rate, replicas)
        self._compile()
        scale = rate / rate_rps(trace)
        run = simulate(trace, curve_of(candidate), replicas, scale=scale, serving=candidate.serving)
        return attain.share_in_budget(run, question.objective)

    def _compile(self) -> None:
        """A search simulates often enough for the compiled simulator, where it is installed and the trace is long."""
        if not self._ready and self.trace.n >= COMPILE_TRACE:
            build.compiled()
        self._ready = True

    def ceiling(self, candidate: Candidate, question: Question) -> float:
        """Requests per second that a replica cannot sustain more than, by closed form."""
        if candidate.batches is not None:
            return classic.capacity_rps(candidate.batches)
        of = None if candidate.serving.split is None else self._lengths_of(candidate.hit_share)
        return ceiling_rps(question.workload, curve_of(candidate), options_of(candidate), of)

    def _lengths_of(self, hit_share: float) -> apart.Lengths:
        if hit_share not in self._lengths:
            self._lengths[hit_share] = apart.lengths(self.trace, hit_share)
        return self._lengths[hit_share]

    def _predicted(
        self, candidate: Candidate, question: Question, replicas: int, *, point_only: bool
    ) -> Performance:  # fmt: skip
        self.kept.changed = True
        if candidate.batches is not None:
            return self._in_batches(candidate.batches, question, replicas)
        self._compile()
        options = options_of(candidate, self._highest(candidate, question), point_only=point_only)
        found = predict(
            question.workload,
            question.objective,
            curve_of(candidate),
            deployment="",
            replicas=replicas,
            trace=self.trace,
            options=options,
        )
        return msgspec.structs.replace(found, curve=None)

    def _in_batches(self, curve: BatchCurve, question: Question, replicas: int) -> Performance:
        load, asked = question.workload, question.objective
        return classic.predict_classic(load, asked, curve, deployment="", replicas=replicas, trace=self.trace)

    def _highest(self, candidate: Candidate, question: Question) -> float:
        key = self._highest_key(candidate, question)
        if key not in self.kept.highest:
            options, load = options_of(candidate), question.workload
            self.kept.highest[key] = sustained(self.trace, curve_of(candidate), question.objective, load, options)
        return self.kept.highest[key]

    def _highest_key(self, candidate: Candidate, question: Question) -> str:
        load = question.workload  # the ceiling depends on its tokens
        return self.key(candidate, question, "highest", load.input_tokens_mean, load.output_tokens_mean)

    def key(self, candidate: Candidate, question: Question, *rest: object) -> str:
        """The digest of an answer about a candidate: of the trace, of what serves, of the targets, and of the rest."""
        return digest_of((self._base(candidate), targets_of(question.objective), *rest))

    def _base(self, candidate: Candidate) -> str:
        """Digest of the trace and of what serves; kept by the identity of the candidate's curve and serving."""
        known = self._bases.get(id(candidate))
        if known is None or known[0] is not candidate:
            serves = (MODEL, self._trace_digest, candidate.predictor, candidate.serving, candidate.hit_share)
            known = candidate, digest_of((*serves, candidate.errors))
            self._bases[id(candidate)] = known
        return known[1]


def stretch(trace: Trace) -> int:
    """Requests of the trace's middle that are simulated."""
    tokens = sum(trace.column("input_tokens"))
    fitting = int(MOST_TOKENS * trace.n / tokens) if tokens > 0 else MOST_REQUESTS
    return min(MOST_REQUESTS, max(FEWEST_REQUESTS, fitting))


def options_of(candidate: Candidate, sustained_rps: float | None = None, *, point_only: bool = False) -> Options:
    """How a candidate is predicted."""
    given = {} if candidate.errors is None else {"errors": candidate.errors}
    return Options(
        max_batch_tokens=candidate.serving.max_batch_tokens,
        serving=candidate.serving,
        hit_share=candidate.hit_share,
        sustained_rps=sustained_rps,
        point_only=point_only,
        **given,
    )


def digest_of(what: object) -> str:
    """32 hex digits of anything that MessagePack can hold."""
    return hashlib.blake2b(msgspec.msgpack.encode(what, order="deterministic"), digest_size=16).hexdigest()


def targets_of(objective: Objective) -> tuple[float | None, ...]:
    """What of an objective a speed depends on."""
    return objective.ttft_s, objective.tpot_s, objective.budget_s, objective.attainment


def curve_of(candidate: Candidate) -> StepCurve:
    """The step curve of a candidate that is to be simulated.

    Raises:
        ValueError: it has none.
    """
    if candidate.curve is None:
        message = f"{candidate.name} has no step curve to predict with"
        raise ValueError(message)
    return candidate.curve
