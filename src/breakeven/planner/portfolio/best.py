"""The best portfolio for a load: searched for in every way of placing its tiers, then described line by line."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio.describe import described
from breakeven.planner.portfolio.dispatch import Task
from breakeven.planner.portfolio.load import Duration
from breakeven.planner.portfolio.plant import Plant, Route, plant
from breakeven.planner.portfolio.search import Found, bounds, search, values
from breakeven.planner.portfolio.tiers import Tiers, check, tasks
from breakeven.schema.portfolio import Placing, Portfolio, Unit

EVERYTHING = Tiers()


def best_portfolio(
    load: Duration,
    units: Iterable[Unit],
    *,
    tiers: Tiers = EVERYTHING,
    left_out: Sequence[tuple[str, str]] = (),
) -> Portfolio:
    """The mix with the least cost per useful prediction for a load-duration curve.

    Exact, in whole units, where all choices can be weighed (`gap` 0). Of equal ones the tiers stay together and the
    smaller commitment is taken. The tiers are placed apart only where that is cheaper.

    Raises:
        InfeasibleError: no mix of the units can serve every window.
        ValueError: a unit or the shares of the tiers are impossible.
    """
    check(tiers)
    offered = plant(units, load)
    posed = tasks(load.levels(load.rate_rps.size), tiers)
    found = {placing: search(offered, task) for placing, task in posed.items()}
    placing = min(found, key=lambda one: (_ratio(found[one]), list(found).index(one)))
    best = found[placing]
    if not best.cost_usd < math.inf:
        raise _infeasible(offered, load)
    return described(
        best,
        offered,
        posed[placing],
        load=load,
        tiers=tiers,
        placing=placing,
        together_usd=_cost(found, "together"),
        alone=alone(offered, posed[placing]),
        left_out=(*left_out, *offered.left_out),
    )


def _ratio(found: Found) -> float:
    """USD per useful prediction; the cost itself where nothing is useful."""
    return found.cost_usd / found.useful if found.useful > 0 else found.cost_usd


def _cost(found: dict[Placing, Found], placing: Placing) -> float:
    return found[placing].cost_usd


def alone(offered: Plant, task: Task) -> tuple[tuple[str, float], ...]:
    """USD a month of each committed unit carrying everything, of the burst carrying everything, cheapest first.

    The burst's are named by its units. What stands already (`least`) is paid for in each.
    """
    found: dict[str, float] = {}
    lows, highs = bounds(offered, replace(task, waiting=0.0))
    nothing = Route()
    for at, unit in enumerate(offered.units):
        counts = np.array([lows], dtype=np.int64)
        counts[0, at] = highs[at]
        found[unit.name] = float(values(counts, offered, nothing, task, 0.0)[0])
    for route in offered.routes:
        if route.units:
            name = " + ".join(unit.name for unit in route.units)
            found[name] = float(values(np.array([lows], dtype=np.int64), offered, route, task, 0.0)[0])
    return tuple(
        sorted(((name, cost) for name, cost in found.items() if cost < math.inf), key=lambda one: (one[1], one[0]))
    )


def _infeasible(offered: Plant, load: Duration) -> InfeasibleError:
    carried = sum(size * (unit.most or 0) for size, unit in zip(offered.goodput_rps, offered.units, strict=True))
    unlimited = [unit.name for unit in offered.units if unit.most is None]
    have = "nothing that is unlimited" if not unlimited else ", ".join(unlimited)
    message = (
        f"no mix of {len(offered.units)} committed units and {sum(len(route.units) for route in offered.routes)} that "
        f"follow the load carries its peak of {load.peak_rps:.4g} requests/s: limits allow {carried:.4g}, and {have}"
    )
    return InfeasibleError(message, "offer an API or on-demand, or raise `most`", binding="capacity")
