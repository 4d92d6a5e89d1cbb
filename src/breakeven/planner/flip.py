"""What would change the decision: the price, volume, measurement and growth at which another option wins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.planner.against import cheapest_api
from breakeven.quantity import SECONDS_PER_MONTH, format_count, format_usd
from breakeven.schema.plan import Option
from breakeven.schema.workload import Workload

MOST_EXCLUDED = 3
"""Cheaper options that are excluded and named."""


def flips(chosen: Option, options: Sequence[Option], workload: Workload) -> tuple[str, ...]:
    """Sentences, the likeliest first: runner-up's price, volume, excluded but cheaper options, growth."""
    others = [option for option in options if option.name != chosen.name]
    return (
        *_not_set_up(chosen, others),
        *_runner_up(chosen, others, workload),
        *_volume(chosen, others, workload),
        *_excluded(chosen, others),
        *_growth(chosen, workload),
    )


def standing_flips(chosen: Option, options: Sequence[Option], workload: Workload) -> tuple[str, ...]:
    """Of these sentences the ones that no joint draw makes better: what is excluded, or outgrown."""
    others = [option for option in options if option.name != chosen.name]
    return (*_excluded(chosen, others), *_growth(chosen, workload))


def winning_monthly_usd(rival: Option, chosen: Option, workload: Workload) -> float | None:
    """The monthly cost at which the rival's unit cost equals the chosen one's; None without both."""
    unit, useful = chosen.cost_per_useful_prediction_usd, rival.useful_share
    if unit is None or useful is None:
        return None
    return unit * workload.rate_mean_rps * SECONDS_PER_MONTH * useful


def _not_set_up(chosen: Option, others: Sequence[Option]) -> Iterator[str]:
    """Better options that could not be chosen, because they do not stand yet."""
    better = [option for option in others if option.feasible and _unit(option) < _unit(chosen)]
    for option in sorted(better, key=lambda one: (_unit(one), one.name))[:1]:
        saved = format_usd((chosen.monthly_cost_usd or 0.0) - (option.monthly_cost_usd or 0.0))
        yield f"{option.name} meets the objective for {saved} a month less, once it is set up."


def _unit(option: Option) -> float:
    return option.cost_per_useful_prediction_usd or 0.0


def _runner_up(chosen: Option, others: Sequence[Option], workload: Workload) -> Iterator[str]:
    feasible = [option for option in others if option.feasible and _unit(option) >= _unit(chosen)]
    rival = min(feasible, key=lambda option: (_unit(option), option.name), default=None)
    if rival is None:
        return
    at, now = winning_monthly_usd(rival, chosen, workload), rival.monthly_cost_usd
    if at is None or not now:
        return
    fall = f"below {format_usd(at)} a month (now {format_usd(now)}, {at / now - 1:+.0%})"
    yield f"{rival.name} wins if it costs {fall}, or if {chosen.name} rises by as much."


def _volume(chosen: Option, others: Sequence[Option], workload: Workload) -> Iterator[str]:
    """Where capacity and an API cost the same; an API's cost follows the volume, capacity's does not."""
    volume = workload.rate_mean_rps * SECONDS_PER_MONTH
    cheapest = cheapest_api(others)
    if cheapest is None or chosen.placement == "api" or not chosen.monthly_cost_usd or volume <= 0:
        return
    crossing = chosen.monthly_cost_usd / ((cheapest.monthly_cost_usd or 0.0) / volume)
    though = "" if cheapest.feasible else f", once it is not excluded by '{cheapest.binding}'"
    direction = "below" if crossing < volume else "up to"
    at = f"{direction} {format_count(crossing)} requests a month (now {format_count(volume)})"
    yield f"{cheapest.name} costs less {at}{though}."


def _excluded(chosen: Option, others: Sequence[Option]) -> Iterator[str]:
    cost = chosen.monthly_cost_usd or 0.0
    named = cheapest_api(others)
    priced = [o for o in others if not o.feasible and o.monthly_cost_usd is not None and o != named]
    cheaper = [option for option in priced if (option.monthly_cost_usd or 0.0) < cost]
    cheaper.sort(key=lambda option: (option.monthly_cost_usd or 0.0, option.name))
    for option in cheaper[:MOST_EXCLUDED]:
        saved = format_usd(cost - (option.monthly_cost_usd or 0.0))
        yield f"{option.name} costs {saved} a month less and is excluded by '{option.binding}'."


def _growth(chosen: Option, workload: Workload) -> Iterator[str]:
    speed = chosen.performance
    if speed is None or not speed.max_goodput_rps.value or chosen.placement == "api":
        return
    carried = speed.max_goodput_rps.value * (chosen.deployment.replicas - chosen.spare_replicas)
    if carried > workload.rate_p95_rps > 0:
        factor = carried / workload.rate_p95_rps
        yield f"Demand above {carried:.3g} requests/s, {factor:.2g} times today's p95, needs another replica."
