"""How the confidence sequence ran: what each day's look would have shown."""

from __future__ import annotations

import numpy as np

from breakeven.audit.lift.effect import Level, effect
from breakeven.audit.lift.metrics import Metric
from breakeven.audit.lift.trial import Trial
from breakeven.schema.experiment import Look

DAY_S = 86_400.0
MOST_LOOKS = 120
"""Days that are drawn; of more, evenly spaced ones."""


def course(trial: Trial, name: str, metric: Metric, level: Level) -> tuple[Look, ...]:
    """One look at the end of every UTC day in which anything happened; rows without a time are in none."""
    days = np.unique(np.floor(trial.time_s[np.isfinite(trial.time_s)] / DAY_S))
    step = max(1, -(-len(days) // MOST_LOOKS))
    ends = [(float(day) + 1) * DAY_S for day in days[::-1][::step][::-1]]
    return tuple(_look(trial.only(trial.time_s < end), end, name, metric, level) for end in ends)


def _look(trial: Trial, end_s: float, name: str, metric: Metric, level: Level) -> Look:
    seen = effect(trial, name, metric, level)
    return Look(
        time_s=end_s,
        subjects=seen.subjects_control + seen.subjects_treatment,
        estimate=seen.estimate,
        low=seen.low,
        high=seen.high,
    )
