"""A plan as a route: the chosen deployment, or the parts of the mix, take the traffic; the old route keeps a part."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from breakeven.errors import PolicyError
from breakeven.perf.work import grouped, work_curve
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import RouteTarget, WorkCurve
from breakeven.schema.workload import Workload

PLAN_ARM, HOLDOUT_ARM = "plan", "holdout"
SPILLING = "cheapest-feasible"
"""The strategy that fills what is paid for and sends the rest on."""
LEAST_WEIGHT = 1e-6
"""Of a part that is expected to serve nothing: a target without a weight is none."""
MOST_HELD = 0.5
"""Beyond half, the holdout would be the plan; a stage of a rollout may hold back more, for a while."""


def held_parts(plan: Plan, *, mix: bool = False) -> tuple[tuple[Option, float], ...]:
    """The options that are enacted, each with its share of the plan's traffic, in the order in which they fill.

    Of a mix those parts that serve the use case's tier: spot that is for laxer ones gets nothing of it.

    Raises:
        PolicyError: the choice's devices answer everything, so that no request comes to the gateway.
    """
    options = {option.name: option for option in plan.options}
    if not mix or plan.portfolio is None or plan.mix is msgspec.UNSET:
        return ((routed(plan), 1.0),)
    found = plan.portfolio
    tier = next((dict(one.shares) for one in found.tiers if one.tier == plan.objective.tier), None)
    shares = tier or {part.name: part.share for part in found.parts}
    kinds = {part.name: part.kind for part in found.parts}
    able = [name for name in plan.mix.order if shares.get(name, 0.0) > 0 or kinds[name] != "spot"]
    total = sum(shares.get(name, 0.0) for name in able)
    return tuple((options[name], shares.get(name, 0.0) / total) for name in able)


def route_targets(
    plan: Plan,
    current: Sequence[RouteTarget],
    holdout_share: float,
    *,
    deployments: Collection[str] | None = None,
    most_held: float = MOST_HELD,
    mix: bool = False,
    spills: bool = False,
) -> tuple[RouteTarget, ...]:
    """Targets of a route: the chosen one, or the parts of the mix, with 1 - holdout; the others share the holdout.

    Their proportions stay; beside a mix, whose strategy would choose among them, each but the largest has an arm of its
    own, unless the route chose so before (`spills`). Where what is enacted served alone before there is nothing to hold
    out. `deployments` are those that exist; None does not check.

    Raises:
        PolicyError: the share is not in 0..`most_held`, or what is enacted does not exist yet.
    """
    if not 0 <= holdout_share <= most_held:
        message = f"a holdout is 0 to {most_held:g} of the traffic, got {holdout_share:g}"
        raise PolicyError(message, "try 0.1")
    parts = [(option.deployment.id, share) for option, share in held_parts(plan, mix=mix)]
    names = {name for name, _ in parts}
    for chosen in names if deployments is not None else ():
        _refuse_absent(plan, chosen, deployments or ())
    others = [target for target in current if target.deployment not in names and target.weight > 0]
    whole = 1.0 if not others or holdout_share == 0 else 1.0 - holdout_share
    served = [
        RouteTarget(deployment=name, weight=_share(max(whole * share, LEAST_WEIGHT)), arm=PLAN_ARM)
        for name, share in parts
    ]
    return (*served, *(_held_out(others, holdout_share, apart=len(parts) > 1 and not spills) if whole < 1 else ()))


def _refuse_absent(plan: Plan, chosen: str, deployments: Collection[str]) -> None:
    if chosen not in deployments:
        known = ", ".join(sorted(deployments)) or "none"
        message = f"plan {plan.id} chose {chosen!r}, which is not among the deployments: {known}"
        raise PolicyError(message, f"set it up and add a deployment named {chosen!r} to breakeven.yaml")


def _held_out(others: Sequence[RouteTarget], share: float, *, apart: bool) -> Iterator[RouteTarget]:
    total, largest = sum(target.weight for target in others), max(others, key=lambda target: target.weight)
    for target in others:
        arm = f"{HOLDOUT_ARM}-{target.deployment}" if apart and target is not largest else HOLDOUT_ARM
        weight = _share(share * (target.weight / total))
        yield RouteTarget(deployment=target.deployment, weight=weight, arm=arm)


def routed(plan: Plan) -> Option:
    """What the gateway sends the use case's requests to: the choice, or what answers the rest of its devices.

    Raises:
        PolicyError: devices answer everything, so that no request comes to the gateway.
    """
    option = next(option for option in plan.options if option.name == plan.chosen)
    found = option.routed
    if found is None:
        message = f"plan {plan.id} chose {option.name}, and its devices answer every request: none reaches a gateway"
        raise PolicyError(message, "bring the model to the devices; there is no route to write")
    return found


def _share(value: float) -> float:
    """Without the dust of binary fractions: 1 - 0.95 is written 0.05. A weight that is there stays above nothing."""
    return round(value, 12) or value


def capacity_table(option: Option, workload: Workload) -> WorkCurve | None:
    """What admission needs of an option with accelerators: prefill seconds per token and TPOT by batch, at the demand.

    The context of a sequence is the mean prompt and half the mean answer. None where the plan predicted no steps.
    """
    if option.performance is None or option.performance.curve is None:
        return None
    context = workload.input_tokens_mean + workload.output_tokens_mean / 2
    return grouped(work_curve(option.performance.curve, context), option.deployment)
