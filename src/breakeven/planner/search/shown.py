"""Which options and rejections a plan carries: bounded, the nearest first, everything counted."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from breakeven.schema.plan import Option, Rejected

MOST_OPTIONS = 60
MOST_EXCLUDED_APIS = 8
MOST_REJECTED = 2_000


def shown(options: Sequence[Option], always: frozenset[str]) -> tuple[tuple[Option, ...], tuple[Rejected, ...]]:
    """The options to show, and the rest as rejections: all that stand already, then the cheapest that do.

    Excluded APIs are shown by price, as far as there is room; other places that exclude everything they have, once.
    """
    feasible = sorted((one for one in options if one.feasible and one.name not in always), key=_rank)
    excluded = sorted((one for one in options if not one.feasible and one.name not in always), key=_rank)
    apis = [one for one in excluded if one.placement == "api"][:MOST_EXCLUDED_APIS]
    others = [one for one in excluded if one.placement != "api"][:MOST_EXCLUDED_APIS]
    kept = [one for one in options if one.name in always] + apis + others
    kept += feasible[: max(0, MOST_OPTIONS - len(kept))]
    names = {one.name for one in kept}
    left = tuple(as_rejected(one) for one in options if one.name not in names)
    return tuple(kept), left


def _rank(option: Option) -> tuple[float, float, str]:
    unit, month = option.cost_per_useful_prediction_usd, option.monthly_cost_usd
    return math.inf if unit is None else unit, math.inf if month is None else month, option.name


def as_rejected(option: Option) -> Rejected:
    """An option that is not shown, or cannot be chosen."""
    if option.feasible:
        by = f"cheaper ones are shown, at most {MOST_OPTIONS}"
        return Rejected(option=option.name, binding="cost", by=by, least_usd=option.cost_per_useful_prediction_usd)
    kind, _, by = option.binding.partition(": ")
    return Rejected(option=option.name, binding=kind, by=by)


def counted(rejected: Sequence[Rejected]) -> dict[str, int]:
    """Rejections by constraint, the commonest first."""
    return dict(sorted(Counter(one.binding for one in rejected).items(), key=lambda item: (-item[1], item[0])))


def nearest(rejected: Sequence[Rejected], most: int = MOST_REJECTED) -> tuple[Rejected, ...]:
    """At most so many rejections: an equal share for each constraint, the cheapest of each first; then by name."""
    by: dict[str, list[Rejected]] = {}
    for one in sorted(rejected, key=lambda one: (math.inf if one.least_usd is None else one.least_usd, one.option)):
        by.setdefault(one.binding, []).append(one)
    kept: list[Rejected] = []
    waiting = sorted(by.values(), key=len)
    for done, group in enumerate(waiting):
        kept += group[: (most - len(kept)) // (len(waiting) - done)]
    return tuple(sorted(kept, key=lambda one: (one.binding, one.option)))
