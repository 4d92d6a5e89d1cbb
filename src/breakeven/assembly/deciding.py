"""Decisions that change files: logged first, then written, and taken back byte for byte."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from breakeven.assembly import decisions, enact, files, holding
from breakeven.assembly.project import Project
from breakeven.audit.decision.entry import of_plan
from breakeven.audit.decision.log import digest
from breakeven.audit.decision.undo import Undoing
from breakeven.catalog.load import GENERATED
from breakeven.errors import ConfigError, PolicyError
from breakeven.schema.decision import Decision, DecisionKind, FileChange, Rollout
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Noun
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Policy

MOST_SHOWN = 256 * 1024
"""Bytes of a file whose edits are shown line by line; a router's weights are one long line."""


class About(Noun, frozen=True, kw_only=True):
    """What people add to a decision: when (Unix seconds), who answers for it, when it is looked at again, and why."""

    time_s: float
    owner: str = ""
    review_on: str = ""
    reason: str = ""
    forced: bool = False


def logged_plan(loaded: Project, data_dir: Path, plan: Plan, about: About, *, trace: Path | None = None) -> Decision:
    """The entry of a plan that was made."""
    entry = of_plan(plan, "plan", time_s=about.time_s, files=hashes(loaded, trace))
    standing = files.current_policy(data_dir)
    before = "" if standing is None else standing.id
    return decisions.append(data_dir, signed_by(msgspec.structs.replace(entry, policy_before=before), about))


def logged_verification(data_dir: Path, plan: Plan, findings: tuple[Finding, ...], about: About) -> Decision:
    """The entry of what became of a plan's promises."""
    entry = of_plan(plan, "verify", time_s=about.time_s)
    standing = files.current_policy(data_dir)
    before = "" if standing is None else standing.id
    entry = msgspec.structs.replace(entry, policy_before=before, actual=findings, alternatives=(), predicted=())
    return decisions.append(data_dir, signed_by(entry, about))


def hashes(loaded: Project, trace: Path | None = None) -> dict[str, str]:
    """SHA-256 of configuration, policy file, shipped catalog, own facts, routers' weights, and the trace if any."""
    paths = {"settings": loaded.path, "policy_file": loaded.policy_path, "catalog": GENERATED}
    paths |= {f"facts {name}": loaded.base / name for name in loaded.settings.facts}
    paths |= {f"weights {path.name}": path for path in loaded.weight_paths}
    if trace is not None:
        paths["trace"] = trace
    return {name: digest(path.read_bytes()) for name, path in paths.items() if path.is_file()}


def signed_by(entry: Decision, about: About) -> Decision:
    """The entry with what people add to it."""
    return msgspec.structs.replace(
        entry,
        owner=about.owner,
        review_on=about.review_on,
        reason=about.reason or entry.reason,
        forced=about.forced,
    )


def enacted(  # noqa: PLR0913 - what is changed, and everything an entry says of it
    loaded: Project,
    data_dir: Path,
    plan: Plan,
    changed: Mapping[Path, str],
    policy: Policy,
    about: About,
    *,
    kind: DecisionKind = "apply",
    rollout: Rollout | None = None,
    mix: bool = False,
) -> Decision:
    """Write the files of a plan and install its policy, logged before anything is changed.

    With `mix` the entry names the parts and has their promises.

    Raises:
        ConfigError: the data directory holds another configuration's policy.
        LedgerError: the decision log was changed by someone.
    """
    before = _standing_id(policy, data_dir)
    entry = of_plan(holding.as_mix(plan) if mix else plan, kind, time_s=about.time_s, files=hashes(loaded))
    entry = msgspec.structs.replace(
        signed_by(entry, about),
        chosen=holding.named(holding.held(plan, mix=mix)),
        policy_before=before,
        policy_after=policy.id,
        files=tuple(_changes(loaded.base, data_dir, {**_weights(loaded), **changed})),
        rollout=rollout,
    )
    written = decisions.append(data_dir, entry)
    enact.write(changed)
    files.install(policy, data_dir)
    return written


def _standing_id(policy: Policy, data_dir: Path) -> str:
    """The id of the policy in force.

    Raises:
        ConfigError: it is another configuration's, and `files.install` would refuse.
    """
    standing = files.current_policy(data_dir)
    if standing is not None and standing.source != policy.source:
        message = f"{data_dir / files.LOCK} was compiled from {standing.source}, not from {policy.source}"
        raise ConfigError(message, "choose another --data-dir")
    return "" if standing is None else standing.id


def _weights(loaded: Project) -> dict[Path, str]:
    """The weights that learned routes obey, kept as they are, so that a rollback finds those of then."""
    return {path: enact.text_of(path) for path in loaded.weight_paths}


def _changes(base: Path, data_dir: Path, changed: Mapping[Path, str]) -> Iterator[FileChange]:
    for path in sorted(changed):
        before = path.read_bytes() if path.exists() else b""
        after = changed[path].encode()
        yield FileChange(
            path=os.path.relpath(path.absolute(), base.absolute()),
            before_sha256=decisions.keep(data_dir, before),
            after_sha256=decisions.keep(data_dir, after),
        )


def rolled_back(config: Path, data_dir: Path, undone: Undoing, about: About) -> tuple[Decision, Policy]:
    """Restore the files of before, byte for byte, and install the policy they compile to.

    Raises:
        PolicyError: a file was edited since and `about.forced` is off; the message holds the difference.
        LedgerError: what was kept is gone.
    """
    if not about.forced:
        refuse_edited(config, data_dir, undone)
    restored = {config.parent / one.path: decisions.kept(data_dir, one.before_sha256).decode() for one in undone.files}
    policy = enact.preview(config, restored)
    latest, first = undone.decisions[0], undone.decisions[-1]
    entry = Decision(
        id="",
        previous="",
        kind="rollback",
        time_s=about.time_s,
        plan_id=latest.plan_id,
        use_case=latest.use_case,
        policy_before=_standing_id(policy, data_dir),
        policy_after=policy.id,
        files=tuple(_changes(config.parent, data_dir, restored)),
        undoes=" ".join(one.id for one in undone.decisions),
        reason=f"takes back {first.id}",
    )
    written = decisions.append(data_dir, signed_by(entry, about))
    enact.write(restored)
    files.install(policy, data_dir)
    return written, policy


def refuse_edited(config: Path, data_dir: Path, undone: Undoing) -> None:
    """Refuse to take back what somebody has edited since.

    Raises:
        PolicyError: with the difference between what was written and what is there.
    """
    for one in undone.files:
        path = config.parent / one.path
        found = path.read_bytes() if path.exists() else b""
        if digest(found) != one.after_sha256:
            written = decisions.kept(data_dir, one.after_sha256)
            edited = _edited(written, found, str(path))
            message = f"{path} was edited after {undone.decisions[0].id} wrote it:\n{edited}"
            raise PolicyError(message, "undo the edit, or restore the file of before all the same with --force")


def _edited(written: bytes, found: bytes, name: str) -> str:
    if max(len(written), len(found)) > MOST_SHOWN:
        return f"{name} had {len(written):,} bytes, and has {len(found):,}"
    return difference(written.decode(), found.decode(errors="replace"), name)


def difference(before: str, after: str, name: str) -> str:
    """A unified diff of two texts."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), f"a/{name}", f"b/{name}", lineterm="")
    return "\n".join(lines)


def differences(changed: Mapping[Path, str], paths: Sequence[Path] | None = None) -> str:
    """What writing these files would change, as one diff."""
    return "\n".join(difference(enact.text_of(path), changed[path], str(path)) for path in paths or sorted(changed))
