"""From what was measured (or a trace file) to a plan: demand, what stands already, what could stand instead."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import arriving, files, resolve, speeds_file
from breakeven.assembly.api_latency import latencies
from breakeven.assembly.asking import Given
from breakeven.assembly.finishing import finished, unready
from breakeven.assembly.project import Project
from breakeven.config.compile import objective
from breakeven.config.settings import SpeculationSettings
from breakeven.errors import EvidenceError, UsageError
from breakeven.ledger.anew import anew
from breakeven.ledger.statement import build
from breakeven.ledger.store import open_ledger
from breakeven.ledger.trace import trace as ledger_trace
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question, observed_count, used_share
from breakeven.planner.search.find import Progress
from breakeven.planner.standing import standing
from breakeven.schema.plan import Plan
from breakeven.schema.serving import Speculation
from breakeven.schema.workload import Trace, Workload
from breakeven.workload.fit import fit
from breakeven.workload.parse import parse

FEWEST = 20
"""Requests below which no demand is fitted."""


@anew
def workload(data_dir: Path, use_case: str | None, trace_file: Path | None) -> tuple[Workload, Trace]:
    """Demand of a use case with the trace it was fitted to.

    Raises:
        EvidenceError: too few requests.
        UsageError: no such use case, or more than one and none is named.
    """
    if trace_file is not None:
        found = parse(arriving.text(trace_file), trace_file.name)
        name, source = use_case or trace_file.stem, trace_file.name
    else:
        name, source = use_case or _only_use_case(data_dir), "ledger"
        found = ledger_trace(open_ledger(data_dir), name)
    if found.n < FEWEST:
        message = f"{source} holds {found.n} requests of {name}; a workload needs {FEWEST}"
        raise EvidenceError(message, "send more traffic through the gateway, or give --trace FILE")
    return fit(found, name, source=source), found


def _only_use_case(data_dir: Path) -> str:
    known = sorted(files.use_cases(data_dir))
    if len(known) != 1:
        message = f"which use case is meant? {data_dir} knows {', '.join(known) or 'none'}"
        raise UsageError(message, "name it: `breakeven workload NAME`, `breakeven plan --use-case NAME`")
    return known[0]


def plan(loaded: Project, data_dir: Path, given: Given, progress: Progress) -> Plan:
    """The plan of one use case of a project; speeds that it simulates are kept in the data directory for the next.

    Targets and models that are given replace the project's.

    Raises:
        UsageError: no such use case, or none with a model the planner can weigh.
        EvidenceError, InfeasibleError, FactError: see `make_plan`.
    """
    name = given.use_case or _first_with_tokens(loaded)
    section = loaded.policy_file.use_case(name)
    if section is None:
        known = ", ".join(case.name for case in loaded.policy_file.use_cases)
        message = f"the policy has no use case {name}; there are {known}"
        raise UsageError(message, "name one of these")
    demand, arrivals = workload(data_dir, name, given.trace)
    target = msgspec.structs.replace(objective(section, loaded.settings.planning), **given.targets())
    used, counted = _used(data_dir, name)
    question = Question(workload=demand, objective=target, used_share=used, used_n=counted)
    stand = _standing(loaded, question, given.day)
    planning = loaded.settings.planning
    named = given.models or planning.models or _models(stand)
    premature = unready(loaded, data_dir, name)  # before the search: a configuration that does not compile ends here
    kept = speeds_file.read(data_dir)
    found = make_plan(
        loaded.catalog,
        question,
        arrivals,
        msgspec.structs.replace(
            scope_of(loaded, named, given.day), latencies=latencies(loaded, data_dir, section, given.day)
        ),
        standing=stand,
        seed=given.seed,
        rng=np.random.default_rng(given.seed),
        kept=kept,
        progress=progress,
        other_samples=not given.sample_alone,
    )
    speeds_file.write(kept, data_dir)
    return finished(found, arrivals, premature=premature)


def _models(stand: Sequence[Candidate]) -> tuple[str, ...]:
    """What answers today."""
    return tuple(dict.fromkeys(one.deployment.model for one in stand if one.deployment.model))


def scope_of(loaded: Project, models: tuple[str, ...], as_of: str) -> Scope:
    """What to look for: the planning settings, and the qualities that deployments state of their models."""
    planning = loaded.settings.planning
    stated = {
        f"{entry.catalog_model}/{entry.precision}": entry.quality
        for entry in loaded.settings.deployments
        if entry.catalog_model and entry.quality is not None
    }
    return Scope(
        models=models,
        as_of=as_of,
        accelerators=planning.accelerators,
        precisions=planning.precisions,
        engines=planning.engines,
        chunks=tuple(dict.fromkeys(planning.batch_tokens)),
        speculation=_speculation(planning.speculation),
        apart=planning.apart,
        qualities=stated | planning.qualities,
        lead_days=planning.lead_days,
        interruptions_per_hour=planning.spot_interruptions_per_hour,
        replaced_after_s=planning.spot_replaced_after_s,
    )


def _speculation(stated: SpeculationSettings | None) -> Speculation | None:
    if stated is None:
        return None
    return Speculation(
        draft_tokens=stated.draft_tokens,
        acceptance=stated.acceptance,
        draft_s=stated.draft_ms / 1000,
        draft_per_sequence_s=stated.draft_ms_per_sequence / 1000,
    )


def _first_with_tokens(loaded: Project) -> str:
    """The first use case whose route leads to a model of the catalog."""
    for case in loaded.policy_file.use_cases:
        routed = [loaded.deployment(target.deployment) for target in case.route.targets]
        if any(entry.catalog_model for entry in routed):
            return case.name
    message = "no use case routes to a deployment with `catalog_model`"
    raise UsageError(
        message, "set `catalog_model`, name one with --use-case, or plan a classic model with --workload and --curve"
    )


def _standing(loaded: Project, question: Question, as_of: str) -> tuple[Candidate, ...]:
    section = loaded.policy_file.use_case(question.objective.use_case)
    routed = [] if section is None else [target.deployment for target in section.route.targets]
    entries = [loaded.deployment(name) for name in dict.fromkeys(routed)]
    return tuple(
        standing(
            loaded.catalog,
            resolve.deployment_of(entry),
            resolve.offer_of(entry, loaded.catalog, as_of),
            question,
        )
        for entry in entries
    )


@anew
def _used(data_dir: Path, use_case: str) -> tuple[float | None, int]:
    """Useful / in budget as the ledger measured it, and of how many; None where it is not measurable."""
    if not data_dir.exists():
        return None, 0
    found = build(open_ledger(data_dir), files.use_cases(data_dir), use_case=use_case)
    return used_share(found, use_case), observed_count(found, use_case)
