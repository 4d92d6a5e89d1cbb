"""What became of a plan's promises, from what the ledger measured under it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.audit.verify import verify
from breakeven.ledger.anew import anew
from breakeven.ledger.arm import observe
from breakeven.ledger.store import open_ledger
from breakeven.schema.finding import Finding
from breakeven.schema.plan import Plan


@anew
def findings(data_dir: Path, plan: Plan) -> tuple[Finding, ...]:
    """One finding for each promise; empty before the plan answered anything."""
    rules = files.use_cases(data_dir)
    pairs = sorted({(promise.use_case, promise.deployment) for promise in plan.promises})
    ledger = open_ledger(data_dir)
    seen = [
        msgspec.structs.replace(
            observe(ledger, rules[use_case], files.deployment_name(deployment), plan_id=plan.id),
            deployment=deployment,
        )
        for use_case, deployment in pairs
        if use_case in rules
    ]
    return tuple(finding for observed in seen if observed.n for finding in verify(plan, observed))
