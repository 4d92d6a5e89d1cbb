"""Flip points: the value of one input, all others at base, from which another option is best. All inputs at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from breakeven.planner.doubt.belief import Array, Belief
from breakeven.planner.doubt.world import Flags, Table, World, evaluate
from breakeven.schema.doubt import Flip

POINTS = np.linspace(0.0, 1.0, 65)
PARTS, STEPS = 16, 9
"""Every step cuts what is left of a search into so many parts."""
EVEN = 1e-6
"""Costs that differ relatively by less are the same at a flip; else it is a jump."""
AHEAD = 1e-9


class _Ray(NamedTuple):
    """An input on its way from base to one end."""

    belief: Belief
    end: float

    def at(self, position: Array) -> Array:
        """Values: in equal ratios where both ends are above 0, and exactly base at 0."""
        base = self.belief.base
        if base > 0 and self.end > 0:
            return np.asarray(base * (self.end / base) ** position)
        return np.asarray(base + (self.end - base) * position)


def flips(world: World, beliefs: Sequence[Belief], chosen: int, draws: Mapping[str, Array]) -> tuple[Flip, ...]:
    """The nearest flip of every input that has one, the likeliest first, then the nearest.

    Options that are better at base already (they do not stand yet) turn nothing. What flips and flips back within a
    64th of the searched range is not seen.
    """
    rivals = _rivals(world, chosen)
    rays = [_Ray(one, end) for one in beliefs for end in (one.least, one.most) if end != one.base]
    if not rays or not rivals.any():
        return ()
    table = _turned(world, rays, np.tile(POINTS, (len(rays), 1)))
    flipped = _flipped(table, chosen, rivals).reshape(len(rays), len(POINTS))
    turning = [at for at in range(len(rays)) if flipped[at].any() and not flipped[at, 0]]
    if not turning:
        return ()
    first = [int(np.argmax(flipped[at])) for at in turning]
    found = _narrowed(world, [rays[at] for at in turning], first, chosen, rivals, draws)
    nearest: dict[str, Flip] = {}
    for one in sorted(found, key=lambda flip: flip.distance):
        nearest.setdefault(one.key, one)
    return tuple(sorted(nearest.values(), key=lambda flip: (-(flip.chance or 0.0), flip.distance, flip.key)))


def _rivals(world: World, chosen: int) -> Flags:
    """Which options do not beat the chosen one at base."""
    table = evaluate(world, {})
    unit = np.where(table.meets, table.unit, np.inf)[:, 0]
    rivals = unit >= unit[chosen] * (1 - AHEAD)
    rivals[chosen] = False
    return np.asarray(rivals)


def _turned(world: World, rays: Sequence[_Ray], positions: Array) -> Table:
    """One evaluation: each ray's input at its positions, the others at base."""
    points = positions.shape[1]
    rows = len(rays) * points
    values: dict[str, Array] = {}
    for at, (ray, position) in enumerate(zip(rays, positions, strict=True)):
        column = values.setdefault(ray.belief.key, np.full(rows, ray.belief.base))
        column[at * points : (at + 1) * points] = ray.at(position)
    return evaluate(world, values)


def _flipped(table: Table, chosen: int, rivals: Flags) -> Flags:
    """Rows in which a rival is better than the chosen option."""
    cost = np.where(table.meets, table.unit, np.inf)
    with np.errstate(invalid="ignore"):
        return np.asarray(cost[rivals].min(axis=0) < cost[chosen] * (1 - AHEAD))


def _narrowed(
    world: World, rays: Sequence[_Ray], first: Sequence[int], chosen: int, rivals: Flags, draws: Mapping[str, Array]
) -> list[Flip]:
    low = np.array([POINTS[at - 1] for at in first])
    high = np.array([POINTS[at] for at in first])
    for _ in range(STEPS):
        positions = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, PARTS + 1)
        flipped = _flipped(_turned(world, rays, positions), chosen, rivals).reshape(positions.shape)
        after = np.maximum(1, np.argmax(flipped, axis=1))
        every = np.arange(len(rays))
        low, high = positions[every, after - 1], positions[every, after]
    table = _turned(world, rays, high[:, None])
    cost = np.where(table.meets & rivals[:, None], table.unit, np.inf)
    winners = [world.options[int(at)].name for at in np.argmin(cost, axis=0)]
    misses = ~table.meets[chosen]
    level = np.isclose(cost.min(axis=0), table.unit[chosen], rtol=EVEN, atol=0.0) & ~misses
    return [
        _flip(ray, float(ray.at(high[at])), winners[at], (not bool(level[at]), bool(misses[at])), draws)
        for at, ray in enumerate(rays)
    ]


def _flip(ray: _Ray, value: float, winner: str, how: tuple[bool, bool], draws: Mapping[str, Array]) -> Flip:
    return Flip(
        key=ray.belief.key,
        name=ray.belief.name,
        unit=ray.belief.unit,
        base=ray.belief.base,
        at=value,
        winner=winner,
        jump=how[0],
        misses=how[1],
        chance=_chance(draws.get(ray.belief.key), ray.belief.base, value),
    )


def _chance(values: Array | None, base: float, at: float) -> float | None:
    if values is None:
        return None
    return float((values >= at).mean() if at > base else (values <= at).mean())
