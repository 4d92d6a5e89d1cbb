"""A mix's promised cost against the measured one, split over the same causes as that of one deployment.

The unit cost of a mix is the sum of its parts': capacity of one's own divided by the whole rate, what is charged by the
request in proportion to its share; all of it divided by the shares in budget and useful of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from breakeven.audit.actual import Actual, of_cost
from breakeven.audit.explained.explain import bounded, headline
from breakeven.audit.explained.factors import (
    IN_BUDGET,
    PER,
    USEFUL,
    actual_factors,
    charged_factors,
    promised,
    rented_factors,
)
from breakeven.audit.explained.split import shapley, turned, unit_cost_usd
from breakeven.audit.mixed import together
from breakeven.quantity import HOURS_PER_MONTH, format_usd
from breakeven.schema.explained import CAUSES, Cause, Explained, Factors, Part
from breakeven.schema.plan import MIX, Option, Plan
from breakeven.schema.statement import Observation


class Side(NamedTuple):
    """One side of the comparison: each part's factors and its share, and what of the whole was in budget and useful."""

    parts: tuple[tuple[Factors, float], ...]
    in_budget: float
    used: float


def explain_mix(
    plan: Plan, parts: Sequence[Observation], usd_per_replica_hour: Mapping[str, float | None]
) -> Explained | None:
    """Why the measured cost of a mix differs from the promised one; None where the plan promised no cost of it.

    Args:
        plan: with the promises of its mix in place of those of its choice.
        parts: observations of all deployments of the mix.
        usd_per_replica_hour: what the policy in force charged for each, by deployment; None without capacity.
    """
    metric = headline(plan)
    before = predicted_side(plan, metric, [one.deployment for one in parts])
    if before is None:
        return None
    whole, useful = together(parts), metric == USEFUL
    about = Explained(
        plan_id=plan.id,
        use_case=whole.use_case,
        deployment=MIX,
        metric=metric,
        predicted_usd=promised(plan)[metric],
    )
    actual = of_cost(whole, per=PER[metric], useful=useful)
    after = _actual_side(parts, before, usd_per_replica_hour, useful=useful)
    if actual.value is None or after is None:
        why = actual.missing or "a part was charged in another way than was promised (by request, by capacity)"
        return msgspec.structs.replace(about, actual_usd=actual.value, missing=why)
    return _split(about, actual, (before, after))


def _split(about: Explained, actual: Actual, sides: tuple[Side, Side]) -> Explained:
    parts = shapley(CAUSES, lambda causes: side_usd(_turned(*sides, causes)))
    return msgspec.structs.replace(
        bounded(about, actual),
        parts=tuple(
            Part(cause=cause, amount_usd=PER[about.metric] * parts[cause], said=_said(cause, *sides))
            for cause in CAUSES
        ),
    )


def side_usd(side: Side) -> float:
    """USD per prediction that counts."""
    each = sum(unit_cost_usd(one) * (share if one.by_request else 1.0) for one, share in side.parts)
    return each / (side.in_budget * side.used)


def _turned(before: Side, after: Side, causes: frozenset[Cause]) -> Side:
    pairs = zip(before.parts, after.parts, strict=True)
    return Side(
        parts=tuple(
            (turned(one, other, causes), actual if "mix" in causes else share)
            for (one, share), (other, actual) in pairs
        ),
        in_budget=after.in_budget if "performance" in causes else before.in_budget,
        used=after.used if "usefulness" in causes else before.used,
    )


def predicted_side(plan: Plan, metric: str, deployments: Sequence[str]) -> Side | None:
    """The factors that the promised cost of the mix was computed from, by deployment; together they are the figure."""
    values, found = promised(plan), plan.portfolio
    if not values.get(metric) or plan.mix is msgspec.UNSET or found is None or plan.workload.rate_mean_rps <= 0:
        return None
    in_budget = values.get("goodput_share", 1.0)
    used = values[IN_BUDGET] / PER[IN_BUDGET] / values[USEFUL] if metric == USEFUL and IN_BUDGET in values else 1.0
    shares = {part.name: part.share for part in found.parts}
    options = {one.deployment.id: one for one in plan.options if one.name in shares}
    monthly = {
        one.deployment: one.predicted.value or 0.0 for one in plan.mix.promises if one.metric == "monthly_cost_usd"
    }
    parts = tuple(
        (_predicted(plan, options[name], monthly[name], shares[options[name].name]), shares[options[name].name])
        for name in deployments
    )
    return Side(parts=parts, in_budget=in_budget, used=used)


def _predicted(plan: Plan, option: Option, monthly_usd: float, share: float) -> Factors:
    rate, load = plan.workload.rate_mean_rps, plan.workload
    hourly = monthly_usd / HOURS_PER_MONTH
    if option.placement == "api":
        each = hourly / (rate * 3600.0 * share) if share else 0.0
        return charged_factors(option, each, rate, (load.input_tokens_mean, load.output_tokens_mean), (1.0, 1.0))
    rent = sum(line.amount_usd for line in option.bill.lines if line.name == "rent")
    replica = (rent or option.monthly_cost_usd or 0.0) / HOURS_PER_MONTH / max(1, option.deployment.replicas)
    return rented_factors(rate, (1.0, 1.0), replica, hourly / replica if replica else 0.0)


def _actual_side(
    parts: Sequence[Observation], before: Side, prices: Mapping[str, float | None], *, useful: bool
) -> Side | None:
    """The same factors as observed; None where one of them cannot be told."""
    whole = together(parts)
    count = whole.useful if useful else whole.in_budget
    if not count or not whole.in_budget or whole.span_s <= 0 or whole.share <= 0:
        return None
    found = []
    for seen, (predicted, _) in zip(parts, before.parts, strict=True):
        one = _actual(seen, whole, predicted, prices.get(seen.deployment))
        if one is None:
            return None
        found.append((one, seen.n / whole.n))
    return Side(parts=tuple(found), in_budget=whole.in_budget / whole.n, used=count / whole.in_budget)


def _actual(seen: Observation, whole: Observation, predicted: Factors, price: float | None) -> Factors | None:
    rate = whole.n / whole.span_s / whole.share
    if predicted.by_request and not seen.n:
        return msgspec.structs.replace(predicted, rate_rps=rate)
    # As if it had the whole's traffic to itself, all of it in budget: what it adds to a unit is then its own alone.
    alone = msgspec.structs.replace(
        seen,
        n=seen.n if predicted.by_request else whole.n,
        in_budget=seen.n if predicted.by_request else whole.n,
        useful=None,
        span_s=whole.span_s,
        up_s=whole.up_s,
        share=whole.share,
    )
    found = actual_factors(alone, predicted, useful=False, usd_per_replica_hour=price)
    return None if found is None else msgspec.structs.replace(found, rate_rps=rate)


def _said(cause: Cause, before: Side, after: Side) -> str:
    rates = (before.parts[0][0].rate_rps, after.parts[0][0].rate_rps)
    told = {
        "volume": f"{rates[0]:.3g} to {rates[1]:.3g} requests/s",
        "mix": f"shares of the parts {_listed(before, after)}",
        "price": f"per replica-hour or request {_prices(before)} to {_prices(after)}",
        "performance": f"{_replicas(before)} to {_replicas(after)} replicas, "
        f"{before.in_budget:.1%} to {after.in_budget:.1%} in budget",
        "usefulness": f"{before.used:.1%} to {after.used:.1%} of those in budget were useful",
    }
    return told[cause]


def _listed(before: Side, after: Side) -> str:
    pairs = zip(before.parts, after.parts, strict=True)
    return ", ".join(f"{one[1]:.1%} to {other[1]:.1%}" for one, other in pairs)


def _prices(side: Side) -> str:
    return " + ".join(
        format_usd(unit_cost_usd(one) if one.by_request else one.usd_per_replica_hour) for one, _ in side.parts
    )


def _replicas(side: Side) -> str:
    return " + ".join(f"{one.replicas:.3g}" for one, _ in side.parts if not one.by_request) or "no"
