"""A promised cost against the measured one, explained; and what the plan saved against the holdout."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import msgspec

from breakeven.audit.actual import Actual, of_cost
from breakeven.audit.explained.factors import IN_BUDGET, PER, USEFUL, actual_factors, predicted_factors, promised
from breakeven.audit.explained.split import split
from breakeven.quantity import SECONDS_PER_MONTH, format_usd
from breakeven.schema.explained import CAUSES, Cause, Explained, Factors, Part, Saving
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Observation


def headline(plan: Plan) -> str:
    """The cost that a plan is held to: per useful prediction where it promises that, else per 1,000 in budget."""
    return USEFUL if USEFUL in promised(plan) else IN_BUDGET


def explain(plan: Plan, seen: Observation, *, usd_per_replica_hour: float | None = None) -> Explained | None:
    """Why the measured cost differs from the promised one; None where the plan promised no cost."""
    metric = headline(plan)
    before = predicted_factors(plan, metric)
    if before is None:
        return None
    useful = metric == USEFUL
    about = Explained(
        plan_id=plan.id,
        use_case=seen.use_case,
        deployment=seen.deployment,
        metric=metric,
        predicted_usd=promised(plan)[metric],
    )
    actual = of_cost(seen, per=PER[metric], useful=useful)
    after = actual_factors(seen, before, useful=useful, usd_per_replica_hour=usd_per_replica_hour)
    if actual.value is None or after is None:
        why = actual.missing or "the cost was measured in another way than it was promised (by request, by capacity)"
        return msgspec.structs.replace(about, actual_usd=actual.value, missing=why)
    parts = split(before, after)
    return msgspec.structs.replace(
        bounded(about, actual),
        parts=tuple(
            Part(cause=cause, amount_usd=PER[metric] * parts[cause], said=SAID[cause](before, after))
            for cause in CAUSES
        ),
    )


def bounded(about: Explained, actual: Actual) -> Explained:
    """With the measured cost and the bounds of what it differs by."""
    predicted = about.predicted_usd
    return msgspec.structs.replace(
        about,
        actual_usd=actual.value,
        difference_usd=None if actual.value is None else actual.value - predicted,
        low_usd=None if actual.low is None else actual.low - predicted,
        high_usd=None if actual.high is None else actual.high - predicted,
    )


def _volume(before: Factors, after: Factors) -> str:
    said = f"{before.rate_rps:.3g} to {after.rate_rps:.3g} requests/s"
    return f"{said}, which a charge per request does not depend on" if before.by_request else said


def _mix(before: Factors, after: Factors) -> str:
    if not before.by_request:
        return "tokens do not change what an hour of capacity costs"
    read = f"{before.input_tokens:.4g} to {after.input_tokens:.4g} input"
    return f"{read}, {before.output_tokens:.4g} to {after.output_tokens:.4g} output tokens per request"


def _price(before: Factors, after: Factors) -> str:
    if before.by_request:
        return f"{after.price_index / before.price_index - 1:+.1%} against the listed prices of the same tokens"
    prices = f"{format_usd(before.usd_per_replica_hour)} to {format_usd(after.usd_per_replica_hour)}"
    return f"{prices} per replica-hour"


def _performance(before: Factors, after: Factors) -> str:
    shares = f"{before.in_budget:.1%} to {after.in_budget:.1%} in budget"
    return shares if before.by_request else f"{before.replicas:.3g} to {after.replicas:.3g} replicas, {shares}"


def _usefulness(before: Factors, after: Factors) -> str:
    return f"{before.used:.1%} to {after.used:.1%} of those in budget were useful"


SAID: Mapping[Cause, Callable[[Factors, Factors], str]] = {
    "volume": _volume,
    "mix": _mix,
    "price": _price,
    "performance": _performance,
    "usefulness": _usefulness,
}
"""What is said of each cause: its figures, predicted and actual."""


def saving(plan: Plan, seen: Observation, holdout: Observation) -> Saving:
    """The holdout's unit cost less the plan's, predicted and measured."""
    metric = headline(plan)
    useful = metric == USEFUL
    mine, theirs = (of_cost(one, per=PER[metric], useful=useful) for one in (seen, holdout))
    predicted = _predicted_saving(plan, holdout.deployment, metric)
    about = Saving(metric=metric, holdout=holdout.deployment, predicted_usd=predicted)
    bounds = _difference(theirs, mine)
    if bounds is None:
        named = (("the plan", mine), ("the holdout", theirs))
        lacking = [f"of {name}: {one.missing}" for name, one in named if one.missing]
        return msgspec.structs.replace(about, missing="; ".join(lacking) or "no interval")
    value, low, high = bounds
    return msgspec.structs.replace(about, actual_usd=value, low_usd=low, high_usd=high)


def _difference(one: Actual, other: Actual) -> tuple[float, float, float] | None:
    """One less the other, with bounds by the variances that their bounds stand for (MOVER, Zou and Donner 2008)."""
    if one.value is None or one.low is None or one.high is None:
        return None
    if other.value is None or other.low is None or other.high is None:
        return None
    value = one.value - other.value
    low = value - math.hypot(one.value - one.low, other.high - other.value)
    return value, low, value + math.hypot(one.high - one.value, other.value - other.low)


def _predicted_saving(plan: Plan, holdout: str, metric: str) -> float | None:
    option = next((one for one in plan.options if one.deployment.id == holdout), None)
    cost = None if option is None else _unit_usd(option, plan)
    return None if cost is None else PER[metric] * cost - promised(plan)[metric]


def _unit_usd(option: Option, plan: Plan) -> float | None:
    """The option's cost per prediction that counts, as the ledger would charge it: the rent without allowances."""
    volume = plan.workload.rate_mean_rps * SECONDS_PER_MONTH
    rent = sum(line.amount_usd for line in option.bill.lines if line.name == "rent")
    monthly = rent or option.monthly_cost_usd
    if monthly is None or not option.useful_share or volume <= 0:
        return None
    return monthly / (volume * option.useful_share)
