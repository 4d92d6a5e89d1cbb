"""What it is worth to know an input before the choice, from the draws alone.

The value of perfect information on a part X of the inputs (EVPPI) is E[loss of the best a priori] - E[min over options
of E[loss | X]]. On one half of the draws a rule is learnt, which option to take at which X: by the mean losses in bins
of X, or for several inputs by a polynomial in their ranks (after Strong, Oakley and Brennan 2014). What the rule saves
on the other half is what X is worth; so that noise is never taken for knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
from numpy.typing import NDArray

from breakeven.planner.doubt.belief import Array

Order = NDArray[np.intp]

DEGREE = 2
"""Of the polynomial in several inputs."""
BINS = 40
FEWEST = 4 * BINS


def evpi_usd(losses: Array) -> float:
    """The expected value of knowing everything."""
    return float(max(0.0, losses.mean(axis=1).min() - losses.min(axis=0).mean()))


def evppi_usd(losses: Array, known: Sequence[Array], shuffle: Order) -> float:
    """The expected value of knowing some inputs, or anything that follows from them; from 0 to the EVPI.

    `shuffle` is any order of the draws that has nothing to do with them: its halves learn and judge in turn.
    """
    varying = [one for one in known if np.ptp(one) > 0]
    if not varying or len(shuffle) < FEWEST:
        return 0.0
    halves = np.array_split(shuffle, 2)
    prior = int(np.argmin(losses.mean(axis=1)))
    taken = np.empty(losses.shape[1], dtype=np.intp)
    for learnt, judged in (halves, halves[::-1]):
        taken[judged] = _rule(losses[:, learnt], [one[learnt] for one in varying], [one[judged] for one in varying])
    saved = float((losses[prior] - np.take_along_axis(losses, taken[None, :], axis=0)[0]).mean())
    return min(max(0.0, saved), evpi_usd(losses))


def _rule(losses: Array, known: Sequence[Array], asked: Sequence[Array]) -> Order:
    """The option to take at each of the asked values, learnt from losses at the known ones."""
    if len(known) == 1:
        return _by_bins(losses, known[0], asked[0])
    width = np.abs(losses[int(np.argmin(losses.mean(axis=1)))]).mean()
    apart = np.clip(losses - losses[int(np.argmin(losses.mean(axis=1)))], -width, width)
    ranks = [(_ranked(one, one), _ranked(one, other)) for one, other in zip(known, asked, strict=True)]
    at, to = (np.stack(_powers(list(columns), DEGREE), axis=1) for columns in zip(*ranks, strict=True))
    weights, *_ = np.linalg.lstsq(at, apart.T, rcond=None)
    return np.asarray(np.argmin(to @ weights, axis=1))


def _by_bins(losses: Array, known: Array, asked: Array) -> Order:
    edges = np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])
    inside = np.searchsorted(edges, known)
    counts = np.bincount(inside, minlength=BINS)
    sums = np.stack([np.bincount(inside, weights=one, minlength=BINS) for one in losses])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), losses.mean(axis=1)[:, None])
    return np.asarray(np.argmin(means, axis=0)[np.searchsorted(edges, asked)])


def _ranked(known: Array, asked: Array) -> Array:
    """Ranks of the asked values among the known ones, from -1 to 1."""
    return np.asarray(2.0 * np.searchsorted(np.sort(known), asked) / len(known) - 1.0)


def _powers(columns: Sequence[Array], degree: int) -> list[Array]:
    """All products of up to `degree` columns."""
    found = [np.ones(len(columns[0]))]
    several = (combinations_with_replacement(columns, number) for number in range(1, degree + 1))
    return [*found, *(np.prod(each, axis=0) for product in several for each in product)]


def first_order(result: Array, given: Array) -> float:
    """The share of a result's variance that an input explains alone, by bins of equal size; from 0 to 1.

    Var(E[result | bin]) / Var(result), less what bins explain by chance.
    """
    rows, total = len(result), float(result.var())
    if total <= 0 or np.ptp(given) <= 0 or rows <= BINS:
        return 0.0
    ordered = result[np.argsort(given, kind="stable")]
    means = np.array([part.mean() for part in np.array_split(ordered, BINS)])
    explained = float(((means - result.mean()) ** 2).mean()) / total
    return min(1.0, max(0.0, 1.0 - (1.0 - explained) * (rows - 1) / (rows - BINS)))
