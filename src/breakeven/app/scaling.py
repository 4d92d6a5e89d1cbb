"""Scaling: the rule of a plan, its manifests, a rehearsal, the loop that enacts it, work for idle hours."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from breakeven.assembly import files, scaling, scaling_drive
from breakeven.assembly.planning import workload
from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.scaling.idle import place_idle
from breakeven.planner.scaling.of_plan import Given
from breakeven.planner.scaling.play import Fleet
from breakeven.planner.scaling.rehearse import rehearse as rehearsed
from breakeven.planner.scaling.rule import Demand
from breakeven.report.manifest.kubernetes import Target
from breakeven.report.scaling import idle_document, rehearsal_document, rule_document
from breakeven.schema.scaling import Decision, IdlePlan, Rehearsal, ScalingRule
from breakeven.wire.client import Client

LONGEST_NAME = 52
"""Of a workload in Kubernetes, so that `-breakeven` fits behind it."""
__all__ = ["Target", "idle_document", "rehearsal_document", "rule_document"]


def rule(
    data_dir: Path, plan_id: str | None, given: Mapping[str, object], *, rates: Path | None = None
) -> tuple[ScalingRule, float, tuple[str, ...]]:
    """The scaling rule of a plan, the attainment that its alerts hold it to, and remarks on the series.

    The series is a file's, else that of the ledger's records of the use case, else none.
    """
    plan = files.find_plan(data_dir, plan_id)
    demand, notes = _demand(data_dir, plan.use_case, rates)
    return scaling.rule_of(plan, demand, msgspec.convert(given, Given)), plan.objective.attainment, notes


def _demand(data_dir: Path, use_case: str, rates: Path | None) -> tuple[Demand | None, tuple[str, ...]]:
    if rates is not None:
        return scaling.read_rates(rates)
    if not any((data_dir / name).exists() for name in ("segments", "journal")):
        return None, ("no ledger and no --rates: the demand ahead is assumed from the plan's workload",)
    try:
        _, trace = workload(data_dir, use_case, None)
    except EvidenceError as error:
        return None, (f"{error.message}: the demand ahead is assumed from the plan's workload",)
    return scaling.demand_of(trace, scaling.LEDGER_STEP_S), ()


def write_manifests(found: ScalingRule, target: Target, attainment: float, folder: Path) -> list[Path]:
    """The files that enact a rule."""
    made = scaling.manifests(found, target, attainment)
    for name, text in made.items():
        files.write_atomically(folder / name, text.encode())
    return [folder / name for name in made]


def rehearse(
    rates: Path, *, goodput_rps: float, cold_start_s: float, quantile: float
) -> tuple[Rehearsal, tuple[str, ...]]:
    """The rule on the second half of a series, beside what it would replace."""
    demand, notes = scaling.read_rates(rates)
    fleet = Fleet(goodput_rps=goodput_rps, cold_start_s=cold_start_s)
    return rehearsed(rates.name, demand.rates, demand.step_s, fleet, quantile), notes


def idle(hours: Path, work: Path) -> IdlePlan:
    """Work that may wait, in idle hours."""
    return place_idle(scaling.read_hours(hours), scaling.read_work(work))


def run(
    found: ScalingRule, *, metrics: str, webhook: str | None, told: Callable[[Decision], None], looks: int | None = None
) -> None:
    """Look, decide and tell again and again, until stopped or after so many looks; without a webhook only say it."""
    if looks is not None and looks < 1:
        message = f"{looks} looks decide nothing"
        raise UsageError(message, "leave --looks out, or give at least 2: the first look has no rate yet")
    asyncio.run(_run(found, metrics, webhook, told, looks))


async def _run(
    found: ScalingRule, metrics: str, webhook: str | None, told: Callable[[Decision], None], looks: int | None
) -> None:
    async with Client() as client:
        post = None if webhook is None else scaling_drive.telling(client, webhook)

        async def tell(decision: Decision) -> None:
            told(decision)
            if post is not None:
                await post(decision)

        see = scaling_drive.seeing(client, metrics, found)
        task = asyncio.ensure_future(scaling_drive.drive(found, see, tell, looks=looks))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def target(found: ScalingRule, name: str, namespace: str, prometheus_url: str) -> Target:
    """What is scaled in a cluster; named as the deployment is, in the letters that Kubernetes takes."""
    plain = re.sub(r"[^a-z0-9-]+", "-", (name or found.deployment).lower()).strip("-")[:LONGEST_NAME].rstrip("-")
    return Target(name=plain, namespace=namespace, prometheus_url=prometheus_url)


def posted(webhook: str | None, *, dry_run: bool) -> str | None:
    """The URL that decisions are posted to; None in a dry run.

    Raises:
        UsageError: there is none, and it is no dry run.
    """
    if webhook is None and not dry_run:
        message = "there is nobody to tell how many replicas are wanted"
        raise UsageError(message, "give --webhook URL (or BREAKEVEN_SCALE_WEBHOOK), or --dry-run")
    return None if dry_run else webhook


def line(decision: Decision) -> str:
    """A decision for people."""
    return f"{decision.deployment}: {decision.replicas} replicas, for {decision.reason}"


def json_line(decision: Decision) -> str:
    """A decision as one line of JSON, as it is posted."""
    return msgspec.json.encode(decision).decode()
