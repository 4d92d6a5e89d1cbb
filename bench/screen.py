"""Screening in closed form: microseconds a point, and CPU seconds to screen 1,000 configurations and simulate 20.

    python bench/screen.py [--repeats 5] [--json]

Both are counted after warm-up (imports, and numba's start), CPU time of this process, the best of the repeats. The
second is a whole `size`: 1,008 deployments of Llama 3.1 8B (two accelerators, two formats, tp 1 to 8, pp 1 and 2, 63
numbers of replicas) in one call, and the fewest replicas of the best 20 layouts found by simulating 4,000 requests each
time, until nothing smaller can do.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np

from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.perf import effects, roofline, screen, sizing
from breakeven.perf.curve import step_curve
from breakeven.perf.forecast import rate_rps
from breakeven.perf.prior import PRIOR
from breakeven.perf.simulate import simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve

RATE_RPS = 60.0
MOST = 63
SLO = Objective(use_case="bench", ttft_s=0.5, tpot_s=0.03)


def layouts() -> tuple[list[sizing.Layout], list[StepCurve]]:
    catalog = load()
    model = catalog.model("llama-3.1-8b")
    found, curves = [], []
    for board in ("h100-sxm", "l40s"):
        for precision in ("bf16", "fp8"):
            for pp in (1, 2):
                for tp in (1, 2, 4, 8):
                    accelerator = catalog.accelerator(board)
                    place = effects.place(accelerator, engine="vllm", precision=precision, model=model.id, boards=tp)
                    own = effects.resolve(PRIOR, place)
                    at = roofline.size(model, accelerator, tp, precision, stages=pp, engine="vllm")
                    found.append(sizing.Layout(f"{board}/{precision}/{tp}/{pp}", tp * pp, at, own))
                    curves.append(step_curve(model, accelerator, tp, precision, own, stages=pp, engine="vllm"))
    return found, curves


def best_cpu_s(run: Callable[[], object], repeats: int) -> float:
    run()
    spent = []
    for _ in range(repeats):
        start = time.process_time()
        run()
        spent.append(time.process_time() - start)
    return min(spent)


def analytic_point_us(repeats: int, points: int = 1008) -> float:
    """Open-loop load, latencies and percentiles of one configuration, out of a thousand at once."""
    found, _ = layouts()
    rows = [found[k % len(found)] for k in range(points)]
    at = roofline.stack([row.size for row in rows])
    fitted = roofline.columns([row.coefficients for row in rows])
    figures = (2.0, 1000.0, 200.0, 3000.0, 1.0, 1.0, 256.0)
    demand = screen.Demand(*(np.full(points, figure) for figure in figures))
    return best_cpu_s(lambda: screen.open_loop(at, fitted, demand), repeats) / points * 1e6


def screen_1000_top20(repeats: int) -> tuple[float, int, int]:
    """CPU seconds, configurations screened, deployments simulated."""
    trace = conversations().middle(4000)
    scale = RATE_RPS / (rate_rps(trace) or 1.0)
    simulate(trace.middle(100), layouts()[1][0], 1, compiled=True)
    seen: list[sizing.Sizing] = []

    def run() -> None:
        found, curves = layouts()
        demand = sizing.demand_of(trace, RATE_RPS, sequences=256, chunk=2048)
        seen.append(sizing.size(found, curves.__getitem__, demand, trace, SLO, scale=scale, most_boards=MOST))

    spent = best_cpu_s(run, repeats)
    return spent, len(layouts()[0]) * MOST, len(seen[-1].tried)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    spent, screened, simulated = screen_1000_top20(options.repeats)
    found = {
        "analytic_point_us": round(analytic_point_us(options.repeats), 2),
        "screen_1000_top20_cpu_s": round(spent, 3),
        "configurations": screened,
        "simulated": simulated,
    }
    print(json.dumps(found, indent=2) if options.json else "\n".join(f"{k}: {v}" for k, v in found.items()))


if __name__ == "__main__":
    main()
