"""The length of steps on a `StepCurve`, one by one and in runs."""

from __future__ import annotations

import bisect
import math

import msgspec

from breakeven.schema.performance import StepCurve


def step_s(
    curve: StepCurve, *, decoding: int, context: float, prompt: int, window: float = 0.0, pairs: float = 0.0
) -> float:
    """Seconds of one step, by the definition at `StepCurve`.

    `context` and `window` are sums over the decoding sequences: of tokens cached, and of min(prompt, window tokens).
    `pairs` are the query-key pairs of the prompt chunks, see `pairs_of`.
    """
    return (
        curve.step_base_s
        + curve.step_per_sequence_s * decoding
        + curve.step_per_context_s * context
        + curve.step_per_window_context_s * window
        + curve.step_per_pair_s * pairs
        + curve.prefill_s_per_token * prompt
        + tokens_s(curve, decoding + prompt)
    )


def tokens_s(curve: StepCurve, tokens: float) -> float:
    """What the number of tokens in a step adds, in seconds: `token_s`, linear between its points."""
    points = curve.token_s
    if not points or tokens <= points[0][0] or len(points) == 1:
        return points[0][1] if points else 0.0
    after = min(bisect.bisect_left(points, (tokens,)), len(points) - 1)
    (left, low), (right, high) = points[after - 1], points[after]
    return low + (high - low) / (right - left) * (tokens - left)


def pairs_of(chunk: int, earlier: int) -> float:
    """Query-key pairs of a chunk of a prompt after `earlier` tokens of it: c p + c (c + 1) / 2."""
    return chunk * (earlier + (chunk + 1) / 2)


def run_s(curve: StepCurve, decoding: int, context: float, steps: int, window: float = 0.0) -> float:
    """Seconds of `steps` pure decode steps in a row; the context grows by `decoding` tokens a step.

    n x step(context) + per context x decoding x n (n - 1) / 2
    """
    growth = curve.step_per_context_s * decoding * (steps * (steps - 1) / 2)
    return steps * step_s(curve, decoding=decoding, context=context, prompt=0, window=window) + growth


def steps_within(
    curve: StepCurve, decoding: int, context: float, gap_s: float, most: int, *, window: float = 0.0
) -> int:
    """How many whole decode steps, at most `most`, end within `gap_s` seconds: the root of `run_s`, then corrected."""
    if gap_s == math.inf or run_s(curve, decoding, context, most, window) <= gap_s:
        return most
    first = step_s(curve, decoding=decoding, context=context, prompt=0, window=window)
    half = curve.step_per_context_s * decoding / 2
    linear = first - half
    guess = gap_s / first if half <= 0 else 2 * gap_s / (linear + math.sqrt(linear * linear + 4 * half * gap_s))
    steps = min(most, max(0, math.floor(guess)))
    while steps > 0 and run_s(curve, decoding, context, steps, window) > gap_s:
        steps -= 1
    while steps < most and run_s(curve, decoding, context, steps + 1, window) <= gap_s:
        steps += 1
    return steps


def prompt_s(curve: StepCurve, tokens: float, *, chunk: float, decoding: int = 1) -> float:
    """Seconds that a prompt adds to steps of `decoding` sequences, in chunks of `chunk` tokens.

    prefill x tokens + per pair x tokens (tokens + 1) / 2 + what `token_s` rises by in each chunk
    """
    size = max(1.0, min(chunk, tokens))
    rise = tokens_s(curve, decoding + size) - tokens_s(curve, decoding)
    pairs = tokens * (tokens + 1) / 2
    return curve.prefill_s_per_token * tokens + curve.step_per_pair_s * pairs + rise * tokens / size


def slowed(curve: StepCurve, factor: float) -> StepCurve:
    """The same deployment with every step `factor` times as long; `request_s` stays."""
    return msgspec.structs.replace(
        curve,
        prefill_s_per_token=curve.prefill_s_per_token * factor,
        step_base_s=curve.step_base_s * factor,
        step_per_sequence_s=curve.step_per_sequence_s * factor,
        step_per_context_s=curve.step_per_context_s * factor,
        step_per_pair_s=curve.step_per_pair_s * factor,
        token_s=tuple((tokens, seconds * factor) for tokens, seconds in curve.token_s),
        step_per_window_context_s=curve.step_per_window_context_s * factor,
    )
