"""The metrics of an experiment: each one a sum over a sum, by subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from breakeven.audit.lift.trial import Codes, Floats, Trial
from breakeven.schema.noun import Noun


class Metric(Noun, frozen=True, kw_only=True):
    """`over` / `per`: columns of the trial, `row` (each prediction) or `subject` (each once).

    `once`: a subject counts at most 1.
    """

    over: str
    per: str
    unit: str
    higher_is_better: bool
    once: bool = False


MetricName = Literal[
    "cost_per_useful", "conversion", "revenue_per_subject", "useful_share", "cost_per_subject", "return_on_spend"
]

METRICS: Mapping[str, Metric] = {
    "cost_per_useful": Metric(over="cost", per="useful", unit="USD", higher_is_better=False),
    "conversion": Metric(over="converted", per="subject", unit="share", higher_is_better=True, once=True),
    "revenue_per_subject": Metric(over="revenue", per="subject", unit="USD", higher_is_better=True),
    "useful_share": Metric(over="useful", per="row", unit="share", higher_is_better=True),
    "cost_per_subject": Metric(over="cost", per="subject", unit="USD", higher_is_better=False),
    "return_on_spend": Metric(over="revenue", per="cost", unit="ratio", higher_is_better=True),
}
"""In this order they are shown; the first one whose columns are there is the one that the verdict is about."""

_MADE = frozenset({"row", "subject"})


def needs(metric: Metric) -> tuple[str, ...]:
    """The columns that a metric reads."""
    return tuple(name for name in (metric.over, metric.per) if name not in _MADE)


def known(trial: Trial) -> tuple[str, ...]:
    """The metrics that a trial's columns tell."""
    return tuple(name for name, metric in METRICS.items() if all(trial.has(column) for column in needs(metric)))


def told(trial: Trial, metric: Metric) -> tuple[Trial, int]:
    """The rows that tell everything the metric reads, and how many do not."""
    missing = np.zeros(len(trial), dtype=bool)
    for column in needs(metric):
        missing |= np.isnan(getattr(trial, column))
    return (trial.only(~missing), int(missing.sum())) if missing.any() else (trial, 0)


def sums(trial: Trial, place: Codes, subjects: int, metric: Metric) -> tuple[Floats, Floats]:
    """Numerator and denominator of each subject; `place` is the subject of each row, from 0."""
    over = _by_subject(trial, place, subjects, metric.over)
    if metric.once:
        over = np.minimum(over, 1.0)
    return over, np.ones(subjects) if metric.per == "subject" else _by_subject(trial, place, subjects, metric.per)


def _by_subject(trial: Trial, place: Codes, subjects: int, name: str) -> Floats:
    column = np.ones(len(trial)) if name == "row" else getattr(trial, name)
    return np.bincount(place, weights=column, minlength=subjects).astype(np.float64)
