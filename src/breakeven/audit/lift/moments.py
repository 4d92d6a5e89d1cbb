"""Ratio metrics by the delta method, clustered by subject, with CUPED: from the moments of one arm's subjects.

A metric is R = sum(y) / sum(d) over subjects. Linearised, a subject counts L = (y - R d) / mean(d), so that

    Var(R) = (Var(y) - 2 R Cov(y, d) + R^2 Var(d)) / (n mean(d)^2)

With a covariate x from before the experiment (CUPED, Deng et al. 2013) the difference becomes
(R1 - R0) - theta (mean(x1) - mean(x0)) with theta = Cov(L, x) / Var(x), pooled over the arms. Moments may be arrays:
of many looks, or of many simulated experiments.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _none() -> Floats:
    return np.zeros(())


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Count, means, variances and covariances over the subjects of one arm; variances divide by n - 1."""

    n: Floats
    y: Floats
    d: Floats
    yy: Floats
    yd: Floats
    dd: Floats
    x: Floats = field(default_factory=_none)
    xx: Floats = field(default_factory=_none)
    yx: Floats = field(default_factory=_none)
    dx: Floats = field(default_factory=_none)

    @property
    def ratio(self) -> Floats:
        """R; not a number where nothing is counted."""
        return _over(self.y, self.d)

    @property
    def variance(self) -> Floats:
        """The variance of one subject's linearised value."""
        r = self.ratio
        spread: Floats = np.maximum(self.yy - 2 * r * self.yd + r * r * self.dd, 0.0)
        return _over(spread, self.d * self.d)

    @property
    def with_covariate(self) -> Floats:
        """The covariance of a subject's linearised value with the covariate."""
        apart: Floats = self.yx - self.ratio * self.dx
        return _over(apart, self.d)


def _over(above: Floats, below: Floats) -> Floats:
    above, below = np.broadcast_arrays(np.asarray(above, dtype=np.float64), np.asarray(below, dtype=np.float64))
    found: Floats = np.divide(above, below, out=np.full(above.shape, np.nan), where=below != 0)
    return found


def moments(y: Floats, d: Floats, x: Floats | None = None) -> Moments:
    """Moments of subjects' sums, taken about their means."""
    columns = np.vstack([y, d] if x is None else [y, d, x])
    means = columns.mean(axis=1) if columns.shape[1] else np.full(len(columns), np.nan)
    apart = columns - means[:, None]
    spread = apart @ apart.T / max(columns.shape[1] - 1, 1)
    found = {"n": np.asarray(float(columns.shape[1])), "y": means[0], "d": means[1]}
    found |= {"yy": spread[0, 0], "yd": spread[0, 1], "dd": spread[1, 1]}
    if x is not None:
        found |= {"x": means[2], "xx": spread[2, 2], "yx": spread[0, 2], "dx": spread[1, 2]}
    return Moments(**found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Treatment minus control, its standard error, and the share of variance that the covariate took away."""

    estimate: Floats
    se: Floats
    saved: Floats


def difference(control: Moments, treatment: Moments) -> Difference:
    """R1 - R0, adjusted where there is a covariate that varies."""
    plain = _over(control.variance, control.n) + _over(treatment.variance, treatment.n)
    theta = _theta(control, treatment)
    spread = sum(
        _over(np.maximum(one.variance - 2 * theta * one.with_covariate + theta * theta * one.xx, 0.0), one.n)
        for one in (control, treatment)
    )
    estimate = treatment.ratio - control.ratio - theta * (treatment.x - control.x)
    saved = np.nan_to_num(1 - _over(np.asarray(spread), plain))
    return Difference(estimate=np.asarray(estimate), se=np.sqrt(np.asarray(spread)), saved=saved)


def _theta(control: Moments, treatment: Moments) -> Floats:
    """The least squares weight of the covariate over both arms; 0 without one."""
    covariance = control.n * control.with_covariate + treatment.n * treatment.with_covariate
    variance = control.n * control.xx + treatment.n * treatment.xx
    return np.where(variance > 0, np.nan_to_num(_over(covariance, variance)), 0.0)
