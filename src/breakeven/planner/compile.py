"""A plan as a route: the chosen deployment takes the traffic, what served before keeps a holdout."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from breakeven.errors import PolicyError
from breakeven.perf.work import grouped, work_curve
from breakeven.schema.plan import Option, Plan
from breakeven.schema.policy import RouteTarget, WorkCurve
from breakeven.schema.workload import Workload

PLAN_ARM, HOLDOUT_ARM = "plan", "holdout"
MOST_HELD = 0.5
"""Beyond half, the holdout would be the plan; a stage of a rollout may hold back more, for a while."""


def route_targets(
    plan: Plan,
    current: Sequence[RouteTarget],
    holdout_share: float,
    *,
    deployments: Collection[str] | None = None,
    most_held: float = MOST_HELD,
) -> tuple[RouteTarget, ...]:
    """Targets of a weighted route: the chosen one with 1 - holdout, the others of the current route share the holdout.

    Their proportions stay. Where the chosen one alone served before there is nothing to hold out. `deployments` are
    those that exist; None does not check.

    Raises:
        PolicyError: the share is not in 0..`most_held`, or the chosen deployment does not exist yet.
    """
    if not 0 <= holdout_share <= most_held:
        message = f"a holdout is 0 to {most_held:g} of the traffic, got {holdout_share:g}"
        raise PolicyError(message, "try 0.1")
    chosen = routed(plan).deployment.id
    if deployments is not None and chosen not in deployments:
        known = ", ".join(sorted(deployments)) or "none"
        message = f"plan {plan.id} chose {chosen!r}, which is not among the deployments: {known}"
        raise PolicyError(message, f"set it up and add a deployment named {chosen!r} to breakeven.yaml")
    others = [target for target in current if target.deployment != chosen and target.weight > 0]
    total = sum(target.weight for target in others)
    if not others or holdout_share == 0:
        return (RouteTarget(deployment=chosen, weight=1.0, arm=PLAN_ARM),)
    held = (
        RouteTarget(
            deployment=target.deployment, weight=_share(holdout_share * (target.weight / total)), arm=HOLDOUT_ARM
        )
        for target in others
    )
    return (RouteTarget(deployment=chosen, weight=_share(1.0 - holdout_share), arm=PLAN_ARM), *held)


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
