"""What draws say of a choice: who is best, what each loses, and the bands of costs.

An option that misses its targets is never better than one that keeps them. It costs what the best that keeps them
costs, and some months of its own on top: until it has been replaced. Where none keeps them nothing can be gained; the
one that comes nearest counts as best.
"""

from __future__ import annotations

import numpy as np

from breakeven.planner.doubt.belief import Array
from breakeven.planner.doubt.world import Table
from breakeven.schema.outlook import Band

ALIKE = 1e-9
"""Costs that differ relatively by less than this are the same cost."""


def best(table: Table) -> Array:
    """(options, rows) each option's part in being the best; a row sums to 1."""
    cost = np.where(table.meets, table.unit, np.inf)
    least = cost.min(axis=0)
    none = ~np.isfinite(least)
    most = table.reached.max(axis=0)
    with np.errstate(invalid="ignore"):
        first = np.where(none, table.reached >= most, cost <= least * (1 + ALIKE))
    return np.asarray(first / first.sum(axis=0))


def losses_usd(table: Table, switch_months: float) -> Array:
    """(options, rows) USD over the months for as many useful predictions as the demand allows."""
    volume = table.useful * table.months
    own = table.unit * volume
    least = np.where(table.meets, own, np.inf).min(axis=0)
    none = ~np.isfinite(least)
    replaced = least + table.unit * table.useful * switch_months
    return np.where(none, 0.0, np.where(table.meets, own, replaced))


def regrets_usd(losses: Array) -> Array:
    """(options,) expected loss against the best of each draw; the least of them is the EVPI."""
    return np.asarray((losses - losses.min(axis=0)).mean(axis=1))


def band(values: Array) -> Band:
    """The 5th, 50th and 95th percentile; None of nothing."""
    if not len(values):
        return Band(p5=None, p50=None, p95=None)
    p5, p50, p95 = (float(value) for value in np.quantile(values, (0.05, 0.5, 0.95)))
    return Band(p5=p5, p50=p50, p95=p95)
