"""One commitment before the scenario is known: the least expected cost, the least regret, the least tail.

What is committed is the same in every scenario; the burst and what serves first follow the scenario. Where prices do
not differ, the least expected cost is the portfolio of the pooled load: the fractile of all scenarios together.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio.dispatch import Counts, Task, serve
from breakeven.planner.portfolio.load import Array, Duration, duration
from breakeven.planner.portfolio.plant import Plant, plant
from breakeven.planner.portfolio.regret import TAIL, regret_table, tail_cost
from breakeven.planner.portfolio.search import LEVELS, bounds, grid, least
from breakeven.planner.portfolio.tiers import Tiers, tasks
from breakeven.schema.portfolio import RegretTable, Unit, UnitKind

MOST_WEIGHED = 50_000
"""Choices up to which each is weighed in every scenario; beyond, those beside the best of each scenario."""
PORTION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One way things may go: its probability, its load, and factors on the prices of each kind of unit."""

    name: str
    probability: float
    load: Duration
    prices: Mapping[UnitKind, float] = field(default_factory=dict)


def scenarios_of(
    load: Duration,
    levels: Mapping[str, tuple[float, float]],
    *,
    growth: Mapping[str, tuple[float, float]] | None = None,
    prices: Mapping[str, tuple[float, Mapping[UnitKind, float]]] | None = None,
) -> tuple[Scenario, ...]:
    """Every combination of level x growth x prices, each given as (factor or factors, probability by name).

    `levels` and `growth` are name -> (factor of the load, probability), `prices` name -> (probability, factors).
    """
    found = []
    for level, (factor, chance) in levels.items():
        for grown, (times, share) in (growth or {"": (1.0, 1.0)}).items():
            for priced, (odds, factors) in (prices or {"": (1.0, {})}).items():
                name = ", ".join(part for part in (level, grown, priced) if part)
                found.append(
                    Scenario(
                        name=name, probability=chance * share * odds, load=load.scaled(factor * times), prices=factors
                    )
                )
    return tuple(found)


def pooled(scenarios: Sequence[Scenario]) -> Duration:
    """All scenarios as one load, each with its probability."""
    return duration(
        np.concatenate([one.load.rate_rps for one in scenarios]),
        window_s=scenarios[0].load.window_s,
        weights=np.concatenate([one.load.hours * one.probability for one in scenarios]),
        mean_rps=np.concatenate([one.load.rate_rps * one.load.fill for one in scenarios]),
    )


def regret_of(
    units: Iterable[Unit],
    scenarios: Sequence[Scenario],
    *,
    tiers: Tiers | None = None,
    tail_share: float = TAIL,
) -> RegretTable:
    """Commitments worth comparing, in every scenario: the best of each, of each rule, and none at all.

    Costs are of a month. Rows are named by what they commit to. Regret is against the best of all choices weighed.
    Units count as equally useful.

    Raises:
        InfeasibleError: a scenario's load can be served by no mix.
        ValueError: there is no scenario, or their probabilities do not sum to 1.
    """
    if not scenarios:
        message = "a regret table has at least one scenario, got none"
        raise ValueError(message)
    offered = tuple(units)
    placed = tiers or Tiers()
    worlds = [_world(offered, one, placed, LEVELS) for one in scenarios]
    whole = [_world(offered, one, placed, one.load.rate_rps.size) for one in scenarios]
    chances = np.array([one.probability for one in scenarios])
    counts, found = _weighed(worlds)
    _refuse_unserved(found, scenarios)
    lost = found - found.min(axis=0)
    figures = [*found.T, _weighted(found, chances), _tails(found, chances, tail_share), lost.max(axis=1)]
    chosen = [tuple(counts[int(np.argmin(one))].tolist()) for one in figures]
    fixed = worlds[0][0].units
    rows = dict.fromkeys((*chosen, tuple(unit.least for unit in fixed)))
    costs = {_label(row, fixed): [_cost(row, *world) for world in whole] for row in rows}
    return regret_table(costs, [one.name for one in scenarios], chances.tolist(), tail_share=tail_share)


World = tuple[Plant, Task]
"""The units at a scenario's prices, and what they are to serve there."""


def _world(units: Sequence[Unit], scenario: Scenario, tiers: Tiers, levels: int) -> World:
    priced = [_priced(unit, scenario.prices.get(unit.kind, 1.0)) for unit in units]
    posed = tasks(scenario.load.levels(levels), tiers)
    return plant(priced, scenario.load), posed.get("by priority", posed["together"])


def _priced(unit: Unit, factor: float) -> Unit:
    return msgspec.structs.replace(
        unit,
        fixed_usd_per_h=unit.fixed_usd_per_h * factor,
        variable_usd_per_busy_h=unit.variable_usd_per_busy_h * factor,
        usd_per_request=unit.usd_per_request * factor,
    )


def _weighed(worlds: Sequence[World]) -> tuple[Counts, Array]:
    """Choices, and what each costs in every scenario."""
    portions = list(_choices(worlds))
    costs = [np.stack([_least(counts, *world) for world in worlds], axis=1) for counts in portions]
    return np.concatenate(portions), np.concatenate(costs)


def _cost(counts: Sequence[int], offered: Plant, task: Task) -> float | None:
    """What a choice costs; None where it cannot serve."""
    cost = float(_least(np.array([counts], dtype=np.int64), offered, task)[0])
    return None if math.isinf(cost) else cost


def _least(counts: Counts, offered: Plant, task: Task) -> Array:
    """The cost of each choice on its best route."""
    return np.asarray(np.min([serve(counts, offered, route, task).cost_usd for route in offered.routes], axis=0))


def _choices(worlds: Sequence[World]) -> Iterator[Counts]:
    """Every choice up to the highest load, or those between the best of the scenarios where there are too many."""
    limits = [bounds(*world) for world in worlds]
    lows = np.array(limits[0][0], dtype=np.int64)
    highs = np.max([high for _, high in limits], axis=0).astype(np.int64).reshape(lows.shape)
    if math.prod((highs - lows + 1).tolist()) <= MOST_WEIGHED:
        return grid(lows.tolist(), highs.tolist(), PORTION)
    found = np.array([least(*world, 0.0).counts for world in worlds], dtype=np.int64)
    return _between(found, lows, highs)


def _between(found: Counts, lows: NDArray[np.int64], highs: NDArray[np.int64]) -> Iterator[Counts]:
    """Steps on the way from each scenario's best to each other's, and one more and less of each unit there."""
    shares = np.linspace(0, 1, 9)
    ways = [np.rint(one + (other - one) * share) for one in found for other in found for share in shares]
    beside = np.concatenate([np.zeros((1, lows.size)), np.eye(lows.size), -np.eye(lows.size)])
    every = np.unique(np.concatenate([np.asarray(way)[None, :] + beside for way in ways]).astype(np.int64), axis=0)
    every = np.concatenate([np.clip(every, lows, highs), lows[None, :]])
    for start in range(0, len(every), PORTION):
        yield every[start : start + PORTION]


def _weighted(costs: Array, chances: Array) -> Array:
    used = chances > 0
    return np.asarray(costs[:, used] @ chances[used])


def _tails(costs: Array, chances: Array, tail_share: float) -> Array:
    return np.array([tail_cost(row, chances.tolist(), tail_share) for row in costs.tolist()])


def _label(counts: Sequence[int], units: Sequence[Unit]) -> str:
    held = [f"{count} {unit.name}" for count, unit in zip(counts, units, strict=True) if count]
    return " + ".join(held) or "no commitment"


def _refuse_unserved(costs: Array, scenarios: Sequence[Scenario]) -> None:
    for at, scenario in enumerate(scenarios):
        if not np.isfinite(costs[:, at]).any():
            message = f"scenario {scenario.name!r}: no mix carries its peak of {scenario.load.peak_rps:.4g} requests/s"
            raise InfeasibleError(message, "offer an API or on-demand, or raise `most`", binding="capacity")
