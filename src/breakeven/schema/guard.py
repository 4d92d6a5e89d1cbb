"""Whether a stage of a rollout did harm: the plan's arm against the holdout, measure by measure."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

GuardName = Literal["attainment", "cost", "tracking"]
GuardVerdict = Literal["no_harm", "harm", "not_enough_evidence", "not_measurable"]


class Followed(Noun, frozen=True, kw_only=True):
    """Delivered predictions of one use case and deployment, in time or late, and how many were heard of afterwards.

    `exposed` have an exposure, `touched` a click, a conversion or revenue; `tracked` have either.
    """

    use_case: str
    deployment: str
    late: bool
    delivered: int
    exposed: int
    touched: int
    tracked: int


class Guarded(Noun, frozen=True, kw_only=True):
    """One measure of both arms; `margin` is how much worse still counts as no harm.

    `low`..`high` (80 %) bounds the plan's less the holdout's, of costs their ratio less 1.
    """

    measure: GuardName
    plan: float | None
    holdout: float | None
    low: float | None
    high: float | None
    margin: float
    verdict: GuardVerdict
    said: str


class Guard(Noun, frozen=True, kw_only=True):
    """Everything that was looked at before the next stage; `may_go` when nothing did harm and all that can be told was.

    At least one measure has to say so.
    """

    plan_deployment: str
    holdout_deployment: str
    measures: tuple[Guarded, ...]

    @property
    def may_go(self) -> bool:
        """Whether the next stage may begin."""
        verdicts = {one.verdict for one in self.measures}
        return "no_harm" in verdicts and not verdicts & {"harm", "not_enough_evidence"}
