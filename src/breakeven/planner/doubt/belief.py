"""An uncertain input, and draws of it that depend on nothing but the seed and its own key.

An option more or less therefore changes no draw of another, and a wider range moves every draw outwards in place.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from breakeven.schema.doubt import Shape
from breakeven.schema.noun import Noun

Array = NDArray[np.float64]
Z80 = NormalDist().inv_cdf(0.9)
"""Standard deviations from the median to the ends of an 80 % interval."""


class Belief(Noun, frozen=True, kw_only=True):
    """An input in its unit, and how it is drawn. `n` cases are behind a `beta`; `least`..`most` are searched for flips.

    `parts` are the shares of a lognormal's variance that it has in common with others, by the name of what is common.
    """

    key: str
    name: str
    unit: str
    base: float
    low: float
    high: float
    least: float
    most: float
    shape: Shape = "triangular"
    n: int = 0
    parts: tuple[tuple[str, float], ...] = ()
    source: str = ""
    facts: tuple[str, ...] = ()


class Dice:
    """A generator for every key, all from one."""

    def __init__(self, rng: np.random.Generator, draws: int) -> None:
        self.draws = draws
        self._entropy = rng.integers(0, 2**32, size=4).tolist()

    def of(self, key: str) -> np.random.Generator:
        """The generator of a key."""
        words = np.frombuffer(hashlib.sha256(key.encode()).digest()[:16], dtype="<u4").tolist()
        return np.random.default_rng([*self._entropy, *words])

    def normal(self, key: str) -> Array:
        """Standard normal draws of a key."""
        return self.of(key).standard_normal(self.draws)

    def uniform(self, key: str) -> Array:
        """Draws of a key from 0 to 1."""
        return self.of(key).random(self.draws)


def drawn(beliefs: Sequence[Belief], dice: Dice) -> dict[str, Array]:
    """Draws of all that is not known exactly, by key."""
    return {one.key: _draw(one, dice) for one in beliefs if one.shape != "exact" and one.low < one.high}


def _draw(one: Belief, dice: Dice) -> Array:
    if one.shape == "beta":
        hits = one.base * one.n
        return dice.of(one.key).beta(hits + 0.5, one.n - hits + 0.5, dice.draws)
    if one.shape == "normal":
        return one.base + dice.normal(one.key) * ((one.high - one.low) / (2 * Z80))
    if one.shape == "triangular":
        return _triangular(one, dice.uniform(one.key))
    return _lognormal(one, _common(one, dice))


def _triangular(one: Belief, chance: Array) -> Array:
    span, rising, falling = one.high - one.low, one.base - one.low, one.high - one.base
    up = one.low + np.sqrt(chance * span * rising)
    down = one.high - np.sqrt((1 - chance) * span * falling)
    return np.where(chance * span < rising, up, down)


def _common(one: Belief, dice: Dice) -> Array:
    """A standard normal made of what is common with others and what is its own."""
    own = max(0.0, 1.0 - sum(share for _, share in one.parts))
    total = np.sqrt(own) * dice.normal(one.key)
    for name, share in one.parts:
        total = total + np.sqrt(share) * dice.normal(name)
    return np.asarray(total, dtype=np.float64)


def _lognormal(one: Belief, normal: Array) -> Array:
    """The base times exp(width z), with a width for either side."""
    up, down = np.log(one.high / one.base) / Z80, np.log(one.base / one.low) / Z80
    return np.asarray(one.base * np.exp(normal * np.where(normal > 0, up, down)), dtype=np.float64)


def at_base(beliefs: Sequence[Belief]) -> Mapping[str, float]:
    """The base of every input, by key."""
    return {one.key: one.base for one in beliefs}
