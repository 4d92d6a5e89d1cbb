"""What an experiment showed: effects by metric, whether they may be believed, and what they are worth."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class SampleRatio(Noun, frozen=True, kw_only=True):
    """Whether subjects came to the arms as they should have: `p` may be looked at any day, `p_chi_square` once.

    `share` is the treatment's part of the subjects, `expected` what was meant.
    """

    control: int
    treatment: int
    share: float
    expected: float
    p: float
    p_chi_square: float


class Effect(Noun, frozen=True, kw_only=True):
    """Treatment minus control on one metric, in `unit`.

    `low`..`high` hold at every look, `fixed_low`..`fixed_high` only at one that was chosen beforehand; so do `p` and
    `p_fixed`. None: the arms do not tell, and `why` says so. `relative` is the estimate over the control's value.
    `variance_saved` is the share of variance that the covariate took away.
    """

    metric: str
    unit: str
    higher_is_better: bool
    verdict: str
    why: str = ""
    control: float | None = None
    treatment: float | None = None
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    p: float | None = None
    fixed_low: float | None = None
    fixed_high: float | None = None
    p_fixed: float | None = None
    relative: float | None = None
    relative_low: float | None = None
    relative_high: float | None = None
    subjects_control: int = 0
    subjects_treatment: int = 0
    rows_left_out: int = 0
    variance_saved: float = 0.0


class SegmentEffect(Noun, frozen=True, kw_only=True):
    """The effect among the subjects of one segment; `p_corrected` by Holm over all segments, valid at every look."""

    segment: str
    effect: Effect
    p_corrected: float | None


class Look(Noun, frozen=True, kw_only=True):
    """What was known at `time_s` (Unix seconds, the end of a day)."""

    time_s: float
    subjects: int
    estimate: float | None
    low: float | None
    high: float | None


class Worth(Noun, frozen=True, kw_only=True):
    """Whether better answers are worth their cost, per prediction in USD: (value + loss) x extra useful - extra cost.

    `threshold_usd` is the value + loss at which it is neither; None where no more is useful. `evsi_usd` is what
    `more_subjects` more in each arm are worth for `predictions_to_come`, `testing_usd` what sending half of them to the
    arm that looks worse costs; None where the future is not stated.
    """

    value_usd: float
    loss_usd: float
    extra_cost_usd: float | None
    extra_useful: float | None
    net: Effect
    threshold_usd: float | None = None
    predictions_to_come: float | None = None
    more_subjects: int = 0
    evsi_usd: float | None = None
    testing_usd: float | None = None
    verdict: str = ""


class Lift(Noun, frozen=True, kw_only=True):
    """The answer of `breakeven lift`: the effect on the metric that was asked for, and everything beside it.

    `p_sample_ratio` below the limit blocks the verdict. `bad` names rows that could not be read; they are not counted
    in `rows`.
    """

    metric: str
    unit: str
    estimate: float | None
    low: float | None
    high: float | None
    p_sample_ratio: float
    verdict: str
    why: str
    control: str
    treatment: str
    confidence: float
    tuned_for: float
    rows: int
    subjects: int
    crossed: int
    effects: tuple[Effect, ...]
    sample_ratio: SampleRatio
    segments: tuple[SegmentEffect, ...] = ()
    p_heterogeneity: float | None = None
    course: tuple[Look, ...] = ()
    worth: Worth | None = None
    bad_rows: int = 0
    bad: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
