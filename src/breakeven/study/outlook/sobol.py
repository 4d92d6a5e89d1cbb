"""Sobol indices: which share of the result's variance an input makes alone, and together with the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.study.outlook.case import Case, costs
from breakeven.study.outlook.draw import Range, quantiles

MOST_POINTS = 1_024
MOST_ROWS = 2**15
"""Rows of a Saltelli matrix: points x (inputs + 2). Many inputs get fewer points each."""
LEAST_POINTS = 64
CONSTANT = 1e-12
"""A relative spread below which the result does not depend on anything."""


class Index(NamedTuple):
    """First and total order, both 0..1."""

    first: float
    total: float


class _Inverse(NamedTuple):
    """A range as scipy wants a distribution: something with a `ppf`."""

    one: Range

    def ppf(self, probabilities: Array) -> Array:
        """Values at probabilities."""
        return quantiles(self.one, np.asarray(probabilities))


def points(inputs: int) -> int:
    """Points for a number of inputs, a power of two; 0 where too many inputs leave too few of them."""
    count = MOST_POINTS
    while count * (inputs + 2) > MOST_ROWS:
        count //= 2
    return count if count >= LEAST_POINTS else 0


def sobol(case: Case, found: Sequence[Range], rng: np.random.Generator) -> Mapping[str, Index]:
    """Indices by key; none where scipy (the extra `plan`) is missing, or nothing varies."""
    varied = [one for one in found if one.high > one.low]
    count = points(len(varied))
    if not varied or not count:
        return {}
    try:
        from scipy.stats import sobol_indices  # noqa: PLC0415 - an extra, a second to load
    except ImportError:
        return {}
    if len(varied) == 1:
        return _alone(case, varied[0], count)
    varies = False

    def result(values: Array) -> Array:
        nonlocal varies
        drawn = {one.key: row for one, row in zip(varied, values, strict=True)}
        found = case.margin(costs(case, drawn, values.shape[1]))
        varies = varies or _varies(found)
        return found

    indices = sobol_indices(func=result, n=count, dists=[_Inverse(one) for one in varied], rng=rng)
    shares = zip(varied, indices.first_order, indices.total_order, strict=True)
    return {one.key: Index(_share(first), _share(total)) for one, first, total in shares} if varies else {}


def _alone(case: Case, one: Range, count: int) -> Mapping[str, Index]:
    """A single input makes all of the variance, if there is any; scipy wants two."""
    drawn = {one.key: quantiles(one, (np.arange(count) + 0.5) / count)}
    return {one.key: Index(1.0, 1.0)} if _varies(case.margin(costs(case, drawn, count))) else {}


def _varies(result: Array) -> bool:
    return float(np.ptp(result)) > CONSTANT * float(np.abs(result).max())


def _share(value: float) -> float:
    """An estimate of a share: noise below 0 and above 1 is cut."""
    return round(min(1.0, max(0.0, float(value))), 6)
