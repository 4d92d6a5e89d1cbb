"""What an input can be at all: where draws are cut, and how far a turn is searched."""

from __future__ import annotations

import math

from breakeven.study.reading import Leaf
from breakeven.study.scope import Scope

TIMES = frozenset({"s", "month", "day"})
DECADE = 10.0
"""A price is searched from a tenth to ten times of what it is."""
MOST_FALL = 0.999
"""A trend leaves something: below -100 % there is nothing to compute."""
SEARCHED_FALL, SEARCHED_RISE = -0.9, 1.0
"""A trend is searched from -90 % to +100 % a year."""
MONTHS_PER_YEAR = 12
MACHINES = frozenset(
    {
        *("servers", "spare_servers", "instances"),
        *("accelerators", "accelerators_per_server", "accelerators_per_instance"),
    }
)

Span = tuple[float, float]


def physical(scope: Scope, leaf: Leaf, low: float, high: float) -> Span:
    """What a draw is cut to, in base units: shares to 0..1, prices and counts to 0 and more, trends above -100 %."""
    if is_share(leaf, low, high):
        return 0.0, 1.0
    if low >= 0:
        return 0.0, math.inf
    if _is_rate(leaf) and low > -_year(scope, leaf) * _periods(leaf):
        return -MOST_FALL * _year(scope, leaf) * _periods(leaf), math.inf
    return -math.inf, math.inf


def searched(scope: Scope, leaf: Leaf) -> Span:
    """Where a turn is looked for, in base units: the stated range, and well beyond it where nothing forbids that.

    Shares run from 0 to 1, trends from -90 % to +100 % a year, everything else from a tenth to ten times its value;
    what is nothing and has no range is not searched.
    """
    low, high = (leaf.base if end is None else end for end in (leaf.low, leaf.high))
    if is_share(leaf, low, high):
        return 0.0, 1.0
    reach = _trend(scope, leaf) if _is_trend(leaf) else (leaf.base / DECADE, leaf.base * DECADE)
    return min(low, *reach), max(high, *reach)


def is_counted(leaf: Leaf) -> bool:
    """Whether a leaf counts machines: 1.9 servers cannot be had, so that a turn needs a stated range."""
    return leaf.path[-2:-1] == ("fleet",) and leaf.path[-1] in MACHINES and leaf.low is leaf.high is None


def is_share(leaf: Leaf, low: float, high: float) -> bool:
    """Whether a plain number is a share: all of its range in 0..1, and not a bare 1, which is a ratio."""
    bare = not any(sign in leaf.unit.text for sign in ("%", "fraction", "share"))
    inside = leaf.unit.dims == () and 0 <= low <= leaf.base <= high <= 1
    return inside and not (bare and leaf.base == 1)


def _is_rate(leaf: Leaf) -> bool:
    """A plain number, or one per time."""
    return leaf.unit.dims == () or (len(leaf.unit.dims) == 1 and leaf.unit.dims[0] in {(time, -1) for time in TIMES})


def _is_trend(leaf: Leaf) -> bool:
    named = leaf.path[-1] in {"trend", "growth"}
    return _is_rate(leaf) and (named or leaf.base < 0 or (leaf.low is not None and leaf.low < 0))


def _periods(leaf: Leaf) -> int:
    """Of the leaf's own period in a year: 1, or 12 for a trend a month."""
    return MONTHS_PER_YEAR if leaf.unit.text.endswith(("/month", "/months")) else 1


def _year(scope: Scope, leaf: Leaf) -> float:
    """100 % a year in base units."""
    return scope.unit("1/year").factor if leaf.unit.dims else 1.0


def _trend(scope: Scope, leaf: Leaf) -> Span:
    periods = _periods(leaf)
    whole = _year(scope, leaf) * periods
    fall, rise = (math.expm1(math.log1p(change) / periods) * whole for change in (SEARCHED_FALL, SEARCHED_RISE))
    return fall, rise
