"""What the console's pages show, answered from a data directory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from breakeven.assembly import checking, closing, files, readying, telling, tracking, watching
from breakeven.assembly.lifting import lift_ledger
from breakeven.assembly.stating import statement
from breakeven.audit.lift.judge import Asked
from breakeven.console.source import Trusted
from breakeven.errors import BreakevenError
from breakeven.ledger.statement import build
from breakeven.ledger.store import of_records
from breakeven.report.exposition import exposition
from breakeven.schema.experiment import Lift
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy, UseCase
from breakeven.schema.readiness import Readiness, Views
from breakeven.schema.statement import Statement
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth

READ_HERE = Views(console_url="this page", console_reachable=True)
LIFTED_PREDICTIONS = 50_000
"""Ledgers with more than this are told by `breakeven lift` and `readiness` alone: a page should not read them often."""


class LedgerSource:
    """The console's source over one data directory; it only reads."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def statement(
        self, *, use_case: str | None = None, policy_id: str | None = None, hours: float | None = None
    ) -> Statement:
        """The statement of one use case (None: all) over the last `hours` (None: all); empty before `serve`."""
        if not self._data_dir.exists():
            return build(of_records(()), {})
        return statement(self._data_dir, use_case=use_case, policy_id=policy_id, hours=hours)

    def plans(self) -> tuple[Plan, ...]:
        """Every plan, newest first."""
        return files.plans(self._data_dir)

    def findings(self, plan_id: str) -> tuple[Finding, ...]:
        """What became of a plan's promises; empty before anything was measured under it."""
        return checking.findings(self._data_dir, files.find_plan(self._data_dir, plan_id))

    def policy(self) -> Policy | None:
        """The policy in force; None before the first `serve`."""
        return files.current_policy(self._data_dir)

    def tracking(self, hours: float) -> TrackingHealth:
        """Whether tracking is sound, against the time before."""
        return tracking.of_data(self._data_dir, hours=hours)

    def bad(self, hours: float | None) -> tuple[BadCount, ...]:
        """Bad events that were not mended."""
        return tracking.bad_counts(self._data_dir, hours=hours)

    def trusted(self) -> Trusted:
        """What stands beside the statement; nothing before the first record."""
        if not self._data_dir.exists():
            return Trusted()
        found = watching.watch(self._data_dir, time.time())
        return Trusted(
            alerts=telling.standing(self._data_dir) or found.alerts,
            spending=found.spending,
            drifts=found.drifts,
            closes=closing.standing(self._data_dir),
            lifts=tuple(self._lifts()),
        )

    def readiness(self) -> Readiness | None:
        """The checklist of the policy in force, of a large ledger as last asked for; None before the first `serve`."""
        policy = self.policy()
        if policy is None or self.statement().predictions > LIFTED_PREDICTIONS:
            return files.kept_readiness(self._data_dir)
        return readying.of_policy(policy, self._data_dir, READ_HERE)

    def metrics(self) -> str:
        """The ledger and its standing alerts as Prometheus text."""
        return exposition(self.statement()) + telling.exposed(telling.standing(self._data_dir))

    def _lifts(self) -> Iterator[tuple[str, Lift]]:
        policy = self.policy()
        if policy is None or self.statement().predictions > LIFTED_PREDICTIONS:
            return
        for rule in policy.use_cases:
            arms = {one.arm for one in rule.route.targets}
            found = _lift(self._data_dir, rule, policy.id) if len(arms) > 1 else None
            if found is not None:
                yield rule.name, found


def _lift(data_dir: Path, rule: UseCase, policy_id: str) -> Lift | None:
    """What the arms of the policy in force show; None where they do not tell two arms apart."""
    asked = Asked(control="", treatment="", metric="cost_per_subject" if rule.used_when == "unmeasured" else "")
    try:
        return lift_ledger(data_dir, rule.name, asked, policy_id=policy_id)
    except BreakevenError:
        return None
