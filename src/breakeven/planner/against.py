"""When owning pays back, and from which volume it is cheaper than an API."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from breakeven.cost.crossing import break_even_months, break_even_volume
from breakeven.planner.question import Question
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.plan import Option


def with_break_even(options: Sequence[Option], question: Question) -> tuple[Option, ...]:
    """The options, owned ones with break-even months, those with capacity of their own with a break-even volume."""
    return tuple(
        msgspec.structs.replace(
            option,
            break_even_months=_months(option, options, question),
            break_even_volume_per_month=_volume(option, options, question),
        )
        for option in options
    )


def rented(options: Sequence[Option]) -> Option | None:
    """The cheapest option that meets the objective and is not bought."""
    rivals = [option for option in options if option.feasible and option.bill.capex_usd == 0]
    return min(rivals, key=_monthly, default=None)


def cheapest_api(options: Sequence[Option]) -> Option | None:
    """The cheapest priced API, whether or not its latency is known."""
    rivals = [option for option in options if option.placement == "api" and option.monthly_cost_usd]
    return min(rivals, key=_monthly, default=None)


def _monthly(option: Option) -> tuple[float, str]:
    return option.monthly_cost_usd or 0.0, option.name


def _months(option: Option, options: Sequence[Option], question: Question) -> float | None:
    """Purchase / (rent a month - cash cost a month), within the horizon; None is never, or not bought."""
    rival = rented(options)
    if rival is None or option.bill.capex_usd <= 0 or option.monthly_cost_usd is None:
        return None
    horizon = question.objective.horizon_months
    bill = option.bill
    return break_even_months(bill.capex_usd, bill.cash_opex_usd, rival.monthly_cost_usd or 0.0, horizon=horizon)


def _volume(option: Option, options: Sequence[Option], question: Question) -> float | None:
    """Monthly cost / API cost per request, within what the replicas carry; None beyond it, or for an API."""
    rival, cost = cheapest_api(options), option.monthly_cost_usd
    if rival is None or option.placement == "api" or not cost or question.monthly_predictions <= 0:
        return None
    volume = break_even_volume(cost, 0.0, (rival.monthly_cost_usd or 0.0) / question.monthly_predictions)
    return volume if volume is not None and volume <= _carried(option, question) else None


def _carried(option: Option, question: Question) -> float:
    """Requests a month the option's replicas sustain at the objective; today's volume where that is not known."""
    speed = option.performance
    if speed is None or not speed.max_goodput_rps.value:
        return question.monthly_predictions
    return speed.max_goodput_rps.value * option.deployment.replicas * SECONDS_PER_MONTH
