"""The effect on one metric: estimate, both intervals, and what may be said of them."""

from __future__ import annotations

import math

import numpy as np
from msgspec.structs import replace

from breakeven.audit import normal
from breakeven.audit.lift import metrics, sequence
from breakeven.audit.lift.metrics import Metric
from breakeven.audit.lift.moments import Difference, Moments, difference, moments
from breakeven.audit.lift.trial import CONTROL, TREATMENT, Codes, Floats, Trial
from breakeven.schema.experiment import Effect
from breakeven.schema.noun import Noun

ENOUGH_SUBJECTS = 100
"""Subjects that each arm needs before it is judged: below, sums of skewed costs are not yet normal."""
ENOUGH_COUNTED = 20
"""Useful predictions that each arm needs before what one costs is judged."""
BETTER, WORSE, NOT_SHOWN, TOO_LITTLE = "better", "worse", "no difference shown", "not enough evidence"


class Level(Noun, frozen=True, kw_only=True):
    """How sure an interval is: wrong in at most `alpha` of experiments, tightest at `tuned_for` subjects an arm."""

    alpha: float = 0.05
    tuned_for: float = sequence.TUNED_FOR


def effect(trial: Trial, name: str, metric: Metric, level: Level, *, adjust: bool = True) -> Effect:
    """Treatment minus control; `adjust` by the covariate where the trial has one."""
    told, left_out = metrics.told(trial, metric)
    arms = _arms(told, metric, adjust=adjust and trial.has("covariate"))
    control, treatment = (float(arm.n) for arm in arms)
    about = Effect(
        metric=name,
        unit=metric.unit,
        higher_is_better=metric.higher_is_better,
        verdict=TOO_LITTLE,
        subjects_control=int(control),
        subjects_treatment=int(treatment),
        rows_left_out=left_out,
    )
    why = _unknown(arms, metric)
    if why:
        return replace(about, **_values(arms), why=why)
    return replace(judged(difference(*arms), arms, metric, level, about), **_values(arms))


def judged(found: Difference, arms: tuple[Moments, Moments], metric: Metric, level: Level, about: Effect) -> Effect:
    """An effect with its intervals and its verdict."""
    m = float(sequence.per_arm(arms[CONTROL].n, arms[TREATMENT].n))
    estimate, se = float(found.estimate), float(found.se)
    radius = se * float(sequence.multiplier(np.asarray(m), level.alpha, level.tuned_for))
    fixed = se * normal.quantile(1 - level.alpha / 2)
    z = estimate / se if se > 0 else math.copysign(math.inf, estimate) if estimate else 0.0
    verdict, why = verdict_of(estimate, radius, _counted(arms), metric)
    return replace(
        about,
        **_relative(float(arms[CONTROL].ratio), estimate, radius),
        verdict=verdict,
        why=why,
        estimate=estimate,
        low=estimate - radius,
        high=estimate + radius,
        se=se,
        p=sequence.p_always(z, m, level.alpha, level.tuned_for),
        fixed_low=estimate - fixed,
        fixed_high=estimate + fixed,
        p_fixed=normal.two_sided(z),
        variance_saved=float(found.saved),
    )


def verdict_of(estimate: float, radius: float, counted: tuple[float, float], metric: Metric) -> tuple[str, str]:
    """What an interval says, and why it says nothing."""
    fewest, ratio = counted
    if fewest < ENOUGH_SUBJECTS:
        return TOO_LITTLE, f"{fewest:,.0f} subjects in the smaller arm; a lift is judged from {ENOUGH_SUBJECTS}"
    if ratio < ENOUGH_COUNTED and metric.per == "useful":
        return TOO_LITTLE, f"{ratio:,.4g} useful predictions in an arm; their cost is judged from {ENOUGH_COUNTED}"
    if radius >= abs(estimate):
        return NOT_SHOWN, ""
    return (BETTER if (estimate > 0) == metric.higher_is_better else WORSE), ""


def _counted(arms: tuple[Moments, Moments]) -> tuple[float, float]:
    return min(float(arm.n) for arm in arms), min(float(arm.n * arm.d) for arm in arms)


def _arms(trial: Trial, metric: Metric, *, adjust: bool) -> tuple[Moments, Moments]:
    subjects, first, place = np.unique(trial.subject, return_index=True, return_inverse=True)
    y, d = metrics.sums(trial, place, len(subjects), metric)
    x = covariate_of(trial, place, len(subjects)) if adjust else None
    arm = trial.arm[first]
    one, other = (
        moments(y[arm == which], d[arm == which], None if x is None else x[arm == which])
        for which in (CONTROL, TREATMENT)
    )
    return one, other


def covariate_of(trial: Trial, place: Codes, subjects: int) -> Floats:
    """The mean covariate of each subject; those without one get the mean of the others, which adds nothing."""
    known = ~np.isnan(trial.covariate)
    count = np.bincount(place[known], minlength=subjects)
    total = np.bincount(place[known], weights=trial.covariate[known], minlength=subjects)
    mean = np.divide(total, count, out=np.full(subjects, np.nan), where=count > 0)
    filled: Floats = np.where(count > 0, mean, float(mean[count > 0].mean()) if (count > 0).any() else 0.0)
    return filled


def _unknown(arms: tuple[Moments, Moments], metric: Metric) -> str:
    """Why there is no estimate at all; "" where there is one."""
    for name, arm in zip(("control", "treatment"), arms, strict=True):
        if arm.n == 0:
            return f"no subject in the {name} arm tells it"
        if arm.d == 0:
            return f"nothing {metric.per} in the {name} arm, so that nothing can be divided by it"
    fewest = int(min(float(arm.n) for arm in arms))
    return f"{fewest} subject in an arm has no spread" if fewest < 2 else ""  # noqa: PLR2004 - a variance needs two


def _values(arms: tuple[Moments, Moments]) -> dict[str, float | None]:
    control, treatment = (None if np.isnan(arm.ratio) else float(arm.ratio) for arm in arms)
    return {"control": control, "treatment": treatment}


def _relative(base: float, estimate: float, radius: float) -> dict[str, float]:
    """In units of the control's value, whose own uncertainty is not in it."""
    if base <= 0:
        return {}
    low, high = (estimate - radius) / base, (estimate + radius) / base
    return {"relative": estimate / base, "relative_low": low, "relative_high": high}
