"""Batched against unbatched scoring of an ONNX model in process, chosen against fixed batches, by open-loop load.

    python bench/onnx_batching.py [--seconds 0.8] [--rounds 2] [--json]

An MLP (64 x 4096 x 4096 x 1, made here) behind the sender that the gateway uses, below HTTP; requests of one row come
as a Poisson stream whatever the answers do. The load is stated in multiples of what one row after another carries. A
reply later than the budget is not useful. Ratios of figures from the same run are the claim; wall times are this
machine's. Under a minute.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import onnx
import uvloop
from onnx import TensorProto, helper, numpy_helper

from breakeven.errors import BackendError
from breakeven.gateway.backend.onnx import OnnxSender
from breakeven.gateway.backend.port import Call, Headers, Piece
from breakeven.measure.curve import batch_curve
from breakeven.perf.batch_choice import choose_batch
from breakeven.perf.batch_curve import BatchCurve
from breakeven.schema.policy import Backend

WIDTHS = (64, 4096, 4096, 1)
BUDGET_S = 0.1
DRAIN_S = 2.0
TICK_S = 0.001
SIZES = (1, 2, 4, 8, 16, 32, 64, 128)


def save_mlp(path: Path) -> None:
    """Float rows (n, 64) to scores (n, 1)."""
    drawn = np.random.default_rng(1)
    nodes, weights, name = [], [], "x"
    for layer, (before, after) in enumerate(itertools.pairwise(WIDTHS)):
        scaled = drawn.normal(size=(before, after)).astype(np.float32) / np.sqrt(before)
        weights.append(numpy_helper.from_array(scaled.astype(np.float32), f"w{layer}"))
        nodes.append(helper.make_node("MatMul", [name, f"w{layer}"], [f"m{layer}"]))
        nodes.append(helper.make_node("Tanh", [f"m{layer}"], [f"h{layer}"]))
        name = f"h{layer}"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", WIDTHS[0]])
    y = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTHS[-1]])
    graph = helper.make_graph(nodes, "mlp", [x], [y], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


class Timer:
    """A sink that keeps when its answer came."""

    __slots__ = ("began_s", "failed", "took_s")

    def __init__(self) -> None:
        self.began_s = time.perf_counter()
        self.took_s: float | None = None
        self.failed = False

    def over(self) -> bool:
        """Whether it was told the end."""
        return self.failed or self.took_s is not None

    def on_connected(self, seconds: float) -> None:
        """There is no connection."""

    def on_sent(self) -> None:
        """It runs."""

    def on_head(self, status: int, headers: Headers) -> None:
        """The answer begins."""

    def on_piece(self, piece: Piece) -> None:
        """The answer."""
        self.took_s = time.perf_counter() - self.began_s
        self.failed = not piece.done

    def on_failure(self, error: BackendError) -> None:
        """None came in time."""
        del error
        self.failed = True


async def offer(backend: Backend, call: Call, rate_rps: float, seconds: float, seed: int) -> dict[str, float]:
    """Open loop: useful answers per second, p95 of those that came, the share that was useful, CPU per request."""
    sender, draw = OnnxSender(backend), random.Random(seed)
    for _ in range(3):
        await _one(sender, call)
    timers: list[Timer] = []
    cpu_s, began = time.process_time(), time.perf_counter()
    due = began + draw.expovariate(rate_rps)
    while (now := time.perf_counter()) < began + seconds:
        while due <= now:
            timer = Timer()
            sender.send(call, timer)
            timers.append(timer)
            due += draw.expovariate(rate_rps)
        await asyncio.sleep(min(TICK_S, max(0.0, due - time.perf_counter())))
    ended = time.perf_counter()
    while time.perf_counter() < ended + DRAIN_S and not all(map(Timer.over, timers)):  # noqa: ASYNC110 - sinks call
        await asyncio.sleep(TICK_S)
    spent_s = time.process_time() - cpu_s
    await sender.close()
    took = sorted(one.took_s for one in timers if one.took_s is not None and not one.failed)
    useful = sum(one <= BUDGET_S for one in took)
    return {
        "offered_rps": len(timers) / (ended - began),
        "useful_rps": useful / (ended - began),
        "useful_share": useful / len(timers),
        "p95_ms": 1e3 * took[int(0.95 * len(took))] if took else float("nan"),
        "cpu_us": 1e6 * spent_s / max(1, len(took)),
    }


async def _one(sender: OnnxSender, call: Call) -> float:
    timer = Timer()
    sender.send(call, timer)
    while timer.took_s is None:  # noqa: ASYNC110 - what is measured
        await asyncio.sleep(0)
    return timer.took_s


def curve_of(path: Path) -> BatchCurve:
    """The model alone, as `breakeven measure` finds it."""
    points = batch_curve(path, SIZES, repeats=20).points
    return BatchCurve(points=tuple((float(one.batch), one.median_s) for one in points), max_batch=SIZES[-1])


def measured(seconds: float, rounds: int) -> dict[str, object]:
    """All figures."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlp.onnx"
        save_mlp(path)
        curve = curve_of(path)
        row = np.random.default_rng(2).normal(size=WIDTHS[0]).round(4).tolist()
        tensor = {"name": "x", "datatype": "FP32", "shape": [1, WIDTHS[0]], "data": row}
        call = Call(body=msgspec.json.encode({"inputs": [tensor]}), client_model="mlp", deadline_ms=BUDGET_S * 1e3)
        chosen = choose_batch(curve, BUDGET_S)
        single_rps = 1 / curve.points[0][1]
        settings = {
            "unbatched": (1, 0.0),
            "chosen": (chosen.max_batch, chosen.max_delay_s),
            "fixed_8": (8, 0.002),
            "fixed_32": (32, 0.002),
        }
        found = {}
        for threads in (1, 2):
            for name, (size, delay_s) in settings.items():
                backend = Backend(
                    name="mlp", kind="onnx", model_path=str(path), max_batch=size, max_delay_s=delay_s, threads=threads
                )
                for load in (0.5, 3.0):
                    runs = [
                        uvloop.run(offer(backend, call, load * single_rps, seconds, seed)) for seed in range(rounds)
                    ]
                    found[f"{name}, {threads} threads, {load:g}x"] = _median(runs)
    return {
        "curve_ms": {f"{size:g}": round(1e3 * time_s, 4) for size, time_s in curve.points},
        "budget_ms": BUDGET_S * 1e3,
        "chosen": {"max_batch": chosen.max_batch, "max_delay_ms": round(1e3 * chosen.max_delay_s, 3)},
        "runs": found,
        "ratios": _ratios(found),
    }


def _median(runs: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: float(f"{statistics.median(run[key] for run in runs):.4g}") for key in runs[0]}


def _ratios(found: dict[str, dict[str, float]]) -> dict[str, float]:
    """At three times what one row after another carries, useful answers; at half of it, p95."""
    ratios = {}
    for threads in (1, 2):
        for other in ("unbatched", "fixed_8", "fixed_32"):
            over, calm = f"{threads} threads, 3x", f"{threads} threads, 0.5x"
            mine, theirs = found[f"chosen, {over}"]["useful_rps"], found[f"{other}, {over}"]["useful_rps"]
            ratios[f"useful_rps_3x_chosen_to_{other}_{threads}_threads"] = round(mine / max(theirs, 0.1), 2)
            late = found[f"chosen, {calm}"]["p95_ms"] / found[f"{other}, {calm}"]["p95_ms"]
            ratios[f"p95_half_load_chosen_to_{other}_{threads}_threads"] = round(late, 2)
    return ratios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=0.8, help="length of a run")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each setting; medians are shown")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    result = measured(asked.seconds, asked.rounds)
    if asked.json:
        print(json.dumps(result, indent=1))
        return
    print(f"curve, ms: {result['curve_ms']}; chosen within {result['budget_ms']:g} ms: {result['chosen']}")
    for name, run in result["runs"].items():  # type: ignore[attr-defined]
        print(f"{name:30}  " + "  ".join(f"{key} {value:>8g}" for key, value in run.items()))
    for name, ratio in result["ratios"].items():  # type: ignore[attr-defined]
        print(f"{name:48} {ratio}")


if __name__ == "__main__":
    main()
