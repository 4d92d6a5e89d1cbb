"""How requests clump inside a window: counts split on ever smaller parts.

The requests of a window fall on its m equal parts by a Dirichlet-multinomial law of total concentration a. With
F(w) = sum of n(n - 1) over the windows of length w, F(part) / F(window) is (1 + a/m) / (1 + a) on average, so that a
fitted from this ratio gives the second moment of counts, hence variance / mean, at every scale of the ladder. The
counts of a gamma process (variance / mean D at all scales, rate r) have a = r w / (D - 1) exactly.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from breakeven.schema.demand import Split
from breakeven.workload.arrivals import Vector

LADDER_S = (0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0)
"""Each a whole part of the next."""
Whole = NDArray[np.int64]


def splits(arrivals: Vector, step_s: float) -> tuple[Split, ...]:
    """The law at each rung from `step_s` down to 10 ms, fitted to ascending arrivals."""
    since = arrivals - arrivals[0]
    rungs = [rung for rung in LADDER_S if rung < step_s] + [step_s]
    pairs = [_pairs(since, rung) for rung in rungs]
    return tuple(
        _split(rungs[k], round(rungs[k] / rungs[k - 1]), pairs[k], pairs[k - 1]) for k in range(len(rungs) - 1, 0, -1)
    )


def gamma_splits(step_s: float, rate_rps: float, dispersion: float) -> tuple[Split, ...]:
    """The law of a process whose counts have this variance / mean at all scales from a second on."""
    rungs = [rung for rung in LADDER_S if 1.0 <= rung < step_s] + [step_s]
    return tuple(
        Split(
            window_s=above,
            parts=round(above / below),
            concentration=rate_rps * above / (dispersion - 1) if dispersion > 1 else None,
        )
        for below, above in zip(rungs[-2::-1], rungs[:0:-1], strict=True)
    )


def _pairs(since: Vector, window_s: float) -> float:
    _, found = np.unique(np.floor(since / window_s + 1e-9), return_counts=True)
    return float((found.astype(np.float64) * (found - 1)).sum())


def _split(window_s: float, parts: int, above: float, below: float) -> Split:
    """Concentration by moments; None where the clumping is not beyond chance (two standard errors of independence)."""
    share = below / above if above else 0.0
    if above < 2 or share <= (1 + 2 * (parts / above) ** 0.5) / parts:  # noqa: PLR2004 - one pair says nothing
        return Split(window_s=window_s, parts=parts, concentration=None)
    concentration = max((1 - share) / (share - 1 / parts), 1e-3)
    return Split(window_s=window_s, parts=parts, concentration=concentration)


def place(counts: Whole, step_s: float, laws: tuple[Split, ...], rng: np.random.Generator) -> Vector:
    """Ascending arrival times in seconds of so many requests in consecutive windows, clumped by the laws."""
    at, found, width = np.flatnonzero(counts), counts[counts > 0], step_s
    for law in _used(laws):
        at, found = _fall(at, found, law, rng)
        width = law.window_s / law.parts
    return np.sort((np.repeat(at, found) + rng.random(int(found.sum()))) * width)


def _used(laws: tuple[Split, ...]) -> tuple[Split, ...]:
    """Without the rungs at the bottom below which requests are independent: they are placed at random anyway."""
    last = max((k for k, law in enumerate(laws) if law.concentration is not None), default=-1)
    return laws[: last + 1]


def _fall(at: Whole, found: Whole, law: Split, rng: np.random.Generator) -> tuple[Whole, Whole]:
    shares = np.full((len(found), law.parts), 1 / law.parts)
    if law.concentration is not None:
        drawn = rng.standard_gamma(law.concentration / law.parts, size=shares.shape)
        total = drawn.sum(axis=1, keepdims=True)
        lost = (total <= 0).ravel()
        drawn[lost, rng.integers(0, law.parts, int(lost.sum()))] = 1.0
        shares = drawn / drawn.sum(axis=1, keepdims=True)
    parts = rng.multinomial(found, shares)
    rows, columns = np.nonzero(parts)
    return at[rows] * law.parts + columns, parts[rows, columns]
