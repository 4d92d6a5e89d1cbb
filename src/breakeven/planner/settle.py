"""The choice once everything may turn out otherwise: the option that is expected to cost least over the draws.

What is cheapest as predicted may stand on the edge of its capacity. Over the joint draws of speed, demand, prices and
use the option with the least expected regret is the stochastic optimum; without doubt it is the cheapest as predicted.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from breakeven.planner.choose import choose
from breakeven.planner.question import Question
from breakeven.quantity import format_usd
from breakeven.schema.doubt import Doubt, Fate
from breakeven.schema.fact import Fact
from breakeven.schema.plan import Option, Plan

Told = tuple[Doubt, tuple[Fact, ...]]
Doubted = Callable[[str], Told]
"""The joint draws about a choice of that name."""


def settled(plan: Plan, question: Question, doubt: Doubted, among: Collection[str] | None) -> tuple[Plan, Told]:
    """The plan with the least expected regret chosen, and the draws about that choice; `among` as in `choose`."""
    told = doubt(plan.chosen)
    better = _least(told[0], plan, among)
    if better == plan.chosen:
        return plan, told
    return _rechosen(plan, question, told[0], better), doubt(better)


def _least(doubt: Doubt, plan: Plan, among: Collection[str] | None) -> str:
    """The allowed option of least expected regret; as long as they are alike, the one that was chosen."""
    feasible = {option.name for option in plan.options if option.feasible}
    allowed = [one for one in doubt.fates if one.option in feasible and (among is None or one.option in among)]
    order = {option.name: place for place, option in enumerate(plan.options)}
    found = min(allowed, key=lambda one: (one.expected_regret_usd, order[one.option]), default=None)
    return plan.chosen if found is None else found.option


def _rechosen(plan: Plan, question: Question, doubt: Doubt, name: str) -> Plan:
    asked = msgspec.structs.replace(question, objective=plan.objective)
    found = choose(
        plan.options,
        asked,
        plan.facts,
        as_of=plan.as_of,
        seed=plan.seed,
        assumptions=plan.assumptions,
        among={name},
    )
    kept = ("candidates", "simulated", "rejected", "rejected_by")
    return msgspec.structs.replace(
        found, reason=_reason(plan, doubt, name), **{field: getattr(plan, field) for field in kept}
    )


def _reason(plan: Plan, doubt: Doubt, name: str) -> str:
    fates = {one.option: one for one in doubt.fates}
    options = {one.name: one for one in plan.options}
    first, wins = options[plan.chosen], options[name]
    spared = fates[first.name].expected_regret_usd - fates[name].expected_regret_usd
    return (
        f"{name} serves {plan.use_case} for {_cost(wins)}. {first.name} is cheaper as predicted, {_cost(first)}, and "
        f"expected to cost {format_usd(spared)} more over {doubt.horizon_months} months: speed, demand and prices may "
        f"turn out otherwise, and it is best in {_often(fates[first.name])} of the draws, {name} in "
        f"{_often(fates[name])}."
    )


def _cost(option: Option) -> str:
    each = format_usd(option.cost_per_useful_prediction_usd)
    return f"{each} per prediction, {format_usd(option.monthly_cost_usd)} a month"


def _often(fate: Fate) -> str:
    return f"{fate.p_best:.0%}"
