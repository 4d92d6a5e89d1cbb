"""A staged rollout: which stage is in force, what both arms showed since it began, and the next one's files."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import msgspec

from breakeven.assembly import decisions, files
from breakeven.audit.decision.undo import in_force
from breakeven.audit.guard import guard
from breakeven.audit.mixed import together
from breakeven.errors import EvidenceError, UsageError
from breakeven.ledger.anew import anew
from breakeven.ledger.arm import observe
from breakeven.ledger.snapshot import of_folder
from breakeven.ledger.store import open_ledger
from breakeven.ledger.tracking.followed import followed
from breakeven.planner.compile import HOLDOUT_ARM, PLAN_ARM
from breakeven.schema.decision import Decision, Rollout
from breakeven.schema.guard import Followed, Guard
from breakeven.schema.policy import Policy


def begun(stages: Sequence[float], holdout: float) -> Rollout:
    """A rollout at its first stage.

    Raises:
        UsageError: the stages are not ascending shares.
    """
    ascending = all(low < high for low, high in pairwise(stages))
    if not stages or not ascending or not stages[0] > 0 or stages[-1] > 1:
        message = f"stages are ascending shares of the traffic up to 1, got {', '.join(f'{one:g}' for one in stages)}"
        raise UsageError(message, "such as --stages 0.05,0.25,1")
    return Rollout(stages=tuple(stages), at=0, holdout=holdout)


def standing(data_dir: Path) -> tuple[Decision, Rollout]:
    """The decision of the stage in force, and its rollout.

    Raises:
        UsageError: the last decision was no stage, or its rollout is done.
        EvidenceError: nothing was applied.
    """
    applied = in_force(decisions.read(data_dir).entries)
    if not applied:
        message = f"{data_dir} holds no applied decision"
        raise EvidenceError(message, "begin with `breakeven apply --stages 0.05,0.25,1`")
    rollout = applied[-1].rollout
    if rollout is None:
        message = f"{applied[-1].id} was applied at once, not in stages"
        raise UsageError(message, "begin with `breakeven apply --stages 0.05,0.25,1`")
    if rollout.done:
        message = f"{applied[-1].id} is the last stage, with {rollout.share:.0%} of the traffic"
        raise UsageError(message, "`breakeven verify` says what became of it")
    return applied[-1], rollout


def following(rollout: Rollout) -> Rollout:
    """The same at its next stage."""
    return msgspec.structs.replace(rollout, at=rollout.at + 1)


@anew
def looked_at(data_dir: Path, stage: Decision) -> Guard:
    """What both arms showed since the stage began.

    Raises:
        EvidenceError: another policy is in force, the route has no holdout, or an arm answered nothing.
    """
    policy = files.current_policy(data_dir)
    if policy is None or policy.id != stage.policy_after:
        message = f"the policy in force is {'none' if policy is None else policy.id}, not {stage.policy_after}"
        raise EvidenceError(message, "apply the stage again, so that what is measured is what was decided")
    rule = next(case for case in policy.use_cases if case.name == stage.use_case)
    ledger = open_ledger(data_dir)
    parts, held = (_arm(policy, stage, arm) for arm in (PLAN_ARM, HOLDOUT_ARM))
    seen = [observe(ledger, rule, name, policy_id=policy.id) for name in parts]
    holdout = observe(ledger, rule, held[0], policy_id=policy.id)
    plan = seen[0] if len(seen) == 1 else together(seen)
    rows = followed(of_folder(data_dir), {rule.name: rule.window_s}, policy_id=policy.id)
    told = [_of_arm(row, parts, plan.deployment) for row in rows if row.use_case == rule.name]
    return guard(plan, holdout, told)


def _of_arm(row: Followed, parts: Sequence[str], named: str) -> Followed:
    """The row as one of the whole arm, where it is of a part of it."""
    return msgspec.structs.replace(row, deployment=named) if row.deployment in parts else row


def _arm(policy: Policy, stage: Decision, arm: str) -> list[str]:
    """The deployments of an arm, the one with the most weight first."""
    rule = next(case for case in policy.use_cases if case.name == stage.use_case)
    found = [target for target in rule.route.targets if target.arm == arm and target.weight > 0]
    if not found:
        message = f"the route of {stage.use_case} has no arm {arm}, so that nothing can be compared"
        raise EvidenceError(message, "go on with --force, or apply the plan again with a holdout")
    return [target.deployment for target in sorted(found, key=lambda target: -target.weight)]
