"""The demo over and over, in this process and in virtual time: is the predicted saving inside the verified interval?

Each replay takes another window of the demo's trace: the plan of the first half against what stands, four fifths of the
second half's requests on the chosen deployment and a fifth held out, both simulated as the demo's emulators would
answer; then the plan's saving is judged by `audit.explained`, as in the ledger. The predicted saving is inside when it
lies between the bounds of the measured one.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence

import numpy as np

from breakeven.assembly.resolve import curve_of
from breakeven.audit.explained.explain import saving
from breakeven.audit.verify import verify
from breakeven.catalog.load import load
from breakeven.demo import setting
from breakeven.demo.traffic import Config, Turn
from breakeven.demo.traffic import plan as plan_traffic
from breakeven.perf.attain import share_in_budget
from breakeven.perf.simulate import Simulation, simulate
from breakeven.planner.candidates import Scope
from breakeven.planner.plan import make_plan
from breakeven.planner.question import Question
from breakeven.planner.standing import standing
from breakeven.schema.deployment import Deployment
from breakeven.schema.explained import Saving
from breakeven.schema.finding import Finding
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan
from breakeven.schema.statement import Observation
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

AS_OF = "2026-11-24"
HALF_S = 45.0
TODAY = Deployment(
    id=setting.CURRENT, model=setting.MODEL, placement="cloud", offer=setting.OFFER, accelerator="h100-sxm",
    accelerators=1, replicas=2, engine="vllm",
)  # fmt: skip
TARGETS = Objective(use_case="assistant", budget_s=60.0, ttft_s=1.0, tpot_s=0.05)


def trace_of(turns: Sequence[Turn]) -> Trace:
    first = turns[0].at_s
    return Trace(
        name="assistant", arrival_s=pack(turn.at_s - first for turn in turns),
        input_tokens=pack(float(turn.input_tokens) for turn in turns),
        output_tokens=pack(float(turn.output_tokens) for turn in turns),
    )  # fmt: skip


def planned(turns: Sequence[Turn], seed: int) -> Plan:
    """The demo's plan after its first half."""
    catalog, trace = load(), trace_of(turns)
    question = Question(workload=fit(trace, "assistant", source="ledger"), objective=TARGETS)
    today = standing(catalog, TODAY, catalog.offer(setting.OFFER, AS_OF), question)
    scope = Scope(models=(setting.MODEL,), as_of=AS_OF)
    return make_plan(catalog, question, trace, scope, standing=(today,), seed=seed)


def answered(turns: Sequence[Turn], at: Deployment) -> Simulation:
    """As `breakeven emulate` would answer."""
    curve = curve_of(at, load())
    assert curve is not None
    return simulate(trace_of(turns), curve, at.replicas, max_batch_tokens=at.max_batch_tokens)


def observed(turns: Sequence[Turn], at: Deployment, share: float, plan_id: str) -> Observation:
    """What the ledger would hold of one arm."""
    run, offer = answered(turns, at), load().offer(at.offer, AS_OF)
    assert offer.usd_per_hour is not None
    hourly = offer.usd_per_hour * at.accelerators / offer.count * at.replicas
    pico = round(hourly / 3600 * HALF_S * 1e12)
    return Observation(
        use_case="assistant", deployment=at.id, plan_id=plan_id, n=run.n, answered=run.n - run.refused,
        in_budget=round(share_in_budget(run, TARGETS) * run.n), useful=None, span_s=turns[-1].at_s - turns[0].at_s,
        up_s=HALF_S, cost_pico_usd=pico, capacity_pico_usd=pico, ttft_s=_sorted(run, "ttft_s"),
        tpot_s=_sorted(run, "tpot_s"), total_s=_sorted(run, "e2e_s"), emulated=True, share=share,
    )  # fmt: skip


def _sorted(run: Simulation, name: str) -> tuple[float, ...]:
    values = run.column(name)
    return tuple(np.sort(values[~np.isnan(values)]).tolist())


def replay(seed: int) -> tuple[Saving, tuple[Finding, ...]] | None:
    """One demo; None where the plan keeps what stands."""
    halves = plan_traffic(Config(seed=seed, rows=0, half_s=HALF_S)).halves
    plan = planned(halves[0].assistant, seed)
    chosen = next(one.deployment for one in plan.options if one.name == plan.chosen)
    if chosen.id == setting.CURRENT:
        return None
    second = halves[1].assistant
    out = np.random.default_rng(seed).random(len(second)) < setting.HOLDOUT
    mine = [turn for turn, held in zip(second, out, strict=True) if not held]
    theirs = [turn for turn, held in zip(second, out, strict=True) if held]
    seen = observed(mine, chosen, len(mine) / len(second), plan.id)
    holdout = observed(theirs, TODAY, len(theirs) / len(second), plan.id)
    return saving(plan, seen, holdout), verify(plan, seen)


def inside(one: Saving) -> bool:
    return (
        one.predicted_usd is not None
        and one.low_usd is not None
        and one.high_usd is not None
        and one.low_usd <= one.predicted_usd <= one.high_usd
    )


def measure(replays: int) -> dict[str, object]:
    """The share of replays with the predicted saving inside, and what became of each promise."""
    found = []
    for seed in range(replays):
        found.append(replay(seed))
        print(f"\rreplays: {seed + 1} of {replays}", end="", file=sys.stderr)
    print(file=sys.stderr)
    savings = [one for one in found if one is not None]
    verdicts = Counter((finding.metric, finding.verdict) for _, findings in savings for finding in findings)
    return {
        "saving_inside_share": sum(inside(one) for one, _ in savings) / len(savings) if savings else None,
        "replays": replays,
        "kept_what_stands": replays - len(savings),
        "verdicts": {f"{metric}: {verdict}": number for (metric, verdict), number in sorted(verdicts.items())},
        "savings": [
            [None if value is None else round(value, 4) for value in (one.predicted_usd, one.low_usd, one.high_usd)]
            for one, _ in savings
        ],
    }
