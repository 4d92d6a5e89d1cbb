"""Where a request stands, between two events."""

from __future__ import annotations

from typing import Any, Literal

from breakeven.gateway.decision.event import Action, Observed
from breakeven.gateway.decision.index import Index
from breakeven.gateway.decision.purse import Purse
from breakeven.gateway.decision.request import Request
from breakeven.gateway.decision.route import Choice
from breakeven.schema.noun import Noun
from breakeven.schema.policy import FallbackStep, PolicyDeployment
from breakeven.schema.record import Attempt, AttemptKind, AttemptOutcome

Phase = Literal["arriving", "looking", "paying", "sending", "pausing", "streaming", "falling", "done"]
HoldKind = Literal["requests", "tokens", "money"]


MICROSECONDS = 6
"""Digits of the durations that a record lists."""


class Plan(Noun, frozen=True, kw_only=True):
    """An attempt that is about to be made, not before the instant given.

    `fields` replace fields of the body; `paid_output` is how many tokens of output were paid for, None is any number.
    `cap` is what each answer may hold where a budget pays for no more.
    """

    deployment: str
    kind: AttemptKind
    not_before: float = 0.0
    fields: dict[str, Any] | None = None
    paid_output: int | None = None
    cap: int | None = None


class Hold(Noun, frozen=True, kw_only=True):
    """What a purse keeps for this request. `attempt` is whose cost it covers; -1 is the request's own."""

    purse: Purse
    amount: int
    kind: HoldKind
    attempt: int = -1


class Running(Noun, frozen=True, kw_only=True):
    """An attempt in flight; `paid_output` as in its plan. `prefilling` until its first output is here."""

    attempt: int
    deployment: str
    kind: AttemptKind
    began_s: float
    paid_output: int | None = None
    prefilling: bool = True


class Tried(Noun, frozen=True, kw_only=True):
    """An attempt that is over, and what it yielded."""

    deployment: str
    kind: AttemptKind
    outcome: AttemptOutcome
    began_s: float
    ended_s: float
    observed: Observed


class State(Noun, frozen=True, kw_only=True):
    """Where a request stands.

    `attempts` is the chain as the record tells it, `tried` what each attempt at a deployment yielded; the last of
    `tried` that is ok is the answer's. `pending` waits for money or for its instant. `sent` numbers attempts.
    `seated`: it counts against its tenant's bound of requests in flight.
    """

    index: Index
    request: Request
    phase: Phase
    chain: tuple[FallbackStep, ...]
    late_at: float | None
    purses: tuple[Purse, ...] = ()
    choice: Choice | None = None
    holds: tuple[Hold, ...] = ()
    running: tuple[Running, ...] = ()
    seated: bool = False
    pending: Plan | None = None
    sent: int = 0
    attempts: tuple[Attempt, ...] = ()
    tried: tuple[Tried, ...] = ()
    reason: str = ""

    def run(self, attempt: int) -> Running:
        """The attempt in flight of that number.

        Raises:
            ValueError: there is none, which is a fault of the shell.
        """
        for one in self.running:
            if one.attempt == attempt:
                return one
        message = f"attempt {attempt} of request {self.request.request_id} is not in flight"
        raise ValueError(message)

    @property
    def answered(self) -> Tried | None:
        """The attempt that matters most: the one that answered, else the last."""
        for one in reversed(self.tried):
            if one.outcome == "ok":
                return one
        return self.tried[-1] if self.tried else None

    @property
    def why_another(self) -> str:
        """Why a step of the failure chain answers, while it does; "" while the route's own targets do."""
        return self.reason if self.running and self.running[0].kind == "fallback" else ""

    @property
    def deployment(self) -> PolicyDeployment | None:
        """Where the answer comes from, is coming from, or was to come from."""
        found = self.answered
        if found is not None and (found.outcome == "ok" or not self.running):
            return self.index.deployments[found.deployment]
        if self.running:
            return self.index.deployments[self.running[0].deployment]
        return None if self.choice is None else self.index.deployments[self.choice.chosen]

    @property
    def caching(self) -> bool:
        """Whether the answer is kept."""
        return self.request.cached


Moved = tuple[State, Action]
