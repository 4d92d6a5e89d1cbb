"""What the console's pages show, answered from a data directory."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from breakeven.assembly import checking, closing, files, telling, tracking, watching
from breakeven.assembly.lifting import lift_ledger
from breakeven.audit.lift.judge import Asked
from breakeven.console.source import Trusted
from breakeven.errors import BreakevenError
from breakeven.ledger.anew import anew
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.engine.port import Opener, Query
from breakeven.ledger.statement import build, measures
from breakeven.ledger.store import of_records, opener
from breakeven.report.exposition import exposition
from breakeven.schema.experiment import Lift
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy, UseCase
from breakeven.schema.statement import Statement
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth

SECONDS_PER_HOUR = 3600.0
LIFTED_PREDICTIONS = 50_000
"""Ledgers with more than this are told by `breakeven lift` alone: a page should not read them again and again."""


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


@anew
def statement(
    data_dir: Path,
    *,
    use_case: str | None = None,
    policy_id: str | None = None,
    hours: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    engine: str | Opener = "duckdb",
) -> Statement:
    """The statement of a data directory over the last `hours`, or `start_s` <= time < `end_s` (Unix seconds), or all.

    Final days are read from their roll-ups, all others from their rows.
    """
    if hours is not None:
        start_s = time.time() - hours * SECONDS_PER_HOUR
    rules = files.use_cases(data_dir)
    about = Query(measures=measures(rules), start_s=start_s, end_s=end_s)
    answers = open_days(data_dir, about, opener(engine))
    found = build(
        answers,
        rules,
        start_s=start_s,
        end_s=end_s,
        policy_id=policy_id,
        use_case=use_case,
        grid_gco2_per_kwh=files.grids(data_dir),
    )
    days = tuple(answers.state(cut.key) for cut in found.cuts if cut.dimension == "day")
    exact = answers.percentiles if policy_id is None else "exact"
    return msgspec.structs.replace(found, days=days, percentiles=exact)
