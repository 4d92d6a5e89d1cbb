"""The best options at low, medium and peak load: what each takes there, and the lift that would pay for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from breakeven.planner.candidate import Candidate
from breakeven.planner.question import FACTORS, Question
from breakeven.planner.search.weighing import weighed_with
from breakeven.planner.weigh import Scales, at_load
from breakeven.schema.plan import Level, Option

MOST_SHOWN = 4


def levels(
    chosen: Option, options: Sequence[Option], weighed: Sequence[Candidate], scales: Scales
) -> tuple[Level, ...]:
    """The chosen option, its nearest rivals and the cheapest API, each weighed again at every level.

    Options that may be sized are sized anew; those that stand keep their replicas, and may miss their targets at peak.
    """
    shown = compared(chosen, options)
    candidates = [one for one in weighed if one.name in shown]
    found: list[Level] = []
    for name, factor in FACTORS.items():
        scaled = at_load(scales, factor)
        again = [weighed_with(one, scaled) for one in candidates]
        found.extend(_rows(name, factor, scaled.question, sorted(again, key=lambda option: shown.index(option.name))))
    return tuple(found)


def compared(chosen: Option, options: Sequence[Option]) -> tuple[str, ...]:
    """Names of the options worth comparing: the chosen one, its rivals by cost, the cheapest API and one bought."""
    feasible = [option for option in options if option.feasible and option.name != chosen.name]
    ranked = sorted(feasible, key=lambda option: (option.cost_per_useful_prediction_usd or 0.0, option.name))
    apis = _cheapest(options, lambda option: option.placement == "api")
    bought = _cheapest(options, lambda option: option.bill.capex_usd > 0)
    wanted = [chosen, *ranked[: MOST_SHOWN - 1], *apis, *bought]
    return tuple(dict.fromkeys(option.name for option in wanted))


def _cheapest(options: Sequence[Option], among: Callable[[Option], bool]) -> list[Option]:
    priced = [option for option in options if among(option) and option.monthly_cost_usd]
    return sorted(priced, key=lambda option: (not option.feasible, option.monthly_cost_usd or 0.0, option.name))[:1]


def _rows(name: str, factor: float, question: Question, options: Sequence[Option]) -> list[Level]:
    unit = {option.name: option.cost_per_useful_prediction_usd for option in options}
    known = [cost for cost in unit.values() if cost is not None]
    least = min(known, default=None)
    return [
        Level(
            name=name,
            factor=factor,
            rate_rps=question.workload.rate_mean_rps,
            option=option.name,
            replicas=option.deployment.replicas,
            feasible=option.feasible,
            monthly_cost_usd=option.monthly_cost_usd,
            cost_per_useful_prediction_usd=unit[option.name],
            lift_needed_usd=_lift(unit[option.name], least),
            binding=option.binding,
        )
        for option in options
    ]


def _lift(cost: float | None, least: float | None) -> float | None:
    return None if cost is None or least is None else cost - least
