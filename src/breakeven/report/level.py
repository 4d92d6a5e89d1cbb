"""Options at several levels of load: what each takes, costs, and must bring more to be worth its price."""

from __future__ import annotations

from breakeven.quantity import format_usd
from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Table
from breakeven.schema.plan import Level, Plan

LEFT: Align = "left"
RIGHT: Align = "right"


def level_table(plan: Plan, known: Citations) -> Table:
    """Every option at every level, in the plan's order."""
    facts = {option.name: known.keys_of(option) for option in plan.options}
    rows = tuple(_level(one, known.marks((*facts.get(one.option, ()), "workload"))) for one in plan.levels)
    columns = ("level", "demand", "option", "replicas", "a month", "per 1,000 useful", "lift per 1,000", "excluded by")
    return Table(
        caption="Options by load",
        columns=(*columns, "rests on"),
        rows=rows,
        align=(LEFT, RIGHT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT),
        note="The lift is what 1,000 useful predictions of this option must bring more than those of the level's "
        "cheapest option to be worth its price.",
    )


def _level(one: Level, marks: str) -> tuple[str, ...]:
    unit = one.cost_per_useful_prediction_usd
    return (
        one.name,
        f"{one.factor:g} x, {number.number(one.rate_rps, 'requests/s')}",
        one.option,
        str(one.replicas),
        format_usd(one.monthly_cost_usd),
        "-" if unit is None else format_usd(unit * 1000),
        _lift(one),
        one.binding or "-",
        marks,
    )


def _lift(one: Level) -> str:
    if one.lift_needed_usd is None:
        return "-"
    return format_usd(one.lift_needed_usd * 1000) if one.lift_needed_usd else "none, cheapest"
