"""CPU time of a plan over every candidate, and of planning again after a price changed.

    python bench/plan_speed.py [--model M] [--cold] [--json]

A trace of 19,366 requests (the demo's, of Azure's conversations in 2023) is planned for, with the outlook's draws, in a
process of its own; then the chosen offer's price doubles, and a second process plans again from the speeds that the
first one kept. CPU seconds are all of each process: start, imports, trace, search, draws. `--cold` gives the compiled
simulator an empty cache, so that the first process compiles it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly import speeds_file
from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.schema.objective import Objective
from breakeven.workload.fit import fit

AS_OF = "2026-11-24"


def main() -> None:
    """Both plans, or one of them where a folder is given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="llama-3.1-8b")
    parser.add_argument("--cold", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--dearer", default="", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.folder is not None:
        print(json.dumps(planned(asked.model, asked.folder, asked.dearer)))
        return
    found = both(asked.model, cold=asked.cold)
    print(json.dumps(found) if asked.json else "\n".join(f"{name}: {value}" for name, value in found.items()))


def both(model: str, *, cold: bool) -> dict[str, object]:
    """A plan, and one after its choice became twice as dear."""
    with tempfile.TemporaryDirectory() as folder:
        first, cpu_s = child(model, Path(folder), "", cold=cold)
        again, replan_cpu_s = child(model, Path(folder), str(first["offer"]), cold=False)
    return {
        "candidates": first["candidates"],
        "simulated": first["simulated"],
        "cpu_s": cpu_s,
        "replan_cpu_s": replan_cpu_s,
        "chosen": first["chosen"],
        "chosen_then": again["chosen"],
        "plan_bytes": first["plan_bytes"],
    }


def child(model: str, folder: Path, dearer: str, *, cold: bool) -> tuple[dict[str, object], float]:
    """What one process found, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    asked = [sys.executable, __file__, "--model", model, "--folder", str(folder), "--dearer", dearer]
    env = os.environ | ({"NUMBA_CACHE_DIR": str(folder / "numba")} if cold else {})
    done = subprocess.run(asked, stdout=subprocess.PIPE, env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), round(spent, 2)


def planned(model: str, folder: Path, dearer: str) -> dict[str, object]:
    """One plan, with the price of one offer doubled."""
    trace = conversations()
    load_of = fit(trace, "assistant", source=trace.source)
    question = Question(workload=load_of, objective=Objective(use_case="assistant", ttft_s=1.0, tpot_s=0.05))
    catalog, kept = load(), speeds_file.read(folder)
    if dearer:
        changed = tuple(
            msgspec.structs.replace(one, usd_per_hour=2 * one.usd_per_hour) if one.usd_per_hour else one
            for one in catalog.history[dearer]
        )
        catalog = dataclasses.replace(catalog, history={**catalog.history, dearer: changed})
    scope = Scope(models=(model,), as_of=AS_OF)
    plan = make_plan(catalog, question, trace, scope, seed=1, rng=np.random.default_rng(1), kept=kept)
    speeds_file.write(kept, folder)
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    return {
        "candidates": plan.candidates,
        "simulated": plan.simulated,
        "chosen": plan.chosen,
        "offer": chosen.deployment.offer,
        "plan_bytes": len(msgspec.json.encode(plan)),
    }


if __name__ == "__main__":
    main()
