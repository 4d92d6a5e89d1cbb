"""Which of a plan's options people see; all of them stay in the plan's file."""

from __future__ import annotations

from breakeven.schema.plan import Option, Plan

OWN = frozenset({"edge", "provisioned"})
MOST_SHOWN, MOST_WHOLE = 12, 16
"""More options than the latter are cut to so many of the best."""


def shown_options(plan: Plan) -> tuple[Option, ...]:
    """All where they are few; else the best that meet the objective, the chosen one, and the best of each place.

    The user's own units and devices are always among them.
    """
    if len(plan.options) <= MOST_WHOLE:
        return plan.options
    best = [option for option in plan.options if option.feasible][:MOST_SHOWN]
    places = {option.placement: option for option in reversed(plan.options)}
    own = [option for option in plan.options if option.placement in OWN]
    wanted = {option.name for option in (*best, *own, *places.values())} | {plan.chosen}
    return tuple(option for option in plan.options if option.name in wanted)
