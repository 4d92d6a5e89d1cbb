"""What the performance model says of measured rows: a value with an 80 % interval each, never looking at the value."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from breakeven.assembly.measured import Case, Refusal
from breakeven.perf import curve, roofline, steady
from breakeven.perf.calibrate import held
from breakeven.perf.effects import Place, resolve, spread
from breakeven.perf.simulate import Simulation, simulate
from breakeven.schema.calibration import Calibration
from breakeven.schema.noun import Noun
from breakeven.schema.workload import Trace, pack

OPEN_REQUESTS = 500
"""Requests of an open-loop run, as in the published ones."""
_SEEDS = 3
_UNKNOWN = (math.log(0.5), math.log(2.0))
"""Bounds where no spread was ever measured."""
UNFITTED_STAGES = 1.5
"""By how much bounds widen with pipeline stages, which no fitted row has. Assumed."""


class Predicted(Noun, frozen=True, kw_only=True):
    """One row's prediction in the row's unit, or why there is none. `supported`: it is of a kind that could be."""

    row: int
    predicted: float | None = None
    low80: float | None = None
    high80: float | None = None
    refused: str = ""
    supported: bool = True
    unseen: str = ""


def predict(found: Sequence[Case], refused: Iterable[Refusal], by: Calibration) -> list[Predicted]:
    """Every row's prediction, in the order of the rows."""
    closed = [case for case in found if case.load != "open"]
    values = dict(zip((case.number for case in closed), _closed(closed, by), strict=True))
    values |= _opened([case for case in found if case.load == "open"], by)
    rows = [_with_interval(case, values[case.number], by) for case in found]
    rows += [Predicted(row=one.number, refused=one.why, supported=one.supported) for one in refused]
    return sorted(rows, key=lambda one: one.row)


def _closed(found: Sequence[Case], by: Calibration) -> list[float]:
    """All closed loops and offline runs in one call."""
    if not found:
        return []
    at = roofline.stack([case.size for case in found])
    fitted = roofline.columns([resolve(by, case.at) for case in found])
    load = steady.Load(
        np.array([case.prompt for case in found]),
        np.array([case.output for case in found]),
        np.array([case.rate for case in found]),
        np.array([held(case.at) for case in found]),
    )
    by_metric = {
        "tpot": steady.tpot_s(at, fitted, load),
        "ttft": steady.ttft_s(at, fitted, load),
        "throughput": steady.output_tokens_s(at, fitted, load),
    }
    return [float(by_metric[case.metric][number]) for number, case in enumerate(found)]


def _opened(found: Sequence[Case], by: Calibration) -> dict[int, float]:
    """Open loops, each deployment and load simulated once for all its rows."""
    runs: dict[tuple[Place, int, float, float, float], Mapping[str, float]] = {}
    values: dict[int, float] = {}
    for case in found:
        key = (case.at, case.stages, case.prompt, case.output, case.rate)
        if key not in runs:
            runs[key] = opened(case, by)
        values[case.number] = runs[key][case.metric]
    return values


def opened(case: Case, by: Calibration) -> Mapping[str, float]:
    """Means of TTFT and TPOT in seconds, and output tokens per second, over seeded Poisson arrivals at the rate."""
    coefficients = resolve(by, case.at)
    steps = curve.step_curve(
        case.model, case.accelerator, case.at.boards, case.at.precision, coefficients,
        context_mean=case.prompt + case.output, stages=case.stages, engine=case.at.engine, max_batch=1024,
    )  # fmt: skip
    runs = [simulate(_arrivals(case, seed), steps, 1) for seed in range(_SEEDS)]
    return {
        "ttft": _mean(runs, "ttft_s"),
        "tpot": _mean(runs, "tpot_s"),
        "throughput": float(np.mean([run.output_tokens_s for run in runs])),
    }


def _mean(runs: Sequence[Simulation], name: str) -> float:
    return float(np.mean([np.nanmean(run.column(name)) for run in runs]))


def _arrivals(case: Case, seed: int) -> Trace:
    gaps = np.random.default_rng(seed).exponential(1.0 / case.rate, OPEN_REQUESTS)
    at = np.cumsum(gaps) if math.isfinite(case.rate) else np.zeros(OPEN_REQUESTS)
    return Trace(
        name=f"{case.rate:g} requests/s",
        arrival_s=pack(at.tolist()),
        input_tokens=pack([case.prompt] * OPEN_REQUESTS),
        output_tokens=pack([case.output] * OPEN_REQUESTS),
    )


def _with_interval(case: Case, value: float, by: Calibration) -> Predicted:
    bounds = spread(by, case.metric, case.load, case.at)
    low, high = _UNKNOWN if bounds is None else (bounds.low, bounds.high)
    wider = UNFITTED_STAGES if case.stages > 1 else 1.0
    return Predicted(
        row=case.number,
        predicted=value * case.scale,
        low80=value * math.exp(low * wider) * case.scale,
        high80=value * math.exp(high * wider) * case.scale,
        unseen="" if bounds is None else bounds.unseen,
    )


def open_errors(found: Sequence[Case], fit: Callable[[Sequence[Case]], Calibration]) -> dict[str, list[float]]:
    """ln(measured / predicted) of open-loop cases by metric, each model predicted by a fit without its open loops."""
    errors: dict[str, list[float]] = {}
    opens = [case for case in found if case.load == "open" and case.value and math.isfinite(case.rate)]
    for left in sorted({case.at.model for case in opens}):
        by = fit([case for case in found if case.load != "open" or case.at.model != left])
        apart = [case for case in opens if case.at.model == left]
        for number, said in _opened(apart, by).items():
            case = next(one for one in apart if one.number == number)
            errors.setdefault(case.metric, []).append(math.log((case.value or said) / said))
    return errors
