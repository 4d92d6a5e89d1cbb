"""Plans held to their own figures by an independent seed: arrivals, lengths and the truth of the speed drawn anew.

Each run plans for a few hundred requests drawn from the profile of the demo's trace; then as many are drawn by another
seed and simulated on the chosen deployment: once with steps as predicted (`seed`), once with steps as much longer or
shorter as the plan's own interval says (`world`, drawn from the log-normal that its ends at 10 and 90 % give). Inside
means: the cost per useful prediction within P5 and P95 of what the doubt says of the first month, and every promised
figure within its interval as `audit.verify` rules, whose own intervals are 80 %.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

import msgspec
import numpy as np

from breakeven.audit.verify import verify
from breakeven.catalog.load import load
from breakeven.demo.logs import conversations
from breakeven.perf.attain import share_in_budget
from breakeven.perf.coefficients import Residuals
from breakeven.perf.effects import errors, place
from breakeven.perf.predict import rate_rps
from breakeven.perf.prior import PRIOR
from breakeven.perf.simulate import Simulation, simulate
from breakeven.perf.step import slowed
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.promise import LEAST_SHARE, Z80, charged_monthly_usd
from breakeven.planner.question import Question
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_MONTH
from breakeven.schema.demand import Profile
from breakeven.schema.objective import Objective
from breakeven.schema.outlook import Band
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Observation
from breakeven.schema.workload import Trace
from breakeven.workload.fit import fit
from breakeven.workload.generate import draw
from breakeven.workload.profile import profile

AS_OF = "2026-11-24"
SCOPE = Scope(
    models=("llama-3.1-8b",), as_of=AS_OF, accelerators=("h100-sxm", "a100-sxm-80gb", "l40s"), engines=("vllm",),
    precisions=("fp16",), chunks=(2048,),
)  # fmt: skip
TARGETS = ((2.0, 0.1), (1.0, 0.05), (0.6, 0.035))
REQUESTS = (300, 800)


def requests(known: Profile, rng: np.random.Generator, n: int) -> Trace:
    return draw(known, n / known.rate_mean_rps, rng)


def planned(trace: Trace, ttft_s: float, tpot_s: float, seed: int) -> Plan:
    objective = Objective(use_case="self", ttft_s=ttft_s, tpot_s=tpot_s)
    question = Question(workload=fit(trace, "self"), objective=objective)
    return make_plan(load(), question, trace, SCOPE, seed=seed, rng=np.random.default_rng(seed))


def longer(option: Option, rng: np.random.Generator) -> float:
    """How many times as long steps truly are, by the measured errors that the plan's intervals are made of."""
    at, catalog = option.deployment, load()
    board = catalog.accelerator(at.accelerator)
    where = place(board, engine=at.engine, precision=at.precision, model=at.model, boards=at.accelerators)
    error: Residuals = errors(PRIOR, where).tpot
    score = float(rng.standard_normal()) / Z80
    return float(np.exp(score * (error.log_high if score > 0 else -error.log_low)))


def ran(option: Option, trace: Trace, factor: float) -> Simulation:
    """The serving replicas of the plan's choice on other requests."""
    speed, capacity, serving = option.performance, option.capacity, option.serving
    assert speed is not None
    assert speed.curve is not None
    assert capacity is not None
    assert serving is not None
    curve = slowed(speed.curve, factor)
    return simulate(trace, curve, capacity.serving, max_batch_tokens=serving.max_batch_tokens, serving=serving)


def observed(plan: Plan, option: Option, trace: Trace, run: Simulation) -> Observation:
    """What a ledger would hold of the run, at the rent that it charges."""
    monthly, span = charged_monthly_usd(option), trace.n / rate_rps(trace)
    assert monthly is not None
    pico = round(monthly / HOURS_PER_MONTH / 3600 * span * 1e12)
    return Observation(
        use_case=plan.use_case, deployment=option.deployment.id, plan_id=plan.id, n=run.n,
        answered=run.n - run.refused, in_budget=round(share_in_budget(run, plan.objective) * run.n), useful=None,
        span_s=span, up_s=span, cost_pico_usd=pico, capacity_pico_usd=pico, ttft_s=_sorted(run, "ttft_s"),
        tpot_s=_sorted(run, "tpot_s"), total_s=_sorted(run, "e2e_s"), emulated=True,
    )  # fmt: skip


def _sorted(run: Simulation, name: str) -> tuple[float, ...]:
    values = run.column(name)
    return tuple(np.sort(values[~np.isnan(values)]).tolist())


def confirmed(plan: Plan, option: Option, trace: Trace, factor: float) -> dict[str, bool]:
    """Each figure of the plan: whether the run found it inside."""
    run = ran(option, trace, factor)
    found = {one.metric: one.verdict == "came_true" for one in verify(plan, observed(plan, option, trace, run))}
    return {"cost_now": _now(plan, option, trace, run), **found}


def _now(plan: Plan, option: Option, trace: Trace, run: Simulation) -> bool:
    """The month's cost over the requests that came in time at the rate that came, within P5 and P95."""
    assert plan.doubt is not None
    band: Band = next(one.now_usd for one in plan.doubt.fates if one.option == plan.chosen)
    share = max(share_in_budget(run, plan.objective), LEAST_SHARE)
    useful = rate_rps(trace) * SECONDS_PER_MONTH * share
    cost = (option.monthly_cost_usd or 0.0) / useful
    return (band.p5 or 0.0) <= cost <= (band.p95 or np.inf)


def one(known: Profile, seed: int) -> dict[str, dict[str, bool]]:
    """One run: as predicted, and with the speed drawn."""
    rng, other = np.random.default_rng([1, seed]), np.random.default_rng([2, seed])
    n = int(rng.integers(*REQUESTS))
    plan = planned(requests(known, rng, n), *TARGETS[seed % len(TARGETS)], seed)
    option = next(option for option in plan.options if option.name == plan.chosen)
    trace = requests(known, other, n)
    factor = longer(option, other)
    return {"seed": confirmed(plan, option, trace, 1.0), "world": confirmed(plan, option, trace, factor)}


def shares(found: Iterable[dict[str, bool]]) -> dict[str, float]:
    """By figure the share of runs inside; `every` figure of the run, and `cost_now` beside them."""
    rows = list(found)
    counts = Counter(name for row in rows for name, inside in row.items() if inside)
    every = sum(all(row.values()) for row in rows)
    return {**{name: round(counts[name] / len(rows), 3) for name in rows[0]}, "every": round(every / len(rows), 3)}


def measure(runs: int) -> dict[str, object]:
    """`self_consistent_share`: runs whose every figure the independent seed confirmed."""
    trace = conversations()
    known = msgspec.structs.replace(profile(trace, "self"), name="self")
    found = []
    for seed in range(runs):
        found.append(one(known, seed))
        print(f"\rself: {seed + 1} of {runs}", end="", file=sys.stderr)
    print(file=sys.stderr)
    by_seed, by_world = shares(row["seed"] for row in found), shares(row["world"] for row in found)
    return {"self_consistent_share": by_seed["every"], "runs": runs, "seed": by_seed, "world": by_world}
