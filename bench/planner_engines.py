"""Two real engines with the same weights on one core: which one does the planner take, calibrated on other loads?

`examples/measure/smollm2_two_engines.csv`. Coefficients are fitted to 2, 6 and 8 clients, and 1, 4 and 16 are judged
(`left_out`: each of them by a fit to the five other loads). Both engines become candidates at the same hourly price, so
many requests in flight at most, and the planner weighs them for a demand that takes many of them. Right is the one of
more measured tokens/s.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec

from breakeven.app import speed
from breakeven.assembly import measured
from breakeven.assembly.predicted import predict
from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.perf.curve import step_curve
from breakeven.perf.effects import resolve
from breakeven.planner.candidate import Candidate
from breakeven.planner.choose import best
from breakeven.planner.evaluate import evaluate
from breakeven.planner.question import Question
from breakeven.planner.speed import Speeds
from breakeven.planner.weigh import Scales
from breakeven.schema.calibration import Calibration
from breakeven.schema.deployment import Deployment
from breakeven.schema.measurement import Measurement
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.workload import Trace, pack
from breakeven.workload.fit import fit

FILES = Path(__file__).parents[1] / "examples/measure"
CLIENTS = (1, 4, 16)
CALIBRATED = (2, 6, 8)
REPLICAS = 20
AS_OF = "2026-11-27"


def rows() -> tuple[Measurement, ...]:
    return speed.rows_of(FILES / "smollm2_two_engines.csv")


def fitted(found: tuple[Measurement, ...], loads: Collection[float]) -> Calibration:
    """Coefficients from these loads only."""
    rest = [row for row in found if row.load in loads]
    return speed.calibrate(rest, "own", asked=ASKED, configs=CONFIGS)[0]


ASKED = speed.asked([str(FILES / "cpu.yaml")])
CONFIGS = (FILES / "smollm2-135m-instruct.json",)


def of_load(found: tuple[Measurement, ...], clients: int) -> list[measured.Case]:
    """The tokens/s rows of that many clients, as the model is asked about them."""
    wanted = [row for row in found if row.load == clients and row.metric == "output_tok_s"]
    return measured.cases(wanted, measured.Names(ASKED.catalog(), speed.models_of(CONFIGS)))[0]


def candidate(case: measured.Case, clients: int, by: Calibration, usd_per_hour: float) -> Candidate:
    """The engine on a core of its own, with at most so many in flight."""
    at, name = case.at, case.at.engine
    curve = step_curve(
        case.model, case.accelerator, 1, at.precision, resolve(by, at), engine=at.engine,
        context_mean=case.prompt + case.output / 2, max_batch=clients,
    )  # fmt: skip
    offer = Offer(
        id="core", kind="accelerator_hour", provider="own", accelerator=case.accelerator.id,
        usd_per_hour=usd_per_hour, valid_from=AS_OF, source="any price: it is the same",
    )  # fmt: skip
    deployment = Deployment(
        id=name, model=case.model.id, placement="cloud", offer="core", accelerator=case.accelerator.id, accelerators=1,
        engine=at.engine, precision=at.precision,
    )  # fmt: skip
    return Candidate(name=name, deployment=deployment, offer=offer, curve=curve)


def question(cases: list[measured.Case]) -> tuple[Question, Trace]:
    """A demand of the rows' lengths that takes about so many replicas of the slower engine."""
    n, prompt, output = 64, *(statistics.fmean(getattr(one, name) for one in cases) for name in ("prompt", "output"))
    trace = Trace(
        name="two engines", arrival_s=pack(map(float, range(n))), input_tokens=pack([round(prompt)] * n),
        output_tokens=pack([round(output)] * n),
    )  # fmt: skip
    rate = REPLICAS * min(one.value or 0.0 for one in cases) / output
    same = dict.fromkeys(("rate_mean_rps", "rate_p95_rps", "rate_max_rps"), rate)
    demand = msgspec.structs.replace(fit(trace, "two-engines"), **same)
    return Question(workload=demand, objective=Objective(use_case="two-engines")), trace


def picked(found: tuple[Measurement, ...], clients: int, by: Calibration) -> dict[str, object]:
    """What the planner takes at so many clients, and what was measured."""
    cases = of_load(found, clients)
    asked, trace = question(cases)
    catalog = ASKED.catalog()
    scales = Scales(
        catalog=catalog, assumptions=assumptions(load().assumptions(), "base"), question=asked, speeds=Speeds(trace)
    )
    weighed = [candidate(case, clients, by, usd_per_hour=0.05) for case in cases]
    options = [evaluate(one, asked, predict=scales.speed, price=scales.bill) for one in weighed]
    chosen = best(options, asked.objective.use_case).name
    said = {case.at.engine: one.predicted for case, one in zip(cases, predict(cases, (), by), strict=True)}
    most = max(cases, key=lambda case: case.value or 0.0).at.engine
    return {
        "clients": clients,
        "picked": chosen,
        "right": most,
        "usd_per_million_answers": {
            one.name: round(1e6 * (one.cost_per_useful_prediction_usd or 0), 3) for one in options
        },
        "tok_s_measured": {case.at.engine: round(case.value or 0.0, 1) for case in cases},
        "tok_s_predicted": {engine: round(value or 0.0, 1) for engine, value in said.items()},
    }


def measure() -> dict[str, object]:
    """Each judged number of clients."""
    found = rows()
    by = fitted(found, CALIBRATED)
    apart = [picked(found, clients, by) for clients in CLIENTS]
    print("engines: calibrated on other loads", file=sys.stderr)
    others = {clients: {row.load or 0.0 for row in found} - {clients} for clients in CLIENTS}
    left_out = [picked(found, clients, fitted(found, others[clients])) for clients in CLIENTS]
    return {
        "engines_right_share": right(apart),
        "calibrated_on": CALIBRATED,
        "loads": apart,
        "left_out": {"right_share": right(left_out), "loads": left_out},
    }


def right(told: Sequence[dict[str, object]]) -> float:
    return sum(one["picked"] == one["right"] for one in told) / len(told)
