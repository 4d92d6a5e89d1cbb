"""The factors of a unit cost, from the plan's promise and from what the ledger observed."""

from __future__ import annotations

from breakeven.quantity import SECONDS_PER_HOUR, SECONDS_PER_MONTH, usd_from_pico
from breakeven.schema.explained import Factors
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Observation

USEFUL, IN_BUDGET = "cost_per_useful_prediction_usd", "cost_per_1000_in_budget_usd"
PER = {USEFUL: 1.0, IN_BUDGET: 1000.0}
"""Predictions that a promised cost is of."""


def promised(plan: Plan) -> dict[str, float]:
    """The promised value of each metric, where it has one."""
    return {one.metric: one.predicted.value for one in plan.promises if one.predicted.value is not None}


def predicted_factors(plan: Plan, metric: str) -> Factors | None:
    """The factors that the promised cost was computed from; None where the plan does not promise that cost.

    The promise itself is the source, so that their product is the promised figure.
    """
    values = promised(plan)
    if not values.get(metric) or plan.workload.rate_mean_rps <= 0:
        return None
    in_budget = values.get("goodput_share", 1.0)
    used = values[IN_BUDGET] / PER[IN_BUDGET] / values[USEFUL] if metric == USEFUL and IN_BUDGET in values else 1.0
    each = values[metric] / PER[metric] * in_budget * used
    chosen = next(one for one in plan.options if one.name == plan.chosen)
    option, load = chosen.routed or chosen, plan.workload
    rate = load.rate_mean_rps * chosen.gateway_share
    if option.placement == "api":
        return charged_factors(option, each, rate, (load.input_tokens_mean, load.output_tokens_mean), (in_budget, used))
    replicas = float(max(1, option.deployment.replicas))
    return rented_factors(rate, (in_budget, used), each * rate * SECONDS_PER_HOUR / replicas, replicas)


def rented_factors(rate: float, shares: tuple[float, float], usd_per_replica_hour: float, replicas: float) -> Factors:
    """Of capacity that is paid by the hour; `shares` are those in budget and useful."""
    return Factors(
        by_request=False,
        rate_rps=rate,
        in_budget=shares[0],
        used=shares[1],
        usd_per_replica_hour=usd_per_replica_hour,
        replicas=replicas,
    )


def charged_factors(
    option: Option, each: float, rate: float, tokens: tuple[float, float], shares: tuple[float, float]
) -> Factors:
    """Prices per token from the bill's lines; the index makes up for the rounding of a month's tokens."""
    requests = rate * SECONDS_PER_MONTH
    amounts = {line.name: line.amount_usd / requests for line in option.bill.lines}
    read = amounts.pop("input_tokens", 0.0) + amounts.pop("cached_input_tokens", 0.0)
    written = amounts.pop("output_tokens", 0.0)
    total = read + written + sum(amounts.values())
    return Factors(
        by_request=True,
        rate_rps=rate,
        in_budget=shares[0],
        used=shares[1],
        input_tokens=tokens[0],
        output_tokens=tokens[1],
        usd_per_input_token=read / tokens[0] if tokens[0] else 0.0,
        usd_per_output_token=written / tokens[1] if tokens[1] else 0.0,
        usd_per_request=sum(amounts.values()) if total else each,
        price_index=each / total if total else 1.0,
    )


def actual_factors(
    seen: Observation, predicted: Factors, *, useful: bool, usd_per_replica_hour: float | None = None
) -> Factors | None:
    """The same factors as observed; None where one of them cannot be told.

    Args:
        seen: with enough predictions for `audit.actual.of_cost` to state a cost.
        predicted: whose prices per token weigh the observed ones.
        useful: whether the cost is per useful prediction, not per prediction in budget.
        usd_per_replica_hour: what the policy in force charged; None leaves the replicas as predicted.
    """
    count = seen.useful if useful else seen.in_budget
    if not count or not seen.in_budget or seen.n <= 0 or seen.span_s <= 0 or seen.share <= 0:
        return None
    by_request = seen.capacity_pico_usd <= 0
    if by_request != predicted.by_request:
        return None
    found = _ascharged_factors(seen, predicted) if by_request else _as_rented(seen, predicted, usd_per_replica_hour)
    if found is None:
        return None
    return Factors(
        by_request=by_request,
        rate_rps=seen.n / seen.span_s / seen.share,
        in_budget=seen.in_budget / seen.n,
        used=count / seen.in_budget,
        **found,
    )


def _ascharged_factors(seen: Observation, predicted: Factors) -> dict[str, float] | None:
    each = usd_from_pico(seen.cost_pico_usd) / seen.n
    found = {
        "input_tokens": seen.input_tokens / seen.n,
        "output_tokens": seen.output_tokens / seen.n,
        "usd_per_input_token": predicted.usd_per_input_token,
        "usd_per_output_token": predicted.usd_per_output_token,
        "usd_per_request": predicted.usd_per_request,
    }
    listed = found["usd_per_request"]
    listed += sum(found[f"{kind}_tokens"] * found[f"usd_per_{kind}_token"] for kind in ("input", "output"))
    return found | {"price_index": each / listed} if listed > 0 else None


def _as_rented(seen: Observation, predicted: Factors, usd_per_replica_hour: float | None) -> dict[str, float] | None:
    if seen.up_s <= 0:
        return None
    hourly = usd_from_pico(seen.capacity_pico_usd) / seen.up_s * SECONDS_PER_HOUR
    replicas = hourly / usd_per_replica_hour if usd_per_replica_hour else predicted.replicas
    return {"replicas": replicas, "usd_per_replica_hour": hourly / replicas}
