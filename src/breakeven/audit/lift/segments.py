"""Whether an effect differs between segments: one effect each, corrected for looking at several (Holm 1979).

A subject belongs to the segment of its first row. The corrected p-values come from the confidence sequence, so that
they hold at every look as well; the test of heterogeneity (Cochran's Q) is a fixed-horizon one.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from breakeven.audit.lift.effect import BETTER, NOT_SHOWN, WORSE, Level, effect
from breakeven.audit.lift.metrics import Metric
from breakeven.audit.lift.trial import Trial
from breakeven.audit.normal import chi_square_tail
from breakeven.schema.experiment import Effect, SegmentEffect

MOST = 50
"""Segments that are looked at; with more, each would have too few subjects to say anything."""


def by_segment(trial: Trial, name: str, metric: Metric, level: Level) -> tuple[SegmentEffect, ...]:
    """The effect in each segment, the largest first, with verdicts by corrected p-values."""
    own = segment_of(trial)
    codes, sizes = np.unique(own[own >= 0], return_counts=True)
    order = sorted(zip(sizes.tolist(), codes.tolist(), strict=True), key=lambda pair: (-pair[0], pair[1]))[:MOST]
    found = [(trial.segments[code], effect(trial.only(own == code), name, metric, level)) for _, code in order]
    corrected = holm([one.p for _, one in found])
    return tuple(
        SegmentEffect(segment=segment, effect=_corrected(one, p, level.alpha), p_corrected=p)
        for (segment, one), p in zip(found, corrected, strict=True)
    )


def segment_of(trial: Trial) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """The segment of each row's subject: that of the subject's first row that has one."""
    known = trial.segment >= 0
    subjects, first = np.unique(trial.subject[known], return_index=True)
    own = np.full(int(trial.subject.max(initial=-1)) + 1, -1, dtype=np.intp)
    own[subjects] = trial.segment[known][first]
    return own[trial.subject]


def _corrected(one: Effect, p: float | None, alpha: float) -> Effect:
    """An effect whose verdict survives the correction, or does not."""
    if one.verdict in {BETTER, WORSE} and (p is None or p > alpha):
        return msgspec.structs.replace(one, verdict=NOT_SHOWN, why="not after correction for the number of segments")
    return one


def holm(values: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's step-down correction; None stays None and is not counted."""
    known = sorted((value, place) for place, value in enumerate(values) if value is not None)
    found: list[float | None] = [None] * len(values)
    highest = 0.0
    for rank, (value, place) in enumerate(known):
        highest = max(highest, min(1.0, value * (len(known) - rank)))
        found[place] = highest
    return tuple(found)


def heterogeneity(segments: Sequence[SegmentEffect]) -> float | None:
    """The p-value of Cochran's Q: whether the segments' effects differ by more than their standard errors allow."""
    known = [(one.effect.estimate, one.effect.se) for one in segments]
    pairs = [(estimate, se) for estimate, se in known if estimate is not None and se]
    if len(pairs) < 2:  # noqa: PLR2004 - one alone differs from nothing
        return None
    weights = np.array([1 / (se * se) for _, se in pairs])
    estimates = np.array([estimate for estimate, _ in pairs])
    centre = float((weights * estimates).sum() / weights.sum())
    return chi_square_tail(float((weights * (estimates - centre) ** 2).sum()), len(pairs) - 1)
