"""What the console asks for; `app` injects who answers. And one short-lived answer for many open tabs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar, cast

from breakeven.schema.close import Standing
from breakeven.schema.drift import Alert, Drift, Spending
from breakeven.schema.experiment import Lift
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy
from breakeven.schema.readiness import Readiness
from breakeven.schema.statement import Statement
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth

Answer = TypeVar("Answer")


class Trusted(Noun, frozen=True, kw_only=True):
    """What stands beside a statement: alerts that stand, this month's money, drift, closed months.

    `lifts` are experiments by use case, of those whose route has two arms and whose ledger is small enough for a page.
    """

    alerts: tuple[Alert, ...] = ()
    spending: tuple[Spending, ...] = ()
    drifts: tuple[Drift, ...] = ()
    closes: tuple[Standing, ...] = ()
    lifts: tuple[tuple[str, Lift], ...] = ()


class Source(Protocol):
    """Where statements, plans and findings come from. Errors are `BreakevenError`s: the page shows their way out."""

    def statement(
        self, *, use_case: str | None = None, policy_id: str | None = None, hours: float | None = None
    ) -> Statement:
        """The statement of one use case (None: all) over the last `hours` of the ledger (None: all)."""

    def plans(self) -> tuple[Plan, ...]:
        """Every plan, newest first."""

    def findings(self, plan_id: str) -> tuple[Finding, ...]:
        """What became of a plan's promises; empty before anything was measured under it."""

    def policy(self) -> Policy | None:
        """The policy in force; None before the first `serve`."""

    def tracking(self, hours: float) -> TrackingHealth:
        """Whether tracking is sound in the last `hours`, against the time before."""

    def bad(self, hours: float | None) -> tuple[BadCount, ...]:
        """Events that violate the tracking plan and were not mended, of the last `hours` (None: ever)."""

    def trusted(self) -> Trusted:
        """What stands beside the statement; nothing before the first record."""

    def readiness(self) -> Readiness | None:
        """The checklist of the policy in force; None before the first `serve`."""

    def metrics(self) -> str:
        """The ledger and its alerts as Prometheus text."""


SLOWLY = 60.0
"""Answers about whole days are kept this many times as long: they do not change between two looks."""


class Fresh:
    """A source whose answers are kept for `ttl_s` seconds, and asked for by one thread at a time."""

    def __init__(self, source: Source, *, ttl_s: float = 2.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._source, self._ttl_s, self._clock = source, ttl_s, clock
        self._lock = threading.Lock()
        self._kept: dict[Hashable, tuple[float, object]] = {}

    def statement(
        self, *, use_case: str | None = None, policy_id: str | None = None, hours: float | None = None
    ) -> Statement:
        """As the source says, at most `ttl_s` old."""
        return self._ask(
            ("statement", use_case, policy_id, hours),
            lambda: self._source.statement(use_case=use_case, policy_id=policy_id, hours=hours),
        )

    def plans(self) -> tuple[Plan, ...]:
        """As the source says, at most `ttl_s` old."""
        return self._ask("plans", self._source.plans)

    def findings(self, plan_id: str) -> tuple[Finding, ...]:
        """As the source says, at most `ttl_s` old."""
        return self._ask(("findings", plan_id), lambda: self._source.findings(plan_id))

    def policy(self) -> Policy | None:
        """As the source says, at most `ttl_s` old."""
        return self._ask("policy", self._source.policy)

    def tracking(self, hours: float) -> TrackingHealth:
        """As the source says, at most `ttl_s` old."""
        return self._ask(("tracking", hours), lambda: self._source.tracking(hours))

    def bad(self, hours: float | None) -> tuple[BadCount, ...]:
        """As the source says, at most `ttl_s` old."""
        return self._ask(("bad", hours), lambda: self._source.bad(hours))

    def trusted(self) -> Trusted:
        """As the source says, at most `SLOWLY` times as old as other answers."""
        return self._ask("trusted", self._source.trusted, SLOWLY)

    def readiness(self) -> Readiness | None:
        """As the source says, at most `SLOWLY` times as old as other answers."""
        return self._ask("readiness", self._source.readiness, SLOWLY)

    def metrics(self) -> str:
        """As the source says, at most `ttl_s` old."""
        return self._ask("metrics", self._source.metrics)

    def _ask(self, key: Hashable, question: Callable[[], Answer], times: float = 1.0) -> Answer:
        with self._lock:
            now = self._clock()
            kept = {name: entry for name, entry in self._kept.items() if now < entry[0]}
            if key not in kept:
                kept[key] = (now + self._ttl_s * times, question())
            self._kept = kept
            return cast("Answer", kept[key][1])
