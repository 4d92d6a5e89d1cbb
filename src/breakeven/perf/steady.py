"""Steady state in closed form: what a replica does when a fixed number of sequences is always in flight."""

from __future__ import annotations

from breakeven.perf.coefficients import Coefficients
from breakeven.perf.roofline import PREFILL_CHUNK, Batch, Size, step_s
from breakeven.schema.performance import StepCurve


def closed_loop_tpot_s(at: Size, fitted: Coefficients, *, concurrency: float, prompt: float, output: float) -> float:
    """Mean seconds per output token with `concurrency` sequences always in flight, prefills of the others included.

    Each step owes `concurrency x prompt / output` prompt tokens. Below one chunk a step, a share of steps carries a
    chunk and the others none.
    """
    owed = concurrency * prompt / max(1.0, output)
    chunk = max(owed, min(prompt, PREFILL_CHUNK))
    context = concurrency * (prompt + output / 2)
    pairs = chunk * max(chunk, prompt) / 2
    plain = Batch(decoding=concurrency, context=context)
    loaded = Batch(decoding=concurrency, context=context, prefill=chunk, pairs=pairs)
    share = owed / chunk
    return (1 - share) * step_s(at, fitted, plain) + share * step_s(at, fitted, loaded)


def replica_rps(curve: StepCurve, *, prompt: float, output: float) -> float:
    """Requests per second of one saturated replica: as many sequences as fit, decoding and prefilling in turn.

    rate = 1 / (prompt x s/token + output x step(b) / b), b = what fits, step(b) with the cache of b mean sequences.
    """
    fits = max(1.0, min(curve.max_sequences, curve.kv_tokens / max(1.0, prompt + output)))
    context = fits * (prompt + output / 2)
    decode_s = curve.step_base_s + curve.step_per_sequence_s * fits + curve.step_per_context_s * context
    return 1.0 / (prompt * curve.prefill_s_per_token + max(1.0, output) * decode_s / fits)
