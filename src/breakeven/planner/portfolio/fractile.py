"""The closed form of a base and a burst: own what is busy more than F / (Vb - V) of the hours (newsvendor)."""

from __future__ import annotations

import math

import numpy as np

from breakeven.planner.portfolio.load import Array, Duration
from breakeven.planner.portfolio.plant import full, marginal
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.portfolio import Unit


def busy_share(unit: Unit, burst: Unit) -> float:
    """The share of hours that a unit must be busy to be worth its price: F / (Vb - V); infinite where it never is.

    Vb is what the burst costs for a unit's goodput and hour, kept busy, V the unit's own variable cost.
    """
    if unit.goodput_rps is None:
        return math.inf
    per_h = SECONDS_PER_HOUR * unit.goodput_rps
    saved = (full(burst) - marginal(unit)) * per_h
    return unit.fixed_usd_per_h / saved if saved > 0 else math.inf


def fractile_rps(load: Duration, unit: Unit, burst: Unit) -> float:
    """The rate to own, in requests/s, were units and burst divisible: P(D > Q) = F / (Vb - V).

    Every window counts by its hours and its fill, since what is saved is saved by the request.
    """
    share = busy_share(unit, burst)
    order = np.argsort(-load.rate_rps, kind="stable")
    above = np.cumsum((load.hours * load.fill)[order]) / load.hours.sum()
    at = int(np.searchsorted(above, share * (1 - 1e-12), side="left"))
    return 0.0 if at >= above.size else float(load.rate_rps[order][at])


def divisible_usd(load: Duration, unit: Unit, burst: Unit, owned_rps: float | Array) -> Array:
    """USD a month of owning a rate, were units and burst divisible: F Q H + V sum min(d, Q) + Vb sum max(d - Q, 0)."""
    owned = np.atleast_1d(np.asarray(owned_rps, dtype=np.float64))[:, None]
    served = np.minimum(load.rate_rps, owned)
    size = unit.goodput_rps or math.inf
    fixed = owned[:, 0] / size * unit.fixed_usd_per_h * load.hours.sum()
    by_base = served @ load.requests_per_rps * marginal(unit)
    by_burst = (load.rate_rps - served) @ load.requests_per_rps * full(burst)
    return np.asarray(fixed + by_base + by_burst)
