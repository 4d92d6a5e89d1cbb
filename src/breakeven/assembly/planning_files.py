"""A plan from files alone: a trace or a workload, a model and targets, with no configuration and no ledger."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import speeds_file
from breakeven.assembly.arriving import arriving
from breakeven.assembly.asking import Given
from breakeven.catalog.load import load as load_catalog
from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search.find import Progress
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.workload.fit import fit

FEWEST = 20
"""Requests below which no demand is fitted."""


def plan(given: Given, keep: Path, progress: Progress) -> Plan:
    """Weigh every way of the catalog to serve the requests with one of the models; speeds are kept in a folder.

    Raises:
        UsageError: no model is named, or a target is not positive.
        EvidenceError: too few requests.
        ConfigError, LedgerError, FactError, InfeasibleError: see `arriving` and `make_plan`.
    """
    objective = _objective(given)
    came = arriving(trace=given.trace, workload=given.workload, drop_empty=True)
    if came.trace.n < FEWEST:
        message = f"{came.trace.name} holds {came.trace.n} requests; a workload needs {FEWEST}"
        raise EvidenceError(message, "give a longer trace, or more `requests` in the workload")
    demand = fit(came.trace, objective.use_case, source=came.trace.source)
    kept = speeds_file.read(keep)
    found = make_plan(
        load_catalog(given.facts),
        Question(workload=demand, objective=objective),
        came.trace,
        Scope(models=given.models, as_of=given.day),
        seed=given.seed,
        rng=np.random.default_rng(given.seed),
        kept=kept,
        progress=progress,
    )
    speeds_file.write(kept, keep)
    return msgspec.structs.replace(found, assumptions=(*found.assumptions, *came.remarks))


def _objective(given: Given) -> Objective:
    if not given.models:
        message = "no model is named, and without a configuration nothing else says what should answer"
        raise UsageError(message, "name one with --model, such as llama-3.1-8b, or give --config breakeven.yaml")
    return msgspec.structs.replace(Objective(use_case=given.named), **given.targets())
