"""How fast the chosen option is, and what it carries, each against what was asked."""

from __future__ import annotations

from breakeven.quantity import format_seconds
from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Table
from breakeven.schema.noun import Figure
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Plan

LEFT: Align = "left"
RIGHT: Align = "right"


def latency_table(plan: Plan, known: Citations) -> Table:
    """Predicted latency of the chosen option against its targets."""
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    speed, objective = chosen.performance, plan.objective
    rows: list[tuple[str, ...]] = []
    if speed is not None:
        named = (
            ("TTFT p50", speed.ttft_p50_s, None),
            ("TTFT p95", speed.ttft_p95_s, objective.ttft_s),
            ("TPOT p50", speed.tpot_p50_s, None),
            ("TPOT p95", speed.tpot_p95_s, objective.tpot_s),
            ("whole answer p95", speed.e2e_p95_s, objective.budget_s),
        )
        rows = [_speed(name, figure, target, known) for name, figure, target in named]
        attained = number.share(objective.attainment)
        rows.append(_speed("in budget", speed.goodput_share, None, known, target=f"at least {attained}"))
        rows += _capacity(chosen, speed, known)
    return Table(
        caption=f"{plan.chosen}, predicted",
        columns=("metric", "target", "predicted", "basis", "rests on"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, RIGHT, LEFT, LEFT),
        note="" if rows else "No latency target is stated and none was measured.",
    )


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
