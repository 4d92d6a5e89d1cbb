"""A decision as it is kept: what was decided, from what, against which alternatives, by whom, and what it promised."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.finding import Finding
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Promise

DecisionKind = Literal["plan", "apply", "stage", "rollback", "verify"]


class Alternative(Noun, frozen=True, kw_only=True):
    """An option that was weighed, the chosen one among them; figures None where unpriced or unknown."""

    option: str
    placement: str
    feasible: bool
    monthly_cost_usd: float | None
    cost_per_useful_prediction_usd: float | None
    binding: str = ""


class FileChange(Noun, frozen=True, kw_only=True):
    """A file that the decision rewrote: its path from the configuration's folder, SHA-256 before and after."""

    path: str
    before_sha256: str
    after_sha256: str


class Rollout(Noun, frozen=True, kw_only=True):
    """A staged rollout: the plan's shares of the traffic in order, and which of them is in force, from 0."""

    stages: tuple[float, ...]
    at: int
    holdout: float

    @property
    def share(self) -> float:
        """The plan's share of the traffic at this stage; the last leaves the holdout."""
        return min(self.stages[self.at], 1.0 - self.holdout)

    @property
    def done(self) -> bool:
        """Whether there is no further stage."""
        return self.at >= len(self.stages) - 1


class Decision(Noun, frozen=True, kw_only=True):
    """One entry of the decision log. `id` is a hash of the rest; `previous` the SHA-256 of the entry's line before it.

    `time_s` is wall time in Unix seconds. `inputs` are SHA-256 by name: workload, facts, settings, policy file.
    `facts_as_of` is the date of the prices. `review_on` is an ISO date, "" where none is set. `undoes` is the entry
    that a rollback took back.
    """

    id: str
    previous: str
    kind: DecisionKind
    time_s: float
    plan_id: str
    use_case: str
    policy_before: str = ""
    policy_after: str = ""
    inputs: dict[str, str] = {}
    facts_as_of: str = ""
    seed: int = 0
    chosen: str = ""
    alternatives: tuple[Alternative, ...] = ()
    predicted: tuple[Promise, ...] = ()
    actual: tuple[Finding, ...] = ()
    owner: str = ""
    review_on: str = ""
    reason: str = ""
    files: tuple[FileChange, ...] = ()
    rollout: Rollout | None = None
    undoes: str = ""
    forced: bool = False
    version: int = 1


class LogCheck(Noun, frozen=True, kw_only=True):
    """Whether a log is whole: `entries` that chain from the first, the SHA-256 of the last line, and what is wrong.

    `torn_bytes` after the last whole line are an append that was cut off; they lose no entry that was acknowledged.
    """

    entries: int
    head: str
    problems: tuple[str, ...] = ()
    torn_bytes: int = 0

    @property
    def whole(self) -> bool:
        """Nothing is wrong and nothing is torn."""
        return not self.problems and not self.torn_bytes
