"""A plan from files alone: a trace or a workload, a model and targets, with no configuration and no ledger."""

from __future__ import annotations

import math
import re
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly.arriving import arriving
from breakeven.catalog.load import load as load_catalog
from breakeven.errors import EvidenceError, UsageError
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.workload.fit import fit

FEWEST = 20
"""Requests below which no demand is fitted."""


class Given(Noun, frozen=True, kw_only=True):
    """What is known without a configuration: the requests, the models that may answer, and how fast."""

    trace: Path | None = None
    workload: Path | None = None
    models: tuple[str, ...] = ()
    use_case: str = ""
    ttft_s: float | None = None
    tpot_s: float | None = None
    facts: tuple[Path, ...] = ()

    def targets(self) -> dict[str, float]:
        """The stated targets as fields of an objective.

        Raises:
            UsageError: one is not positive.
        """
        stated = {"ttft_s": self.ttft_s, "tpot_s": self.tpot_s}
        found = {name: value for name, value in stated.items() if value is not None}
        for name, value in found.items():
            if not 0 < value < math.inf:
                option = f"--slo-{name.replace('_', '-')}"
                message = f"{option} must be a positive number of seconds, got {value:g}"
                raise UsageError(message, "leave it out where there is no target")
        return found


def plan(given: Given, *, as_of: str, seed: int) -> Plan:
    """Weigh every way of the catalog to serve the requests with one of the models.

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
    found = make_plan(
        load_catalog(given.facts),
        Question(workload=demand, objective=objective),
        came.trace,
        Scope(models=given.models, as_of=as_of),
        seed=seed,
        rng=np.random.default_rng(seed),
    )
    return msgspec.structs.replace(found, assumptions=(*found.assumptions, *came.remarks))


def _objective(given: Given) -> Objective:
    if not given.models:
        message = "no model is named, and without a configuration nothing else says what should answer"
        raise UsageError(message, "name one with --model, such as llama-3.1-8b, or give --config breakeven.yaml")
    return msgspec.structs.replace(Objective(use_case=_use_case(given)), **given.targets())


def _use_case(given: Given) -> str:
    """The stated name, else the file's, as policies spell names."""
    file = given.trace or given.workload
    wanted = given.use_case or (file.name.partition(".")[0] if file is not None else "")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", wanted).strip("-._")[:64] or "default"
