"""The confidence sequence: an interval that may be looked at any day (Waudby-Smith et al. 2021, arXiv 2103.06476).

With m subjects in each arm and standard error SE = S / sqrt(m) of the difference

    radius = SE x sqrt((m rho^2 + 1) / (m rho^2) x ln((m rho^2 + 1) / alpha^2))
    rho^2  = (-2 ln alpha + ln(-2 ln alpha + 1)) / m*

It is tightest near m = m*, which must be stated before the data are seen. Arms of unequal size count with their
harmonic mean. The guarantee is asymptotic: an arm needs some hundred subjects before the first look.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TUNED_FOR = 3000.0
"""Subjects in each arm at which the interval is tightest, where nothing else is stated."""


def rho_squared(alpha: float, tuned_for: float = TUNED_FOR) -> float:
    """The mixture's variance in units of S^2."""
    log = -2 * math.log(alpha)
    return (log + math.log(log + 1)) / tuned_for


def per_arm(control: Floats, treatment: Floats) -> Floats:
    """The harmonic mean of two arms' subjects; 0 where one is empty."""
    total = np.asarray(control + treatment, dtype=np.float64)
    return np.divide(2.0 * control * treatment, total, out=np.zeros_like(total), where=total > 0)


def multiplier(m: Floats, alpha: float, tuned_for: float = TUNED_FOR) -> Floats:
    """Radius over standard error; infinite without subjects."""
    mass = np.asarray(m, dtype=np.float64) * rho_squared(alpha, tuned_for)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mass > 0, np.sqrt((mass + 1) / mass * np.log((mass + 1) / alpha**2)), np.inf)


def p_always(z: float, m: float, alpha: float, tuned_for: float = TUNED_FOR) -> float:
    """The smallest level at which the sequence excludes nought: sqrt(1 + m rho^2) exp(-z^2 m rho^2 / 2 (1 + m rho^2)).

    `rho` stays the one of `alpha`, since it was fixed beforehand.
    """
    mass = m * rho_squared(alpha, tuned_for)
    return min(1.0, math.exp(0.5 * math.log1p(mass) - z * z * mass / (2 * (1 + mass))))
