"""The cheapest numbers of committed units: every one where they are few, else a program's answer improved by steps.

Minimum cost per useful prediction is a ratio. Where units differ in how many answers are useful it is found by
Dinkelbach's method: the least cost - worth x useful, with the last answer's ratio as the worth, until it stays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.portfolio.dispatch import Counts, Task, serve
from breakeven.planner.portfolio.load import Array
from breakeven.planner.portfolio.plant import Plant, Route, useful
from breakeven.planner.portfolio.relaxed import Relaxed, relaxed
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR

TIE = 1e-12
"""Relative difference below which two costs are the same: then the smaller commitment is the answer."""
CELLS = 300_000
"""Choices x windows that are weighed at once."""
MOST_CELLS = 20_000_000
"""Choices x windows x ways to serve each, up to which every choice is weighed on every window."""
MOST_CHOICES = 200_000
"""Choices beyond which not each is weighed."""
BURST = 12
"""What weighing one number of spot units takes, against one committed unit."""
LEVELS = 200
"""Levels that a load has at least when its windows are joined, so that every choice can be weighed on them."""
KEPT = 20
"""Choices that are weighed on every window where all could be weighed on levels alone."""
ROUNDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Numbers of each committed unit, the burst's route, its cost in USD and its useful predictions a month.

    What serves first was decided at `worth`. No choice costs less than `floor_usd`, which is the cost itself where all
    were weighed; None where nothing is known.
    """

    counts: tuple[int, ...]
    route: Route
    cost_usd: float
    useful: float
    worth: float = 0.0
    floor_usd: float | None = None

    @property
    def gap(self) -> float | None:
        """What another choice could save at most, as a share of the cost; None where nothing bounds it."""
        if self.floor_usd is None or not 0 < self.cost_usd < math.inf:
            return None if self.floor_usd is None else 0.0
        return max(0.0, 1 - self.floor_usd / self.cost_usd)

    def value(self, worth: float) -> float:
        """Cost - worth x useful; infinite where the load cannot be served."""
        return self.cost_usd - worth * self.useful if self.cost_usd < math.inf else math.inf


def search(plant: Plant, task: Task) -> Found:
    """The choice with the least cost per useful prediction; its cost is infinite where none can serve the load.

    The load's windows are taken as they are: join equal ones first (`Duration.levels`), which makes this faster.
    """
    units = (*plant.units, *(unit for route in plant.routes for unit in route.units))
    found = least(plant, task, 0.0)
    for _ in range(ROUNDS if len({useful(unit) for unit in units}) > 1 else 0):
        if not (0 < found.cost_usd < math.inf and found.useful > 0):
            break
        worth = found.cost_usd / found.useful
        better = least(plant, task, worth)
        if better.value(worth) >= -TIE * found.cost_usd:
            break
        found = better
    return found


def least(plant: Plant, task: Task, worth: float) -> Found:
    """The choice with the least cost - worth x useful, over every route; of equal ones the first."""
    found = [_on_route(plant, route, task, worth) for route in plant.routes]
    best = found[0]
    for other in found[1:]:
        if other.value(worth) < best.value(worth) - TIE * abs(best.value(worth)):
            best = other
    known = [one.floor_usd for one in found if one.floor_usd is not None]
    floor = min(known) if len(known) == len(found) and not worth else None
    exact = all(one.floor_usd == one.cost_usd for one in found)
    return replace(best, floor_usd=best.cost_usd if exact else floor)


def bounds(plant: Plant, task: Task) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The least and the most units of each: more would serve nothing."""
    waiting = task.waiting / (HOURS_PER_MONTH * SECONDS_PER_HOUR)
    sizes = plant.goodput_rps.tolist()
    enough = [math.ceil(task.firm.peak_rps / size - 1e-9) + math.ceil(waiting / size) for size in sizes]
    lows = tuple(unit.least for unit in plant.units)
    highs = tuple(
        max(unit.least, count if unit.most is None else min(unit.most, count))
        for unit, count in zip(plant.units, enough, strict=True)
    )
    return lows, highs


def grid(lows: Sequence[int], highs: Sequence[int], size: int) -> Iterator[Counts]:
    """Every choice between the two, ascending, in portions of at most `size`."""
    shape = tuple(high - low + 1 for low, high in zip(lows, highs, strict=True))
    total = math.prod(shape)
    for start in range(0, total, size):
        flat = np.arange(start, min(total, start + size))
        found = np.stack(np.unravel_index(flat, shape), axis=1) if shape else np.zeros((1, 0))
        yield found.astype(np.int64) + np.array(lows, dtype=np.int64)


def _on_route(plant: Plant, route: Route, task: Task, worth: float) -> Found:
    lows, highs = bounds(plant, task)
    choices = math.prod(high - low + 1 for low, high in zip(lows, highs, strict=True))
    if choices > MOST_CHOICES:
        return _programmed(plant, route, task, worth)
    sums = len(np.unique(np.round(next(grid(lows, highs, choices)) @ plant.goodput_rps, 9)))
    work = choices * (1 + len(plant.units)) + sums * BURST * (1 + spot_units(task, route))
    room = max(MOST_CELLS // work, LEVELS)
    exact = room >= task.firm.rate_rps.size
    joined = task.firm if exact else task.firm.levels(room)
    if joined.rate_rps.size * work > MOST_CELLS:
        return _programmed(plant, route, task, worth)
    first = _kept(plant, route, replace(task, firm=joined), worth, 1 if exact else KEPT)
    counts, value = first[0], math.inf
    for one in first:
        weighed = float(values(one[None, :], plant, route, task, worth)[0])
        if weighed < value:
            counts, value = one, weighed
    if not exact:
        counts = stepped(plant, route, task, worth, counts)
    found = found_at(counts, plant, route, task, worth)
    if exact:
        return replace(found, floor_usd=found.cost_usd)
    return _bounded(found, relaxed(plant, route, task), task, worth)


def _kept(plant: Plant, route: Route, task: Task, worth: float, keep: int) -> list[NDArray[np.int64]]:
    """The best choices, the first of equals in front."""
    best: list[tuple[float, int, NDArray[np.int64]]] = []
    seen = 0
    for counts in grid(*bounds(plant, task), max(1, CELLS // task.firm.rate_rps.size)):
        weighed = values(counts, plant, route, task, worth)
        lowest = np.argsort(weighed, kind="stable")[:keep]
        near = np.flatnonzero(weighed <= weighed.min() + TIE * abs(weighed.min()))[:1]
        picked = {int(at): None for at in (*near, *lowest)}
        best.extend((float(weighed[at]), seen + at, counts[at]) for at in picked)
        seen += len(counts)
        best = _sorted(best)[:keep]
    return [counts for _, _, counts in best]


def _sorted(best: list[tuple[float, int, NDArray[np.int64]]]) -> list[tuple[float, int, NDArray[np.int64]]]:
    """By value; the first choice stands before later ones that are as good but for rounding."""
    lowest = min(value for value, _, _ in best)
    if not math.isfinite(lowest):
        return sorted(best, key=lambda one: (one[0], one[1]))
    near = lowest + TIE * abs(lowest)
    return sorted(best, key=lambda one: (lowest if one[0] <= near else one[0], one[1]))


def stepped(plant: Plant, route: Route, task: Task, worth: float, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The same, improved by one unit more or less, or one exchanged for some of another, as often as that pays."""
    lows, highs = (np.array(bound, dtype=np.int64) for bound in bounds(plant, task))
    value = float(values(counts[None, :], plant, route, task, worth)[0])
    steps = _steps(plant.goodput_rps)
    for _ in range(ROUNDS * max(1, len(counts))):
        near = counts + steps
        near = near[((near >= lows) & (near <= highs)).all(axis=1)]
        weighed = values(near, plant, route, task, worth) if len(near) else np.array([math.inf])
        if not weighed.min() < value - TIE * abs(value):
            break
        counts, value = near[int(weighed.argmin())], float(weighed.min())
    return counts


def _steps(sizes: Array) -> Counts:
    """A unit of each more or less, and one of each for as much of another, rounded down or up; none twice."""
    one = np.eye(sizes.size, dtype=np.int64)
    equal = sizes[:, None] / sizes
    exchanged = [one * much.astype(np.int64)[..., None] - one[:, None] for much in (np.floor(equal), np.ceil(equal))]
    every = np.concatenate([one[:, None], -one[:, None], *exchanged], axis=1).reshape(-1, sizes.size)
    moving = every[every.any(axis=1)]
    return moving[np.sort(np.unique(moving, axis=0, return_index=True)[1])]


def values(counts: Counts, plant: Plant, route: Route, task: Task, worth: float) -> Array:
    """Cost - worth x useful of each choice; infinite where it cannot serve the load."""
    served = serve(counts, plant, route, task, worth)
    return np.asarray(np.where(np.isinf(served.cost_usd), np.inf, served.cost_usd - worth * served.useful))


def found_at(counts: NDArray[np.int64], plant: Plant, route: Route, task: Task, worth: float) -> Found:
    """A choice with what it costs and brings."""
    served = serve(counts[None, :], plant, route, task, worth)
    numbers = tuple(counts.tolist())
    cost, right = float(served.cost_usd[0]), float(served.useful[0])
    return Found(counts=numbers, route=route, cost_usd=cost, useful=right, worth=worth)


def _programmed(plant: Plant, route: Route, task: Task, worth: float) -> Found:
    """The choice where there are too many to weigh each: steps from a program's answer, from each unit alone and none.

    The program takes the burst as divisible, so that its bound holds for whole units as well.
    """
    lows, highs = (np.array(bound, dtype=np.int64) for bound in bounds(plant, task))
    mix = relaxed(plant, route, task)
    starts = [lows, *(np.where(np.arange(lows.size) == at, highs, lows) for at in range(lows.size))]
    if mix is not None:
        starts.insert(0, np.clip(mix.counts, lows, highs))
    coarse = replace(task, firm=task.firm.levels(LEVELS))
    near = np.unique([stepped(plant, route, coarse, worth, one) for one in starts], axis=0)
    best = near[int(values(near, plant, route, task, worth).argmin())]
    best = stepped(plant, route, task, worth, best)
    return _bounded(found_at(best, plant, route, task, worth), mix, task, worth)


def _bounded(found: Found, mix: Relaxed | None, task: Task, worth: float) -> Found:
    """With the program's bound, where it is one: all at one fill, nothing waiting, cost alone."""
    if mix is None or worth or task.waiting or np.ptp(task.firm.fill) > TIE:
        return found
    return replace(found, floor_usd=min(mix.floor_usd, found.cost_usd))


def spot_units(task: Task, route: Route) -> int:
    """The most spot units that can run at once."""
    if route.spot is None or not route.spot.goodput_rps:
        return 0
    return math.ceil(task.firm.peak_rps * task.spot_share(route) / route.spot.goodput_rps)
