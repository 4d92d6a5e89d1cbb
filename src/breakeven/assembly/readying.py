"""What is known of every use case, gathered from the policy, the ledger, drills and the console's port."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from breakeven.assembly import files
from breakeven.assembly.project import Project
from breakeven.assembly.stating import statement
from breakeven.audit.readiness.judge import readiness as judged
from breakeven.errors import PolicyError
from breakeven.ledger.anew import anew
from breakeven.ledger.engine.port import Query
from breakeven.ledger.snapshot import of_folder
from breakeven.ledger.store import open_ledger
from breakeven.ledger.tracking.followed import followed
from breakeven.schema.policy import Policy, UseCase
from breakeven.schema.readiness import Peak, Readiness, Sight, Views
from breakeven.schema.statement import Cut, Statement

STRETCHES = 20
SHORTEST_S, LONGEST_S = 60.0, 3600.0
"""A peak is the busiest twentieth of what was recorded, from a minute to an hour."""
FEWEST_STRETCHES = 3
CONNECT_S = 0.3


def readiness(loaded: Project, data_dir: Path, use_case: str | None = None) -> Readiness:
    """The checklist of a project's use cases, or of one.

    Raises:
        PolicyError: the policy does not compile, and none is in force.
    """
    return of_policy(policy_of(loaded, data_dir), data_dir, views(loaded, data_dir), use_case)


@anew
def of_policy(policy: Policy, data_dir: Path, looked: Views, use_case: str | None = None) -> Readiness:
    """The checklist of a policy's use cases, or of one, for people who can look where `looked` says."""
    wanted = [case for case in policy.use_cases if use_case in {None, case.name}]
    return judged(policy.id, sights(data_dir, wanted, looked))


def policy_of(loaded: Project, data_dir: Path) -> Policy:
    """What the files compile to; the policy in force where they do not here, such as for want of a key."""
    try:
        return loaded.policy()
    except PolicyError:
        standing = files.current_policy(data_dir)
        if standing is None:
            raise
        return standing


def sights(data_dir: Path, cases: Sequence[UseCase], looked: Views) -> Iterator[Sight]:
    """Everything that is known of each."""
    if not data_dir.exists():
        yield from (Sight(use_case=case, views=looked) for case in cases)
        return
    drills = files.drills(data_dir)
    rows = followed(of_folder(data_dir), {case.name: case.window_s for case in cases})
    for case in cases:
        found = statement(data_dir, use_case=case.name)
        yield Sight(
            use_case=case,
            cut=_cut(found, case.name),
            peak=peak(data_dir, case.name, found),
            followed=tuple(row for row in rows if row.use_case == case.name),
            drills=drills,
            views=looked,
        )


def _cut(found: Statement, use_case: str) -> Cut | None:
    return next((cut for cut in found.cuts if (cut.dimension, cut.key) == ("use_case", use_case)), None)


def peak(data_dir: Path, use_case: str, whole: Statement) -> Peak:
    """The busiest stretch of a use case and what a useful prediction cost in it."""
    arrivals = np.frombuffer(open_ledger(data_dir).arrivals(Query(use_case=use_case)).arrival_s)
    span_s = float(arrivals[-1]) if len(arrivals) else 0.0
    width_s = min(LONGEST_S, max(SHORTEST_S, span_s / STRETCHES))
    if whole.start_s is None or span_s < FEWEST_STRETCHES * width_s:
        missing = f"{span_s:.0f} s were recorded; a peak is told from {FEWEST_STRETCHES * SHORTEST_S:.0f} s on"
        return Peak(missing=missing)
    counts = np.bincount((arrivals // width_s).astype(np.int64))
    at = int(counts.argmax())
    start_s = whole.start_s + at * width_s
    found = statement(data_dir, use_case=use_case, start_s=start_s, end_s=start_s + width_s)
    return Peak(
        start_s=start_s,
        width_s=width_s,
        rate_rps=float(counts[at]) / width_s,
        mean_rate_rps=len(arrivals) / span_s,
        useful=found.useful_predictions,
        cost=found.cost_per_useful_prediction_usd,
    )


def views(loaded: Project, data_dir: Path) -> Views:
    """The console where it is configured, whether anybody answers there, and memos that were written."""
    gateway = loaded.settings.gateway
    memos = sorted(path.name for path in (data_dir / "plans").glob("*.html"))
    return Views(
        console_url=f"http://{gateway.host}:{gateway.console}" if gateway.console else "",
        console_reachable=bool(gateway.console) and _answers(gateway.host, gateway.console),
        telemetry=str(loaded.settings.telemetry.otlp_endpoint or ""),
        memos=tuple(memos[-3:]),
    )


def _answers(host: str, port: int) -> bool:
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - every address is also this one
    try:
        with socket.create_connection((there, port), timeout=CONNECT_S):
            return True
    except OSError:
        return False
