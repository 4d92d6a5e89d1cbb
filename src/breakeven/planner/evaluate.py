"""A candidate becomes an option: how many replicas, how fast, how much, and the constraint that excludes it.

The number of replicas covers the 95th percentile of the demand, and a stated margin, at the objective's attainment;
among the numbers that do, the one with the least cost per useful prediction is taken. Spare replicas are paid for and
carry no promise.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec

from breakeven.planner.binding import before_weighing, missed
from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.planner.standby import standby
from breakeven.schema.bill import Bill
from breakeven.schema.noun import Noun
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Capacity, Option

Predict = Callable[[Candidate, int], Performance]
"""How fast that many replicas of a candidate answer the workload."""

Price = Callable[[Candidate, int], Bill]
"""What that many serving replicas of a candidate cost in a month under the workload, spares included."""

MOST_REPLICAS = 512
"""A deployment beyond this is not weighed by this thin sizing; the binding says so."""


IDLE_RHO = 0.05
"""Below this share of capacity more replicas make nothing faster."""


class Weighed(Noun, frozen=True, kw_only=True):
    """One number of replicas with its speed, its cost and what it misses."""

    replicas: int
    bill: Bill
    performance: Performance | None
    useful_share: float | None
    binding: str
    spare: int = 0

    def unit_cost(self, question: Question) -> float | None:
        """USD per useful prediction; None when something is missed or unknown (invariant 12)."""
        total, useful = self.bill.total_usd, self.useful_share
        if self.binding or total is None or not useful or question.monthly_predictions <= 0:
            return None
        return total / (question.monthly_predictions * useful)


def evaluate(candidate: Candidate, question: Question, *, predict: Predict, price: Price, least: int = 1) -> Option:
    """The candidate's best size; one that misses its objective is kept, with the constraint, without a unit cost.

    `least` is a number of replicas that is surely not too many: what is predicted of it is likely needed again.
    """
    binding = before_weighing(candidate, question.objective)
    if binding:
        weighed = _excluded(candidate, price, binding)
    elif candidate.predictor is None:
        weighed = _as_measured(candidate, question, price)
    else:
        weighed = _sized(candidate, question, predict, price, least)
    return as_option(candidate, question, weighed)


def at_size(candidate: Candidate, question: Question, *, predict: Predict, price: Price, replicas: int) -> Option:
    """The candidate with that many serving replicas."""
    return as_option(candidate, question, _weigh(candidate, question, predict, price, replicas))


def idle_size(speed: Performance, replicas: int) -> int:
    """Replicas beyond which more make nothing faster, from the speed of so many."""
    return min(MOST_REPLICAS, max(1, math.ceil(speed.rho * replicas / IDLE_RHO)))


def _excluded(candidate: Candidate, price: Price, binding: str) -> Weighed:
    replicas = candidate.deployment.replicas
    unpriced = Bill(option=candidate.name, lines=(), unpriced=("not sized",))
    bill = price(candidate, replicas) if candidate.fixed or candidate.per_request else unpriced
    return Weighed(replicas=replicas, bill=bill, performance=None, useful_share=None, binding=binding)


def _as_measured(candidate: Candidate, question: Question, price: Price) -> Weighed:
    """Speed is what was measured; without latency targets an API needs none."""
    replicas, speed = candidate.deployment.replicas, candidate.measured
    bill = price(candidate, replicas)
    reached = 1.0 if speed is None else speed.goodput_share.value
    return Weighed(
        replicas=replicas,
        bill=bill,
        performance=speed,
        useful_share=useful_of(reached, question),
        binding=unpriced(bill) or ("" if speed is None else missed(speed, question.objective)),
    )


def _sized(candidate: Candidate, question: Question, predict: Predict, price: Price, least: int) -> Weighed:
    sizes = _sizes(candidate, question, predict, least)
    if not sizes:
        return _excluded(candidate, price, _too_slow(candidate, question, predict))
    best: Weighed | None = None
    for replicas in range(_first(candidate, question, predict, price, sizes), sizes.stop):
        weighed = _weigh(candidate, question, predict, price, replicas)
        if best is None or _beats(weighed, best, question):
            best = weighed
        if candidate.fixed or _cannot_improve(weighed, best, question):
            break
    return best if best is not None else _excluded(candidate, price, "replicas: none weighed")


def _first(candidate: Candidate, question: Question, predict: Predict, price: Price, sizes: range) -> int:
    """The fewest replicas that meet the objective, by steps that double and halve: more replicas never miss more.

    Usually the first of `sizes`; where none does, the first that is all but idle, so that its binding is said.
    """

    def done(replicas: int) -> bool:
        found = _weigh(candidate, question, predict, price, replicas)
        return _cannot_improve(found, found, question) or not found.binding

    low, high, step = sizes.start, sizes.start, 1
    while not candidate.fixed and high < sizes.stop - 1 and not done(high):
        low, high, step = high, min(sizes.stop - 1, high + step), 2 * step
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if done(middle) else (middle, high)
    return high


def _too_slow(candidate: Candidate, question: Question, predict: Predict) -> str:
    """The target that is missed however many replicas there are: what an all but idle deployment misses."""
    idle = idle_size(predict(candidate, 1), 1)
    return missed(predict(candidate, idle), question.objective) or "goodput: below the attainment"


def _sizes(candidate: Candidate, question: Question, predict: Predict, least: int) -> range:
    """Replica numbers to try, ascending; empty when even many cannot meet the targets."""
    if candidate.fixed:
        return range(candidate.deployment.replicas, candidate.deployment.replicas + 1)
    sustained = predict(candidate, least).max_goodput_rps.value
    if not sustained or sustained <= 0:
        return range(0)
    needed = max(1, math.ceil(question.sized_rps / sustained - 1e-9))
    if candidate.batches is not None:
        needed = _evenly(candidate, question, predict, least, needed)
    return range(needed, MOST_REPLICAS + 1)


def _evenly(candidate: Candidate, question: Question, predict: Predict, low: int, high: int) -> int:
    """The fewest replicas of a classic model that carry the demand: the more there are, the more each sustains.

    From as few as could if they were never idle, by steps that double and halve; `high` are enough.
    """
    load, sized = question.workload, question.sized_rps

    def carry(replicas: int) -> bool:
        each = predict(candidate, replicas).max_goodput_rps.value or 0.0
        return replicas * each >= sized * (1 - 1e-9)

    busy = predict(candidate, low).rho * low * sized / load.rate_mean_rps
    low, step = min(high, max(low, math.ceil(busy - 1e-9))), 1
    found = low
    while found < high and not carry(found):
        low, found, step = found + 1, min(high, found + step), 2 * step
    while low < found:
        middle = (low + found) // 2
        low, found = (low, middle) if carry(middle) else (middle + 1, found)
    return found


def _weigh(candidate: Candidate, question: Question, predict: Predict, price: Price, replicas: int) -> Weighed:
    speed = predict(candidate, replicas)
    spare = standby(candidate, question.objective, replicas)
    bill = price(candidate, replicas)
    return Weighed(
        replicas=replicas + spare,
        spare=spare,
        bill=bill,
        performance=speed,
        useful_share=useful_of(speed.goodput_share.value, question),
        binding=unpriced(bill) or missed(speed, question.objective),
    )


def useful_of(reached: float | None, question: Question) -> float | None:
    """The useful share of the predictions, where so many are in budget."""
    if reached is None:
        return None
    return reached if question.used_share is None else reached * question.used_share


def _beats(one: Weighed, other: Weighed, question: Question) -> bool:
    mine, theirs = one.unit_cost(question), other.unit_cost(question)
    return mine is not None and (theirs is None or mine < theirs)


def _cannot_improve(last: Weighed, best: Weighed, question: Question) -> bool:
    """More replicas never cost less, and the useful share never exceeds what use allows."""
    total, reached = last.bill.total_usd, best.unit_cost(question)
    if total is None:
        return True
    if reached is None:
        return last.performance is not None and last.performance.rho < IDLE_RHO
    ceiling = 1.0 if question.used_share is None else question.used_share
    return total / (question.monthly_predictions * ceiling) >= reached


def unpriced(bill: Bill) -> str:
    """The constraint "unpriced", or nothing."""
    return f"unpriced: {', '.join(bill.unpriced)}" if bill.unpriced else ""


def as_option(candidate: Candidate, question: Question, weighed: Weighed) -> Option:
    """The option that a candidate became."""
    cost = weighed.unit_cost(question)
    binding = weighed.binding or ("" if cost is not None else "useful share: unknown or zero")
    deployment = candidate.deployment
    return Option(
        name=candidate.name,
        use_case=question.objective.use_case,
        placement=deployment.placement,
        deployment=msgspec.structs.replace(deployment, replicas=weighed.replicas),
        bill=weighed.bill,
        monthly_cost_usd=weighed.bill.total_usd,
        cost_per_useful_prediction_usd=cost,
        feasible=cost is not None,
        binding=binding,
        performance=weighed.performance,
        useful_share=weighed.useful_share if cost is not None else None,
        spare_replicas=weighed.spare,
        capacity=_capacity(candidate, question, weighed),
        serving=None if candidate.curve is None else candidate.serving,
    )


def _capacity(candidate: Candidate, question: Question, weighed: Weighed) -> Capacity | None:
    if weighed.performance is None or candidate.per_request:
        return None
    serving, needed = weighed.replicas - weighed.spare, question.sized_rps
    each = weighed.performance.max_goodput_rps.value
    return Capacity(
        serving=serving,
        spare=weighed.spare,
        needed_rps=needed,
        goodput_rps=each,
        headroom=serving * each / needed if each is not None and needed > 0 else None,
        survival=candidate.survival,
    )
