"""One type to own: the number of units that serve the base of a load most cheaply, burst rented by the hour."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from breakeven.cost.hybrid.load import Load, needed

TIE = 1e-12
"""Relative difference below which two costs are the same: then the smaller purchase is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """The best number of owned units, and what the choices beside it cost, in USD over the hours of the load.

    `units` serve, `spare_units` stand by. `critical_fractile` = 1 - own / burst (0 where owning is dearer);
    `quantile_units` is the load at that fractile, the rule of thumb that the exact optimum is checked against.
    `regret_less_usd` and `regret_more_usd` are what one unit less or more would cost beyond the optimum. `idle_share`
    is the share of owned unit-hours, spares included, that no need uses; None where nothing is owned.
    """

    units: int
    spare_units: int
    hours: int
    cost_usd: float
    all_owned_units: int
    all_owned_usd: float
    all_burst_usd: float
    critical_fractile: float
    quantile_units: float
    regret_less_usd: float | None
    regret_more_usd: float
    idle_share: float | None
    burst_hours: int
    burst_unit_h: float


def best_base(
    load: Load,
    own_usd_per_unit_h: float,
    burst_usd_per_unit_h: float,
    headroom: float = 0.0,
    spare_units: int = 0,
) -> Base:
    """The whole n that makes own x (n + spare) x hours + burst x sum of max(need - n, 0) least; exact.

    need = load x (1 + headroom). Owned units are paid every hour, burst by the unit-hour used (where whole units are
    rented, round the needs up first). Spares are owned beyond n, never serve, and are not bought where nothing is. Of
    equal optima the smallest.

    Raises:
        ValueError: a load, price, headroom or number of spares is negative or not finite.
    """
    need = needed(load, headroom)
    _check_prices(own_usd_per_unit_h, burst_usd_per_unit_h, spare_units)
    prices = (own_usd_per_unit_h, burst_usd_per_unit_h, spare_units)
    candidates = _candidates(need)
    costs = base_costs(need, candidates, *prices)
    units = int(candidates[np.argmax(costs <= costs.min() * (1 + TIE))])
    everything = math.ceil(need.max())
    asked = np.array([units - 1, units, units + 1, everything, 0], dtype=np.float64)
    less, best, more, whole, none = base_costs(need, asked, *prices).tolist()
    fractile = max(0.0, 1 - own_usd_per_unit_h / burst_usd_per_unit_h) if burst_usd_per_unit_h else 0.0
    over = np.maximum(need - units, 0.0)
    spare = spare_units if units else 0
    return Base(
        units=units,
        spare_units=spare,
        hours=need.size,
        cost_usd=best,
        all_owned_units=everything,
        all_owned_usd=whole,
        all_burst_usd=none,
        critical_fractile=fractile,
        quantile_units=float(np.quantile(need, fractile)) if fractile else 0.0,
        regret_less_usd=less - best if units else None,
        regret_more_usd=more - best,
        idle_share=1 - float((need - over).sum()) / (need.size * (units + spare)) if units else None,
        burst_hours=int(np.count_nonzero(over)),
        burst_unit_h=float(over.sum()),
    )


def base_costs(
    need: Load, units: Load, own_usd_per_unit_h: float, burst_usd_per_unit_h: float, spare_units: int = 0
) -> Load:
    """The cost of owning each of `units` (an array of numbers of units) for these needs, in USD: the curve of n.

    One pass over the sorted needs with cumulative sums from the top.
    """
    ascending = np.sort(need)
    above = np.append(np.cumsum(ascending[::-1])[::-1], 0.0)
    first = np.searchsorted(ascending, units, side="right")
    burst_unit_h = np.maximum(above[first] - units * (need.size - first), 0.0)
    owned = np.where(units > 0, units + spare_units, 0.0) * need.size
    return own_usd_per_unit_h * owned + burst_usd_per_unit_h * burst_unit_h


def _candidates(need: Load) -> Load:
    """0, and the whole numbers beside each need: a cost that bends only at needs is least at one of them."""
    return np.unique(np.concatenate([[0.0], np.floor(need), np.ceil(need)]))


def _check_prices(own_usd_per_unit_h: float, burst_usd_per_unit_h: float, spare_units: int) -> None:
    given = (own_usd_per_unit_h, burst_usd_per_unit_h, spare_units)
    if not all(math.isfinite(figure) and figure >= 0 for figure in given):
        message = f"prices per unit-hour and spare units are finite and >= 0, got own, burst, spare = {given}"
        raise ValueError(message)
