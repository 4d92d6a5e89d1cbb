"""The simulator and the ledger speak of the same quantities: the same answers give the same figures in both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from breakeven.ledger import store
from breakeven.perf.attain import share_in_budget
from breakeven.perf.forecast import points
from breakeven.perf.simulate import Simulation, simulate
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.record import Prediction, Tokens
from breakeven.schema.workload import Trace, pack

CURVE = StepCurve(
    prefill_s_per_token=2e-5, step_base_s=6e-3, step_per_sequence_s=2e-5, step_per_context_s=2e-9, max_sequences=64,
    kv_tokens=200_000, request_s=3e-3,
)  # fmt: skip
BUDGET = Objective(use_case="rank", budget_s=1.5)


def simulated(requests: int = 400) -> tuple[Trace, Simulation]:
    rng = np.random.default_rng(7)
    trace = Trace(
        name="drawn",
        arrival_s=pack(np.cumsum(rng.exponential(0.08, requests))),
        input_tokens=pack(rng.integers(20, 2000, requests)),
        output_tokens=pack(rng.integers(1, 300, requests)),
    )
    return trace, simulate(trace, CURVE, 1)


def records(make, trace: Trace, run: Simulation) -> list[Prediction]:
    """What a gateway would have written of the simulated answers."""
    columns = (run.column(name).tolist() for name in ("arrival_s", "ttft_s", "tpot_s", "e2e_s"))
    lengths = (trace.column("input_tokens"), trace.column("output_tokens"))
    return [
        make.prediction(
            n,
            time_s=make.t0 + arrival,
            ttft_s=ttft,
            tpot_s=None if math.isnan(tpot) else tpot,
            total_s=e2e,
            in_budget=bool(e2e <= BUDGET.budget_s),
            served=Tokens(input=int(prompt), output=int(answer)),
        )
        for n, (arrival, ttft, tpot, e2e, prompt, answer) in enumerate(zip(*columns, *lengths, strict=True))
    ]


@pytest.mark.parametrize("engine", ["memory", "duckdb"])
def test_percentiles_of_a_simulation_are_those_of_its_records(make, engine: str) -> None:
    """Mean, p50, p95 and p99 of TTFT, TPOT and E2E; answers of one token have no TPOT in either."""
    trace, run = simulated()
    spreads = store.of_records(records(make, trace, run), engine).spreads(make.query())
    found = {one.metric: one.latency for one in spreads if not one.dimension}
    for metric, column in (("ttft_s", "ttft_s"), ("tpot_s", "tpot_s"), ("total_s", "e2e_s")):
        said, kept = points(run, column), found[metric]
        assert kept.n == int((~np.isnan(run.column(column))).sum())
        assert (kept.mean_s, kept.p50_s, kept.p95_s, kept.p99_s) == pytest.approx(
            (said.mean, said.p50, said.p95, said.p99), rel=1e-6
        )


def test_the_share_inside_the_budget_and_the_tokens_are_the_same(make) -> None:
    """Goodput's numerator and the tokens served."""
    trace, run = simulated()
    kept = records(make, trace, run)
    assert sum(one.in_budget for one in kept) / len(kept) == pytest.approx(share_in_budget(run, BUDGET))
    assert sum(one.served.output for one in kept) == run.output_tokens
