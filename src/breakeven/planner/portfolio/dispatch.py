"""What a number of committed units costs for a load: what they serve, and the cheapest burst for the rest.

In each window what is committed serves first, the lowest cost of a further request before the others; the rest goes to
spot (within its share), on-demand (whole units, as many as are cheapest) and the API. Work that may wait fills idle
committed hours, and what is left of it runs on the cheapest unit that is kept busy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.portfolio.load import Array, Duration
from breakeven.planner.portfolio.plant import Plant, Route, full, marginal, useful
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR
from breakeven.schema.portfolio import Unit

Counts = NDArray[np.int64]
"""Numbers of each committed unit: choices x units."""

WHOLE = 1e-9
"""A need this close to a whole number of units, as a share of one, is that number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What is to be served: the windows that cannot wait, the share of them that spot may take, and what may wait.

    `covered_share` is the further share that spot may take where the route has on-demand to fall back on. Both are of
    the spot's own `most_share`, `free_share` is not limited by it. `waiting` are requests a month.
    """

    firm: Duration
    free_share: float = 0.0
    open_share: float = 1.0
    covered_share: float = 0.0
    waiting: float = 0.0

    def spot_share(self, route: Route) -> float:
        """The share of each window that the route's spot may serve."""
        if route.spot is None:
            return 0.0
        covered = self.covered_share if route.on_demand is not None else 0.0
        return min(1.0, self.free_share + (self.open_share + covered) * route.spot.most_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What each source does: rates in requests/s and units, and per choice the requests that waited, money, and use.

    `committed` are choices x windows. The burst depends on the sum of what is committed alone: its arrays have a row
    for each such sum, and `row` says which is a choice's.
    """

    committed: tuple[Array, ...]
    row: NDArray[np.intp]
    spot: Array
    on_demand: Array
    api: Array
    spot_units: Array
    on_demand_units: Array
    waiting: tuple[tuple[str, Array], ...]
    cost_usd: Array
    useful: Array


def serve(counts: Counts, plant: Plant, route: Route, task: Task, worth: float = 0.0) -> Served:
    """The dispatch of each choice. `worth` (USD per useful prediction) is taken off what a request costs when ordering.

    A choice that cannot serve everything costs infinity.
    """
    rate = np.broadcast_to(task.firm.rate_rps, (len(counts), task.firm.rate_rps.size))
    committed = _committed(counts, plant, rate, worth)
    carried, row = np.unique(np.round(counts @ plant.goodput_rps, 9), return_inverse=True)
    left = np.maximum(task.firm.rate_rps - carried[:, None], 0.0)
    burst = _burst(left, task.spot_share(route) * task.firm.rate_rps, route, task.firm, worth)
    idle = [
        np.maximum(counts[:, [at]] * size - committed[at], 0.0) @ task.firm.hours * SECONDS_PER_HOUR
        for at, size in enumerate(plant.goodput_rps)
    ]
    waiting = _waiting(np.full(len(counts), task.waiting), idle, plant, route, worth)
    return _sum(counts, plant, route, task.firm, (committed, row.reshape(-1), burst, waiting))


def _committed(counts: Counts, plant: Plant, rate: Array, worth: float) -> tuple[Array, ...]:
    """What each committed unit serves."""
    served = [np.zeros_like(rate)] * len(plant.units)
    for at in _merit(plant, worth):
        served[at] = np.minimum(rate, counts[:, [at]] * plant.goodput_rps[at])
        rate = rate - served[at]
    return tuple(served)


def _merit(plant: Plant, worth: float) -> list[int]:
    return sorted(range(len(plant.units)), key=lambda at: (_net(plant.units[at], worth), at))


def _net(unit: Unit, worth: float) -> float:
    return marginal(unit) - worth * useful(unit)


Burst = tuple[Array, Array, Array, Array, Array, Array]
"""Rates of spot, on-demand and API; units of spot and on-demand; 0, or infinity where something is not served."""


def _burst(left: Array, cap: Array, route: Route, firm: Duration, worth: float) -> Burst:
    """The cheapest burst of each window, over every number of spot units."""
    per_h = firm.fill * SECONDS_PER_HOUR
    most = _most(np.minimum(left, cap), route.spot)
    best: list[Array] = []
    least = np.full_like(left, np.inf)
    for spots in range(most + 1):
        size = 0.0 if route.spot is None else spots * (route.spot.goodput_rps or 0.0)
        by_spot = np.minimum(np.minimum(left, cap), size)
        own = _hourly(route.spot, np.full_like(left, spots), by_spot, per_h, worth)
        for rented in _rented(left - by_spot, route):
            by_rent = _carried(left - by_spot, rented, route.on_demand)
            rest = left - by_spot - by_rent
            cost = own + _hourly(route.on_demand, rented, by_rent, per_h, worth) + _bought(rest, route, per_h, worth)
            found = (by_spot, by_rent, rest, np.full_like(left, spots), rented)
            better = cost < least
            best = (
                list(found) if not best else [np.where(better, new, old) for new, old in zip(found, best, strict=True)]
            )
            least = np.minimum(least, cost)
    spot, on_demand, api, spot_units, rent_units = best
    missing = np.where(np.isinf(least).any(axis=1), np.inf, 0.0)
    return spot, on_demand, api, spot_units, rent_units, missing


def _most(need: Array, unit: Unit | None) -> int:
    if unit is None or need.size == 0:
        return 0
    return math.ceil(float(need.max()) / (unit.goodput_rps or math.inf) - WHOLE)


def _rented(rest: Array, route: Route) -> tuple[Array, ...]:
    """None, all that are full, or one more: between them the cost is linear in the number."""
    if route.on_demand is None:
        return (np.zeros_like(rest),)
    exact = rest / (route.on_demand.goodput_rps or math.inf)
    whole = np.ceil(exact - WHOLE)
    if route.api is None:
        return (whole,)
    return (np.zeros_like(rest), np.minimum(np.floor(exact + WHOLE), whole), whole)


def _carried(rest: Array, units: Array, unit: Unit | None) -> Array:
    if unit is None:
        return np.zeros_like(rest)
    size = unit.goodput_rps or 0.0
    return np.where(rest <= units * size * (1 + WHOLE) + WHOLE * size * (units > 0), rest, units * size)


def _hourly(unit: Unit | None, units: Array, rate: Array, per_h: Array, worth: float) -> Array:
    if unit is None:
        return np.zeros_like(rate)
    paid = units + np.where(units > 0, unit.spare, 0)
    return paid * unit.fixed_usd_per_h + rate * per_h * _net(unit, worth)


def _bought(rest: Array, route: Route, per_h: Array, worth: float) -> Array:
    if route.api is None:
        return np.where(rest > 0, np.inf, 0.0)
    return rest * per_h * _net(route.api, worth)


def _waiting(
    left: Array, idle: list[Array], plant: Plant, route: Route, worth: float
) -> tuple[tuple[tuple[str, Array], ...], Array]:
    """Requests that may wait, by unit, and the cost of the busy ones among them, infinite where nothing serves them."""
    flat = min(route.units, key=lambda unit: (full(unit) - worth * useful(unit), unit.name), default=None)
    price = math.inf if flat is None else full(flat) - worth * useful(flat)
    taken: list[tuple[str, Array]] = []
    for at in _merit(plant, worth):
        if _net(plant.units[at], worth) <= price:
            filled = np.minimum(left, idle[at])
            taken.append((plant.units[at].name, filled))
            left = left - filled
    if flat is None:
        return tuple(taken), np.where(left > WHOLE, np.inf, 0.0)
    taken.append((flat.name, left))
    return tuple(taken), left * (full(flat) - marginal(flat))


def _sum(
    counts: Counts,
    plant: Plant,
    route: Route,
    firm: Duration,
    found: tuple[tuple[Array, ...], NDArray[np.intp], Burst, tuple[tuple[tuple[str, Array], ...], Array]],
) -> Served:
    """Money and useful predictions of a month."""
    committed, row, (spot, rent, api, spot_units, rent_units, missing), (waiting, busy) = found
    paid = counts + np.where(counts > 0, plant.spare, 0)
    cost = missing[row] + busy + paid @ plant.fixed_usd_per_h * HOURS_PER_MONTH
    right = np.zeros(len(counts))
    requests = {unit.name: rate @ firm.requests_per_rps for unit, rate in zip(plant.units, committed, strict=True)}
    for unit, rate, units in (
        (route.spot, spot, spot_units),
        (route.on_demand, rent, rent_units),
        (route.api, api, None),
    ):
        if unit is not None:
            requests[unit.name] = (rate @ firm.requests_per_rps)[row]
        if unit is not None and units is not None:
            cost = cost + ((units + np.where(units > 0, unit.spare, 0)) @ firm.hours * unit.fixed_usd_per_h)[row]
    for unit in (*plant.units, *route.units):
        total = requests[unit.name] + sum(count for name, count in waiting if name == unit.name)
        cost = cost + total * marginal(unit)
        right = right + total * useful(unit)
    return Served(
        committed=committed,
        row=row,
        spot=spot,
        on_demand=rent,
        api=api,
        spot_units=spot_units,
        on_demand_units=rent_units,
        waiting=waiting,
        cost_usd=cost,
        useful=right,
    )
