"""An experiment as columns: one row a prediction, subjects and arms as codes, not-a-number where nothing was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
Column = Literal["cost", "useful", "converted", "revenue"]

CONTROL, TREATMENT = 0, 1


def _floats() -> Floats:
    return np.zeros(0)


def _codes() -> Codes:
    return np.zeros(0, dtype=np.intp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Rows of both arms. `arm` is 0 (control) or 1; `cost`, `revenue` are USD; a column that is not there is empty.

    `covariate` is from before the experiment; `segment` are codes into `segments`, -1 for none; `time_s` is Unix time.
    """

    subject: Codes
    arm: NDArray[np.int8]
    cost: Floats = field(default_factory=_floats)
    useful: Floats = field(default_factory=_floats)
    converted: Floats = field(default_factory=_floats)
    revenue: Floats = field(default_factory=_floats)
    covariate: Floats = field(default_factory=_floats)
    segment: Codes = field(default_factory=_codes)
    segments: tuple[str, ...] = ()
    time_s: Floats = field(default_factory=_floats)

    def __len__(self) -> int:
        return len(self.subject)

    def has(self, column: str) -> bool:
        """Whether a column was given at all."""
        return len(getattr(self, column)) == len(self) > 0

    def only(self, keep: NDArray[np.bool_]) -> Trial:
        """The rows that `keep` names."""
        columns = {name: getattr(self, name) for name in self.__slots__ if name != "segments"}
        kept = {name: column[keep] if len(column) == len(self) else column for name, column in columns.items()}
        return Trial(**kept, segments=self.segments)


def without_crossed(trial: Trial) -> tuple[Trial, int]:
    """The rows of subjects that were in one arm only, and how many subjects were in both."""
    subjects = int(trial.subject.max()) + 1 if len(trial) else 0
    seen = np.zeros((2, subjects), dtype=bool)
    seen[trial.arm.astype(np.intp), trial.subject] = True
    crossed = np.logical_and(seen[0], seen[1])
    return (trial.only(~crossed[trial.subject]), int(crossed.sum())) if crossed.any() else (trial, 0)


def arm_of(trial: Trial) -> tuple[Codes, NDArray[np.int8]]:
    """The subjects that are there, ascending, and the arm of each."""
    subjects, first = np.unique(trial.subject, return_index=True)
    return subjects.astype(np.intp), trial.arm[first]
