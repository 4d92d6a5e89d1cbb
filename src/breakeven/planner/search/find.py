"""The cheapest candidate of each kind, found without simulating those that cannot be it.

A replica never sustains more than the closed form of saturation, so that a candidate costs at least the bill of as many
replicas as that needs, every prediction in budget. Candidates of a kind (model, accelerator, place, term) are taken by
what they likely cost, so that a good one comes early; those whose bound reaches the best cost found are ruled out. One
that is not is asked first, in one simulation, whether a replica carries what it must for as few of them as would still
be cheaper.

Should that take more than half of `MOST_WORK`, kinds share the rest evenly, and what is left of a kind then is said to
be "not simulated", with the least that it could cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from breakeven.perf import attain
from breakeven.planner.binding import UNMEASURED, before_weighing, constraint
from breakeven.planner.candidate import Candidate
from breakeven.planner.evaluate import MOST_REPLICAS, unpriced
from breakeven.planner.search.lone import Lengths, lengths, lone, out_of_reach
from breakeven.planner.search.weighing import weighed_with
from breakeven.planner.weigh import Scales
from breakeven.quantity import format_usd
from breakeven.schema.bill import Bill
from breakeven.schema.plan import Option, Rejected

_ROUNDING = 1 - 1e-12
"""A bound and a cost are the same quotient in another order."""

MOST_WORK = 40_000_000
"""Requests that a search simulates at most: about a minute of one core."""

LIKELY = 0.5
"""Share of its ceiling that a replica is guessed to sustain: decides what is simulated first, and nothing else."""

Progress = Callable[[str, int, int], None]
"""What is done, how much of it, of how much."""


class Found(NamedTuple):
    """The best option of each kind, every candidate that is none, and how many were sized by simulation."""

    options: tuple[Option, ...]
    rejected: tuple[Rejected, ...]
    simulated: int


class Bounded(NamedTuple):
    """A candidate that might do, with the least that a useful prediction costs with it, and the fewest replicas.

    `likely_usd` is a guess of what it costs; `alone_s` is how long the mean request takes by itself: it decides where
    costs are equal, as of machines that hold several replicas.
    """

    least_usd: float
    name: str
    candidate: Candidate
    replicas: int
    likely_usd: float
    alone_s: float


class _Best(NamedTuple):
    """The best option of a kind so far; a lower order is better: cost, then time alone, then name."""

    order: tuple[float, float, str]
    option: Option
    candidate: Candidate


def find(candidates: Sequence[Candidate], scales: Scales, progress: Progress, most_work: int = MOST_WORK) -> Found:
    """The options worth keeping of all candidates. Deterministic, and the same whatever was simulated before."""
    search = _Search(scales)
    options: list[Option] = []
    groups: dict[tuple[str, ...], list[Bounded]] = {}
    for done, one in enumerate(candidates):
        progress("candidates screened", done + 1, len(candidates))
        if one.predictor is None and not one.binding:
            options.append(search.weigh(one))
        elif (bounded := search.bound(one)) is not None:
            groups.setdefault(kind_of(one), []).append(bounded)
    for done, kind in enumerate(sorted(groups)):
        progress("kinds of capacity simulated", done + 1, len(groups))
        search.stop_at = max(most_work // 2, share_of(most_work, scales.speeds.work, len(groups) - done))
        options.extend(search.best(sorted(groups[kind], key=lambda one: (one.likely_usd, one.alone_s, one.name))))
    return Found(tuple(options), tuple(search.rejected), search.simulated)


def share_of(most: int, done: int, kinds: int) -> int:
    """Up to where a kind may go: what is done, and its share of what is left to it and the kinds after it."""
    return done + max(0, most - done) // kinds


def kind_of(candidate: Candidate) -> tuple[str, ...]:
    """What an option is shown for: its model, accelerator, place and term."""
    deployment, offer = candidate.deployment, candidate.offer
    return deployment.model, deployment.accelerator, deployment.placement, offer.term if offer is not None else ""


class _Search:
    def __init__(self, scales: Scales) -> None:
        self.scales, self.question = scales, scales.question
        self.rejected: list[Rejected] = []
        self.simulated = self.stop_at = 0
        self._of: Lengths = lengths(scales.speeds.trace)
        self._reach: dict[tuple[int, object], tuple[str, float]] = {}
        self._known: dict[tuple[int, object], tuple[float, tuple[float, str]]] = {}
        self._idle_rps = self.question.sized_rps / MOST_REPLICAS
        used = self.question.used_share
        self._most_useful = self.question.monthly_predictions * (1.0 if used is None else used)

    def weigh(self, candidate: Candidate, least: int = 1) -> Option:
        """The candidate's best size, simulated; it needs `least` replicas at least."""
        return weighed_with(candidate, self.scales, least)

    def bound(self, one: Candidate) -> Bounded | None:
        """The candidate with its bound; None, and rejected, where a constraint excludes it."""
        said, alone_s = self._alone(one)
        binding = before_weighing(one, self.question.objective) or said
        if binding:
            least = self._least(one, 1) if binding == UNMEASURED else math.inf
            self._reject(one.name, binding, least if least < math.inf else None)
            return None
        ceiling = self.scales.speeds.ceiling(one, self.question)
        replicas = max(1, math.ceil(self.question.sized_rps / ceiling - 1e-9))
        if replicas > MOST_REPLICAS:
            self._reject(one.name, f"replicas: {replicas:,} > {MOST_REPLICAS}, the most that are weighed")
            return None
        bill = self.scales.bill(one, replicas)
        binding = self.scales.power(one, replicas) or unpriced(bill)
        if binding:
            self._reject(one.name, binding)
            return None
        guess = min(MOST_REPLICAS, math.ceil(self.question.sized_rps / (LIKELY * ceiling)))
        least = self._each(bill)
        likely = self._least(one, guess) if guess > replicas else least
        return Bounded(least, one.name, one, replicas, likely, alone_s)

    def best(self, kind: Iterable[Bounded]) -> list[Option]:
        """The cheapest of a kind, whatever their order; nothing where none meets the objective."""
        best: _Best | None = None
        for one in kind:
            if self._spent(one, best):
                continue
            if best is not None and not self._may_beat(one, best):
                self._reject_dearer(one, best.option)
                continue
            hopeless = "" if best is not None else self._carries(one.candidate, self._idle_rps)
            if hopeless:
                self._reject(one.name, hopeless, one.least_usd)
                continue
            best = self._better(one, best)
        return [] if best is None else [self._with_intervals(best)]

    def _spent(self, one: Bounded, best: _Best | None) -> bool:
        """Whether the kind has had its share of work; then the candidate is rejected, unless its bound does that."""
        if self.scales.speeds.work < self.stop_at or (best is not None and one.least_usd >= best.order[0]):
            return False
        said = f"at least {format_usd(one.least_usd)} per useful prediction; as many requests as may be were simulated"
        self._reject(one.name, f"not simulated: {said}", one.least_usd)
        return True

    def _better(self, one: Bounded, best: _Best | None) -> _Best | None:
        """The better of the best and one more, which is simulated; the other is rejected."""
        option = self._within_power(self.weigh(one.candidate, one.replicas), one.candidate)
        self.simulated += 1
        if not option.feasible:
            self._reject(one.name, option.binding, one.least_usd)
            return best
        found = _Best((_cost(option), one.alone_s, one.name), option, one.candidate)
        if best is None:
            return found
        better, worse = sorted((found, best), key=lambda each: each.order)
        self._reject(worse.option.name, _dearer(worse.order[0], better.option), worse.order[0])
        return better

    def _with_intervals(self, best: _Best) -> Option:
        serving = best.option.deployment.replicas - best.option.spare_replicas
        return msgspec.structs.replace(best.option, performance=self.scales.speed(best.candidate, serving))

    def _within_power(self, option: Option, candidate: Candidate) -> Option:
        binding = self.scales.power(candidate, option.deployment.replicas) if option.feasible else ""
        return msgspec.structs.replace(option, feasible=False, binding=binding) if binding else option

    def _may_beat(self, one: Bounded, best: _Best) -> bool:
        """Whether the bound is below the best, a replica carries what it must for that, and enough is in budget then.

        On machines of several replicas many numbers of them cost the same: what the most bring into budget decides.
        """
        tie = one.alone_s, one.name
        if (one.least_usd, *tie) >= best.order:
            return False
        most = self._most(one, best.order[0])
        rate = self.question.sized_rps / most
        if self._carries(one.candidate, rate):
            return False
        if not attain.has_targets(self.question.objective):
            return True
        share = self.scales.speeds.share(one.candidate, self.question, self.question.workload.rate_mean_rps, most)
        return share > 0 and (one.least_usd / share * _ROUNDING, *tie) < best.order

    def _carries(self, one: Candidate, rate: float) -> str:
        """Why one replica does not keep the attainment at that rate, with both values; "" where it does.

        Above a rate that is missed and below one that is kept nothing is simulated: offers share what a make can do.
        """
        asked = self.question.objective
        if not attain.has_targets(asked):
            return ""
        key = id(one.predictor), one.serving
        met, missed = self._known.get(key, (0.0, (math.inf, "")))
        if rate <= met or rate >= missed[0]:
            return "" if rate <= met else missed[1]
        share = self._share(one, rate)
        said = f"goodput: {share:.1%} in budget at {rate:.3g} requests/s on a replica < {asked.attainment:.1%}"
        lost = share < asked.attainment
        self._known[key] = (met, (rate, said)) if lost else (rate, missed)
        return said if lost else ""

    def _share(self, one: Candidate, rate: float) -> float:
        """Share in budget of a replica at that rate; of a classic one in a fleet that carries all, dealt in turn."""
        if one.serving.split is not None:
            return self.scales.speeds.carried(one, self.question, rate)
        replicas = 1 if one.batches is None else max(1, round(self.question.sized_rps / rate))
        return self.scales.speeds.share(one, self.question, rate * replicas, replicas)

    def _most(self, one: Bounded, cost: float) -> int:
        """The most replicas that cost no more than that, every prediction in budget."""
        low, high = one.replicas, one.replicas
        while high < MOST_REPLICAS and self._least(one.candidate, high) <= cost:
            low, high = high, min(MOST_REPLICAS, 2 * high)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._least(one.candidate, middle) <= cost else (low, middle)
        return low

    def _least(self, one: Candidate, replicas: int) -> float:
        return self._each(self.scales.bill(one, replicas))

    def _each(self, bill: Bill) -> float:
        """USD per useful prediction where every one is in budget."""
        total = bill.total_usd
        return math.inf if total is None or self._most_useful <= 0 else total / self._most_useful

    def _alone(self, one: Candidate) -> tuple[str, float]:
        """The target that requests alone miss, and how long the mean one takes; both once for each make."""
        if one.curve is None:
            return "", 0.0
        key = id(one.curve), one.serving
        if key not in self._reach:
            found = lone(one, one.curve, self._of)
            said = out_of_reach(found, self._of, self.question.objective)
            self._reach[key] = said, float(found.e2e_s.mean())
        return self._reach[key]

    def _reject_dearer(self, one: Bounded, best: Option) -> None:
        self._reject(one.name, _dearer(one.least_usd, best, least=True), one.least_usd)

    def _reject(self, name: str, binding: str, least_usd: float | None = None) -> None:
        by = binding.partition(": ")[2]
        self.rejected.append(Rejected(option=name, binding=constraint(binding), by=by, least_usd=least_usd))


def _cost(option: Option) -> float:
    cost = option.cost_per_useful_prediction_usd
    return math.inf if cost is None else cost


def _dearer(cost: float, best: Option, *, least: bool = False) -> str:
    """Why one that costs that much is no option: another of its kind costs less."""
    said = "at least " if least else ""
    return f"cost: {said}{format_usd(cost)} per useful prediction, {best.name} {format_usd(_cost(best))}"
