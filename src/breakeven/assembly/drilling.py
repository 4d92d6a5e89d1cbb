"""The drill section of the lock: what is on, begun and ended there, always bounded, never part of the policy's id."""

from __future__ import annotations

import difflib
import time
from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import files
from breakeven.errors import ConfigError, UsageError
from breakeven.ledger import layout
from breakeven.ledger.disk import abandoned
from breakeven.schema.policy import TO, Drill, Policy, UseCase

LONGEST_S = 15 * 60.0
SHORTEST_S = 1.0
_LOOKS, _PAUSE_S = 5, 0.1


def policy_of(data_dir: Path) -> Policy:
    """The policy that the gateway of a data directory obeys.

    Raises:
        ConfigError: none was ever compiled there.
    """
    found = files.current_policy(data_dir)
    if found is None:
        message = f"{data_dir} holds no {files.LOCK}"
        raise ConfigError(message, "start `breakeven serve`, or name its data directory with --data-dir")
    return found


def begin(data_dir: Path, drill: Drill) -> Policy:
    """Put a drill into the lock; drills that are over go. Returns the policy it is played under.

    Raises:
        UsageError: it is longer than may be, its deployment is unknown, or has a drill already.
        ConfigError: there is no policy.
    """
    check(drill)
    with files.turn(data_dir):
        policy = policy_of(data_dir)
        known(policy, drill.deployment)
        standing = files.drills_on(policy, drill.from_s)
        other = next((one for one in standing if one.deployment == drill.deployment), None)
        if other is not None:
            left_s = other.until_s - drill.from_s
            message = f"{drill.deployment} has a drill already: {other.id} ({other.fault}), for {left_s:.0f} s more"
            raise UsageError(
                message, f"wait, or end it with `breakeven drill --cancel --deployment {drill.deployment}`"
            )
        files.write_lock(policy, (*standing, drill), data_dir)
    return policy


def check(drill: Drill) -> None:
    """Refuse a drill that is not bounded as drills are.

    Raises:
        UsageError: it lasts too long or too short.
    """
    length_s = drill.until_s - drill.from_s
    if not SHORTEST_S <= length_s <= LONGEST_S:
        message = f"a drill of {length_s:g} s; it lasts {SHORTEST_S:g} s at least and {LONGEST_S / 60:g} min at most"
        raise UsageError(message, "give a time within these bounds, such as --for 30s or --for 15m")


def known(policy: Policy, deployment: str) -> None:
    """Refuse a deployment that the policy does not have.

    Raises:
        UsageError: with the nearest names.
    """
    names = [one.name for one in policy.deployments]
    if deployment not in names:
        near = difflib.get_close_matches(deployment, names, n=3, cutoff=0.4)
        hint = f"did you mean {', '.join(near)}?" if near else f"one of: {', '.join(names) or 'none'}"
        message = f"the policy in force has no deployment {deployment}"
        raise UsageError(message, hint)


def end(data_dir: Path, ids: Sequence[str]) -> tuple[Drill, ...]:
    """Take drills out of the lock, and those that are over; returns which of `ids` were still on."""
    with files.turn(data_dir):
        policy = files.current_policy(data_dir)
        if policy is None or not policy.drills:
            return ()
        standing = files.drills_on(policy, time.time())
        gone = tuple(one for one in standing if one.id in ids)
        files.write_lock(policy, [one for one in standing if one.id not in ids], data_dir)
    return gone


def on(data_dir: Path, deployment: str | None = None) -> tuple[Drill, ...]:
    """The drills that are on, of a deployment or of all."""
    policy = files.current_policy(data_dir)
    found = () if policy is None else files.drills_on(policy, time.time())
    return tuple(one for one in found if deployment in {None, one.deployment})


def served(data_dir: Path) -> bool:
    """Whether a gateway has a journal open there."""
    for look in range(_LOOKS):
        live = [path for path in layout.journal_files(data_dir) if path.suffix == layout.LIVE]
        if any(path.exists() and not abandoned(path) for path in live):
            return True
        time.sleep(_PAUSE_S if look < _LOOKS - 1 else 0.0)  # between two files there is none for a moment
    return False


def reached(policy: Policy, deployment: str) -> tuple[UseCase, ...]:
    """The use cases that may ask a deployment, by their route or failure chain."""
    return tuple(
        case
        for case in policy.use_cases
        if any(target.deployment == deployment for target in case.route.targets) or f"{TO}{deployment}" in case.failure
    )
