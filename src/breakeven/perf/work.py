"""A deployment's coefficients in the form the gateway charges work by."""

from __future__ import annotations

import msgspec

from breakeven.perf.step import prompt_s, step_s
from breakeven.schema.deployment import Deployment, Pools
from breakeven.schema.performance import StepCurve
from breakeven.schema.policy import WorkCurve

BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)

CHUNK = 2048
"""Prompt tokens in a step, at most, where the cost of a prompt token depends on it."""


def work_curve(curve: StepCurve, context_mean: float = 1024.0) -> WorkCurve:
    """Prefill seconds per token, and TPOT at batch sizes up to what the replica runs, each of `context_mean` tokens.

    TPOT(b) = a step of b sequences, each with `context_mean` tokens cached. A request of p prompt and n output tokens
    then takes p x prefill + n x TPOT(b) / b replica-seconds; summed over b requests that is the time of their steps.
    Prefill is that of a prompt of `context_mean` tokens, at least 512, in chunks of 2,048.
    """
    sizes = [batch for batch in BATCHES if batch < curve.max_sequences] + [curve.max_sequences]
    prompt = max(512.0, context_mean)
    window = min(context_mean, float(curve.window_tokens))
    points = tuple(
        (float(b), step_s(curve, decoding=b, context=context_mean * b, prompt=0, window=window * b)) for b in sizes
    )
    return WorkCurve(prefill_s_per_token=prompt_s(curve, prompt, chunk=CHUNK) / prompt, tpot_s=points)


def grouped(work: WorkCurve, deployment: Deployment) -> WorkCurve:
    """The work of an instance as that of the deployment's replica: p times as fast at prompts, d times as many answers.

    A replica of one instance is as it is. A group's seconds count what either side does, so that both sides busy are
    two seconds of work in one.
    """
    pools = deployment.pools
    if not isinstance(pools, Pools):
        return work
    points = tuple((batch * pools.decode, seconds) for batch, seconds in work.tpot_s)
    return msgspec.structs.replace(work, prefill_s_per_token=work.prefill_s_per_token / pools.prefill, tpot_s=points)
