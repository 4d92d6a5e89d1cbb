"""A threshold with a guarantee: Learn-then-Test with a fixed sequence (Angelopoulos et al. 2021, arXiv 2110.01052).

Thresholds are ordered from the safest, all to the strong model, to the riskiest. At each "the loss is above the budget"
is tested at the same level, and the sequence stops at the first threshold that fails: the order is fixed beforehand, so
many thresholds need no correction. The probability that the chosen one loses more than the budget is at most the level.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np

from breakeven.errors import EvidenceError
from breakeven.planner.levers.judge import Floats
from breakeven.schema.lever import Tested

Bound = Literal["exact", "betting", "empirical-bernstein", "clopper-pearson"]
GRID = 100
"""Thresholds tested: so many shares to the weak model, evenly spaced."""
ENOUGH = 50
ASIDE, SHARES, HALVINGS, FAR = 0.01, 3, 24, 12
MOST_BET = 0.75
"""Of what may be bet without going broke on a single loss of 1."""


def guarded(
    score: Floats, strong: Floats, weak: Floats, *, budget: float, level: float, bound: Bound | Literal["auto"] = "auto"
) -> Tested:
    """The riskiest threshold that passes, from a calibration sample that the score was not learned on.

    `score` is the expected gain of the strong model; a prompt with score >= threshold goes to it. The loss of a prompt
    sent to the weak model is strong - weak, with Clopper-Pearson max(0, strong - weak) counted as 0 or 1.

    Raises:
        EvidenceError: fewer than 50 prompts, or a test that counts and qualities other than 0 and 1.
    """
    if score.size < ENOUGH:
        message = f"a threshold is to be tested on {score.size} prompts, at least {ENOUGH} are needed"
        raise EvidenceError(message, "label more prompts")
    counted = set(np.unique(np.concatenate([strong, weak]))) <= {0.0, 1.0}
    if bound == "auto":
        bound = "exact" if counted else "betting"
    if bound in {"exact", "clopper-pearson"} and not counted:
        message = f"the {bound} test counts qualities of 0 or 1, and some lie between"
        raise EvidenceError(message, "use `bound: betting`, which takes any quality from 0 to 1")
    lost = np.maximum(strong - weak, 0.0) if bound == "clopper-pearson" else strong - weak
    passes = TESTS[bound]
    found: float | None = None
    for threshold in thresholds(score):
        if not passes(np.where(score < threshold, lost, 0.0), budget, level):
            break
        found = float(threshold)
    sent = np.zeros(score.size, dtype=bool) if found is None else score < found
    return Tested(
        threshold=found,
        weak_share=float(sent.mean()),
        loss=float(np.where(sent, strong - weak, 0.0).mean()),
        budget=budget,
        level=level,
        n=score.size,
        bound=bound,
    )


def thresholds(score: Floats) -> Floats:
    """From the safest to the riskiest: quantiles of the scores, the last above all of them."""
    inner = np.unique(np.quantile(score, np.arange(1, GRID) / GRID))
    return np.append(inner, np.nextafter(score.max(), np.inf))


def exact(lost: Floats, budget: float, level: float) -> bool:
    """Whether losses of -1, 0 and 1 sum to so little with probability at most the level, were their mean the budget.

    How often a loss is not 0 is a nuisance; the largest probability over all shares up to an upper confidence limit of
    it counts, and the limit's own error is added (Berger and Boos 1994, doi 10.1080/01621459.1994.10476836). The sum's
    distribution is the n-th power of the characteristic function.
    """
    n, aside = lost.size, level * ASIDE
    most = binomial_upper(int(np.count_nonzero(lost)), n, aside)
    if most <= budget:
        return True
    shares = np.linspace(most, budget, SHARES)
    return all(_sum_below(int(lost.sum()), n, float(share), budget) + aside <= level for share in shares)


def _sum_below(total: int, n: int, share: float, mean: float) -> float:
    """P(sum of n losses <= total), each 1 with (share + mean) / 2, -1 with (share - mean) / 2, else 0.

    Sums are told apart modulo a size that they exceed with no probability that a float could hold.
    """
    reach = int(n * mean + FAR * math.sqrt(n * share) + abs(total)) + FAR
    size = 1 << min(2 * n + 1, 2 * reach).bit_length()
    once = np.zeros(size)
    once[0], once[1], once[-1] = 1 - share, (share + mean) / 2, (share - mean) / 2
    chance = np.fft.irfft(np.fft.rfft(once) ** n, size)
    below = chance[size // 2 :].sum()
    return float(below + chance[: total + 1].sum() if total >= 0 else below - chance[size + total + 1 :].sum())


@lru_cache(maxsize=4096)
def binomial_upper(count: int, n: int, level: float) -> float:
    """The p at which P(Binomial(n, p) <= count) is the level, by bisection: the Clopper-Pearson upper limit."""
    low, high = count / n, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if count < n and binomial_below(count, n, middle) > level else (low, middle)
    return high if count < n else 1.0


def clopper_pearson(lost: Floats, budget: float, level: float) -> bool:
    """Whether the upper bound of the share lost is at most the budget: P(Binomial(n, budget) <= lost) <= level."""
    return binomial_below(int(lost.sum()), lost.size, budget) <= level


@lru_cache(maxsize=8)
def _log_factorials(n: int) -> Floats:
    return np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])


def binomial_below(count: int, n: int, p: float) -> float:
    """P(Binomial(n, p) <= count)."""
    if p <= 0 or p >= 1:
        return float(p <= 0 or count >= n)
    k = np.arange(count + 1)
    whole = _log_factorials(n)
    logs = whole[n] - whole[k] - whole[n - k] + k * math.log(p) + (n - k) * math.log1p(-p)
    most = float(logs.max())
    return min(1.0, math.exp(most) * float(np.exp(logs - most).sum()))


def empirical_bernstein(lost: Floats, budget: float, level: float) -> bool:
    """Whether mean + sqrt(2 var ln(2/level) / n) + 7 x 2 ln(2/level) / (3 (n - 1)) is at most the budget.

    For losses in [-1, 1] (Maurer and Pontil 2009, theorem 4, its range doubled).
    """
    n, log = lost.size, math.log(2 / level)
    bound = lost.mean() + math.sqrt(2 * lost.var(ddof=1) * log / n) + 14 * log / (3 * (n - 1))
    return bool(bound <= budget)


def betting(lost: Floats, budget: float, level: float) -> bool:
    """Whether money bet on every loss being below the budget ever grows to 1 / level of itself.

    Capital = product of 1 + bet_i (budget - loss_i), bet_i from the losses before i; were the mean loss above the
    budget it would be a supermartingale, and pass 1 / level with probability at most `level` (Ville; Waudby-Smith and
    Ramdas 2024, doi 10.1093/jrsssb/qkad009, section 4, the predictable plug-in bet for a test at n).
    """
    n = lost.size
    number = np.arange(1, n + 1)
    mean = (0.5 * budget + np.cumsum(lost)) / (number + 1)
    spread = (0.25 * 0.25 + np.cumsum((lost - mean) ** 2)) / (number + 1)
    before = np.concatenate([[0.25 * 0.25], spread[:-1]])
    bet = np.minimum(np.sqrt(2 * math.log(1 / level) / (n * before)), MOST_BET / (1 - budget))
    capital = np.cumsum(np.log1p(bet * (budget - lost)))
    return bool(capital.max() >= math.log(1 / level))


TESTS: dict[Bound, Callable[[Floats, float, float], bool]] = {
    "exact": exact,
    "clopper-pearson": clopper_pearson,
    "empirical-bernstein": empirical_bernstein,
    "betting": betting,
}
