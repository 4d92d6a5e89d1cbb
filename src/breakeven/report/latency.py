"""How fast the chosen option is, and what it carries, each against what was asked."""

from __future__ import annotations

from breakeven.quantity import format_seconds
from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Table
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.performance import NO_TOKENS, Performance
from breakeven.schema.plan import Option

LEFT: Align = "left"
RIGHT: Align = "right"


def latency_table(option: Option, objective: Objective, known: Citations) -> Table:
    """Predicted latency of the chosen option against its targets."""
    speed = option.performance
    rows: list[tuple[str, ...]] = []
    if speed is not None:
        named = (
            ("TTFT p50", speed.ttft_p50_s, None),
            ("TTFT p95", speed.ttft_p95_s, objective.ttft_s),
            ("TPOT p50", speed.tpot_p50_s, None),
            ("TPOT p95", speed.tpot_p95_s, objective.tpot_s),
            ("whole answer p95" if objective.around_s <= 0 else "inference p95", speed.e2e_p95_s, _left_s(objective)),
        )
        rows = [_speed(name, figure, target, known) for name, figure, target in named if figure.how != NO_TOKENS]
        attained = number.share(objective.attainment)
        rows.append(_speed("in budget", speed.goodput_share, None, known, target=f"at least {attained}"))
        rows += _capacity(option, speed, known)
    return Table(
        caption=f"{option.name}, predicted",
        columns=("metric", "target", "predicted", "basis", "rests on"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, RIGHT, LEFT, LEFT),
        note=_latency_note(objective) if rows else "No latency target is stated and none was measured.",
    )


def _left_s(objective: Objective) -> float | None:
    """What of the budget is left for inference."""
    return None if objective.budget_s is None else objective.budget_s - objective.around_s


def _latency_note(objective: Objective) -> str:
    if objective.budget_s is None or objective.around_s <= 0:
        return ""
    named = {
        "network": objective.network_s,
        "features": objective.features_s,
        "post-processing": objective.postprocess_s,
        "rendering": objective.render_s,
    }
    spent = ", ".join(f"{name} {format_seconds(seconds)}" for name, seconds in named.items() if seconds)
    left = format_seconds(_left_s(objective))
    return f"Of the budget of {format_seconds(objective.budget_s)} go {spent}; {left} are left for inference."


def _capacity(option: Option, speed: Performance, known: Citations) -> list[tuple[str, ...]]:
    """What the serving replicas carry in budget against what they are to carry; nothing where that is not known."""
    held = option.capacity
    if held is None or held.goodput_rps is None or held.headroom is None:
        return []
    needed, carried = f"{held.needed_rps:.3g} requests/s", held.serving * held.goodput_rps
    said = f"{held.serving} replicas carry {carried:.3g} requests/s, {held.headroom:.2f} times that"
    said += f"; {held.spare} more stand by" if held.spare else ""
    marks = known.marks((*speed.max_goodput_rps.facts, "workload", "objective"))
    return [("capacity in budget", needed, said, speed.max_goodput_rps.basis, marks)]


def _speed(name: str, figure: Figure, limit: float | None, known: Citations, *, target: str = "") -> tuple[str, ...]:
    stated = target or (format_seconds(limit) if limit is not None else "-")
    return (name, stated, number.figure(figure), figure.basis, known.marks((*figure.facts, "workload", "objective")))
