"""A deployment's coefficients in the form the gateway charges work by."""

from __future__ import annotations

from breakeven.perf.step import step_s
from breakeven.schema.performance import StepCurve
from breakeven.schema.policy import WorkCurve

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def work_curve(curve: StepCurve, context_mean: float = 1024.0) -> WorkCurve:
    """Prefill seconds per token, and TPOT at batch sizes up to what the replica runs, each of `context_mean` tokens.

    TPOT(b) = base + per sequence x b + per context x context_mean x b. A request of p prompt and n output tokens then
    takes p x prefill + n x TPOT(b) / b replica-seconds; summed over b requests that is the time of their steps.
    """
    sizes = [batch for batch in BATCHES if batch < curve.max_sequences] + [curve.max_sequences]
    points = tuple((float(b), step_s(curve, decoding=b, context=context_mean * b, prompt=0)) for b in sizes)
    return WorkCurve(prefill_s_per_token=curve.prefill_s_per_token, tpot_s=points)
