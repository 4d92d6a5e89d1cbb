"""What prefill and decode apart is worth to a plan: the same question with and without such candidates.

    python bench/planner_apart.py [--quick | --machine] [--json]

Three real traces (conversations and code of Azure in 2023, Mooncake of 2024) by targets for the time per token, on a
model of 8 and one of 70 billion parameters; every offer of the catalog, the first token within 2 s. The saving is of
the cost per useful prediction as predicted; `options_apart` are those that are the cheapest of their kind.

`--machine` asks instead what eight B200 carry inside the targets, all that stands on them sharing the load: the most of
all ways to serve together, and of all with prefill and decode apart.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import msgspec

from breakeven.assembly.arriving import arriving
from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.errors import InfeasibleError
from breakeven.planner.candidate import Candidate
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.search.space import Space, modes
from breakeven.planner.speed import Kept, Speeds
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.schema.workload import Trace
from breakeven.workload.fit import fit

DATA = Path(__file__).parent / "data/traces"
AS_OF = "2026-11-24"
MODELS = ("llama-3.1-70b", "llama-3.1-8b")
TPOTS_MS = (50, 30, 20, 15)
TTFT_S = 2.0
MACHINE, MACHINE_BOARDS = "lenovo-sr680a-v3-8x-b200-sale", 8
STEP = 0.01
"""Relative width at which the search for a rate stops."""


def traces() -> dict[str, Trace]:
    """By name."""
    return {
        "conversations": conversations(),
        "code": arriving(workload=None, drop_empty=True, trace=DATA / "azure_llm_code_2023.csv.xz").trace,
        "mooncake": arriving(workload=None, drop_empty=True, trace=DATA / "mooncake_arxiv_first1000.jsonl.xz").trace,
    }


def main() -> None:
    """All questions, one a line; or one of each trace."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--machine", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    models, targets = (MODELS[:1], TPOTS_MS[1:2]) if asked.quick else (MODELS, TPOTS_MS)
    for model in models:
        for name, trace in traces().items():
            for tpot in targets:
                found = machine(name, trace, model, tpot) if asked.machine else row(name, trace, model, tpot)
                print(json.dumps(found) if asked.json else " | ".join(map(str, found.values())), flush=True)


def row(name: str, trace: Trace, model: str, tpot_ms: int) -> dict[str, object]:
    """One question, with and without."""
    goal = Objective(use_case="apart", ttft_s=TTFT_S, tpot_s=tpot_ms / 1000)
    question = Question(workload=fit(trace, "apart", source=trace.source), objective=goal)
    scope = Scope(models=(model,), as_of=AS_OF)
    kept = Kept()
    whole, together = (
        _plan(question, trace, msgspec.structs.replace(scope, apart=apart), kept) for apart in (True, False)
    )
    cost, before = _cost(whole), _cost(together)
    return {
        "trace": name,
        "model": model,
        "tpot_ms": tpot_ms,
        "chosen": "" if whole is None else whole.chosen,
        "together": "" if together is None else together.chosen,
        "saving": None if cost is None or before is None else round(1 - cost / before, 4),
        "options_apart": 0
        if whole is None
        else sum(one.deployment.instances > 1 for one in whole.options if one.feasible),
    }


def machine(name: str, trace: Trace, model: str, tpot_ms: int) -> dict[str, object]:
    """The highest rates of one machine, by halving between nothing and the bound."""
    goal = Objective(use_case="apart", ttft_s=TTFT_S, tpot_s=tpot_ms / 1000)
    question = Question(workload=fit(trace, "apart", source=trace.source), objective=goal)
    scope = Scope(models=(model,), as_of=AS_OF, accelerators=("b200",), chunks=(128, 512, 2048, 8192))
    speeds, best = Speeds(trace), {False: (0.0, ""), True: (0.0, "")}
    for one in Space(load(), question, scope, modes(scope, 0.0, hashed=False), trace).candidates():
        if (
            not one.binding
            and one.offer is not None
            and one.offer.id == MACHINE
            and one.deployment.placement == "on_prem"
        ):
            apart = one.serving.split is not None
            best[apart] = max(best[apart], (_carried(one, question, speeds, best[apart][0]), one.name))
    together, split = best[False], best[True]
    return {
        "trace": name,
        "model": model,
        "tpot_ms": tpot_ms,
        "together_rps": round(together[0], 2),
        "apart_rps": round(split[0], 2),
        "together": together[1],
        "apart": split[1],
    }


def _carried(one: Candidate, question: Question, speeds: Speeds, beat: float) -> float:
    """Requests per second of a machine full of it; 0 where that is less than what is to be beaten."""
    replicas = MACHINE_BOARDS // one.deployment.accelerators
    low, high = beat, replicas * speeds.ceiling(one, question)
    if high <= low or speeds.share(one, question, max(low, 1e-3), replicas) < question.objective.attainment:
        return 0.0
    while high - low > STEP * high:
        middle = (low + high) / 2
        met = speeds.share(one, question, middle, replicas) >= question.objective.attainment
        low, high = (middle, high) if met else (low, middle)
    return low


def _plan(question: Question, trace: Trace, scope: Scope, kept: Kept) -> Plan | None:
    try:
        return make_plan(load(), question, trace, scope, kept=kept)
    except InfeasibleError:
        return None


def _cost(plan: Plan | None) -> float | None:
    if plan is None:
        return None
    return next(one for one in plan.options if one.name == plan.chosen).cost_per_useful_prediction_usd


if __name__ == "__main__":
    main()
