"""Three estimates of what the target policy would have earned per choice.

    IPS   = mean(w r)                               w = target / propensity        (Horvitz and Thompson 1952)
    SNIPS = sum(w r) / sum(w)                                                      (Swaminathan and Joachims 2015)
    DR    = mean(sum_a target(a) q(a) + w (r - q(a)))                              (Dudik et al. 2011)
    ESS   = sum(w)^2 / sum(w^2)

q is the mean reward by stratum and action in the other folds, drawn towards the stratum's mean, so that no row predicts
itself. Standard errors are those of the mean of each row's part, summed by cluster where one draw decided several rows.
"""

from __future__ import annotations

import math

import numpy as np

from breakeven.audit.normal import student_quantile
from breakeven.audit.offpolicy.log import Codes, Floats, Weighed
from breakeven.schema.evaluation import Estimated

FOLDS = 5
PRIOR_ROWS = 10.0
"""Rows that a stratum's mean counts for in the estimate of one action."""
LEVEL = 0.975


def ips(seen: Weighed) -> Estimated:
    """Inverse propensity."""
    return mean(seen.weight * seen.log.reward, seen.log.cluster)


def snips(seen: Weighed) -> Estimated:
    """Self-normalised; its standard error by the delta method."""
    w, r = seen.weight, seen.log.reward
    value = float((w * r).sum() / w.sum())
    parts = by_cluster(w * (r - value), seen.log.cluster)
    return estimated(value, float(np.sqrt((parts**2).sum()) / w.sum()), carrying(parts))


def doubly_robust(seen: Weighed) -> Floats:
    """Each row's part of the doubly robust estimate."""
    fold = (np.arange(len(seen.log)) if seen.log.cluster is None else seen.log.cluster) % FOLDS
    parts = np.zeros(len(seen.log))
    for number in range(FOLDS):
        mine = fold == number
        q = _model(seen, ~mine)
        direct = (seen.target * q).sum(axis=1)
        expected = q[seen.log.stratum[mine], seen.log.action[mine]]
        parts[mine] = direct[seen.log.stratum[mine]] + seen.weight[mine] * (seen.log.reward[mine] - expected)
    return parts


def _model(seen: Weighed, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Floats:
    """Mean reward by stratum and action over some rows, each drawn towards the mean of what lies above it."""
    part = rows.astype(np.float64)
    count, total = seen.table(part), seen.table(part * seen.log.reward)
    overall = float(total.sum() / count.sum()) if count.sum() else 0.0
    stratum = (total.sum(axis=1) + PRIOR_ROWS * overall) / (count.sum(axis=1) + PRIOR_ROWS)
    found: Floats = (total + PRIOR_ROWS * stratum[:, None]) / (count + PRIOR_ROWS)
    return found


def mean(parts: Floats, cluster: Codes | None = None) -> Estimated:
    """The mean of rows' parts with its standard error."""
    n, value = len(parts), float(parts.mean())
    apart = by_cluster(parts - value, cluster)
    if len(apart) < 2:  # noqa: PLR2004 - one has no spread
        return estimated(value, math.inf, 1.0)
    se = math.sqrt(float((apart**2).sum()) * len(apart) / (len(apart) - 1)) / n
    return estimated(value, se, carrying(apart))


def by_cluster(values: Floats, cluster: Codes | None) -> Floats:
    """The sum of each cluster; the values themselves where each stands alone."""
    if cluster is None:
        return values
    return np.bincount(np.unique(cluster, return_inverse=True)[1], weights=values).astype(np.float64)


def carrying(apart: Floats) -> float:
    """How many parts carry the variance: (sum of squares)^2 / sum of fourth powers, the freedom that it leaves."""
    squares, fourth = float((apart**2).sum()), float((apart**4).sum())
    return max(1.0, squares * squares / fourth) if fourth > 0 else float(len(apart))


def estimated(value: float, se: float, freedom: float) -> Estimated:
    """A value with its 95 % interval by Student's law: a few heavy rows do not make a normal one."""
    half = se * student_quantile(LEVEL, freedom)
    return Estimated(value=value, se=se, low=value - half, high=value + half)


def effective(values: Floats, cluster: Codes | None = None) -> float:
    """How many equal values (or clusters of them) weigh as much as these: sum^2 / sum of squares."""
    values = by_cluster(values, cluster)
    squares = float((values * values).sum())
    return float(values.sum()) ** 2 / squares if squares > 0 else 0.0
