"""Units sorted into what is committed and the routes a burst can take, with their prices as arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.planner.portfolio.load import Array, Duration
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.portfolio import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a burst goes: at most one spot type, one on-demand type and one API, in this order."""

    spot: Unit | None = None
    on_demand: Unit | None = None
    api: Unit | None = None

    @property
    def units(self) -> tuple[Unit, ...]:
        """Those that there are."""
        return tuple(unit for unit in (self.spot, self.on_demand, self.api) if unit is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plant:
    """What can be committed to, and every route of the burst."""

    units: tuple[Unit, ...]
    routes: tuple[Route, ...]
    left_out: tuple[tuple[str, str], ...] = ()

    @property
    def goodput_rps(self) -> Array:
        """Of one unit of each, in requests/s."""
        return np.array([unit.goodput_rps for unit in self.units], dtype=np.float64)

    @property
    def fixed_usd_per_h(self) -> Array:
        """Of one unit of each."""
        return np.array([unit.fixed_usd_per_h for unit in self.units], dtype=np.float64)

    @property
    def spare(self) -> NDArray[np.int64]:
        """Units that stand by where one is had."""
        return np.array([unit.spare for unit in self.units], dtype=np.int64)


def marginal(unit: Unit) -> float:
    """USD that one more request costs on a unit that runs: its price, or its share of the variable cost of an hour."""
    if unit.goodput_rps is None:
        return unit.usd_per_request
    return unit.usd_per_request + unit.variable_usd_per_busy_h / (SECONDS_PER_HOUR * unit.goodput_rps)


def full(unit: Unit) -> float:
    """USD a request on a unit that is busy all the time."""
    fixed = 0.0 if unit.goodput_rps is None else unit.fixed_usd_per_h / (SECONDS_PER_HOUR * unit.goodput_rps)
    return fixed + marginal(unit)


def usd_per_rps_h(unit: Unit, fill: float) -> float:
    """USD for carrying 1 request/s for an hour on a busy unit; of that rate, `fill` comes."""
    return SECONDS_PER_HOUR * (full(unit) - marginal(unit) + marginal(unit) * fill)


def useful(unit: Unit) -> float:
    """Share of a unit's answers that are in time and useful."""
    return unit.useful_share


def plant(units: Iterable[Unit], load: Duration) -> Plant:
    """The units that can serve a load, sorted.

    Spot that cannot follow the load's windows is left out, with the reason; on-demand that cannot is held all month.

    Raises:
        ValueError: two units share a name, or a figure of one is impossible.
    """
    given = tuple(units)
    names = [unit.name for unit in given]
    if len(set(names)) < len(names):
        message = f"units of a portfolio have different names, got {names}"
        raise ValueError(message)
    for unit in given:
        _check(unit)
    able = settled(given, load)
    left = tuple(
        (unit.name, f"lead time: {unit.lead_s:g} s > windows of {load.window_s:g} s")
        for unit in given
        if unit.name not in {one.name for one in able}
    )
    follow = [unit for unit in able if not unit.committed]
    return Plant(units=tuple(unit for unit in able if unit.committed), routes=_routes(follow), left_out=left)


def settled(units: Iterable[Unit], load: Duration) -> tuple[Unit, ...]:
    """The units with on-demand held all month where it is too slow for the load's windows, without spot that is."""
    found = []
    for unit in units:
        slow = not unit.committed and unit.lead_s > load.window_s
        if not slow:
            found.append(unit)
        elif unit.kind == "on_demand":
            found.append(msgspec.structs.replace(unit, held=True))
    return tuple(found)


def _routes(units: Sequence[Unit]) -> tuple[Route, ...]:
    """Every choice of one of each kind; APIs that another beats in price and in useful answers are never taken."""
    spot, rented, apis = ([unit for unit in units if unit.kind == kind] for kind in ("spot", "on_demand", "api"))
    kept = [one for one in apis if not any(_beats(other, one) for other in apis)]
    every = product(_or_none(spot), _or_none(rented), _or_none(kept))
    return tuple(Route(spot=one, on_demand=two, api=three) for one, two, three in every)


def _or_none(units: Sequence[Unit]) -> tuple[Unit | None, ...]:
    return tuple(units) or (None,)


def _beats(other: Unit, one: Unit) -> bool:
    ahead = (other.usd_per_request, -useful(other), other.name) < (one.usd_per_request, -useful(one), one.name)
    return ahead and useful(other) >= useful(one)


def _check(unit: Unit) -> None:
    figures = (unit.fixed_usd_per_h, unit.variable_usd_per_busy_h, unit.usd_per_request, unit.lead_s)
    shares = (unit.most_share, unit.attainment, unit.useful_share)
    sized = unit.kind == "api" if unit.goodput_rps is None else unit.goodput_rps > 0
    counts = (unit.least, unit.spare, unit.replicas - 1, unit.least if unit.most is None else unit.most - unit.least)
    if not all(math.isfinite(figure) and figure >= 0 for figure in figures) or not sized:
        message = (
            f"unit {unit.name!r} needs prices and a lead time >= 0 and, unless it is an API, a goodput > 0, "
            f"got {figures} and {unit.goodput_rps}"
        )
        raise ValueError(message)
    if not all(0 <= share <= 1 for share in shares) or min(counts) < 0:
        message = (
            f"unit {unit.name!r}: shares lie in 0..1 and 0 <= least <= most, got {shares}, {unit.least}, {unit.most}"
        )
        raise ValueError(message)
    if not unit.committed and (unit.least or unit.most is not None):
        message = f"unit {unit.name!r} follows the load: it has no least or most, got {unit.least} and {unit.most}"
        raise ValueError(message)
