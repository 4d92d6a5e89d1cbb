"""Steady state in closed form: what a replica does when a fixed number of sequences is always in flight.

Functions of columns take any number of deployments at once: thousands of configurations are screened in one call.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from breakeven.perf.memory import COMMUNICATION_BYTES, MAX_SEQUENCES
from breakeven.perf.roofline import Column, Fitted, Size, batch, step_s
from breakeven.perf.step import prompt_s
from breakeven.perf.step import step_s as curve_step_s
from breakeven.schema.performance import StepCurve

PREFILL_CHUNK = 2048.0
"""Prompt tokens an engine puts into one step by default."""

_LEAST_CACHE = 0.005
"""Share of memory that counts as cache where accounting leaves none, though somebody measured it."""


HALF: Column = np.asarray(0.5)
WHOLE: Column = np.asarray(1.0)


class Load(NamedTuple):
    """A closed loop: mean prompt and output tokens, and sequences in flight (infinite: as many as fit).

    `held` is the share of its output that a sequence has a place for in the cache: 1 where the engine reserves it, 1/2
    on average where the cache grows with it.
    """

    prompt: Column
    output: Column
    in_flight: Column
    held: Column = HALF


def fits(at: Size, fitted: Fitted, load: Load) -> Column:
    """Sequences of prompt + held output tokens that the cache holds, at least one, at most 2,048."""
    context = load.prompt + load.held * load.output
    several = np.where(at.boards * at.stages > 1, COMMUNICATION_BYTES, 0.0)
    free = at.memory_bytes * fitted.usable_share - at.weight_bytes - several - fitted.reserved_bytes
    free = np.maximum(free, _LEAST_CACHE * at.memory_bytes)
    each = at.cache_bytes * context + at.window_bytes * np.minimum(context, at.window_tokens) + at.state_bytes
    held: Column = np.clip(free / np.maximum(each, 1.0), 1.0, float(MAX_SEQUENCES))
    return held


def tpot_s(at: Size, fitted: Fitted, load: Load, *, whole: bool = False) -> Column:
    """Mean seconds per output token with so many sequences always in flight, prompts of the others included.

    Each step owes in flight x prompt / output prompt tokens. Below one chunk a step, a share of steps carries a chunk
    and the others none. A request waits for `prefill_share` of what the others owe; `whole` counts everything, which
    is what throughput pays.
    """
    busy = np.minimum(load.in_flight, fits(at, fitted, load))
    each = load.prompt + load.output / 2
    owed = busy * load.prompt / np.maximum(1.0, load.output)
    chunk = np.maximum(owed, np.minimum(load.prompt, PREFILL_CHUNK))
    plain = step_s(at, fitted, batch(at, busy, each))
    loaded = step_s(at, fitted, batch(at, busy, each, chunk, chunk * reach(at, load.prompt)))
    waits = 1.0 if whole else fitted.prefill_share * (busy - 1.0) / np.maximum(busy, 1.0)
    found: Column = plain + waits * owed / np.maximum(chunk, 1.0) * (loaded - plain)
    return found


def reach(at: Size, prompt: Column) -> Column:
    """Mean pairs per prompt token."""
    whole = prompt / 2
    return np.where(at.sparse_tokens > 0, np.minimum(whole, at.sparse_tokens), whole)


def output_tokens_s(at: Size, fitted: Fitted, load: Load) -> Column:
    """Output tokens per second of the replica: sequences in flight / seconds per token."""
    rate: Column = np.minimum(load.in_flight, fits(at, fitted, load)) / tpot_s(at, fitted, load, whole=True)
    return rate


def ttft_s(at: Size, fitted: Fitted, load: Load) -> Column:
    """Mean seconds to the first token in a closed loop.

    request + half a step of the others + own prompt x (1 + queue_share x (in flight - 1)), and for what does not fit
    the wait for a place.
    """
    held = fits(at, fitted, load)
    busy = np.minimum(load.in_flight, held)
    own = prefill_s(at, fitted, load, busy)
    under_way = step_s(at, fitted, batch(at, busy, load.prompt + load.output / 2)) / 2 * np.minimum(1.0, busy - 1.0)
    beyond = np.maximum(0.0, load.in_flight - held)
    wait = beyond * load.output / output_tokens_s(at, fitted, load)
    found: Column = fitted.request_s + under_way + own * (1.0 + fitted.queue_share * (busy - 1.0)) + wait
    return found


def prefill_s(at: Size, fitted: Fitted, load: Load, busy: Column) -> Column:
    """Seconds of the steps that work off one prompt, the decoding of `busy` others in them included."""
    chunk = np.minimum(load.prompt, PREFILL_CHUNK)
    each = load.prompt + load.output / 2
    step = step_s(at, fitted, batch(at, busy, each, chunk, chunk * reach(at, load.prompt)))
    seconds: Column = step * load.prompt / np.maximum(chunk, 1.0)
    return seconds


def replica_rps(curve: StepCurve, *, prompt: float, output: float, chunk: float = PREFILL_CHUNK) -> float:
    """Requests per second of one saturated replica: as many sequences as fit, decoding and prefilling in turn.

    rate = 1 / (seconds a prompt adds to steps + output x step(b) / b), b = what fits, step(b) with the cache of b mean
    sequences.
    """
    fit = max(1.0, min(curve.max_sequences, curve.kv_tokens / max(1.0, prompt + output)))
    window = fit * min(prompt, curve.window_tokens)
    context = fit * (prompt + output / 2)
    decode_s = curve_step_s(curve, decoding=round(fit), context=context, prompt=0, window=window)
    added_s = prompt_s(curve, prompt, chunk=chunk, decoding=round(fit))
    return 1.0 / (added_s + max(1.0, output) * decode_s / fit)
