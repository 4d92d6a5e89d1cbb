"""Options at several levels of load: what each costs, and what it must bring more to be worth its price."""

from __future__ import annotations

from collections.abc import Mapping

from breakeven.quantity import format_usd
from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Table
from breakeven.schema.plan import Level, Plan

LEFT: Align = "left"
RIGHT: Align = "right"
Rows = Mapping[tuple[str, str], Level]
"""Levels by option and name."""


def level_table(plan: Plan, known: Citations) -> Table:
    """One row an option, in the plan's order; one pair of columns a level."""
    facts = {option.name: known.keys_of(option) for option in plan.options}
    rows: Rows = {(one.option, one.name): one for one in plan.levels}
    names, options = (tuple(dict.fromkeys(key[at] for key in rows)) for at in (1, 0))
    heads = {one.name: f"{one.name}, {number.number(one.rate_rps, 'requests/s')}" for one in plan.levels}
    lifts = tuple(f"lift, {name}" for name in names)
    return Table(
        caption="A month by load, and the lift that would pay for it",
        columns=("option", *(heads[name] for name in names), *lifts, "rests on"),
        rows=tuple(_row(option, names, rows, known.marks((*facts.get(option, ()), "workload"))) for option in options),
        align=(LEFT, *(RIGHT for _ in (*names, *lifts)), LEFT),
        note="The lift is what 1,000 useful predictions of this option must bring more than those of the level's "
        "cheapest option to be worth its price; there is none where the objective is missed. In brackets: replicas.",
    )


def _row(option: str, names: tuple[str, ...], rows: Rows, marks: str) -> tuple[str, ...]:
    found = [rows.get((option, name)) for name in names]
    return (option, *(_month(one) for one in found), *(_lift(one) for one in found), marks)


def _month(one: Level | None) -> str:
    if one is None or one.monthly_cost_usd is None:
        return "unpriced"
    missed = "" if one.feasible else f", {one.binding.partition(':')[0]}"
    return f"{format_usd(one.monthly_cost_usd)} ({one.replicas}{missed})"


def _lift(one: Level | None) -> str:
    if one is None or one.lift_needed_usd is None:
        return "-"
    return format_usd(one.lift_needed_usd * 1000) if one.lift_needed_usd else "none, cheapest"
