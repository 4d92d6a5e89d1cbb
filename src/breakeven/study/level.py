"""Options at several levels of load: the study asked again at multiples of its demand, and the lift that would pay."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.catalog.find import Catalog
from breakeven.config.study.file import StudyFile
from breakeven.schema.tco import TcoLevel
from breakeven.study.bound import AbsentError
from breakeven.study.demand import SCALE
from breakeven.study.evaluate import Evaluated
from breakeven.study.strain import strain

UNITS = (("useful", "cost_per_useful", "useful_prediction"), ("requests", "cost_per_request", "request"))
TOKENS = ("tokens", "cost_per_token", "Mtok")
"""The flow that prices are per, the figure of an option, and the unit; the first flow that the demand states counts."""


def levels(study: StudyFile, catalog: Catalog, base: Evaluated) -> tuple[TcoLevel, ...]:
    """Every option at every level, level by level; nothing where the study states no demand.

    Fleets that are sized from demand are sized anew; those that are stated stay, and may not carry a level.
    """
    stated = [unit for unit in (*UNITS, TOKENS) if base.demand.flow(unit[0]) is not None]
    if not stated or not study.levels or not study.options:
        return ()
    factors = np.array(list(study.levels.values()))
    _, figure, per = stated[0]
    again = Evaluated(study, catalog, {SCALE: factors})
    months = {one.name: _rows(again.option(one.name).annuity, factors) for one in base.priced()}
    prices = {name: _prices(again, f"{name}.{figure}", per, factors) for name in months}
    loads = {name: strain(again.option(name)) for name in months}
    return tuple(_levels(study, months, prices, loads, per))


def _levels(
    study: StudyFile, months: dict[str, Array], prices: dict[str, Array], loads: dict[str, Array | None], per: str
) -> Iterator[TcoLevel]:
    for at, (name, factor) in enumerate(study.levels.items()):
        known = [price[at] for price in prices.values() if math.isfinite(price[at])]
        for option in study.options:
            price = float(prices[option][at]) if option in prices else math.nan
            load = loads.get(option)
            yield TcoLevel(
                name=name,
                factor=factor,
                option=option,
                annuity=float(months[option][at]) if option in months else None,
                per=per,
                unit_cost=price if math.isfinite(price) else None,
                lift_needed=price - float(min(known)) if math.isfinite(price) else None,
                load=None if load is None else float(np.broadcast_to(load, len(study.levels))[at]),
            )


def _prices(found: Evaluated, name: str, per: str, factors: Array) -> Array:
    unit = found.scope.unit(f"{found.study.currency}/{per}")
    try:
        return _rows(found.named(name).amount.to(unit, f"`{name}`")[:, 0], factors)
    except AbsentError:  # nothing is served
        return np.full(factors.shape, np.nan)


def _rows(values: Array, factors: Array) -> Array:
    return np.broadcast_to(values, factors.shape)
