"""A log of choices and the policy to be judged, as arrays: a stratum is a position, a context, or a set of actions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """One row a choice: which action in which stratum, with which probability it was chosen, and what it earned.

    `cluster` is whose choice it was, where one draw decided several: a sticky route keeps a subject's.
    """

    stratum: Codes
    action: Codes
    propensity: Floats
    reward: Floats
    cluster: Codes | None = None

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """Choices with the target's probability of every action in every stratum (`target[stratum, action]`)."""

    log: Choices
    target: Floats

    @property
    def weight(self) -> Floats:
        """The target's probability of each logged choice over the logged one."""
        found: Floats = self.target[self.log.stratum, self.log.action] / self.log.propensity
        return found

    @property
    def cell(self) -> Codes:
        """Stratum and action as one code."""
        found: Codes = self.log.stratum * self.target.shape[1] + self.log.action
        return found

    def table(self, values: Floats | None = None) -> Floats:
        """Counts, or sums of `values`, by stratum and action."""
        counted = np.bincount(self.cell, weights=values, minlength=self.target.size)
        return counted.reshape(self.target.shape).astype(np.float64)
