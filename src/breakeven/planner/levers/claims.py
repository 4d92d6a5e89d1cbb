"""Rules of thumb of the field as results: for which values of one input each holds. None is asserted."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.levers.judge import Floats
from breakeven.schema.lever import Claim
from breakeven.schema.noun import Noun

POINTS = 401
FINE = 33
REFINEMENTS = 4
Holds = Callable[[Floats], NDArray[np.bool_]]


class Rule(Noun, frozen=True, kw_only=True):
    """A claim, the input it is tested along, and the condition under which it holds at each value of that input.

    `given` says at which other inputs, `by` which lever or function computes it. `whole`: only whole numbers count.
    """

    name: str
    claim: str
    varied: str
    unit: str
    stated: float
    low: float
    high: float
    holds: Holds
    given: tuple[str, ...] = ()
    by: str = ""
    whole: bool = False


def claims(rules: Sequence[Rule]) -> tuple[Claim, ...]:
    """Every rule, tested."""
    return tuple(claim_of(rule) for rule in rules)


def claim_of(rule: Rule) -> Claim:
    """The stretches between `low` and `high` in which the condition holds, and whether it does as stated."""
    return Claim(
        name=rule.name,
        claim=rule.claim,
        varied=rule.varied,
        unit=rule.unit,
        stated=rule.stated,
        searched=(rule.low, rule.high),
        holds_when=_stretches(rule),
        holds=bool(rule.holds(np.array([rule.stated]))[0]),
        given=rule.given,
        by=rule.by,
    )


def _stretches(rule: Rule) -> tuple[tuple[float, float], ...]:
    points = _points(rule)
    held = np.asarray(rule.holds(points), dtype=bool)
    edges = np.flatnonzero(held[1:] != held[:-1])
    starts = [points[0]] if held[0] else []
    ends = []
    for edge in edges:
        at = (float(points[edge]), float(points[edge + 1])) if rule.whole else _refined(rule, points, int(edge))
        if held[edge]:
            ends.append(at[0])
        else:
            starts.append(at[1])
    if held[-1]:
        ends.append(points[-1])
    return tuple((float(start), float(end)) for start, end in zip(starts, ends, strict=True))


def _points(rule: Rule) -> Floats:
    if rule.whole:
        return np.unique(np.geomspace(rule.low, rule.high, POINTS).round())
    if rule.low > 0 and rule.high / rule.low > 20:  # noqa: PLR2004 - more than a decade: even steps of the logarithm
        return np.geomspace(rule.low, rule.high, POINTS)
    return np.linspace(rule.low, rule.high, POINTS)


def _refined(rule: Rule, points: Floats, edge: int) -> tuple[float, float]:
    """The change between two points, as near as floats need: the last of one side and the first of the other."""
    low, high = float(points[edge]), float(points[edge + 1])
    for _ in range(REFINEMENTS):
        fine = np.linspace(low, high, FINE)
        held = np.asarray(rule.holds(fine), dtype=bool)
        first = int(np.argmax(held != held[0]))
        low, high = float(fine[max(0, first - 1)]), float(fine[first])
    return low, high
