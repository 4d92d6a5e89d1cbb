"""Decisions: applied, in stages where wanted, taken back, listed and checked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import msgspec

from breakeven.assembly import checking, deciding, decisions, enact, files, holding, project, rollout
from breakeven.assembly.checking import Verified
from breakeven.assembly.deciding import About
from breakeven.audit.decision.log import Log, digest
from breakeven.audit.decision.undo import undoing
from breakeven.config import settings
from breakeven.errors import EvidenceError, GateError, UsageError
from breakeven.report import explained
from breakeven.report.decided import decision_document, guard_text, log_document
from breakeven.report.document import Document
from breakeven.report.plain import JsonObject, findings_json, noun_json
from breakeven.schema.decision import Decision, LogCheck, Rollout
from breakeven.schema.guard import Guard
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy

__all__ = ["About", "Log", "decision_document", "log_document"]


class Applied(Noun, frozen=True, kw_only=True):
    """What applying changes: the policy, each file's new text, the difference, and the entry (None when dry).

    `enacts` names what gets the plan's traffic; `beside` is what the mix would save where it is not that.
    """

    policy: Policy
    changed: dict[str, str]
    difference: str
    enacts: str = ""
    mix: bool = False
    beside: str = ""
    rollout: Rollout | None = None
    decision: Decision | None = None
    guard: Guard | None = None


def on(*, owner: str = "", review_on: str = "", reason: str = "", forced: bool = False) -> About:
    """What people add to a decision that is made now.

    Raises:
        UsageError: the review date is none.
    """
    if review_on and not _dated(review_on):
        message = f"--review-on {review_on!r} is no date"
        raise UsageError(message, "write it as YYYY-MM-DD")
    return About(time_s=time.time(), owner=owner, review_on=review_on, reason=reason, forced=forced)


def _dated(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def apply(  # noqa: PLR0913 - one argument an option
    config: Path,
    plan_id: str | None = None,
    *,
    data_dir: str | None = None,
    backend_url: str | Sequence[str] | None = None,
    model_name: str | None = None,
    holdout: float = 0.1,
    stages: Sequence[float] = (),
    mix: bool = False,
    dry_run: bool = False,
    about: About | None = None,
) -> Applied:
    """Route the use case to the plan's choice, or to all parts of its mix, at once or at the first of `stages`."""
    loaded = project.load(config)
    folder = Path(data_dir) if data_dir else loaded.data_dir
    found = files.find_plan(folder, plan_id)
    if mix:
        holding.refuse_no_mix(found)
    staged = rollout.begun(stages, holdout) if stages else None
    changed = enact.changes(
        loaded,
        found,
        backend_urls=(backend_url,) if isinstance(backend_url, str) else (backend_url or ()),
        model_name=model_name,
        holdout=holdout,
        share=None if staged is None else staged.share,
        mix=mix,
        data_dir=folder,
    )
    policy = enact.preview(config, changed)
    shown = _shown(changed, policy, (found, mix), staged)
    if dry_run:
        return shown
    decision = deciding.enacted(loaded, folder, found, changed, policy, about or on(), rollout=staged, mix=mix)
    return msgspec.structs.replace(shown, decision=decision)


def next_stage(
    config: Path, *, data_dir: str | None = None, dry_run: bool = False, about: About | None = None
) -> Applied:
    """Move a staged rollout on, where the stage in force is shown to have done no harm.

    Raises:
        GateError: it did harm, or there is not enough evidence that it did none, and `about.forced` is off.
    """
    about = about or on()
    loaded = project.load(config)
    folder = Path(data_dir) if data_dir else loaded.data_dir
    stage, standing = rollout.standing(folder)
    seen = None if about.forced else rollout.looked_at(folder, stage)
    if seen is not None and not seen.may_go:
        message = f"the stage with {standing.share:.0%} of the traffic may not be followed yet: {guard_text(seen)}"
        raise GateError(message, "let it serve longer, take it back with `breakeven rollback`, or go on with --force")
    ahead = rollout.following(standing)
    found = files.find_plan(folder, stage.plan_id)
    begun = (policy for policy in files.policies(folder) if policy.id == stage.policy_after)
    mix = holding.enacts_mix(found, next(begun, None))
    changed = enact.changes(
        loaded,
        found,
        backend_urls=(),
        model_name=None,
        holdout=standing.holdout,
        share=ahead.share,
        mix=mix,
        data_dir=folder,
    )
    policy = enact.preview(config, changed)
    shown = _shown(changed, policy, (found, mix), ahead, seen)
    if dry_run:
        return shown
    decision = deciding.enacted(loaded, folder, found, changed, policy, about, kind="stage", rollout=ahead, mix=mix)
    return msgspec.structs.replace(shown, decision=decision)


def check_stage(*, next_: bool, force: bool, begins: Sequence[str | None]) -> None:
    """Refuse options of `apply` that would be passed over, and an entry in the log that says forced where nothing was.

    Args:
        next_: whether a rollout is moved on.
        force: whether it is whatever the holdout says.
        begins: what only a first stage, or a whole apply, can be told.

    Raises:
        UsageError: they cannot be meant together.
    """
    if force and not next_:
        message = "--force is given without --next"
        raise UsageError(message, "leave it out: only a stage waits for evidence")
    given = [one for one in begins if one is not None]
    if next_ and given:
        message = f"--next is given with {given[0]!r}, and a rollout goes on with the plan and the stages it began with"
        raise UsageError(message, "leave one of them out")


def shares(text: str | None) -> tuple[float, ...]:
    """Shares written with commas; none for no text.

    Raises:
        UsageError: one of them is no number.
    """
    try:
        return tuple(float(one) for one in (text or "").split(",") if one.strip())
    except ValueError:
        message = f"--stages {text!r} is no list of shares"
        raise UsageError(message, "such as --stages 0.05,0.25,1") from None


def applied_json(found: Applied) -> JsonObject:
    """What `apply --json` prints."""
    return {
        "policy_id": found.policy.id,
        "plan_id": found.policy.plan_id,
        "decision_id": None if found.decision is None else found.decision.id,
        "enacts": {"what": "mix" if found.mix else "choice", "named": found.enacts},
        "files": list(found.changed),
        "diff": found.difference,
        "rollout": None if found.rollout is None else noun_json(found.rollout),
        "guard": None if found.guard is None else noun_json(found.guard),
    }


def remarks(found: Applied) -> Iterator[str]:
    """What is said beside the difference."""
    if found.guard is not None:
        yield f"guard: {guard_text(found.guard)}"
    yield f"routes to the {'mix' if found.mix else 'choice'}: {found.enacts}"
    if found.beside:
        yield found.beside
    if found.decision is None:
        yield "nothing was written"
        return
    yield f"applied {found.policy.plan_id} as {found.policy.id} ({found.decision.id})"
    yield "a running gateway takes it over within a second"
    if found.rollout is not None and not found.rollout.done:
        yield f"the plan gets {found.rollout.share:.0%} of the traffic; next: breakeven apply --next"
    else:
        yield "next: breakeven verify, once there is traffic"


def _shown(
    changed: dict[Path, str],
    policy: Policy,
    enacts: tuple[Plan, bool],
    staged: Rollout | None = None,
    seen: Guard | None = None,
) -> Applied:
    plan, mix = enacts
    held = holding.held(plan, mix=mix)
    return Applied(
        policy=policy,
        changed={str(path): text for path, text in changed.items()},
        difference=deciding.differences(changed),
        enacts=holding.named(held),
        mix=len(held) > 1,
        beside="" if mix else holding.beside(plan),
        rollout=staged,
        guard=seen,
    )


def rollback(
    config: Path, decision_id: str | None = None, *, data_dir: str | None = None, about: About | None = None
) -> tuple[Decision, Policy]:
    """Restore the files of before the last applied decision (or that one and all since), byte for byte."""
    folder = Path(data_dir) if data_dir else config.parent / settings.read(config).data_dir
    found = decisions.read(folder)
    decisions.refuse_broken(found, folder)
    wanted = None if decision_id is None else decisions.find(folder, decision_id).id
    return deciding.rolled_back(config, folder, undoing(found.entries, wanted), about or on())


def listing(folder: Path) -> Log:
    """The decisions of a data directory, and whether their log is whole."""
    return decisions.read(folder)


def find(folder: Path, decision_id: str) -> Decision:
    """One decision by its id or the beginning of it."""
    return decisions.find(folder, decision_id)


def check(folder: Path, expect: str = "") -> LogCheck:
    """Whether the log is whole; `expect` is the hash of a line that was noted elsewhere.

    Raises:
        GateError: it was changed, or the expected line is not in it.
    """
    found = decisions.read(folder)
    lines = (folder / decisions.LOG).read_bytes().splitlines() if (folder / decisions.LOG).exists() else []
    known = {digest(line) for line in lines[: found.check.entries]}
    if found.check.problems:
        raise GateError(found.check.problems[0], "compare it with a copy: from there on nothing is vouched for")
    if expect and not any(one.startswith(expect) for one in known):
        message = f"no line of the log has the hash {expect}"
        raise GateError(message, "the log that was noted is not this one, or lines were taken out of it")
    return found.check


def verify(folder: Path, plan_id: str | None = None, *, about: About | None = None) -> tuple[Plan, Verified, Decision]:
    """What the plan promised against what was measured, explained, and put into the log.

    Raises:
        EvidenceError: it was never applied, so that nothing was measured under it.
    """
    found = files.find_plan(folder, plan_id)
    seen = checking.verified(folder, found)
    if found.promises and not seen.findings:
        message = f"{found.id} promised {len(found.promises)} things and was never applied"
        raise EvidenceError(message, "install it with `breakeven apply`, and let it serve")
    return found, seen, deciding.logged_verification(folder, found, seen.findings, about or on())


def verified_json(plan: Plan, seen: Verified, decision: Decision) -> JsonObject:
    """What `verify --json` prints."""
    return {
        "plan_id": plan.id,
        "verify": findings_json(seen.findings),
        "explained": None if seen.explained is None else noun_json(seen.explained),
        "saving": None if seen.saving is None else noun_json(seen.saving),
        "decision_id": decision.id,
    }


def verified_document(seen: Verified) -> Document:
    """Promised against measured, for people."""
    return explained.verified_document(seen.findings, seen.explained, seen.saving)
