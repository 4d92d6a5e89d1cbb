"""The questions a team must be able to answer from one screen before it decides, and what is known of each."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.drilled import Drilled
from breakeven.schema.guard import Followed
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.policy import UseCase
from breakeven.schema.statement import Cut

QuestionName = Literal["latency_budget", "cost_mean", "late_tracking", "cost_peak", "fallback", "drill", "visible"]
QUESTIONS: tuple[QuestionName, ...] = (
    "latency_budget",
    "cost_mean",
    "late_tracking",
    "cost_peak",
    "fallback",
    "drill",
    "visible",
)
"""In the order in which they are worth answering: without a budget nothing is late, without use nothing is useful."""
AnswerState = Literal["answered", "unanswered", "not_applicable"]


class Peak(Noun, frozen=True, kw_only=True):
    """The busiest stretch of a use case: when (Unix seconds), how long, its rate beside the mean, and what it cost.

    `cost` is per useful prediction in that stretch; `missing` says why no stretch can be told from the mean.
    """

    start_s: float = 0.0
    width_s: float = 0.0
    rate_rps: float = 0.0
    mean_rate_rps: float = 0.0
    useful: int | None = None
    cost: Figure = Figure(value=None, unit="USD")
    missing: str = ""


class Views(Noun, frozen=True, kw_only=True):
    """Where people without access to the machines can look. `telemetry` is where metrics are sent, "" nowhere."""

    console_url: str = ""
    console_reachable: bool = False
    telemetry: str = ""
    memos: tuple[str, ...] = ()


class Sight(Noun, frozen=True, kw_only=True):
    """Everything that is known of one use case: its rules, what the ledger measured, drills, and who can look."""

    use_case: UseCase
    cut: Cut | None = None
    peak: Peak = Peak(missing="nothing was recorded")
    followed: tuple[Followed, ...] = ()
    drills: tuple[Drilled, ...] = ()
    views: Views = Views()


class Checked(Noun, frozen=True, kw_only=True):
    """One question of one use case: whether it can be answered, with which figure, on what evidence.

    `instrument` says what to do first where it cannot.
    """

    question: QuestionName
    asked: str
    state: AnswerState
    said: str
    figure: Figure | None = None
    evidence: tuple[str, ...] = ()
    instrument: str = ""


class CaseReadiness(Noun, frozen=True, kw_only=True):
    """All questions of one use case, in the order of `QUESTIONS`."""

    use_case: str
    checks: tuple[Checked, ...]

    @property
    def ready(self) -> bool:
        """Whether none is unanswered."""
        return all(one.state != "unanswered" for one in self.checks)


class Readiness(Noun, frozen=True, kw_only=True):
    """Every use case of a policy, in its order."""

    policy_id: str
    cases: tuple[CaseReadiness, ...]

    @property
    def ready(self) -> bool:
        """Whether no question of any use case is unanswered; a policy without use cases is not ready."""
        return bool(self.cases) and all(case.ready for case in self.cases)
