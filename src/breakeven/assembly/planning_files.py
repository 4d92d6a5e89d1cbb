"""A plan from files alone: a trace or a workload, a model and targets, with no configuration and no ledger."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import demand, finishing, speeds_file
from breakeven.assembly.arriving import arriving
from breakeven.assembly.arriving import text as text_of
from breakeven.assembly.asking import Given
from breakeven.catalog.load import load as load_catalog
from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search.find import Progress
from breakeven.schema.demand import Targets
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace, Workload
from breakeven.workload import tables
from breakeven.workload.fit import fit
from breakeven.workload.planned import planned, rates_of

FEWEST = 20
"""Requests below which no demand is fitted."""
DRAWN = 4_000
"""Requests drawn of a workload that says no number."""
_OF_TRAFFIC = re.compile(r"^(arrivals|cv|requests|seconds|seed)\s*:", re.MULTILINE)
"""Keys that only `simulate` and `size` know; files with one of them are read as they read them."""


class Asked(Noun, frozen=True, kw_only=True):
    """Demand of a file: its figures, requests to simulate, the targets it states, and what was done to it.

    `rates_rps` by windows of `rates_s` where the requests are only drawn, and span less than what is known.
    """

    workload: Workload
    trace: Trace
    targets: Targets = Targets()
    remarks: tuple[str, ...] = ()
    rates_rps: tuple[float, ...] = ()
    rates_s: float = 0.0


def plan(given: Given, keep: Path, progress: Progress) -> Plan:
    """Weigh every way of the catalog to serve the requests with one of the models; speeds are kept in a folder.

    Raises:
        UsageError: no model is named, or a target is not positive.
        EvidenceError: too few requests.
        ConfigError, LedgerError, FactError, InfeasibleError: see `arriving` and `make_plan`.
    """
    if not given.models:
        message = "no model is named, and without a configuration nothing else says what should answer"
        raise UsageError(message, "name one with --model, such as llama-3.1-8b, or give --config breakeven.yaml")
    stated, name = given.targets(), given.named
    asked = _asked(given, name)
    kept = speeds_file.read(keep)
    found = make_plan(
        load_catalog(given.facts),
        Question(
            workload=asked.workload,
            objective=_objective(name, asked.targets, stated),
            rates_rps=asked.rates_rps,
            rates_s=asked.rates_s,
        ),
        asked.trace,
        Scope(models=given.models, as_of=given.day),
        seed=given.seed,
        rng=np.random.default_rng(given.seed),
        kept=kept,
        progress=progress,
        other_samples=not given.sample_alone,
    )
    speeds_file.write(kept, keep)
    return finishing.finished(found, asked.trace, premature=finishing.UNMEASURED, remarks=asked.remarks)


def _asked(given: Given, name: str) -> Asked:
    if (given.trace is None) is (given.workload is None):
        arriving(trace=given.trace, workload=given.workload)
    if given.workload is not None and not _OF_TRAFFIC.search(text_of(given.workload)):
        return _profiled(given.workload, name, given.seed)
    if given.trace is not None and _of_counts(text_of(given.trace)):
        return _profiled(given.trace, name, given.seed)
    came = arriving(trace=given.trace, workload=given.workload, drop_empty=True)
    if came.trace.n < FEWEST:
        message = f"{came.trace.name} holds {came.trace.n} requests; a workload needs {FEWEST}"
        raise EvidenceError(message, "give a longer trace, or more `requests` in the workload")
    return Asked(workload=fit(came.trace, name, source=came.trace.source), trace=came.trace, remarks=came.remarks)


def _of_counts(text: str) -> bool:
    """Whether a file holds rates by window, and no single requests."""
    return tables.is_series(text) or tables.header(text) >= tables.TOKENS


def _profiled(path: Path, name: str, seed: int) -> Asked:
    """The demand of a profile, with requests drawn from it.

    Raises:
        UsageError: it knows nothing of how long requests are.
    """
    found = demand.of_file(path, name)
    load, trace = planned(found, rng=np.random.default_rng(seed), requests=DRAWN)
    said = f"The {trace.n:,} requests that were simulated were drawn from {path.name} with seed {seed}."
    return Asked(
        workload=load,
        trace=trace,
        targets=found.targets,
        remarks=(said,),
        rates_rps=tuple(rates_of(found).tolist()),
        rates_s=found.step_s,
    )


def _objective(name: str, own: Targets, stated: dict[str, float]) -> Objective:
    """Targets of the file; those of the command line win."""
    return msgspec.structs.replace(
        Objective(use_case=name, ttft_s=own.ttft_s, tpot_s=own.tpot_s, budget_s=own.e2e_s), **stated
    )
