"""Fit the law of power to measured batches: log error, robust; every operating point counts once.

Times are given, so that what is judged is the law of power and not that of time. A batch reads its prompts for one part
of its time and writes answers for the rest; its mean power is the mean of both phases, weighted by time.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.perf.calibrate import summary
from breakeven.perf.coefficients import Residuals
from breakeven.perf.power.law import IDLE_SHARE, Activity, PowerLaw, share
from breakeven.schema.hardware import Accelerator
from breakeven.schema.noun import Noun

SOFT = 0.05
"""Log error beyond which a point pulls linearly instead of quadratically (soft L1)."""

START = (1.8, 3.0)
_STEPS = 60
_NONE = Residuals(n=0, mape=0.0, median=0.0, p90=0.0, log_low=0.0, log_high=0.0)
_KEY = ("model", "hardware", "tensor_parallel", "prompt_size", "batch_size", "token_size")
_MS = 1e-3
_Vector = NDArray[np.float64]


class Shape(Noun, frozen=True, kw_only=True):
    """A 16-bit model: parameters and what a token does; `max_context` tokens were trained for, 0 is unlimited."""

    params: float
    active_params: float
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    max_context: int = 0


SHAPES: Mapping[str, Shape] = {
    "llama2-70b": Shape(
        params=68976648192, active_params=68714504192, layers=80, heads=64, kv_heads=8, head_dim=128, max_context=4096
    ),
    "bloom-176b": Shape(
        params=176247271424, active_params=176247271424, layers=70, heads=112, kv_heads=112, head_dim=128
    ),
}
"""Llama 2 as in the catalog; BLOOM as in its config.json (tied tables, positions by bias, so no limit)."""


class Point(Noun, frozen=True, kw_only=True):
    """One measured batch: mean power over TDP, the share of its time that prompts took, and both phases' activity."""

    name: str
    group: str
    share: float
    prompt_share: float
    prefill: Activity
    decode: Activity
    batch: int
    tokens: int


def points(
    rows: Iterable[Mapping[str, str]], boards: Mapping[str, Accelerator], shapes: Mapping[str, Shape] = SHAPES
) -> tuple[list[Point], list[tuple[str, str]]]:
    """The operating points of rows in splitwise-sim's columns, repeats as medians; and (name, why) of those refused.

    A power of 0 is not measured, and passed over without a word: most rows have none.
    """
    found: dict[tuple[str, ...], list[Mapping[str, str]]] = defaultdict(list)
    for row in rows:
        if float(row["average_power"]) > 0:
            found[tuple(row[name] for name in _KEY)].append(row)
    made, refused = [], []
    for key, same in found.items():
        why = _unfit(key, boards, shapes)
        if why:
            refused.append((" ".join(key), why))
        else:
            made.append(_point(key, same, boards[key[1]], shapes[key[0]]))
    return made, refused


def _unfit(key: tuple[str, ...], boards: Mapping[str, Accelerator], shapes: Mapping[str, Shape]) -> str:
    model, board, prompt = key[0], key[1], int(key[3])
    if model not in shapes or board not in boards:
        return f"the sheet of {model} or {board} is not at hand"
    limit = shapes[model].max_context
    return f"a prompt of {prompt} tokens is beyond the model's {limit}" if 0 < limit < prompt else ""


def _point(key: tuple[str, ...], same: Sequence[Mapping[str, str]], board: Accelerator, shape: Shape) -> Point:
    model, hardware, *sizes = key
    boards, prompt, batch, output = (int(size) for size in sizes)

    def middle(name: str) -> float:
        return median(float(row[name]) for row in same)

    prompt_s, token_s, all_s = (middle(name) * _MS for name in ("prompt_time", "token_time", "e2e_time"))
    context = prompt + output / 2
    return Point(
        name=" ".join(key),
        group=f"{model}/{hardware}/tp{boards}",
        share=middle("average_power"),
        prompt_share=prompt_s / all_s,
        prefill=_activity(shape, board, boards, prompt_s, tokens=prompt * batch, pairs=batch * prompt**2 / 2, cached=0),
        decode=_activity(
            shape, board, boards, token_s, tokens=batch, pairs=batch * context, cached=batch * context
        ),
        batch=batch,
        tokens=prompt * batch,
    )  # fmt: skip


def _activity(
    shape: Shape, board: Accelerator, boards: int, step_s: float, *, tokens: int, pairs: float, cached: float
) -> Activity:
    """Shares of peak of a 16-bit step; 2 bytes a parameter, keys and values; 2 operations a multiplication."""
    kv_bytes = 2 * 2 * shape.layers * shape.kv_heads * shape.head_dim
    moved = 2 * shape.params + kv_bytes * cached
    done = 2 * shape.active_params * tokens + 4 * shape.layers * shape.heads * shape.head_dim * pairs
    bandwidth, peak = board.bandwidth_bytes_s or np.inf, board.flops_fp16 or np.inf
    return Activity(memory=moved / (boards * bandwidth * step_s), compute=done / (boards * peak * step_s))


def mean_share(law: PowerLaw, point: Point) -> float:
    """Mean power over TDP of a batch."""
    prefill, decode = share(law, point.prefill), share(law, point.decode)
    return point.prompt_share * prefill + (1 - point.prompt_share) * decode


def log_errors(found: Sequence[Point], law: PowerLaw) -> _Vector:
    """ln(measured / predicted) of each point."""
    errors: _Vector = np.log([point.share / mean_share(law, point) for point in found])
    return errors


def _law(logs: _Vector) -> PowerLaw:
    memory, compute = (float(number) for number in np.exp(logs))
    return PowerLaw(
        idle=IDLE_SHARE, memory=memory, compute=compute, errors=_NONE, coverage80=0.0, boards=(), n=0, source="",
        licence="", as_of="",
    )  # fmt: skip


def fit(found: Sequence[Point]) -> PowerLaw:
    """Damped Gauss-Newton on ln(memory, compute), reweighted for soft L1. Deterministic; without provenance."""
    logs, damping = np.log(START), 1e-3
    error = log_errors(found, _law(logs))
    for _ in range(_STEPS):
        shifted = [log_errors(found, _law(logs + shift)) for shift in 1e-5 * np.eye(len(logs))]
        slope = np.stack([(after - error) / 1e-5 for after in shifted], axis=1)
        weight = 1 / np.sqrt(1 + (error / SOFT) ** 2)
        normal = slope.T @ (slope * weight[:, None])
        moved = logs - np.linalg.solve(normal + damping * np.eye(len(logs)), slope.T @ (weight * error))
        after = log_errors(found, _law(moved))
        better = _loss(after) < _loss(error)
        logs, error, damping = (moved, after, damping / 4) if better else (logs, error, damping * 8)
    return _law(logs)


def _loss(error: _Vector) -> float:
    return float((np.sqrt(1 + (error / SOFT) ** 2) - 1).sum())


def held_out(found: Sequence[Point], key: Sequence[str] | None = None) -> _Vector:
    """ln(measured / predicted) of each point, by a fit that saw no point of its group; `key` names other groups."""
    groups = np.array([point.group for point in found] if key is None else key)
    errors = np.zeros(len(found))
    for group in sorted(set(groups)):
        inside = groups == group
        law = fit([point for point, left_out in zip(found, inside, strict=True) if not left_out])
        errors[inside] = log_errors([point for point, left_out in zip(found, inside, strict=True) if left_out], law)
    return errors


def interval(errors: _Vector) -> tuple[float, float]:
    """What the next error lies in with a chance of 80 %: quantiles beyond 10 % and 90 %, because the n errors are few.

    Ranks as in split conformal prediction: 90 % of n + 1, rounded up, of the n.
    """
    high = min(1.0, math.ceil(0.9 * (len(errors) + 1)) / len(errors))
    low_log, high_log = np.quantile(errors, [1 - high, high])
    return float(low_log), float(high_log)


def coverage(errors: _Vector, groups: Sequence[str]) -> float:
    """Share of held-out errors inside the interval made of the other groups' held-out errors."""
    names = np.array(groups)
    inside = 0
    for group in sorted(set(names)):
        low, high = interval(errors[names != group])
        mine = errors[names == group]
        inside += int(((mine >= low) & (mine <= high)).sum())
    return inside / len(errors)


def judged(law: PowerLaw, found: Sequence[Point]) -> PowerLaw:
    """The law with the errors and the coverage of groups left out of the fit."""
    errors = held_out(found)
    how = "mean power of a batch given its times, each (model, accelerator, tensor parallelism) left out of the fit"
    low, high = interval(errors)
    residuals = msgspec.structs.replace(summary(errors, how), log_low=low, log_high=high)
    share80 = coverage(errors, [point.group for point in found])
    return msgspec.structs.replace(law, errors=residuals, coverage80=share80, n=len(found))
