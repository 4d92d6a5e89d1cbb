"""What one worker has learned of its deployments: health, load, speed, and what it may still retry and hedge."""

from __future__ import annotations

from breakeven.gateway.decision.breaker import Circuit
from breakeven.gateway.decision.capacity import Prefill
from breakeven.gateway.decision.frozen import Progress
from breakeven.gateway.decision.limit import Limit
from breakeven.gateway.decision.load import Load
from breakeven.gateway.decision.recent import Recent
from breakeven.gateway.decision.spare import Spare
from breakeven.schema.policy import Breaker, Hedge, Policy, Retry, UseCase

START_LIMIT = 1000
"""In flight at a deployment before anything is known of it; what it can bear is learned from its latency."""


class Standing:
    """One deployment, as this worker sees it."""

    __slots__ = ("circuit", "first_byte", "limit", "load", "prefill", "progress")

    def __init__(self, rule: Breaker) -> None:
        self.circuit = Circuit(rule)
        self.load = Load()
        self.limit = Limit(start=START_LIMIT)
        self.first_byte = Recent()
        self.prefill = Prefill()
        self.progress = Progress()


class Conditions:
    """Kept while policies come and go; a deployment is known by its name.

    `in_flight` counts the requests of tenants whose quota bounds them. `controls_down`: budgets or journal cannot be
    written; `money_down`: budgets and quotas cannot be asked. `lag_s` is how late the event loop comes to what is due.
    """

    __slots__ = ("_hedges", "_retries", "_rule", "controls_down", "in_flight", "lag_s", "money_down", "standings")

    def __init__(self) -> None:
        self.standings: dict[str, Standing] = {}
        self.controls_down = False
        self.lag_s = 0.0
        self.money_down = False
        self.in_flight: dict[str, int] = {}
        self._rule = Breaker()
        self._retries: dict[str, Spare] = {}
        self._hedges: dict[str, Spare] = {}

    def adopt(self, policy: Policy) -> None:
        """Follow a new policy: deployments it no longer names are forgotten, a changed breaker begins anew."""
        names = {one.name for one in policy.deployments}
        self.standings = {name: one for name, one in self.standings.items() if name in names}
        if policy.breaker != self._rule:
            self._rule = policy.breaker
            for one in self.standings.values():
                one.circuit = Circuit(policy.breaker)
        self._retries.clear()
        self._hedges.clear()

    def of(self, deployment: str) -> Standing:
        """How a deployment stands."""
        found = self.standings.get(deployment)
        if found is None:
            found = self.standings[deployment] = Standing(self._rule)
        return found

    def retries(self, use_case: UseCase) -> Spare:
        """What the use case may still try again."""
        return _spare(self._retries, use_case, use_case.retry)

    def hedges(self, use_case: UseCase) -> Spare:
        """What the use case may still hedge."""
        return _spare(self._hedges, use_case, use_case.hedge)


def _spare(kept: dict[str, Spare], use_case: UseCase, rule: Retry | Hedge | None) -> Spare:
    found = kept.get(use_case.name)
    if found is None:
        found = kept[use_case.name] = Spare(0.0 if rule is None else rule.ratio)
    return found
