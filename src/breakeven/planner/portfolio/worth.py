"""Whether holding a mix is worth the trouble of holding several things."""

from __future__ import annotations

from breakeven.schema.plan import Plan
from breakeven.schema.portfolio import Portfolio

WORTH_IT = 0.01
"""A mix that saves less than this share of the month is not proposed in place of one deployment. Assumed."""


def cheaper_mix(plan: Plan) -> bool:
    """Whether the plan's mix has several parts and costs less by more than a hundredth than its choice alone."""
    return plan.portfolio is not None and saves(plan.portfolio, plan)


def saves(mix: Portfolio, plan: Plan) -> bool:
    """The same of a mix that is given."""
    own = next(option for option in plan.options if option.name == plan.chosen).monthly_cost_usd
    return own is not None and len(mix.parts) > 1 and mix.monthly_usd < own * (1 - WORTH_IT)
