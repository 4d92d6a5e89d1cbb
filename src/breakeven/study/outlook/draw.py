"""Uncertain inputs: their ranges as distributions, and draws of all of them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.config.study.given import Distribution
from breakeven.errors import StudyError
from breakeven.study.outlook.bound import physical
from breakeven.study.reading import Leaf
from breakeven.study.scope import Scope

P95 = NormalDist().inv_cdf(0.95)
"""Standard deviations from the median to the 95th percentile."""
TINIEST = 2.0**-53
"""Probabilities 0 and 1 have no normal quantile; no draw is nearer to them than a float can tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An input that is drawn: its ends in base units, and where draws are cut because nothing lies beyond."""

    key: str
    leaf: Leaf
    low: float
    high: float
    distribution: Distribution
    least: float
    most: float


def ranges(scope: Scope, share: float | None) -> tuple[Range, ...]:
    """The inputs that are drawn, by path: those with a range, and with `share` all others at +- that share.

    Raises:
        StudyError: what has one value only has a range, or a lognormal range does not lie above zero.
    """
    found = (_range(scope, key, scope.leaves[key], share) for key in sorted(scope.leaves))
    return tuple(one for one in found if one is not None)


def _range(scope: Scope, key: str, leaf: Leaf, share: float | None) -> Range | None:
    ends = _ends(leaf, share)
    if ends is None or not _drawable(scope, leaf):
        return None
    low, high = ends
    least, most = physical(scope, leaf, low, high)
    kind = leaf.given.distribution
    if kind == "lognormal" and low <= 0:
        message = f"`{key}` is lognormal from {low / leaf.unit.factor:g} {leaf.unit.text}, and its logarithm is drawn"
        raise StudyError(message, "let low be above zero, or write `distribution: triangular`", path=leaf.path)
    return Range(key=key, leaf=leaf, low=low, high=high, distribution=kind, least=least, most=most)


def _ends(leaf: Leaf, share: float | None) -> tuple[float, float] | None:
    """Low and high, one of them made up for where it is missing; None where nothing is drawn."""
    low, base, high = leaf.low, leaf.base, leaf.high
    if leaf.given.distribution == "fixed":
        return None
    if low is None and high is None:
        return None if share is None or base == 0 else _around(leaf, share)
    return _other(leaf, high) if low is None else low, _other(leaf, low) if high is None else high


def _around(leaf: Leaf, share: float) -> tuple[float, float]:
    ends = sorted((leaf.base * (1 - share), leaf.base * (1 + share)))
    is_share = leaf.unit.dims == () and "%" in leaf.unit.text and 0 <= leaf.base <= 1
    return ends[0], min(1.0, ends[1]) if is_share else ends[1]


def _other(leaf: Leaf, end: float | None) -> float:
    """The end that is not stated: the value itself, or for bell curves as far away as the other end."""
    if end is None or leaf.given.distribution in {"triangular", "uniform"}:
        return leaf.base
    if leaf.given.distribution == "lognormal" and end > 0:
        return leaf.base**2 / end
    return 2 * leaf.base - end


def _drawable(scope: Scope, leaf: Leaf) -> bool:
    """Whether draws may differ.

    Raises:
        StudyError: the study states a range for what has one value only.
    """
    if leaf.fact.key not in scope.undrawable:
        return True
    if leaf.given.low is not None or leaf.given.high is not None:
        message = f"`{'.'.join(map(str, leaf.path))}` has a range, and is used where a study has one value only"
        way_out = "terms, bounds of tiers, headroom and ladders are not drawn: leave out the range, use `variants:`"
        raise StudyError(message, way_out, path=leaf.path)
    return False


def quantiles(one: Range, probabilities: Array) -> Array:
    """Values of an input, in base units, at probabilities from 0 to 1."""
    return np.clip(_QUANTILES[one.distribution](one, probabilities), one.least, one.most)


def _triangular(one: Range, chance: Array) -> Array:
    span, rising, falling = one.high - one.low, one.leaf.base - one.low, one.high - one.leaf.base
    up = one.low + np.sqrt(chance * (span * rising))
    down = one.high - np.sqrt((1 - chance) * (span * falling))
    return np.where(chance * span < rising, up, down)


def _uniform(one: Range, chance: Array) -> Array:
    return one.low + chance * (one.high - one.low)


def _bell(one: Range, chance: Array) -> Array:
    """Low and high are its 5th and 95th percentile, whatever the value in between."""
    middle, deviation = (one.low + one.high) / 2, (one.high - one.low) / (2 * P95)
    return middle + deviation * _normal(chance)


def _skewed(one: Range, chance: Array) -> Array:
    low, high = np.log(one.low), np.log(one.high)
    return np.asarray(np.exp((low + high) / 2 + (high - low) / (2 * P95) * _normal(chance)))


def _normal(chance: Array) -> Array:
    inside = np.clip(chance, TINIEST, 1 - TINIEST)
    return np.array([*map(NormalDist().inv_cdf, inside.ravel().tolist())]).reshape(chance.shape)


_QUANTILES: Mapping[Distribution, Callable[[Range, Array], Array]] = {
    "triangular": _triangular,
    "uniform": _uniform,
    "normal": _bell,
    "lognormal": _skewed,
}


def drawn(found: Sequence[Range], draws: int, rng: np.random.Generator) -> dict[str, Array]:
    """Draws of every input by key, inputs independent of each other.

    Each is a Latin hypercube: one draw in each of `draws` slices of equal probability, in random order, so that the
    band of a single input is exact and sums of inputs converge faster than with free draws.
    """
    return {one.key: quantiles(one, (rng.permutation(draws) + rng.random(draws)) / draws) for one in found}
