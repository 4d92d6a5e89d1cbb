"""A plan made on the first half of a trace, held to the second: share in target, capacity hours, forecast coverage.

Request traces: the plan of the earlier half's requests is simulated on the later half's own requests with the chosen
deployment, its serving replicas and its serving options; the gap is the share in target less the promised one, in
points. Accelerator-hours of the scaling rule and coverage of forecasts are those of `bench/scaling.py` and
`bench/forecast.py`, on series that they were not fitted to.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Sequence
from pathlib import Path

import forecast
import msgspec
import numpy as np
import scaling

from breakeven.assembly.arriving import arriving
from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.errors import InfeasibleError
from breakeven.perf.attain import share_in_budget
from breakeven.perf.predict import rate_rps
from breakeven.perf.simulate import simulate
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

TRACES = Path(__file__).parent / "data/traces"
AS_OF = "2026-11-24"
FEW, DENSER, MOST_IN_A_ROW = 500, 8.0, 9_000
"""Requests to plan from, how much denser they come than they did, and from how many on every other stretch is taken."""
TARGETS = {
    "relaxed": Objective(use_case="halves", ttft_s=2.0, tpot_s=0.1),
    "usual": Objective(use_case="halves", ttft_s=1.0, tpot_s=0.05),
    "strict": Objective(use_case="halves", ttft_s=0.5, tpot_s=0.03),
}


def halves(trace: Trace) -> tuple[Trace, Trace]:
    """The requests of the earlier and of the later half of the time."""
    at = np.frombuffer(trace.arrival_s, dtype="<f8")
    middle = int(np.searchsorted(at, (at[0] + at[-1]) / 2))
    return _part(trace, 0, middle), _part(trace, middle, trace.n)


def _part(trace: Trace, start: int, end: int) -> Trace:
    at = np.frombuffer(trace.arrival_s, dtype="<f8")[start:end]
    return Trace(
        name=trace.name, arrival_s=pack((at - at[0]).tolist()), input_tokens=trace.input_tokens[8 * start : 8 * end],
        output_tokens=trace.output_tokens[8 * start : 8 * end], source=trace.source,
    )  # fmt: skip


def option_of(plan: Plan) -> Option:
    return next(one for one in plan.options if one.name == plan.chosen)


def promised(plan: Plan, metric: str) -> float:
    return next(one.predicted.value or 0.0 for one in plan.promises if one.metric == metric)


def held(trace: Trace, objective: Objective, model: str) -> dict[str, object]:
    """The plan of the earlier half, and what the later one gets of it."""
    return kept(*halves(trace), objective, model)


def kept(
    earlier: Trace, later: Trace, objective: Objective, model: str, *, other_samples: bool = True
) -> dict[str, object]:  # fmt: skip
    """The plan of the earlier requests, and what the later ones get of it."""
    question = Question(workload=fit(earlier, "halves"), objective=objective)
    plan = make_plan(load(), question, earlier, Scope(models=(model,), as_of=AS_OF), other_samples=other_samples)
    chosen = option_of(plan)
    speed, capacity, serving = chosen.performance, chosen.capacity, chosen.serving
    assert speed is not None
    assert speed.curve is not None
    assert capacity is not None
    assert serving is not None
    run = simulate(later, speed.curve, capacity.serving, max_batch_tokens=serving.max_batch_tokens, serving=serving)
    share, said = share_in_budget(run, objective), promised(plan, "goodput_share")
    return {
        "chosen": plan.chosen,
        "replicas": capacity.serving,
        "rate_rps": [round(rate_rps(earlier), 3), round(rate_rps(later), 3)],
        "promised": round(said, 4),
        "attained": round(share, 4),
        "gap_points": round(100 * (share - said), 2),
        "met": share >= objective.attainment,
    }


def traces(files: Sequence[Path]) -> dict[str, Trace]:
    """The demo's trace, those of `bench/data/traces`, and those of files."""
    found = {"azure_llm_conv_2023": conversations()}
    return found | {
        file.name.partition(".")[0]: arriving(trace=file, workload=None, drop_empty=True).trace
        for file in (*sorted(TRACES.glob("*.xz")), *files)
    }


def measure(files: Sequence[Path], *, model: str = "llama-3.1-8b") -> dict[str, object]:
    """Each trace under each target; `slo_attainment_gap_points` is the mean of the absolute gaps."""
    rows: list[dict[str, object]] = []
    refused: list[dict[str, object]] = []
    for name, trace in traces(files).items():
        for targets, objective in TARGETS.items():
            print(f"halves: {name}, {targets}", file=sys.stderr)
            try:
                rows.append({"trace": name, "targets": targets, **held(trace, objective, model)})
            except InfeasibleError as error:
                refused.append({"trace": name, "targets": targets, "infeasible": error.message})
    gaps = [abs(float(str(row["gap_points"]))) for row in rows]
    return {
        "slo_attainment_gap_points": round(statistics.fmean(gaps), 2),
        "slo_attainment_gap_points_most": max(gaps),
        "plans": rows,
        "infeasible": refused,
    }


def few(model: str = "llama-3.1-8b") -> dict[str, object]:
    """Plans from `FEW` requests held to as many after them: sized by the sample alone, and by others too."""
    told: dict[str, object] = {}
    for way, other_samples in (("alone", False), ("other_samples", True)):
        rows = [
            kept(_dense(_part(trace, at, at + FEW)), _dense(_part(trace, at + FEW, at + 2 * FEW)), TARGETS[name], model,
                 other_samples=other_samples)
            for trace in (found for which, found in traces(()).items() if which.startswith("azure"))
            for name in ("relaxed", "usual")
            for at in range(0, trace.n - 2 * FEW, 2 * FEW * max(1, trace.n // MOST_IN_A_ROW))
        ]  # fmt: skip
        print(f"few: {way}, {len(rows)} plans", file=sys.stderr)
        gaps = [abs(float(str(row["gap_points"]))) for row in rows]
        met = sum(row["met"] is True for row in rows)
        told[way] = {"plans": len(rows), "mean": round(statistics.fmean(gaps), 2), "most": max(gaps), "met": met}
    return told


def _dense(trace: Trace) -> Trace:
    at = np.frombuffer(trace.arrival_s, dtype="<f8") / DENSER
    return msgspec.structs.replace(trace, arrival_s=at.tobytes())


def scaled() -> dict[str, object]:
    """Accelerator-hours of the rule against peak-static and reactive, means over the series."""
    rows = []
    for name in scaling.SERIES:
        print(f"scaling: {name}", file=sys.stderr)
        rows.append(scaling.row(scaling.rehearsed(name, 0.95, 300.0)))
    mean = {
        name: round(statistics.fmean(float(str(row[name])) for row in rows), 4)
        for name in ("saving_vs_static", "saving_vs_reactive", "attainment")
    }
    return {**mean, "series": rows}


def covered(origins: int) -> dict[str, object]:
    """Coverage of forecasts of the next day; the gap is the largest over levels, pooled over series."""
    rows = []
    for path in sorted(forecast.DATA.glob("*.csv.xz")):
        print(f"forecast: {path.name}", file=sys.stderr)
        rows.append(forecast.measure(path, origins, 24.0))
    pooled = {
        level: statistics.fmean(row["coverage"][str(level)] for row in rows)  # type: ignore[index]
        for level in forecast.LEVELS
    }
    gap = max(abs(share - level) for level, share in pooled.items())
    return {"forecast_coverage_gap_points": round(100 * gap, 2), "origins": origins, "series": rows}
