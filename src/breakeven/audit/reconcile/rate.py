"""What a token costs on one side, found from its own sums, and whether two sides' costs differ by price or by cache.

Cost is linear in tokens: cost = r1 (input - cached) + r2 cached + r3 output. The rates are fitted by least squares over
the sums of one model; where the sums are too alike to tell the rates apart, the smallest that fit are taken. A value is
scaled by how far the fit misses the very sum it is about, so that a price that changed within the month is followed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from breakeven.schema.reconcile import Amount

CACHED_SHARE = 0.9
"""A cost difference is the cache's where at least this share of it goes with cached tokens."""
_SAME = 1e-6
"""Relative errors below it are rounding."""
_ROUNDS = 30
FITS = 0.02
"""A fit that leaves more than this share of the money unexplained tells nothing."""


class Rates:
    """Pico-USD per uncached input, cached input and output token of one side and model."""

    def __init__(self, amounts: Sequence[Amount]) -> None:
        self._rates = np.zeros(3)
        known = [one for one in amounts if one.pico_usd > 0 and one.tokens > 0]
        if known:
            rows, money = np.array([_row(one) for one in known]), np.array([float(one.pico_usd) for one in known])
            self._rates = _usual(rows, money)

    @property
    def known(self) -> bool:
        """Whether anything was paid for."""
        return bool(np.any(self._rates > 0))

    def value(self, what: Amount, within: Amount | None = None) -> int:
        """What tokens are worth in pico-USD, at the prices of the sum they are taken from."""
        plain = float(self._rates @ _row(what))
        if within is not None and within.pico_usd > 0:
            whole = float(self._rates @ _row(within))
            plain *= within.pico_usd / whole if whole > 0 else 1.0
        return round(plain)


def goes_with_cache(amounts: Sequence[Amount], left: Sequence[int]) -> bool | None:
    """Whether money that is left over goes with cached tokens (else with all tokens); None where it goes with neither.

    Args:
        amounts: tokens of each sum, on which both sides agree.
        left: pico-USD by which the other side differs there.
    """
    rows, money = np.array([_row(one) for one in amounts]), np.array(left, dtype=float)
    if not len(rows) or not rows.any():
        return None
    alone = _explained(rows[:, 1:2], money)
    if alone >= 1 - FITS:
        others = max(_explained(rows[:, [0]], money), _explained(rows[:, [2]], money))
        # Few sums can be told by anything: then it is the plainer thing, a price.
        return alone - others > FITS / 2
    found = _solve(rows, money, negative=True)
    parts = np.abs(rows * found).sum(axis=0)
    if _explained(rows, money) < 1 - 10 * FITS:
        return None
    return bool(parts[1] >= CACHED_SHARE * parts.sum())


def _explained(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]], money: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> float:
    """The share of absolute money that a linear fit explains."""
    total = float(np.abs(money).sum())
    if total == 0 or not rows.any():
        return 0.0
    return 1 - float(np.abs(money - rows @ _solve(rows, money, negative=True)).sum()) / total


def _row(one: Amount) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(
        [one.input_tokens - one.cached_input_tokens, one.cached_input_tokens, one.output_tokens], dtype=float
    )


def _usual(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]], money: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The rates of most sums: least absolute relative errors, by reweighted least squares (Schlossmacher 1973).

    A day at another price pulls a plain fit away from all others; this one passes through those that agree.
    """
    found = _solve(rows, money)
    for _ in range(_ROUNDS):
        weights = 1 / np.maximum(np.abs(money - rows @ found) / money, _SAME)
        found = _solve(rows / money[:, None] * np.sqrt(weights)[:, None], np.sqrt(weights))
    return found


def _solve(
    rows: np.ndarray[tuple[int, int], np.dtype[np.float64]],
    money: np.ndarray[tuple[int], np.dtype[np.float64]],
    *,
    negative: bool = False,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Least squares with columns brought to one scale; without `negative`, a rate below 0 is taken out and refitted."""
    scale = np.where(np.abs(rows).max(axis=0) > 0, np.abs(rows).max(axis=0), 1.0)
    free = np.ones(rows.shape[1], dtype=bool)
    found = np.zeros(rows.shape[1])
    while free.any():
        found[:] = 0.0
        found[free] = np.linalg.lstsq(rows[:, free] / scale[free], money, rcond=1e-10)[0] / scale[free]
        if negative or (found >= -1e-9 * np.abs(found).max()).all():
            break
        free &= found > 0
    return found
