"""Whether an option's fleet carries its demand: what it cannot serve has no price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError
from breakeven.schema.tco import FULL
from breakeven.study.costed import Costed
from breakeven.study.known import Known

CARRIED = (("tokens", "token"), ("requests", "request"))


def strain(costed: Costed) -> Array | None:
    """(draws or 1,) the most of the capacity of its used hours that a month takes; None where it is not known."""
    ratio = _by_month(costed, costed.context.fleet.used_share)
    return None if ratio is None else ratio.max(axis=1)


def overloaded(costed: Costed) -> NDArray[np.bool_]:
    """(draws or 1,) whether a month's demand is more than the fleet carries in all of its used hours."""
    found = strain(costed)
    return np.zeros(1, dtype=np.bool_) if found is None else np.greater(found, FULL)


def warnings(costed: Costed) -> tuple[str, ...]:
    """A sentence where demand is more than the fleet carries, on the mean or in its busiest hour."""
    fleet = costed.context.fleet
    mean, busiest = (_by_month(costed, share) for share in (fleet.used_share, None))
    if mean is None or busiest is None:
        return ()
    busiest = busiest * costed.context.demand.peak_factor.amount.values
    if (found := _first(mean)) is not None:
        told = f"takes {found[1] * 100:,.0f} % of what its fleet carries in month {found[0]}"
        return (f"option `{costed.name}`: demand {told}, so that it has no price per answer",)
    if (found := _first(busiest)) is not None:
        told = f"takes {found[1] * 100:,.0f} % of what its fleet carries inside its targets, first in month {found[0]}"
        return (f"option `{costed.name}`: the busiest hour {told}",)
    return ()


def _first(ratio: Array) -> tuple[int, float] | None:
    """The first month, and the ratio there, in which demand is more than what is carried."""
    over = np.flatnonzero(ratio[0] > FULL)
    return (int(over[0]) + 1, float(ratio[0][over[0]])) if len(over) else None


def _by_month(costed: Costed, hours: Known | None) -> Array | None:
    """Mean demand / capacity, by month; of provisioned units where nothing takes what does not fit."""
    fleet, units = costed.context.fleet, costed.option.provisioned
    over = costed.context.figures.get("overflow_share")
    if units is not None and units.overflow is None and over is not None:
        return np.asarray(1 / (1 - over.amount.values))
    for flow, thing in CARRIED:
        served, carried = fleet.served(flow), fleet.capacity(thing)
        if served is None or carried is None:
            continue
        whole = carried if hours is None else carried * hours
        try:
            return (served / whole).amount.to(costed.context.scope.unit(""))
        except UnitError:
            return None
    return None
