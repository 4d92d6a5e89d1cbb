"""What a plan gets once it is made: its scaling rule, and what makes it premature."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.assembly import readying, scaling
from breakeven.assembly.project import Project
from breakeven.audit.readiness.judge import premature
from breakeven.errors import EvidenceError
from breakeven.planner.choose import signed
from breakeven.planner.scaling.of_plan import Given
from breakeven.schema.plan import Plan
from breakeven.schema.readiness import Views
from breakeven.schema.scaling import ScalingRule
from breakeven.schema.workload import Trace

STEP_S = 300.0
UNMEASURED = (
    "no ledger stands behind this plan: put the gateway in front of the use case, then ask `breakeven readiness`",
)
"""What is said of a plan from a file."""
EVERYONE = Views(console_reachable=True)
"""Whether somebody looks at the console just now is no part of a decision: same inputs, same plan."""


def finished(plan: Plan, trace: Trace, *, premature: tuple[str, ...] = (), remarks: tuple[str, ...] = ()) -> Plan:
    """The plan with its rule where its choice can be scaled, and with what is open; signed anew."""
    said = (*plan.assumptions, *remarks)
    return signed(msgspec.structs.replace(plan, scaling=_rule(plan, trace), premature=premature, assumptions=said))


def _rule(plan: Plan, trace: Trace) -> ScalingRule | None:
    try:
        return scaling.rule_of(plan, scaling.demand_of(trace, STEP_S), Given())
    except EvidenceError:
        return None


def unready(loaded: Project, data_dir: Path, use_case: str) -> tuple[str, ...]:
    """What to instrument before a plan of a use case is more than a sum, in order."""
    policy = readying.policy_of(loaded, data_dir)
    return premature(readying.of_policy(policy, data_dir, EVERYONE, use_case), use_case)
