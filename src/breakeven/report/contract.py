"""What `plan --json` prints: the contract for scripts. Same inputs and seed, same bytes, apart from `cpu_s`."""

from __future__ import annotations

import msgspec

from breakeven.report.plain import JsonObject, noun_json, plan_json
from breakeven.schema.plan import Level, Plan

LEVELS = ("low", "medium", "peak")


def plan_contract(plan: Plan, *, policy: str | None, memo: str, cpu_s: float) -> JsonObject:
    """The plan with its figures at three loads, the interval of its cost, what it rejected, and what was written."""
    return {
        **plan_json(plan),
        "mix": _mix(plan),
        "low_medium_peak": {name: _level(plan, name) for name in LEVELS},
        "interval": _interval(plan),
        "rejected": [noun_json(one) for one in plan.rejected],
        "cpu_s": round(cpu_s, 3),
        "policy_path": policy,
        "memo_path": memo,
    }


def _mix(plan: Plan) -> JsonObject | None:
    """The mix where it has several parts: as `chosen` its cost and money, and what its parts are held to."""
    if plan.mix is msgspec.UNSET or plan.portfolio is None:
        return None
    return {
        "cost_per_useful_prediction_usd": plan.portfolio.cost_per_useful_prediction_usd,
        "monthly_cost_usd": plan.portfolio.monthly_usd,
        **noun_json(plan.mix),
    }


def _level(plan: Plan, name: str) -> JsonObject | None:
    """The chosen option at a load, and which option is best there."""
    rows = [level for level in plan.levels if level.name == name]
    own = next((level for level in rows if level.option == plan.chosen), None)
    return None if own is None else {**noun_json(own), "best": _best(rows)}


def _best(rows: list[Level]) -> str | None:
    priced = [level for level in rows if level.cost_per_useful_prediction_usd is not None]
    return (
        min(priced, key=lambda level: (level.cost_per_useful_prediction_usd or 0.0, level.option)).option
        if priced
        else None
    )


def _interval(plan: Plan) -> JsonObject | None:
    """Of the chosen option's cost per useful prediction over the horizon, from the joint draws."""
    return None if plan.doubt is None else noun_json(plan.doubt.interval)
