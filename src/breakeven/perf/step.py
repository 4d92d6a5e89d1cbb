"""The length of steps on a `StepCurve`, one by one and in runs."""

from __future__ import annotations

import math

import msgspec

from breakeven.schema.performance import StepCurve


def step_s(curve: StepCurve, *, decoding: int, context: float, prompt: int) -> float:
    """Seconds of one step: base + per sequence x decoding + per context x tokens cached + prefill x prompt tokens."""
    return (
        curve.step_base_s
        + curve.step_per_sequence_s * decoding
        + curve.step_per_context_s * context
        + curve.prefill_s_per_token * prompt
    )


def run_s(curve: StepCurve, decoding: int, context: float, steps: int) -> float:
    """Seconds of `steps` pure decode steps in a row; the context grows by `decoding` tokens a step.

    n x step(context) + per context x decoding x n (n - 1) / 2
    """
    growth = curve.step_per_context_s * decoding * (steps * (steps - 1) / 2)
    return steps * step_s(curve, decoding=decoding, context=context, prompt=0) + growth


def steps_within(curve: StepCurve, decoding: int, context: float, gap_s: float, most: int) -> int:
    """How many whole decode steps, at most `most`, end within `gap_s` seconds: the root of `run_s`, then corrected."""
    if gap_s == math.inf or run_s(curve, decoding, context, most) <= gap_s:
        return most
    first = step_s(curve, decoding=decoding, context=context, prompt=0)
    half = curve.step_per_context_s * decoding / 2
    linear = first - half
    guess = gap_s / first if half <= 0 else 2 * gap_s / (linear + math.sqrt(linear * linear + 4 * half * gap_s))
    steps = min(most, max(0, math.floor(guess)))
    while steps > 0 and run_s(curve, decoding, context, steps) > gap_s:
        steps -= 1
    while steps < most and run_s(curve, decoding, context, steps + 1) <= gap_s:
        steps += 1
    return steps


def slowed(curve: StepCurve, factor: float) -> StepCurve:
    """The same deployment with every step `factor` times as long; `request_s` stays."""
    return msgspec.structs.replace(
        curve,
        prefill_s_per_token=curve.prefill_s_per_token * factor,
        step_base_s=curve.step_base_s * factor,
        step_per_sequence_s=curve.step_per_sequence_s * factor,
        step_per_context_s=curve.step_per_context_s * factor,
    )
