"""A finding: what was promised against what came true."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Basis, Noun

Verdict = Literal["came_true", "better", "worse", "not_enough_evidence", "not_measurable"]


class Finding(Noun, frozen=True, kw_only=True):
    """One promise checked. `low`..`high` is the interval of the actual figure; `n` the rows behind it.

    `holdout` is the same figure of what served before and went on with a part of the traffic, None where nothing did.
    """

    plan_id: str
    metric: str
    unit: str
    predicted: float | None
    predicted_low: float | None
    predicted_high: float | None
    actual: float | None
    low: float | None
    high: float | None
    verdict: Verdict
    n: int
    basis: Basis = "measured"
    use_case: str = ""
    deployment: str = ""
    note: str = ""
    holdout: float | None = None
    holdout_low: float | None = None
    holdout_high: float | None = None
    holdout_n: int = 0
