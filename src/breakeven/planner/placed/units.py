"""How many provisioned units to hold: the cheapest number on the load-duration curve, the rest paid as it comes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from breakeven.planner.portfolio.load import Array, Duration
from breakeven.schema.noun import Noun
from breakeven.schema.placed import Throughput

ROUNDING = 1e-9
"""Of a number of units: the last digits of a float."""


class Shape(Noun, frozen=True, kw_only=True):
    """A load-duration curve against its mean: rates ascending, each with its share of the time; windows in seconds."""

    rates: tuple[float, ...]
    weights: tuple[float, ...]
    window_s: float

    def overflow(self, carried: float) -> float:
        """Share of the requests above a capacity of so many times the mean rate.

        Inside a window the rate is taken as even.
        """
        return float(self.overflows(np.array([carried]))[0])

    def overflows(self, carried: Array) -> Array:
        """The same of several capacities: linear between the curve's own rates, and exact."""
        rates, weights = np.array(self.rates), np.array(self.weights)
        mean = float(weights @ rates)
        if mean <= 0:
            return np.zeros_like(carried)
        kinks = np.append(0.0, rates)
        above = np.maximum(0.0, rates[None, :] - kinks[:, None]) @ weights / mean
        return np.asarray(np.interp(carried, kinks, above, right=0.0))


def shape_of(load: Duration) -> Shape:
    """The curve of a load against its mean; windows of equal rates are one."""
    rates, at = np.unique(load.rate_rps * load.fill, return_inverse=True)
    weights = np.bincount(at, weights=load.hours) / float(load.hours.sum())
    mean = float(weights @ rates) or 1.0
    return Shape(rates=tuple((rates / mean).tolist()), weights=tuple(weights.tolist()), window_s=load.window_s)


def sold(units: float, capacity: Throughput) -> int:
    """The fewest units that are sold and no fewer than asked for: a multiple of the step, or the least."""
    whole = max(1, math.ceil(units / capacity.step - ROUNDING)) * capacity.step
    return capacity.minimum_units if units <= capacity.minimum_units else max(whole, capacity.minimum_units)


def enough(rate_rps: float, each_rps: float, capacity: Throughput) -> int:
    """The fewest units that carry a rate, none of it overflowing."""
    return sold(rate_rps / each_rps, capacity)


def cheapest(
    shape: Shape, mean_rps: float, each_rps: float, capacity: Throughput, *, unit_usd: float, request_usd: float,
    requests: float,
) -> int:  # fmt: skip
    """The number of units that costs least a month; of equals the fewest.

    cost = units x `unit_usd` + overflow(units) x `requests` x `request_usd`, which is convex in units and bends only at
    the curve's own rates: the best number is one next to such a bend, or the least that is sold.
    """
    numbers = np.array(_beside_bends(shape, mean_rps / each_rps, capacity), dtype=np.float64)
    over = shape.overflows(numbers * (each_rps / mean_rps))
    cost = numbers * unit_usd + over * (requests * request_usd)
    return int(numbers[int(np.argmin(cost))])


def _beside_bends(shape: Shape, mean_units: float, capacity: Throughput) -> Sequence[int]:
    step = capacity.step
    bends = (rate * mean_units / step for rate in shape.rates)
    near = {max(1, at) * step for bend in bends for at in (math.floor(bend), math.ceil(bend - ROUNDING))}
    return sorted({capacity.minimum_units, *(units for units in near if units >= capacity.minimum_units)})
