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


def constraint(binding: str) -> str:
    """The kind of a binding constraint."""
    return binding.partition(":")[0]


def commonest(bindings: Iterable[str]) -> str:
    """The kind that excluded most, ties by name; "" without any."""
    counts = Counter(constraint(binding) for binding in bindings if binding)
    return min(counts, key=lambda kind: (-counts[kind], kind), default="")


def before_weighing(candidate: Candidate, objective: Objective) -> str:
    """What excludes a candidate whatever its size: stated, placement, region, or a speed that nobody knows."""
    if candidate.binding:
        return candidate.binding
    return _placement(candidate, objective) or _region(candidate, objective) or _speed(candidate, objective)


def _placement(candidate: Candidate, objective: Objective) -> str:
    placement = candidate.deployment.placement
    if not objective.placements or placement in objective.placements:
        return ""
    return f"placement not allowed: {placement} is not one of {', '.join(objective.placements)}"


def _region(candidate: Candidate, objective: Objective) -> str:
    region = candidate.offer.region if candidate.offer is not None else ""
    if not objective.regions or not region or region in objective.regions:
        return ""
    return f"region not allowed: {region} is not one of {', '.join(objective.regions)}"


def _speed(candidate: Candidate, objective: Objective) -> str:
    if candidate.curve is not None or candidate.measured is not None:
        return ""
    if not candidate.per_request:
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
