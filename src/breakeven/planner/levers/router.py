"""A router of one's own: tf-idf over hashed words, ridge on the gain of the strong model over the weak one.

    w = arg min |X w - (strong - weak - mean)|^2 + penalty |w|^2        (normal equations, by conjugate gradients)

Rows of X have length 1. What is expected of a prompt is the gain, not which model is right: prompts that both get
wrong, or both right, are nobody's to send up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.metric.routing_score import buckets
from breakeven.schema.lever import RouterWeights

Floats = NDArray[np.float64]
BUCKETS = 1 << 16
PENALTY = 1.0
STEPS, CLOSE = 100, 1e-6


class Rows(NamedTuple):
    """Prompts as sparse rows: entry i has `values[i]` (1 + ln count) in bucket `columns[i]` of row `rows[i]`."""

    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    values: Floats
    size: int
    width: int

    def of(self, chosen: NDArray[np.intp]) -> Rows:
        """Some of the rows, in that order."""
        place = np.full(self.size, -1, dtype=np.intp)
        place[chosen] = np.arange(chosen.size)
        kept = place[self.rows] >= 0
        return Rows(place[self.rows[kept]], self.columns[kept], self.values[kept], chosen.size, self.width)

    def times(self, weights: Floats) -> Floats:
        """X w."""
        return _sums(self.rows, self.values * weights[self.columns], self.size)

    def turned(self, amounts: Floats) -> Floats:
        """X' r."""
        return _sums(self.columns, self.values * amounts[self.rows], self.width)


def _sums(places: NDArray[np.intp], amounts: Floats, size: int) -> Floats:
    return np.bincount(places, amounts, minlength=size).astype(np.float64, copy=False)


def rows_of(prompts: Sequence[str], width: int = BUCKETS) -> Rows:
    """Prompts as rows of counts, not yet weighed by idf."""
    found = [buckets(prompt, width) for prompt in prompts]
    sizes = [len(one) for one in found]
    counts = np.fromiter((times for one in found for times in one.values()), dtype=np.float64, count=sum(sizes))
    return Rows(
        rows=np.repeat(np.arange(len(found)), sizes),
        columns=np.fromiter((place for one in found for place in one), dtype=np.intp, count=sum(sizes)),
        values=1.0 + np.log(counts),
        size=len(found),
        width=width,
    )


class Router(NamedTuple):
    """A fitted router. `idf` and `weights` are by bucket."""

    idf: Floats
    weights: Floats
    intercept: float

    def scores(self, rows: Rows) -> Floats:
        """The expected gain of each prompt."""
        return self.intercept + _unit(rows, self.idf).times(self.weights)


def fit(rows: Rows, gain: Floats, *, penalty: float = PENALTY) -> Router:
    """The router learned from prompts of which the quality of both models is known; `gain` is strong - weak."""
    seen = np.bincount(rows.columns, minlength=rows.width)
    idf = np.log((1.0 + rows.size) / (1.0 + seen)) + 1.0
    mean = float(gain.mean())
    used, columns = np.unique(rows.columns, return_inverse=True)
    narrow = _unit(rows, idf)._replace(columns=columns, width=used.size)
    weights: Floats = np.zeros(rows.width)
    weights[used] = _ridge(narrow, gain - mean, penalty)
    return Router(idf=idf, weights=weights, intercept=mean)


def weights_of(
    router: Router, *, strong: str, weak: str, threshold: float | None, quantiles: Sequence[float] = ()
) -> RouterWeights:
    """Plain arrays for a gateway, scored by `metric.routing_score`; score >= threshold goes to the strong model."""
    return RouterWeights(
        strong=strong,
        weak=weak,
        threshold=threshold,
        intercept=router.intercept,
        idf=tuple(router.idf.tolist()),
        weights=tuple(router.weights.tolist()),
        quantiles=tuple(quantiles),
    )


def _unit(rows: Rows, idf: Floats) -> Rows:
    values = rows.values * idf[rows.columns]
    length = np.sqrt(_sums(rows.rows, values * values, rows.size))
    return rows._replace(values=values / np.where(length > 0, length, 1.0)[rows.rows])


def _ridge(x: Rows, y: Floats, penalty: float) -> Floats:
    """(X'X + penalty) w = X'y by conjugate gradients, to a millionth of the right side."""
    weights: Floats = np.zeros(x.width)
    left = x.turned(y)
    way, size = left.copy(), float(left @ left)
    goal = size * CLOSE**2
    for _ in range(STEPS):
        if size <= goal:
            break
        along = x.turned(x.times(way)) + penalty * way
        step = size / float(way @ along)
        weights += step * way
        left -= step * along
        size, before = float(left @ left), size
        way = left + size / before * way
    return weights
