"""The choice of a program in which the burst is divisible: where to start from, and a cost nothing goes below."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakeven.cost.hybrid.market import market
from breakeven.cost.hybrid.mix import best_of
from breakeven.cost.hybrid.offers import Commitment, Spot
from breakeven.errors import UsageError
from breakeven.planner.portfolio.dispatch import Task
from breakeven.planner.portfolio.plant import Plant, Route, marginal, usd_per_rps_h
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR

STRETCHES = 200
"""Equal stretches that the load is cut into; each stands for its mean, so that its cost is a bound from below."""
CLOSE = 1e-4
NEVER = 1e3
"""A price this many times the dearest one stands for a burst that cannot be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """Numbers of each committed unit, and a month's cost in USD below which no choice comes."""

    counts: NDArray[np.int64]
    floor_usd: float


def relaxed(plant: Plant, route: Route, task: Task) -> Relaxed | None:
    """The cheapest mix on one route for what cannot wait; None without scipy, the extra `plan`."""
    fill = task.firm.mean_fill
    offers = [
        Commitment(
            name=unit.name,
            usd_per_machine_h=unit.fixed_usd_per_h,
            units_per_machine=unit.goodput_rps or math.inf,
            most=unit.most,
            used_usd_per_unit_h=marginal(unit) * SECONDS_PER_HOUR * fill,
        )
        for unit in plant.units
    ]
    prices = [usd_per_rps_h(unit, fill) for unit in (route.on_demand, route.api) if unit is not None]
    dearest = max(usd_per_rps_h(unit, fill) for unit in (*plant.units, *route.units))
    spot = None
    if route.spot is not None:
        spot = Spot(usd_per_unit_h=usd_per_rps_h(route.spot, fill), most_share=task.spot_share(route))
    offered = market(offers, min(prices, default=NEVER * dearest), spot, periods=1, hours_per_period=STRETCHES)
    try:
        mix = best_of(offered, task.firm.equal(STRETCHES)[None, :], STRETCHES, CLOSE)
    except UsageError:
        return None
    counts = np.array([part.machines[0] for part in mix.parts if part.machines], dtype=np.int64)
    return Relaxed(counts=counts, floor_usd=mix.bound_usd * HOURS_PER_MONTH / STRETCHES)
