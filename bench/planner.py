"""Is the planner right? Regret, held-back halves, brute force, its own figures, demos and two real engines.

    python bench/planner.py [--json] [--part regret --part self ...] [--quick] [--trace FILE ...]

Prints one JSON object: the contract's figures first, then each part's own. Progress goes to standard error. Parts can
be run alone; a figure of a part that was not run is null. What a part does is said in its own file, `planner_PART.py`;
figures and what they mean are in docs/planner-accuracy.md. All parts take about half an hour of one core, `--quick` a
few minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import planner_engines
import planner_halves
import planner_hybrid
import planner_regret
import planner_replays
import planner_self

CONTRACT = (
    "slo_attainment_gap_points", "saving_vs_static", "saving_vs_reactive", "forecast_coverage_gap_points",
    "self_consistent_share", "decision_regret", "hybrid_equal_share", "saving_inside_share", "engines_right_share",
)  # fmt: skip
"""What is told at the top, of the parts that ran."""

Part = Callable[[argparse.Namespace], dict[str, object]]

PARTS: dict[str, Part] = {
    "regret": lambda asked: planner_regret.measure(unseen=not asked.quick),
    "halves": lambda asked: planner_halves.measure(asked.trace, model=asked.model),
    "few": lambda asked: planner_halves.few(asked.model),
    "scaling": lambda _: planner_halves.scaled(),
    "forecast": lambda asked: planner_halves.covered(8 if asked.quick else asked.origins),
    "hybrid": lambda asked: planner_hybrid.measure(cases=20 if asked.quick else asked.cases),
    "self": lambda asked: planner_self.measure(6 if asked.quick else asked.runs),
    "replays": lambda asked: planner_replays.measure(6 if asked.quick else asked.replays),
    "engines": lambda _: planner_engines.measure(),
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append", help="only these")
    parser.add_argument("--quick", action="store_true", help="a few runs of each part")
    parser.add_argument("--json", action="store_true", help="this is what it prints anyway")
    parser.add_argument("--trace", type=Path, action="append", default=[], help="halves: further request traces")
    parser.add_argument("--model", default="llama-3.1-8b", help="halves: the model that is planned for")
    parser.add_argument("--origins", type=int, default=40, help="forecast: how many of each series")
    parser.add_argument("--cases", type=int, default=200, help="hybrid: how many portfolios; a quarter as many mixes")
    parser.add_argument("--runs", type=int, default=100, help="self: how many plans")
    parser.add_argument("--replays", type=int, default=60, help="replays: how many demos")
    return parser.parse_args()


def main() -> None:
    asked = arguments()
    told: dict[str, dict[str, object]] = {}
    for name in asked.part or PARTS:
        print(f"== {name}", file=sys.stderr)
        before = time.process_time()
        told[name] = {**PARTS[name](asked), "cpu_s": round(time.process_time() - before, 1)}
    figures = {key: next((part[key] for part in told.values() if key in part), None) for key in CONTRACT}
    print(json.dumps({**figures, **told}, indent=1))


if __name__ == "__main__":
    main()
