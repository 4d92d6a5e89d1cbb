"""Fit the shipped coefficients of the performance model and write `src/breakeven/perf/prior.py`.

    python scripts/fit_coefficients.py --data measured_calibration.csv [--print]

Columns: source,version,date,engine,model,gpu,ngpu,tp,precision,isl,osl,load_kind,load,metric,value,unit.
Used are rows of the TensorRT-LLM performance overview (offline throughput) and of aiconfigurator's measured sample
(closed-loop TPOT), both Apache-2.0; specifications come from the catalog. Errors are those of groups (engine,
accelerator, model) left out of the fit. The open-loop rows of TensorRT-LLM give `request_s` and, each predicted from
the other model's, the errors of TTFT.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import msgspec
import numpy as np

from breakeven.catalog.load import load
from breakeven.errors import BreakevenError
from breakeven.perf import memory, roofline, steady
from breakeven.perf.calibrate import Row, fit, held_out, summary
from breakeven.perf.coefficients import Coefficients, Errors, Residuals
from breakeven.perf.simulate import simulate
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.workload import Trace, pack

OFFLINE, CLOSED, ONLINE = "trtllm_perf_overview", "aiconfigurator_silicon_sample:agg", "trtllm_online"
OUTPUT = Path(__file__).parent.parent / "src/breakeven/perf/prior.py"
AS_OF = "2026-11-24"

_BOARDS = {
    "a100": "a100-sxm-80gb", "h100": "h100-sxm", "h200": "h200-sxm", "l40s": "l40s", "b200": "b200", "gb200": "gb200",
}  # fmt: skip
_MODELS = {
    **{name: name for name in ("llama-3.1-8b", "llama-3.1-70b", "llama-3.1-405b", "mixtral-8x7b", "mixtral-8x22b")},
    "Qwen/Qwen3-32B": "qwen3-32b",
    "Qwen/Qwen3-235B-A22B-FP8": "qwen3-235b-a22b",
    "meta-llama/Llama-3.1-70B": "llama-3.1-70b",
    "meta-llama/Llama-3.1-8B-Instruct": "llama-3.1-8b",
    "nvidia/Llama-3.1-8B-Instruct-FP8": "llama-3.1-8b",
}
_UNUSED = {"fp4", "int4"}  # no peak of these formats is in the schema yet


def main() -> None:
    """Fit, leave out, simulate, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--print", action="store_true", help="print the errors by group and write nothing")
    arguments = parser.parse_args()
    with arguments.data.open(newline="") as lines:
        table = list(csv.DictReader(lines))
    closed, offline = _rows(table, CLOSED), _rows(table, OFFLINE)
    fitted = fit(closed + offline)
    errors = held_out(closed + offline)
    online = _online(table, fitted)
    result = _with_provenance(fitted, errors, len(closed), online)
    _report(closed + offline, errors, result)
    if not arguments.print:
        OUTPUT.write_text(_literal(result), encoding="utf-8")


def _accelerator(gpu: str) -> Accelerator | None:
    board = _BOARDS.get(gpu.lower().split("-")[0].split("_")[0])
    return None if board is None else load().accelerator(board)


def _model(name: str) -> Model | None:
    known = _MODELS.get(name)
    return None if known is None else load().model(known)


def _rows(table: Iterable[dict[str, str]], source: str) -> list[Row]:
    """Medians over equal keys, because some keys were measured more than once and differ."""
    metric = "output_tok_s" if source == OFFLINE else "mean_tpot_ms"
    keys: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for line in table:
        if line["source"] == source and line["metric"] == metric and line["ngpu"] == line["tp"]:
            columns = ("engine", "gpu", "model", "tp", "precision", "isl", "osl", "load")
            keys[tuple(line[column] for column in columns)].append(float(line["value"]))
    made = (_row(key, statistics.median(values), offline=source == OFFLINE) for key, values in keys.items())
    return [row for row in made if row is not None]


def _row(key: tuple[str, ...], value: float, *, offline: bool) -> Row | None:
    engine, gpu, model_name, tp, precision, prompt, output, load = key
    model, accelerator, boards = _model(model_name), _accelerator(gpu), int(tp)
    precision = precision or "bf16"
    if model is None or accelerator is None or precision in _UNUSED:
        return None
    try:
        size = roofline.size(model, accelerator, boards, precision)
        fits = memory.kv_tokens(model, accelerator, boards, precision)
    except BreakevenError:  # our memory model says it does not fit, though it was measured: a known weakness
        return None
    total = float(prompt) + float(output)
    most = max(1.0, min(memory.MAX_SEQUENCES, fits / total))
    concurrency = most if offline else min(float(load), most)
    return Row(
        size=size, concurrency=concurrency, prompt=float(prompt), output=float(output),
        tpot_s=concurrency / value if offline else value / 1e3, group=f"{engine}/{accelerator.id}/{model.id}",
    )  # fmt: skip


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One open-loop measurement beside its simulation, in seconds; `rho` is the share of capacity offered."""

    model: str
    rho: float
    ttft_s: float
    simulated_ttft_s: float


def _online(table: Iterable[dict[str, str]], fitted: Coefficients) -> list[Point]:
    """Every open-loop point with a finite rate: 500 Poisson arrivals, simulated without a cost per request."""
    points: list[Point] = []
    for line in table:
        if line["source"] != ONLINE or line["load"] == "INF" or line["metric"] != "mean_ttft_ms":
            continue
        model, accelerator, boards = _model(line["model"]), _accelerator(line["gpu"]), int(line["tp"])
        if model is None or accelerator is None:
            continue
        prompt, output, rate = (float(line[column]) for column in ("isl", "osl", "load"))
        curve = roofline.step_curve(
            model, accelerator, boards, line["precision"], fitted, context_mean=prompt + output / 2
        )
        found = simulate(_poisson(prompt, output, rate), curve, 1)
        rho = rate / steady.replica_rps(curve, prompt=prompt, output=output)
        simulated = float(np.mean(found.column("ttft_s")))
        points.append(Point(model=model.id, rho=rho, ttft_s=float(line["value"]) / 1e3, simulated_ttft_s=simulated))
    return points


def _request_s(points: Iterable[Point]) -> float:
    """Median of measured - simulated TTFT where nobody queues (rho <= 0.1): the cost before a request's first step."""
    return statistics.median(point.ttft_s - point.simulated_ttft_s for point in points if point.rho <= 0.1)


def _ttft_errors(points: list[Point]) -> np.ndarray:
    """ln(measured / predicted TTFT) below the knee, the cost per request taken from the other models' points."""
    errors = []
    for point in points:
        others = _request_s(other for other in points if other.model != point.model)
        if point.rho <= 0.9:
            errors.append(math.log(point.ttft_s / (point.simulated_ttft_s + others)))
    return np.array(errors)


def _poisson(prompt: float, output: float, rate: float) -> Trace:
    arrivals = np.cumsum(np.random.default_rng(1).exponential(1 / rate, 500))
    columns = [pack(arrivals.tolist()), pack([prompt] * 500), pack([output] * 500)]
    return Trace(name="poisson", arrival_s=columns[0], input_tokens=columns[1], output_tokens=columns[2])


def _with_provenance(fitted: Coefficients, errors: np.ndarray, closed: int, online: list[Point]) -> Coefficients:
    left_out = "each (engine, accelerator, model) left out of the fit"
    return msgspec.structs.replace(
        fitted,
        name="global-1",
        n=len(errors),
        request_s=_request_s(online),
        source="TensorRT-LLM v0.17 manual (performance overview, online serving); aiconfigurator silicon_sample.csv",
        licence="Apache-2.0",
        as_of=AS_OF,
        errors=Errors(
            tpot=summary(errors[:closed], f"closed-loop mean TPOT, {left_out}"),
            ttft=summary(
                _ttft_errors(online),
                "open-loop mean TTFT at rho <= 0.9, TensorRT-LLM v0.14 on H100; only request_s from the other model",
            ),
            throughput=summary(-errors[closed:], f"offline output tokens/s, {left_out}"),
        ),
    )


def _report(rows: list[Row], errors: np.ndarray, result: Coefficients) -> None:
    print(result)
    groups = np.array([row.group for row in rows])
    for group in sorted(set(groups)):
        _line(group, summary(errors[groups == group], ""))
    for part in (0, 1, 2):
        for name in sorted({group.split("/")[part] for group in groups}):
            _line(name, summary(errors[[group.split("/")[part] == name for group in groups]], ""))
    for name in ("tpot", "ttft", "throughput"):
        _line(name, getattr(result.errors, name))


def _line(name: str, found: Residuals) -> None:
    shares = f"MAPE {found.mape:6.1%}  median {found.median:6.1%}  p90 {found.p90:6.1%}"
    print(f"{name:34} n {found.n:4}  {shares}  ln {found.log_low:+.2f}..{found.log_high:+.2f}")


def _literal(result: Coefficients) -> str:
    return f'''"""The shipped coefficients. Written by scripts/fit_coefficients.py; do not edit."""

from __future__ import annotations

from breakeven.perf.coefficients import Coefficients, Errors, Residuals

PRIOR = Coefficients(
    name={_text(result.name)},
    compute={result.compute:.6g},
    memory={result.memory:.6g},
    link={result.link:.6g},
    step_s={result.step_s:.6g},
    sequence_s={result.sequence_s:.6g},
    link_latency_s={result.link_latency_s:.6g},
    request_s={result.request_s:.6g},
    errors=Errors(
        tpot={_residuals(result.errors.tpot)},
        ttft={_residuals(result.errors.ttft)},
        throughput={_residuals(result.errors.throughput)},
    ),
    n={result.n},
    source={_text(result.source)},
    licence={_text(result.licence)},
    as_of={_text(result.as_of)},
)
'''


def _residuals(found: Residuals) -> str:
    numbers = ("mape", "median", "p90", "log_low", "log_high")
    fields = "".join(f"            {name}={getattr(found, name):.4f},\n" for name in numbers)
    return f"Residuals(\n            n={found.n},\n{fields}            how={_text(found.how)},\n        )"


def _text(value: str) -> str:
    return f'"{value}"'


if __name__ == "__main__":
    main()
