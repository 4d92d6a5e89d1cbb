"""What an entry of the decision log says of a plan: its inputs by hash, the best alternatives, the promises."""

from __future__ import annotations

import hashlib

import msgspec

from breakeven.schema.decision import Alternative, Decision, DecisionKind
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Option, Plan

MOST_ALTERNATIVES = 5


def of_plan(plan: Plan, kind: DecisionKind, *, time_s: float, files: dict[str, str] | None = None) -> Decision:
    """An entry about a plan, still without id and place in the chain.

    Args:
        plan: that is decided on.
        kind: what is done with it.
        time_s: when, in Unix seconds.
        files: SHA-256 of the files it was made from or is put into, by name.
    """
    return Decision(
        id="",
        previous="",
        kind=kind,
        time_s=time_s,
        plan_id=plan.id,
        use_case=plan.use_case,
        inputs=inputs(plan) | (files or {}),
        facts_as_of=plan.as_of,
        seed=plan.seed,
        chosen=plan.chosen,
        alternatives=alternatives(plan),
        predicted=plan.promises,
        reason=plan.reason,
    )


def inputs(plan: Plan) -> dict[str, str]:
    """SHA-256 of what the plan was computed from: demand, targets, and the facts it rests on."""
    facts = msgspec.json.encode(plan.facts, order="sorted")
    return {
        "workload": _hash(plan.workload),
        "objective": _hash(plan.objective),
        "facts": hashlib.sha256(facts).hexdigest(),
    }


def alternatives(plan: Plan) -> tuple[Alternative, ...]:
    """The chosen option, then the best of the others in the plan's order."""
    chosen = [option for option in plan.options if option.name == plan.chosen]
    others = [option for option in plan.options if option.name != plan.chosen]
    return tuple(_alternative(option) for option in [*chosen, *others][:MOST_ALTERNATIVES])


def _alternative(option: Option) -> Alternative:
    return Alternative(
        option=option.name,
        placement=option.placement,
        feasible=option.feasible,
        monthly_cost_usd=option.monthly_cost_usd,
        cost_per_useful_prediction_usd=option.cost_per_useful_prediction_usd,
        binding=option.binding,
    )


def _hash(noun: Noun) -> str:
    return hashlib.sha256(msgspec.json.encode(noun, order="sorted")).hexdigest()
