"""A deployment's step time as the curve that the simulator, the emulator and the gateway's accounting use."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np

from breakeven.perf import memory
from breakeven.perf.coefficients import Coefficients
from breakeven.perf.effects import place, resolve
from breakeven.perf.power.curve import idle_w, power_curve
from breakeven.perf.power.law import Activity
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import Batch, Column, Fitted, Size, activity, batch, columns, size, step_s
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.performance import PowerCurve, StepCurve

TOKENS = np.unique(np.concatenate([np.arange(1, 9), np.geomspace(8, 16384, 34).round()]))
"""Tokens of a step at which the curve has its points; every step between them is on a straight line."""


def step_curve(  # noqa: PLR0913 - what a deployment is
    model: Model,
    accelerator: Accelerator,
    accelerators: int,
    precision: str,
    coefficients: Coefficients | None = None,
    *,
    context_mean: float = 1024.0,
    max_batch: int = 256,
    engine: str = "",
    version: str = "",
    stages: int = 1,
    power_cap_w: float | None = None,
) -> StepCurve:
    """The replica's step time as a curve: `accelerators` boards share each layer, `stages` times over.

    Without `coefficients` the shipped ones of the engine and the accelerator are taken. The cache is counted for
    sequences of `context_mean` tokens. `power_cap_w` is a cap on each board's power below its rating.

    Raises:
        FactError: a specification value is missing; the message names the accelerator and the field.
        InfeasibleError: the weights do not fit.
        UsageError: the model cannot be divided so.
    """
    if coefficients is None:
        at = place(
            accelerator, engine=engine, version=version, precision=precision, model=model.id, boards=accelerators
        )
        coefficients = resolve(PRIOR, at)
    room = memory.budget(
        model, accelerator, accelerators, precision, stages=stages, engine=engine, context=context_mean,
        fitted=coefficients,
    )  # fmt: skip
    work = size(model, accelerator, accelerators, precision, stages=stages, engine=engine)
    fitted, boards = columns(coefficients), accelerators * stages
    fits = min(max_batch, room.sequences)
    power = _power(work, fitted, accelerator, boards, context=context_mean, fits=fits, cap_w=power_cap_w)
    return StepCurve(
        **_parts(work, fitted),
        prefill_s_per_token=0.0,
        max_sequences=min(max_batch, memory.MAX_SEQUENCES),
        kv_tokens=room.cache_tokens,
        power_idle_w=idle_w(accelerator, boards, power_cap_w),
        power_busy_w=power.decode_w[-1][1] if power else None,
        power=power,
        request_s=coefficients.request_s,
        window_tokens=model.sparse_tokens or model.window_tokens,
    )


class _Parts(TypedDict):
    step_base_s: float
    step_per_sequence_s: float
    step_per_context_s: float
    step_per_window_context_s: float
    step_per_pair_s: float
    token_s: tuple[tuple[float, float], ...]


def _parts(at: Size, fitted: Fitted) -> _Parts:
    """The roofline taken apart: what a step costs by itself, and for each unit of what is in it.

    The head's products and reads are joined as a line through those of 1 and of 256 sequences. Sparse attention reads
    the tokens it chooses as a window does; sliding windows beside it are taken as full.
    """
    sparse = float(at.sparse_tokens) > 0
    nothing = _step_s(at, fitted)
    one = _step_s(at, fitted, decoding=1.0) - _step_s(at, fitted, prefill=1.0)
    many = _step_s(at, fitted, decoding=256.0) - _step_s(at, fitted, prefill=256.0)
    head = (many - one) / 255.0
    reads = one - head
    tokens = _step_s(at, fitted, prefill=TOKENS) - nothing
    context = float(_step_s(at, fitted, context=1.0) - nothing)
    window = float(_step_s(at, fitted, window=1.0) - nothing)
    return _Parts(
        step_base_s=float(nothing + reads),
        step_per_sequence_s=float(head) + (window * float(at.window_tokens) if sparse else 0.0),
        step_per_context_s=0.0 if sparse else context,
        step_per_window_context_s=context if sparse else window,
        step_per_pair_s=float(_step_s(at, fitted, pairs=1.0) - nothing),
        token_s=tuple(zip(TOKENS.tolist(), tokens.tolist(), strict=True)),
    )


def _step_s(
    at: Size,
    fitted: Fitted,
    *,
    decoding: float = 0.0,
    context: float = 0.0,
    window: float = 0.0,
    prefill: float | Column = 0.0,
    pairs: float = 0.0,
) -> Column:
    return step_s(at, fitted, Batch(*(np.asarray(part) for part in (decoding, context, window, prefill, pairs))))


def _power(
    at: Size,
    fitted: Fitted,
    board: Accelerator,
    boards: int,
    *,
    context: float,
    fits: int,
    cap_w: float | None,
) -> PowerCurve | None:
    """Prompts of `tokens` tokens read whole, and `batch` answers written with `context` tokens each in the cache."""
    return power_curve(
        board,
        boards,
        lambda tokens: _activities(at, fitted, np.zeros(len(tokens)), context=0.0, prefill=np.array(tokens, float)),
        lambda sizes: _activities(at, fitted, np.array(sizes, float), context=context, prefill=np.zeros(len(sizes))),
        max_sequences=fits,
        cap_w=cap_w,
    )


def _activities(at: Size, fitted: Fitted, decoding: Column, *, context: float, prefill: Column) -> Iterator[Activity]:
    shares = activity(at, fitted, batch(at, decoding, np.asarray(context), prefill, prefill**2 / 2))
    for moved, worked in zip(*shares, strict=True):
        yield Activity(memory=float(moved), compute=float(worked))
