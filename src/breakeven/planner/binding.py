"""The constraint that excludes a candidate, as "constraint: both values"; what precedes the colon can be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from breakeven.planner.candidate import Candidate
from breakeven.quantity import format_seconds
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance

UNMEASURED_API = "latency unmeasured: no TTFT/TPOT fact for this offer"
UNMEASURED = "unmeasured: no measured curve of this model on this hardware"
OWN = frozenset({"on_prem", "colocated", "edge"})
"""Placements whose place the buyer chooses."""


def constraint(binding: str) -> str:
    """The kind of a binding constraint."""
    return binding.partition(":")[0]


def commonest(bindings: Iterable[str]) -> str:
    """The kind that excluded most, ties by name; "" without any."""
    counts = Counter(constraint(binding) for binding in bindings if binding)
    return min(counts, key=lambda kind: (-counts[kind], kind), default="")


def before_weighing(candidate: Candidate, objective: Objective, *, speed: bool = True) -> str:
    """What excludes a candidate whatever its size: stated, placement, region, or a `speed` that nobody knows."""
    if candidate.binding:
        return candidate.binding
    found = _placement(candidate, objective) or _region(candidate, objective) or _no_time(candidate, objective)
    return found or (_speed(candidate, objective) if speed else "")


def _placement(candidate: Candidate, objective: Objective) -> str:
    placement = candidate.deployment.placement
    if not objective.placements or placement in objective.placements:
        return ""
    return f"placement not allowed: {placement} is not one of {', '.join(objective.placements)}"


def _region(candidate: Candidate, objective: Objective) -> str:
    """One's own premises are where one wants them; whoever else states no region is not known to be in an allowed one.

    A deployment that stands already was put where it is by its owner.
    """
    region = candidate.offer.region if candidate.offer is not None else ""
    if not objective.regions or region in objective.regions:
        return ""
    wanted = ", ".join(objective.regions)
    if region:
        return f"region not allowed: {region} is not one of {wanted}"
    if candidate.fixed or candidate.deployment.placement in OWN:
        return ""
    return f"region unknown: {candidate.name} states none, and it must be one of {wanted}"


def _no_time(candidate: Candidate, objective: Objective) -> str:
    """Where the network takes all of the budget, only devices without it have time left."""
    left = objective.budget_s
    if left is None or left > 0 or candidate.deployment.placement == "edge":
        return ""
    return f"latency budget: network and other stages take all of it and {format_seconds(-left)} more"


def _speed(candidate: Candidate, objective: Objective) -> str:
    if candidate.predictor is not None or candidate.measured is not None:
        return ""
    if candidate.placed and candidate.deployment.placement == "edge":
        return ""
    if not candidate.per_request and not candidate.placed:
        return UNMEASURED
    return UNMEASURED_API if has_targets(objective) else ""


def has_targets(objective: Objective) -> bool:
    """Whether any latency target is stated."""
    return (objective.budget_s, objective.ttft_s, objective.tpot_s) != (None, None, None)


def missed(speed: Performance, objective: Objective) -> str:
    """The first target a predicted or measured speed misses, with both values; "" when the attainment is reached."""
    if not speed.stable:
        return f"capacity: offered load is {speed.rho:.2g} of what it sustains"
    reached = speed.goodput_share.value
    if reached is None:
        return "goodput: unknown"
    if reached >= objective.attainment:
        return ""
    for name, figure, target in (
        ("ttft p95", speed.ttft_p95_s, objective.ttft_s),
        ("tpot p95", speed.tpot_p95_s, objective.tpot_s),
        ("e2e p95", speed.e2e_p95_s, objective.budget_s),
    ):
        if target is not None and figure.value is not None and figure.value > target:
            return f"{name}: {format_seconds(figure.value)} > {format_seconds(target)}"
    return f"goodput: {reached:.1%} in budget < {objective.attainment:.1%}"


def over_power(candidate: Candidate, objective: Objective, replicas: int, tdp_w: float | None, ratio: float) -> str:
    """Servers' power at full load, cooling excluded, against the limit of the site."""
    limit = objective.power_limit_w
    if limit is None or candidate.deployment.placement not in OWN:
        return ""
    boards = replicas * max(1, candidate.deployment.accelerators)
    if tdp_w is None:
        return f"power limit: the power of {boards} x {candidate.deployment.accelerator} is unknown, limit {limit:g} W"
    drawn = boards * tdp_w * ratio
    return f"power limit: {drawn:,.0f} W > {limit:,.0f} W" if drawn > limit else ""
