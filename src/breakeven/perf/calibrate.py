"""Fit the coefficients of the roofline to measured step times: log error, robust, shrunk to a starting point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.perf.coefficients import Coefficients, Errors, Residuals
from breakeven.perf.roofline import Size
from breakeven.perf.steady import closed_loop_tpot_s
from breakeven.schema.noun import Noun

SOFT = 0.15
"""Log error beyond which a row pulls linearly instead of quadratically (soft L1)."""

START = (0.5, 0.75, 0.5, 4e-3, 2e-5, 5e-6)
WIDTH = (0.5, 0.3, 0.7, 1.0, 1.0, 1.0)
"""Where shrinkage pulls to (compute, memory, link, step, sequence, link latency) and how weakly, in log units."""

_STEPS = 14
_NONE = Residuals(n=0, mape=0.0, median=0.0, p90=0.0, log_low=0.0, log_high=0.0)
_Vector = NDArray[np.float64]


class Row(Noun, frozen=True, kw_only=True):
    """One measured mean time per output token at a fixed number in flight. A `group` is left out together."""

    size: Size
    concurrency: float
    prompt: float
    output: float
    tpot_s: float
    group: str = ""


def coefficients(logs: _Vector) -> Coefficients:
    """Coefficients of six logarithms, without provenance: the caller who knows the rows adds it."""
    compute, memory, link, step, sequence, latency = (float(value) for value in np.exp(logs))
    return Coefficients(
        name="fitted", compute=compute, memory=memory, link=link, step_s=step, sequence_s=sequence,
        link_latency_s=latency, request_s=0.0, errors=Errors(tpot=_NONE, ttft=_NONE, throughput=_NONE), n=0,
        source="", licence="", as_of="",
    )  # fmt: skip


def log_errors(rows: Sequence[Row], fitted: Coefficients) -> _Vector:
    """ln(measured / predicted) per row."""
    predicted = [
        closed_loop_tpot_s(row.size, fitted, concurrency=row.concurrency, prompt=row.prompt, output=row.output)
        for row in rows
    ]
    errors: _Vector = np.log(np.array([row.tpot_s for row in rows]) / np.array(predicted))
    return errors


def fit(rows: Sequence[Row]) -> Coefficients:
    """Levenberg-Marquardt on ln(coefficients), efficiencies at most 1, reweighted for soft L1. Deterministic."""
    logs, damping = np.log(np.array(START)), 1e-2
    loss, error = _loss(rows, logs)
    for _ in range(_STEPS):
        jacobian = _jacobian(rows, logs, error)
        logs_new, loss_new, error_new, damping = _descend(rows, (logs, loss, error), jacobian, damping)
        if loss - loss_new < 1e-7 * loss:
            break
        logs, loss, error = logs_new, loss_new, error_new
    return coefficients(logs)


def _loss(rows: Sequence[Row], logs: _Vector) -> tuple[float, _Vector]:
    error = log_errors(rows, coefficients(logs))
    pull = (logs - np.log(np.array(START))) / np.array(WIDTH)
    rough = 2 * SOFT**2 * (np.sqrt(1 + (error / SOFT) ** 2) - 1)
    return float(rough.sum() + SOFT**2 / 2 * (pull**2).sum()), error


def _jacobian(rows: Sequence[Row], logs: _Vector, error: _Vector) -> _Vector:
    moved = [log_errors(rows, coefficients(logs + shift)) for shift in 1e-4 * np.eye(len(logs))]
    return np.stack([(after - error) / 1e-4 for after in moved], axis=1)


def _descend(
    rows: Sequence[Row], at: tuple[_Vector, float, _Vector], jacobian: _Vector, damping: float
) -> tuple[_Vector, float, _Vector, float]:
    """The first damped step that lowers the loss, and the damping to go on with."""
    logs, loss, error = at
    weight = 1 / np.sqrt(1 + (error / SOFT) ** 2)
    shrink = SOFT**2 / 2 / np.array(WIDTH) ** 2
    normal = jacobian.T @ (jacobian * weight[:, None])
    slope = jacobian.T @ (weight * error) + shrink * (logs - np.log(np.array(START)))
    while damping < 1e6:  # noqa: PLR2004 - a step this short moves nothing
        scale = np.diag(shrink + damping * (np.diag(normal) + 1e-9))
        moved = np.minimum(logs - np.linalg.solve(normal + scale, slope), [0.0, 0.0, 0.0, 9.0, 9.0, 9.0])
        loss_new, error_new = _loss(rows, moved)
        if loss_new < loss:
            return moved, loss_new, error_new, damping / 5
        damping *= 5
    return logs, loss, error, damping


def held_out(rows: Sequence[Row]) -> _Vector:
    """ln(measured / predicted) of every row, each predicted by a fit that saw no row of its group."""
    errors = np.zeros(len(rows))
    for group in sorted({row.group for row in rows}):
        inside = np.array([row.group == group for row in rows])
        fitted = fit([row for row in rows if row.group != group])
        errors[inside] = log_errors([row for row in rows if row.group == group], fitted)
    return errors


def summary(errors: _Vector, how: str) -> Residuals:
    """The figures of a list of log errors; relative errors are |predicted / measured - 1|."""
    relative = np.abs(np.exp(-errors) - 1)
    return Residuals(
        n=len(errors),
        mape=float(relative.mean()),
        median=float(np.median(relative)),
        p90=float(np.quantile(relative, 0.9)),
        log_low=float(np.quantile(errors, 0.1)),
        log_high=float(np.quantile(errors, 0.9)),
        how=how,
    )
