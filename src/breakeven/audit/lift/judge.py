"""The answer of an experiment: the effect on the metric asked for, unless something forbids believing it."""

from __future__ import annotations

import numpy as np

from breakeven.audit.lift.course import course
from breakeven.audit.lift.effect import TOO_LITTLE, Level, effect
from breakeven.audit.lift.metrics import METRICS, known, needs
from breakeven.audit.lift.ratio_check import LIMIT, sample_ratio
from breakeven.audit.lift.segments import by_segment, heterogeneity
from breakeven.audit.lift.trial import TREATMENT, Trial, arm_of, without_crossed
from breakeven.audit.lift.worth import Stakes, worth
from breakeven.errors import UsageError
from breakeven.schema.experiment import Effect, Lift, SampleRatio, Worth
from breakeven.schema.noun import Noun

CROSSED_LIMIT = 0.01
"""Share of subjects in both arms above which a result is blocked: assignment did not stick."""
TRACKING_LIMIT = 0.02
"""Share of outcomes lost or in violation of the tracking plan above which a result is blocked."""


class Asked(Noun, frozen=True, kw_only=True):
    """What is asked of a trial. `split` is the treatment's share that was meant (None: a half).

    `metric` "" takes the first that is known.

    `lost_share` of the predictions or their outcomes never arrived, `violation_share` of the events were refused.
    """

    control: str
    treatment: str
    metric: str = ""
    split: float | None = None
    level: Level = Level()
    stakes: Stakes | None = None
    lost_share: float = 0.0
    violation_share: float = 0.0


def lift(trial: Trial, asked: Asked) -> Lift:
    """The effects on every metric that the trial tells, its segments, its course, and the verdict.

    Raises:
        UsageError: no such metric, or the trial lacks its columns.
    """
    name = _metric(trial, asked.metric)
    metric, level = METRICS[name], asked.level
    clean, crossed = without_crossed(trial)
    _, arms = arm_of(clean)
    treated = int((arms == TREATMENT).sum())
    ratio = sample_ratio(len(arms) - treated, treated, 0.5 if asked.split is None else asked.split)
    effects = tuple(effect(clean, one, METRICS[one], level) for one in known(trial))
    main = next(one for one in effects if one.metric == name)
    segments = by_segment(clean, name, metric, level) if trial.has("segment") else ()
    blocked, because = _blocked(ratio, crossed, len(arms), asked)
    return Lift(
        metric=name,
        unit=metric.unit,
        estimate=main.estimate,
        low=main.low,
        high=main.high,
        p_sample_ratio=ratio.p,
        verdict=blocked or main.verdict,
        why=because or main.why,
        control=asked.control,
        treatment=asked.treatment,
        confidence=1 - level.alpha,
        tuned_for=level.tuned_for,
        rows=len(trial),
        subjects=len(arms),
        crossed=crossed,
        effects=effects,
        sample_ratio=ratio,
        segments=segments,
        p_heterogeneity=heterogeneity(segments),
        course=course(clean, name, metric, level) if _timed(trial) else (),
        worth=_worth(clean, asked),
        notes=_notes(main, effects, crossed, asked),
    )


def _timed(trial: Trial) -> bool:
    return trial.has("time_s") and bool(np.isfinite(trial.time_s).any())


def _metric(trial: Trial, asked: str) -> str:
    found = known(trial)
    if asked and asked not in METRICS:
        message = f"no metric {asked!r}"
        raise UsageError(message, f"use one of {', '.join(METRICS)}")
    if asked in found or (not asked and found):
        return asked or found[0]
    if asked:
        missing = ", ".join(column for column in needs(METRICS[asked]) if not trial.has(column))
        message = f"the metric {asked} needs the column {missing}"
        raise UsageError(message, f"add it, or ask for {', '.join(found) or 'a metric whose columns are there'}")
    message = f"no metric can be told from the columns of {len(trial)} rows"
    raise UsageError(message, "give cost and useful, converted, or revenue")


def _worth(trial: Trial, asked: Asked) -> Worth | None:
    if asked.stakes is None:
        return None
    missing = [column for column in ("cost", "useful") if not trial.has(column)]
    if missing:
        message = f"what accuracy is worth needs the column {', '.join(missing)}"
        raise UsageError(message, "add it, or leave --value-usd out")
    return worth(trial, asked.stakes, asked.level)


def _blocked(ratio: SampleRatio, crossed: int, subjects: int, asked: Asked) -> tuple[str, str]:
    """What forbids believing the effect, and why; "" where nothing does."""
    if ratio.p < LIMIT:
        shares = f"{ratio.share:.2%} of {subjects:,} subjects are in {asked.treatment}, {ratio.expected:.2%} were meant"
        return "blocked: sample ratio", f"{shares} (p {ratio.p:.2g}): assignment or tracking loses subjects of one arm"
    if crossed > CROSSED_LIMIT * (subjects + crossed):
        return "blocked: subjects in both arms", f"{crossed:,} of {subjects + crossed:,} subjects were in both arms"
    for what, share in (("lost", asked.lost_share), ("in violation of the tracking plan", asked.violation_share)):
        if share > TRACKING_LIMIT:
            return "blocked: tracking", f"{share:.1%} of events are {what}; at most {TRACKING_LIMIT:.0%} may be"
    return "", ""


def _notes(main: Effect, effects: tuple[Effect, ...], crossed: int, asked: Asked) -> tuple[str, ...]:
    notes = [
        f"{one.metric}: {one.rows_left_out:,} rows do not tell it and are left out"
        for one in effects
        if one.rows_left_out
    ]
    if crossed:
        notes.append(f"{crossed:,} subjects were in both arms; their rows are left out")
    if main.verdict == TOO_LITTLE and main.estimate is not None:
        notes.append("the interval below that many subjects is only a hint")
    if asked.stakes is not None:
        notes.append("worth: a wrong prediction is one that was not useful")
    return tuple(notes)
