"""What the console's pages show, answered from a data directory."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from breakeven.assembly import checking, files
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.engine.port import Query
from breakeven.ledger.statement import build, measures
from breakeven.ledger.store import of_records, opener
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy
from breakeven.schema.statement import Statement

SECONDS_PER_HOUR = 3600.0


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


def statement(
    data_dir: Path,
    *,
    use_case: str | None = None,
    policy_id: str | None = None,
    hours: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    engine: str = "duckdb",
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
