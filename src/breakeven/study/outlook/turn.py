"""Turns: the value of one input, nearest to what it is, from which another option is the cheapest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError
from breakeven.errors import BreakevenError
from breakeven.schema.outlook import Turn
from breakeven.study.outlook.bound import is_counted, searched
from breakeven.study.outlook.case import Case, costs
from breakeven.study.outlook.name import in_unit, name_of
from breakeven.study.reading import Leaf
from breakeven.study.scope import Scope

COARSE = np.linspace(0.0, 1.0, 33)
FINE = np.linspace(0.0, 1.0, 65)
REFINEMENTS = 2
NARROWINGS = 6
"""Halvings of a search that the study refuses to compute to its end."""
EVEN = 1e-9
"""Two options cost the same, relatively; a jump (a server more) is not evened out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ray:
    """An input on its way from base to one end; positions run from 0 to 1, in equal ratios where both are above 0."""

    key: str
    leaf: Leaf
    end: float

    def at(self, position: Array) -> Array:
        """Values in base units."""
        base = self.leaf.base
        if base * self.end > 0:
            return np.asarray(base * (self.end / base) ** position)
        return base + (self.end - base) * position


class Step(NamedTuple):
    """Neighbouring positions of which only the second turns, what another option loses there, and which one it is."""

    before: float
    after: float
    behind: float
    ahead: float
    winner: int


def turns(case: Case) -> tuple[Turn, ...]:
    """One for every input that has a value other than nothing, the nearest flips first.

    32 steps to either side of base, then 64 steps between the two neighbours where it flips, twice, then a straight
    line. What flips and flips back inside one step is not seen.
    """
    if case.compared < 0:
        return ()
    walked = _walked(case, _rays(case.base.scope))
    first = [_step(case, COARSE, table) for _, table in walked]
    found = _refined(case, [ray for ray, _ in walked], first)
    told = zip((ray for ray, _ in walked), found, strict=True)
    each = [_turn(case, [*group]) for _, group in groupby(told, key=lambda one: one[0].key)]
    return tuple(sorted(each, key=_nearness))


def _rays(scope: Scope) -> list[Ray]:
    varied = {
        key: leaf
        for key, leaf in sorted(scope.leaves.items())
        if leaf.fact.key not in scope.undrawable and not is_counted(leaf)
    }
    return [
        Ray(key=key, leaf=leaf, end=end)
        for key, leaf in varied.items()
        for end in searched(scope, leaf)
        if end != leaf.base
    ]


def _nearness(turn: Turn) -> tuple[bool, float, str]:
    at = turn.base if turn.at is None else turn.at
    return turn.at is None, abs(at - turn.base) / (abs(turn.base) or 1.0), turn.name


def _turn(case: Case, rays: list[tuple[Ray, tuple[float, int] | None]]) -> Turn:
    leaf = rays[0][0].leaf
    ends = [leaf.base, *(ray.end for ray, _ in rays)]
    flips = [one for _, one in rays if one is not None]
    nearest = min(flips, key=lambda one: abs(one[0] - leaf.base), default=None)
    return Turn(
        name=name_of(leaf),
        unit=leaf.unit.text,
        base=in_unit(leaf, leaf.base),
        at=None if nearest is None else in_unit(leaf, nearest[0]),
        searched_low=in_unit(leaf, min(ends)),
        searched_high=in_unit(leaf, max(ends)),
        winner="" if nearest is None else case.options[nearest[1]],
    )


# -- the first walk, which finds out how far the study can be computed ------------------------------------------------


def _walked(case: Case, rays: Sequence[Ray]) -> list[tuple[Ray, Array]]:
    """Every ray with its (options, points) costs; one that cannot be computed to its end is shortened."""
    if not rays:
        return []
    tables = _tried(case, rays)
    if tables is not None:
        return list(zip(rays, tables, strict=True))
    if len(rays) == 1:
        return _shortened(case, rays[0])
    half = len(rays) // 2
    return [*_walked(case, rays[:half]), *_walked(case, rays[half:])]


def _shortened(case: Case, ray: Ray) -> list[tuple[Ray, Array]]:
    reach, step, found = 0.0, 0.5, list[tuple[Ray, Array]]()
    for _ in range(NARROWINGS):
        nearer = Ray(key=ray.key, leaf=ray.leaf, end=float(ray.at(np.array(reach + step))))
        tables = _tried(case, [nearer])
        if tables is not None:
            found, reach = [(nearer, tables[0])], reach + step
        step /= 2
    return found


def _tried(case: Case, rays: Sequence[Ray]) -> Array | None:
    """(rays, options, points) costs; None where the study refuses a value."""
    try:
        return _tables(case, rays, [COARSE] * len(rays))
    except (BreakevenError, UnitError):
        return None


def _tables(case: Case, rays: Sequence[Ray], positions: Sequence[Array]) -> Array:
    """(rays, options, points) costs with each ray's input at its positions, all others at base: one evaluation."""
    points = len(positions[0])
    rows = len(rays) * points
    drawn = {ray.key: np.full(rows, ray.leaf.base) for ray in rays}
    for at, (ray, position) in enumerate(zip(rays, positions, strict=True)):
        drawn[ray.key][at * points : (at + 1) * points] = ray.at(position)
    table = costs(case, drawn, rows).reshape(len(case.options), len(rays), points)
    return np.where(np.isfinite(table), table, np.inf).transpose(1, 0, 2)


# -- steps, refined ----------------------------------------------------------------------------------------------------


def _step(case: Case, positions: Array, table: Array) -> Step | None:
    """The first step of a ray at whose end another option is cheaper than the best."""
    others = np.delete(np.arange(len(case.options)), case.best)
    ahead = table[others].min(axis=0) - table[case.best]
    flipped = np.isfinite(table[case.best]) & (ahead < -EVEN * np.abs(table[case.best]))
    at = int(np.argmax(flipped))
    if not flipped.any() or at == 0:
        return None
    winner = int(others[np.argmin(table[others, at])])
    before, after = (float(table[winner, place] - table[case.best, place]) for place in (at - 1, at))
    return Step(float(positions[at - 1]), float(positions[at]), before, after, winner)


def _refined(case: Case, rays: Sequence[Ray], steps: Sequence[Step | None]) -> list[tuple[float, int] | None]:
    """Value and winner of each ray's flip."""
    places = [at for at, step in enumerate(steps) if step is not None]
    if not places:
        return [None] * len(rays)
    flipping, kept = [rays[at] for at in places], [step for step in steps if step is not None]
    for _ in range(REFINEMENTS):
        positions = [step.before + (step.after - step.before) * FINE for step in kept]
        tables = _tables(case, flipping, positions)
        finer = [_step(case, *one) for one in zip(positions, tables, strict=True)]
        kept = [new or old for new, old in zip(finer, kept, strict=True)]
    ended = dict(zip(places, _ended(case, flipping, kept), strict=True))
    return [ended.get(at) for at in range(len(rays))]


def _ended(case: Case, rays: Sequence[Ray], steps: Sequence[Step]) -> list[tuple[float, int]]:
    """The crossing of a straight line where costs meet there; else, at a jump, the first value seen to flip."""
    lines = [np.array([_crossing(step), step.after]) for step in steps]
    tables = _tables(case, rays, lines)
    found = []
    for ray, step, line, table in zip(rays, steps, lines, tables, strict=True):
        apart = abs(table[step.winner, 0] - table[case.best, 0])
        meets = apart <= EVEN * 10 * abs(table[case.best, 0])
        found.append((float(ray.at(line[0 if meets else 1])), step.winner))
    return found


def _crossing(step: Step) -> float:
    falls = step.behind - step.ahead
    share = min(1.0, max(0.0, step.behind / falls)) if falls > 0 else 1.0
    return step.before + (step.after - step.before) * share
