"""The data directory: where the compiled policy, its history and the plans lie."""

from __future__ import annotations

import fcntl
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from breakeven.errors import ConfigError, EvidenceError, PolicyError, UsageError
from breakeven.schema.drilled import Drilled
from breakeven.schema.plan import Plan
from breakeven.schema.policy import Drill, Policy, UseCase
from breakeven.schema.readiness import Readiness

LOCK = "policy.lock.json"
POLICY_TURN = "policy.turn"
_IMPORTED = "imported_use_cases.json"


def write_atomically(path: Path, content: bytes) -> None:
    """Write under a temporary name, fsync and rename: a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read_policy(path: Path) -> Policy:
    """A compiled policy from disk.

    Raises:
        PolicyError: the file is not a compiled policy.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Policy)
    except msgspec.MsgspecError as error:
        message = f"{path} is not a compiled policy: {error}"
        raise PolicyError(message, "run `breakeven check`, then `breakeven serve`, which compiles it anew") from error


def current_policy(data_dir: Path) -> Policy | None:
    """The policy the gateway obeys; None before the first `serve`."""
    path = data_dir / LOCK
    return read_policy(path) if path.exists() else None


@contextmanager
def turn(data_dir: Path, name: str = POLICY_TURN) -> Iterator[None]:
    """Wait for the turn to read a file and write it anew, so that no one's change is lost; `name` is the turn's own."""
    data_dir.mkdir(parents=True, exist_ok=True)
    handle = os.open(data_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def install(policy: Policy, data_dir: Path, *, force: bool = False) -> None:
    """Make a policy the current one, and keep it in the history. A drill that is on goes on.

    Raises:
        ConfigError: the directory holds another configuration's policy and `force` is off.
    """
    with turn(data_dir):
        standing = current_policy(data_dir)
        if standing is not None and standing.source != policy.source and not force:
            message = f"{data_dir / LOCK} was compiled from {standing.source}, not from {policy.source}"
            raise ConfigError(message, "choose another --data-dir, or replace it with --force")
        write_atomically(data_dir / "policies" / f"{policy.id}.json", _encoded(policy))
        if standing is None or standing.id != policy.id:
            drills = () if standing is None else drills_on(standing, time.time())
            write_lock(policy, drills, data_dir)


def write_lock(policy: Policy, drills: Sequence[Drill], data_dir: Path) -> None:
    """Make a policy the current one with these drills, less those at deployments that it does not have."""
    known = {deployment.name for deployment in policy.deployments}
    kept = tuple(drill for drill in drills if drill.deployment in known)
    write_atomically(data_dir / LOCK, _encoded(msgspec.structs.replace(policy, drills=kept)))


def drills_on(policy: Policy, now_s: float) -> tuple[Drill, ...]:
    """The drills of a policy that are not over."""
    return tuple(drill for drill in policy.drills if drill.until_s > now_s)


def _encoded(policy: Policy) -> bytes:
    return msgspec.json.format(msgspec.json.encode(policy), indent=1)


def policies(data_dir: Path) -> tuple[Policy, ...]:
    """Every policy ever in force here, oldest first."""
    history = sorted((data_dir / "policies").glob("*.json"), key=lambda path: path.stat().st_mtime)
    return tuple(read_policy(path) for path in history)


def use_cases(data_dir: Path) -> dict[str, UseCase]:
    """The rules of every use case ever served here, or stated at an import; the current policy's win."""
    found = imported_use_cases(data_dir)
    found |= {case.name: case for policy in policies(data_dir) for case in policy.use_cases}
    standing = current_policy(data_dir)
    return found | ({case.name: case for case in standing.use_cases} if standing is not None else {})


def imported_use_cases(data_dir: Path) -> dict[str, UseCase]:
    """The rules that mapping files of imports stated."""
    path = data_dir / _IMPORTED
    return msgspec.json.decode(path.read_bytes(), type=dict[str, UseCase]) if path.exists() else {}


def keep_use_cases(cases: Sequence[UseCase], data_dir: Path) -> None:
    """Keep the rules of imported use cases beside those kept before; the newer win."""
    kept = imported_use_cases(data_dir) | {case.name: case for case in cases}
    write_atomically(data_dir / _IMPORTED, msgspec.json.format(msgspec.json.encode(kept), indent=1))


def grids(data_dir: Path) -> dict[str, float]:
    """Carbon intensity in gCO2e/kWh by deployment, where the current policy states it."""
    standing = current_policy(data_dir)
    known = () if standing is None else standing.deployments
    return {entry.name: entry.grid_gco2_per_kwh for entry in known if entry.grid_gco2_per_kwh is not None}


def deployment_name(deployment_id: str) -> str:
    """A deployment of a plan as `breakeven.yaml` and the ledger name it: letters, digits, dot, dash, underscore."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", deployment_id).strip("-")[:64]


def save_plan(plan: Plan, data_dir: Path) -> Path:
    """Keep a plan under its id."""
    path = data_dir / "plans" / f"{plan.id}.json"
    write_atomically(path, msgspec.json.format(msgspec.json.encode(plan), indent=1))
    return path


def plans(data_dir: Path) -> tuple[Plan, ...]:
    """Every plan made here, newest first."""
    found = sorted((data_dir / "plans").glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    return tuple(msgspec.json.decode(path.read_bytes(), type=Plan) for path in found)


def kept_plan(data_dir: Path, plan_id: str) -> Plan | None:
    """The plan of that id, where it was made here."""
    path = data_dir / "plans" / f"{plan_id}.json"
    return msgspec.json.decode(path.read_bytes(), type=Plan) if plan_id and path.is_file() else None


def find_plan(data_dir: Path, plan_id: str | None) -> Plan:
    """The plan of that id; without one the plan in force, else the newest.

    Raises:
        UsageError: there is no plan of that id.
        EvidenceError: no plan was ever made here.
    """
    known = plans(data_dir)
    if not known:
        message = f"{data_dir} holds no plan"
        raise EvidenceError(message, "make one with `breakeven plan`")
    if plan_id is None:
        standing = current_policy(data_dir)
        applied = [plan for plan in known if standing is not None and plan.id == standing.plan_id]
        return (applied or list(known))[0]
    for plan in known:
        if plan.id == plan_id:
            return plan
    message = f"no plan {plan_id}; there are {', '.join(plan.id for plan in known)}"
    raise UsageError(message, "give one of these ids")


def keep_drill(found: Drilled, data_dir: Path) -> None:
    """Keep the report of a drill under its id."""
    content = msgspec.json.format(msgspec.json.encode(found), indent=1)
    write_atomically(data_dir / "drills" / f"{found.drill.id}.json", content)


def drills(data_dir: Path) -> tuple[Drilled, ...]:
    """The reports of all drills that were played here, oldest first."""
    found = [msgspec.json.decode(path.read_bytes(), type=Drilled) for path in (data_dir / "drills").glob("*.json")]
    return tuple(sorted(found, key=lambda one: (one.ended_s, one.drill.id)))


def keep_readiness(found: Readiness, data_dir: Path) -> None:
    """Keep the checklist as it was last answered, for pages that cannot wait for a large ledger."""
    write_atomically(data_dir / "readiness.json", msgspec.json.format(msgspec.json.encode(found), indent=1))


def kept_readiness(data_dir: Path) -> Readiness | None:
    """The checklist as it was last answered; None before that."""
    path = data_dir / "readiness.json"
    return msgspec.json.decode(path.read_bytes(), type=Readiness) if path.exists() else None
