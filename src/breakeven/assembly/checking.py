"""What became of a plan's promises, from what the ledger measured under it and beside it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from breakeven.assembly import files, holding
from breakeven.audit.explained.explain import explain, saving
from breakeven.audit.explained.mixed import explain_mix
from breakeven.audit.mixed import together, verify_mix
from breakeven.audit.verify import verify
from breakeven.ledger.anew import anew
from breakeven.ledger.arm import observe
from breakeven.ledger.engine.port import Engine
from breakeven.ledger.store import open_ledger
from breakeven.planner.compile import HOLDOUT_ARM
from breakeven.quantity import SECONDS_PER_HOUR, usd_from_pico
from breakeven.schema.explained import Explained, Saving
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy, UseCase
from breakeven.schema.statement import Observation


class Verified(Noun, frozen=True, kw_only=True):
    """Each promise against fact, why the cost differs, and the saving against the holdout; None where there is none."""

    findings: tuple[Finding, ...] = ()
    explained: Explained | None = None
    saving: Saving | None = None


@anew
def findings(data_dir: Path, plan: Plan) -> tuple[Finding, ...]:
    """One finding for each promise; empty before the plan answered anything."""
    return verified(data_dir, plan).findings


def verified(data_dir: Path, plan: Plan) -> Verified:
    """Everything that can be said of a plan; empty before it answered anything."""
    rule = files.use_cases(data_dir).get(plan.use_case)
    if rule is None or not plan.promises:
        return Verified()
    ledger, applied = open_ledger(data_dir), _applied(data_dir, plan)
    if holding.enacts_mix(plan, applied):
        return _verified_mix(ledger, rule, holding.as_mix(plan), applied)
    deployment = plan.promises[0].deployment
    seen = _observed(ledger, rule, deployment, plan)
    if not seen.n:
        return Verified()
    held = _holdout(ledger, rule, plan, applied)
    return Verified(
        findings=verify(plan, seen, held),
        explained=explain(plan, seen, usd_per_replica_hour=_charged_usd(applied, deployment)),
        saving=None if held is None else saving(plan, seen, held),
    )


def _verified_mix(ledger: Engine, rule: UseCase, plan: Plan, applied: Policy | None) -> Verified:
    """The same of a plan whose mix is the decision; `plan` reads so."""
    ids = [one.option.deployment.id for one in holding.held(plan, mix=True)]
    parts = [_observed(ledger, rule, deployment, plan) for deployment in ids]
    whole = together(parts)
    if not whole.n:
        return Verified()
    held = _holdout(ledger, rule, plan, applied)
    prices = {deployment: _charged_usd(applied, deployment) for deployment in ids}
    return Verified(
        findings=verify_mix(plan, parts, held),
        explained=explain_mix(plan, parts, prices),
        saving=None if held is None else saving(plan, whole, held),
    )


def _applied(data_dir: Path, plan: Plan) -> Policy | None:
    """The last policy that was in force for the plan."""
    known = [policy for policy in files.policies(data_dir) if policy.plan_id == plan.id]
    return known[-1] if known else None


def _observed(ledger: Engine, rule: UseCase, deployment: str, plan: Plan) -> Observation:
    found = observe(ledger, rule, files.deployment_name(deployment), plan_id=plan.id)
    return msgspec.structs.replace(found, deployment=deployment)


def _holdout(ledger: Engine, rule: UseCase, plan: Plan, applied: Policy | None) -> Observation | None:
    """What the holdout's largest deployment did under the plan; None without one that answered."""
    cases = () if applied is None else applied.use_cases
    targets = [one for case in cases if case.name == plan.use_case for one in case.route.targets]
    held = [one for one in targets if one.arm == HOLDOUT_ARM and one.weight > 0]
    if not held:
        return None
    found = _observed(ledger, rule, max(held, key=lambda one: one.weight).deployment, plan)
    return found if found.n else None


def _charged_usd(applied: Policy | None, deployment: str) -> float | None:
    """USD per replica-hour that the applied policy charges for a deployment; None without capacity of its own."""
    name = files.deployment_name(deployment)
    known = () if applied is None else applied.deployments
    price = next((one.capacity for one in known if one.name == name), None)
    return None if price is None else usd_from_pico(price.pico_usd_per_replica_s) * SECONDS_PER_HOUR
