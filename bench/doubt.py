"""Whether the draws of a doubt say of another world what the planner finds when it weighs that world itself.

    python bench/doubt.py [--draws 10000]

Prints JSON. The demo's conversation trace and llama-3.1-8b on the catalog's offers; every option that meets the targets
at six other speeds and three demands, each weighed again by the planner with its own simulations. `apart` is the mean
of |drawn / planned - 1| over unit costs, `bias` the mean with its sign, `disagree` counts worlds that only one of both
calls feasible; capacity that is committed is left out, since the planner would buy another number. `cpu_s` is that of
one doubt, its simulations included, of `options` options (process time, all threads); numba is warm by then.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator

import msgspec
import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.demo import logs
from breakeven.perf.step import slowed
from breakeven.planner.candidates import Scope, candidates
from breakeven.planner.doubt.case import Case, Evidence, Given, case_of
from breakeven.planner.doubt.doubt import doubt_of
from breakeven.planner.doubt.world import evaluate as drawn
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace
from breakeven.workload.fit import fit

AS_OF = "2026-11-24"
SLOWER = (-0.35, -0.2, -0.1, 0.1, 0.2, 0.3)
MORE = (0.75, 1.0, 1.4)
RATES = ("rate_mean_rps", "rate_p95_rps", "rate_max_rps")


def given_of(trace: Trace) -> Given:
    """The options of the catalog for the trace."""
    catalog = load()
    objective = Objective(use_case="chat", ttft_s=1.0, tpot_s=0.05)
    question = Question(workload=fit(trace, "chat"), objective=objective)
    found = candidates(catalog, question, Scope(models=("llama-3.1-8b",), as_of=AS_OF, rented=30, bought=6))
    scales = scales_of(catalog, question, trace)
    options = (evaluate(one, question, predict=scales.speed, price=scales.bill) for one in found)
    return Given(
        options=tuple(options),
        candidates={one.name: one for one in found},
        question=question,
        catalog=catalog,
        trace=trace,
        evidence=Evidence(),
    )


def scales_of(catalog: Catalog, question: Question, trace: Trace) -> Scales:
    """What the planner weighs with."""
    base = assumptions(catalog.assumptions(), "base")
    return Scales(catalog=catalog, assumptions=base, question=question, speeds=Speeds(trace))


def weighed(given: Given, trace: Trace, name: str, slower: float, more: float) -> Option:
    """One option as the planner weighs it in another world."""
    load_ = given.question.workload
    rates = {rate: getattr(load_, rate) * more for rate in RATES}
    question = msgspec.structs.replace(given.question, workload=msgspec.structs.replace(load_, **rates))
    scales, candidate = scales_of(given.catalog, question, trace), given.candidates[name]
    changed = msgspec.structs.replace(candidate, curve=slowed(candidate.curve, math.exp(slower)))
    return evaluate(changed, question, predict=scales.speed, price=scales.bill)


def worlds(given: Given, case: Case, trace: Trace) -> Iterator[tuple[float | None, float | None]]:
    """Unit costs, drawn and planned; None where the targets are missed."""
    rate = given.question.workload.rate_mean_rps
    for at, one in enumerate(case.world.options):
        if one.committed or one.capacity is None:
            continue
        for slower in SLOWER:
            for more in MORE:
                values = {one.capacity.speed: np.array([math.exp(-slower)]), "demand": np.array([rate * more])}
                table = drawn(case.world, values, end=1)
                mine = float(table.unit[at, 0]) if table.meets[at, 0] else None
                yield mine, weighed(given, trace, one.name, slower, more).cost_per_useful_prediction_usd


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--draws", type=int, default=10_000)
    asked = parser.parse_args()
    trace = logs.conversations()
    given = given_of(trace)
    costs = [(one.cost_per_useful_prediction_usd or math.inf, one.name) for one in given.options]
    chosen = min(costs)[1]
    found = list(worlds(given, case_of(given, chosen, np.random.default_rng(0), 10), trace))
    errors = [mine / theirs - 1 for mine, theirs in found if mine is not None and theirs is not None]
    before = time.process_time()
    told, _ = doubt_of(
        given.options, tuple(given.candidates.values()), given.question, given.catalog, np.random.default_rng(0),
        chosen=chosen, seed=0, trace=trace, draws=asked.draws,
    )  # fmt: skip
    figures = {
        "worlds": len(found),
        "disagree": sum((mine is None) != (theirs is None) for mine, theirs in found),
        "apart": round(float(np.mean(np.abs(errors))), 4),
        "bias": round(float(np.mean(errors)), 4),
        "draws": asked.draws,
        "options": len(told.fates),
        "cpu_s": round(time.process_time() - before, 2),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
