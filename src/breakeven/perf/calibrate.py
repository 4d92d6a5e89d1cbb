"""Fit coefficients to measured rows: log errors that bound what one row can pull, every effect pulled to nothing.

The effects are those of `perf.effects`, each with a width in log units by which shrinkage holds it; so that a level
with few rows stays near what it shares with others. `case` and `layout` take up what is peculiar to one series of
measurements, lest it bend what all share. Gauss-Newton with damping on all effects together. Deterministic.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError
from breakeven.perf import kernels
from breakeven.perf.coefficients import FIELDS, START, Residuals
from breakeven.perf.effects import HOST, LEVELS, Place
from breakeven.perf.roofline import Column, Fitted, Size, stack
from breakeven.perf.steady import Load, output_tokens_s, tpot_s, ttft_s
from breakeven.schema.calibration import Calibration

Outcome = Literal["throughput", "tpot", "ttft"]
Widths = Mapping[str, float]

SPREAD = 0.1
"""Log error of a good row; beyond twice that a row pulls ever less (Cauchy loss)."""
_BEND = 2.0
_STEPS = 30
_ENOUGH = 2e-4

BASE_WIDTHS: Widths = {
    "compute": 0.25, "memory": 0.15, "cache": 0.4, "attention": 0.5, "link": 0.5, "link_latency_s": 0.7, "step_s": 1.0,
    "layer_s": 1.0, "moe_layer_s": 0.7, "state_layer_s": 0.7, "sequence_s": 1.0, "token_s": 1.0, "expert_compute": 0.4,
    "expert_memory": 0.3, "sharpness": 0.03, "prefill_share": 0.1, "reserved_bytes": 0.3, "usable_share": 0.05,
    "scale": 0.05,
}  # fmt: skip
"""How far the base may go from the rules of thumb; a coefficient that is missing stays."""


def _of_base(host: float, rest: float) -> dict[str, float]:
    of_kernels = {name: width for name, width in BASE_WIDTHS.items() if name != "prefill_share"}
    return {name: width * (host if name in HOST else rest) for name, width in of_kernels.items()}


WIDTHS: dict[str, Widths] = {
    "engine": _of_base(0.5, 0.15) | dict.fromkeys(HOST, 0.5),
    "accelerator": _of_base(0.1, 0.15),
    "link": {"link_latency_s": 0.7, "link": 0.2},
    "format": {"compute": 0.1, "memory": 0.1, "expert_compute": 0.1, "expert_memory": 0.1, "scale": 0.05},
    "pair": _of_base(0.07, 0.07),
    "version": {"scale": 0.06, **dict.fromkeys(("step_s", "layer_s", "sequence_s", "link_latency_s"), 0.12),
                "prefill_share": 0.1},
    "model": {"scale": 0.05, "expert_compute": 0.1, "expert_memory": 0.1, "layer_s": 0.1},
    "engine_model": {"scale": 0.07, "layer_s": 0.1, "moe_layer_s": 0.1},
    "case": {"scale": 0.1, "prefill_share": 0.5},
    "layout": {"scale": 0.08},
}  # fmt: skip
"""How far each kind of effect may go, by coefficient."""

OWN_WIDTHS: dict[str, Widths] = {
    "engine": {},
    "version": {},
    "pair": {name: (2.0 if name in HOST else 2.0 * width) for name, width in BASE_WIDTHS.items()},
    "case": {"scale": 0.05},
    "layout": {"scale": 0.03},
}
"""How far one's own rows may bend what ships: their engine may be like none that was fitted, on hardware like none.

What they say holds for the engine on the accelerator, whatever the model. Kinds without widths are only noted as seen.
"""

OWN_FIRST_TOKEN_WIDTHS: dict[str, Widths] = {"pair": {"request_s": 2.0, "queue_share": 2.0}}

FIRST_TOKEN_WIDTHS: dict[str, Widths] = {
    "engine": {"request_s": 1.0, "queue_share": 0.7},
    "version": {"request_s": 0.7, "queue_share": 0.7},
    "engine_model": {"request_s": 0.3, "queue_share": 0.4},
    "case": {"request_s": 0.3, "queue_share": 0.3},
}
"""A second fit, of what TTFT needs beside the steps."""


class Row(NamedTuple):
    """One measured figure of a deployment in a closed loop (or offline: as many in flight as fit).

    `value` is in seconds, or output tokens per second of the replica.
    """

    at: Place
    size: Size
    outcome: Outcome
    prompt: float
    output: float
    in_flight: float
    value: float


def medians(rows: Sequence[Row]) -> list[Row]:
    """Rows of the same deployment, load and quantity merged into their median, in the order of the first of each."""
    found: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        found.setdefault((row.at, row.outcome, row.prompt, row.output, row.in_flight), []).append(row)
    return [each[0]._replace(value=float(np.median([row.value for row in each]))) for each in found.values()]


class _Table(NamedTuple):
    size: Size
    load: Load
    value: Column
    outcomes: NDArray[np.str_]


def held(at: Place) -> float:
    """Share of its output that a sequence has a place for: all of it offline, where nothing may be evicted."""
    return 1.0 if at.offline else 0.5


def table(rows: Sequence[Row]) -> _Table:
    """The rows as columns."""
    load = Load(
        np.array([row.prompt for row in rows]),
        np.array([row.output for row in rows]),
        np.array([row.in_flight for row in rows]),
        np.array([held(row.at) for row in rows]),
    )
    value = np.array([row.value for row in rows])
    return _Table(stack([row.size for row in rows]), load, value, np.array([row.outcome for row in rows]))


def predicted(of: _Table, fitted: Fitted) -> Column:
    """What the model says of every row, in its unit."""
    found = tpot_s(of.size, fitted, of.load)
    if (of.outcomes == "throughput").any():
        found = np.where(of.outcomes == "throughput", output_tokens_s(of.size, fitted, of.load), found)
    if (of.outcomes == "ttft").any():
        found = np.where(of.outcomes == "ttft", ttft_s(of.size, fitted, of.load), found)
    return found


def logs_of(rows: Sequence[Row], found: Calibration) -> Column:
    """Ln of every coefficient (columns) of every row."""
    base = np.log([found.base.get(name, getattr(START, name)) for name in FIELDS])
    logs = np.tile(base, (len(rows), 1))
    for kind, levels in found.effects.items():
        for number, row in enumerate(rows):
            for name, gain in levels.get(LEVELS[kind](row.at), {}).items():
                logs[number, FIELDS.index(name)] += gain
    return logs


def log_errors(rows: Sequence[Row], found: Calibration) -> Column:
    """ln(measured / predicted) per row."""
    of = table(rows)
    errors: Column = np.log(of.value / predicted(of, Fitted(*np.exp(logs_of(rows, found).T))))
    return errors


class _Effect(NamedTuple):
    """One unknown: which rows it moves, which coefficient, how far it may go (0: the base)."""

    kind: str
    level: str
    name: str
    width: float
    rows: NDArray[np.intp]


class _Problem:
    """The unknowns and the rows. `start` are logs of the coefficients of each row before anything is added."""

    def __init__(self, rows: Sequence[Row], start: Column, effects: list[_Effect], spread: float) -> None:
        self.of = table(rows)
        self.start = start
        self.effects = effects
        self.spread = spread
        self.names = sorted({effect.name for effect in effects}, key=FIELDS.index)
        self.pull = np.array([1.0 / effect.width**2 for effect in effects])

    def logs(self, x: Column) -> Column:
        logs = self.start.copy()
        for effect, gain in zip(self.effects, x, strict=True):
            logs[effect.rows, FIELDS.index(effect.name)] += gain
        return logs

    def errors(self, logs: Column) -> Column:
        found: Column = np.log(self.of.value / predicted(self.of, Fitted(*np.exp(logs.T)))) / self.spread
        return found

    def loss(self, errors: Column, x: Column) -> float:
        return float((_BEND**2 * np.log1p((errors / _BEND) ** 2)).sum() + (self.pull * x**2).sum())

    def jacobian(self, logs: Column, errors: Column) -> Column:
        by_name = {}
        for name in self.names:
            moved = logs.copy()
            moved[:, FIELDS.index(name)] += 1e-4
            by_name[name] = (self.errors(moved) - errors) / 1e-4
        full = np.zeros((len(errors), len(self.effects)))
        for number, effect in enumerate(self.effects):
            full[effect.rows, number] = by_name[effect.name][effect.rows]
        return full


def _solve(problem: _Problem) -> Column:
    x = np.zeros(len(problem.effects))
    damping, errors = 1e-2, problem.errors(problem.logs(x))
    loss = problem.loss(errors, x)
    for _ in range(_STEPS):
        slopes = problem.jacobian(problem.logs(x), errors)
        weight = 1.0 / (1.0 + (errors / _BEND) ** 2)
        normal = slopes.T @ (slopes * weight[:, None])
        slope = slopes.T @ (weight * errors) + problem.pull * x
        before = loss
        for _ in range(8):
            scale = np.diag(problem.pull + damping * (np.diag(normal) + 1e-9))
            moved = x - np.linalg.solve(normal + scale, slope)
            tried = problem.errors(problem.logs(moved))
            if problem.loss(tried, moved) < loss:
                x, errors, loss, damping = moved, tried, problem.loss(tried, moved), max(damping / 5, 1e-6)
                break
            damping *= 5
        if before - loss < _ENOUGH * before:
            break
    return x


def origin_of() -> Calibration:
    """Rules of thumb, and what is known of kernels without any row of a server."""
    base = {name: getattr(START, name) for name in FIELDS}
    boards = {board: _of_kernel(*shares) for board, shares in kernels.BOARDS.items()}
    known = {"kernel_format": {"fp4/fp4": _of_kernel(*kernels.MEAN)}, "kernel": boards}
    return Calibration(name="start", base=base, effects=known)


def _of_kernel(compute: float, memory: float) -> dict[str, float]:
    return {"compute": compute, "expert_compute": compute, "memory": memory, "expert_memory": memory}


def fit(
    rows: Sequence[Row],
    *,
    start: Calibration | None = None,
    base: Widths = BASE_WIDTHS,
    widths: Mapping[str, Widths] = WIDTHS,
    spread: float = SPREAD,
) -> Calibration:
    """Coefficients of the rows, from `start` (its effects stay, and what is fitted is added to them).

    Raises:
        EvidenceError: there are no rows.
    """
    if not rows:
        message = "there is no row to fit, at least 1 is needed"
        raise EvidenceError(message, "measure some, or look at the refused rows and why")
    origin = start or origin_of()
    effects = _effects(rows, base, widths)
    gains = _solve(_Problem(rows, logs_of(rows, origin), effects, spread))
    return _noted(_with(origin, effects, gains, len(rows)), rows, widths)


def summary(errors: Column, how: str) -> Residuals:
    """The figures of a list of log errors; relative errors are |predicted / measured - 1|."""
    relative = np.abs(np.exp(-errors) - 1)
    low, high = np.quantile(errors, [0.1, 0.9])
    return Residuals(
        n=len(errors), mape=float(relative.mean()), median=float(np.median(relative)),
        p90=float(np.quantile(relative, 0.9)), log_low=float(low), log_high=float(high), how=how,
    )  # fmt: skip


def _effects(rows: Sequence[Row], base: Widths, widths: Mapping[str, Widths]) -> list[_Effect]:
    everywhere = np.arange(len(rows))
    found = [_Effect("", "", name, width, everywhere) for name, width in base.items()]
    for kind, by_name in widths.items():
        levels = np.array([LEVELS[kind](row.at) for row in rows])
        found += [
            _Effect(kind, level, name, width, np.flatnonzero(levels == level))
            for level in sorted(set(levels.tolist()))
            for name, width in by_name.items()
        ]
    return found


def _noted(found: Calibration, rows: Sequence[Row], kinds: Iterable[str]) -> Calibration:
    """The same, every level of the rows there, that what was fitted counts as seen."""
    effects = copy.deepcopy(found.effects)
    for kind in kinds:
        for row in rows:
            effects.setdefault(kind, {}).setdefault(LEVELS[kind](row.at), {})
    return msgspec.structs.replace(found, effects=effects)


def _with(origin: Calibration, effects: Sequence[_Effect], gains: Column, rows: int) -> Calibration:
    base, found = dict(origin.base), copy.deepcopy(origin.effects)
    for effect, gain in zip(effects, gains.tolist(), strict=True):
        if not effect.kind:
            base[effect.name] = base.get(effect.name, getattr(START, effect.name)) * math.exp(gain)
            continue
        level = found.setdefault(effect.kind, {}).setdefault(effect.level, {})
        level[effect.name] = level.get(effect.name, 0.0) + gain
    return msgspec.structs.replace(origin, base=base, effects=found, n=origin.n + rows)
