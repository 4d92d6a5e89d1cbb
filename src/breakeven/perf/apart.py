"""Prefill and decode on instances of their own: a group of both as one replica, and what it can carry at most."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np

from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.memory import cache_bytes
from breakeven.perf.step import tokens_s
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving, Split
from breakeven.schema.workload import Trace

UNPROVEN = 2.0
"""How much wider errors are taken, in logs, than those of measured rows: no public row of such a fleet states its
sizes, so that none pins them. Assumed."""


class Lengths(NamedTuple):
    """Means over requests, each a sum over the tokens that it costs.

    `prompt` tokens and the `pairs` of a prompt; `decoded` tokens after the first; over these, the `context` cached at
    each, and the `reserved` place in the cache.
    """

    prompt: float
    pairs: float
    decoded: float
    context: float
    reserved: float


class Instance(NamedTuple):
    """An engine instance: a model on so many boards of an accelerator."""

    model: Model
    accelerator: Accelerator
    boards: int
    precision: str
    engine: str


def lengths(trace: Trace, hit_share: float = 0.0) -> Lengths:
    """The mean costs of a trace's requests; a prefix cache spares `hit_share` of the prompts at most.

    Of the pairs at least those of the mean of what is left are, as squares are at least that of their mean.
    """
    prompt = np.maximum(1.0, np.rint(np.frombuffer(trace.input_tokens)))
    output = np.maximum(1.0, np.rint(np.frombuffer(trace.output_tokens)))
    decoded = output - 1
    columns = (prompt, prompt * (prompt + 1) / 2, decoded, decoded * (prompt + output / 2), decoded * (prompt + output))
    whole = Lengths(*(float(column.mean()) if trace.n else 0.0 for column in columns))
    left = max(1.0, (1.0 - hit_share) * whole.prompt)
    return whole if hit_share <= 0 else whole._replace(prompt=left, pairs=left * (left + 1) / 2)


def instances(replicas: int, serving: Serving) -> tuple[int, Serving]:
    """A fleet of groups as a fleet of instances; any other fleet as it is."""
    split = serving.split
    if split is None or not split.decode_replicas:
        return replicas, serving
    whole = replicas * (split.prefill_replicas + split.decode_replicas)
    flat = msgspec.structs.replace(split, prefill_replicas=replicas * split.prefill_replicas, decode_replicas=0)
    return whole, msgspec.structs.replace(serving, split=flat)


def sides(serving: Serving) -> tuple[tuple[int, Serving], ...]:
    """What a fleet's unit has to carry, and how often over: itself; of a group, either side without its like.

    p x d instances are credited with no more than p times what one prefill instance carries beside d others, and d
    times what one decode instance does behind p: replicas that serve alone get no credit either for sharing bursts.
    """
    split = serving.split
    if split is None or not split.decode_replicas:
        return ((1, serving),)
    p, d = split.prefill_replicas, split.decode_replicas
    alone = [(1, p, d)] + ([(p, 1, d)] if p > 1 else []) + ([(d, p, 1)] if d > 1 else [])
    return tuple((times, _of(serving, split, prefill, decode)) for times, prefill, decode in alone)


def _of(serving: Serving, split: Split, prefill: int, decode: int) -> Serving:
    other = msgspec.structs.replace(split, prefill_replicas=prefill, decode_replicas=decode)
    return msgspec.structs.replace(serving, split=other)


def ceiling_rps(curve: StepCurve, split: Split, of: Lengths, *, chunk: int, gained: float = 1.0) -> float:
    """Requests per second that a group cannot carry more than: the smaller of what either side can.

    A prompt takes its share of steps that are full, at their cheapest size up to `chunk` tokens. An answer's tokens
    take theirs of steps of as many sequences as there are places or cache for, at the cheapest number up to that;
    `gained` tokens a step with speculation.
    """
    prompts, answers = prefill_s(curve, of, chunk), decode_s(curve, of) / gained
    first, second = split.prefill_replicas / prompts, split.decode_replicas / answers if answers > 0 else math.inf
    return min(first, second)


def prefill_s(curve: StepCurve, of: Lengths, chunk: int) -> float:
    """The fewest seconds that the mean prompt takes of a prefill instance."""
    each = _cheapest_s(curve, float(chunk)) + curve.prefill_s_per_token
    return of.prompt * each + curve.step_per_pair_s * of.pairs


def decode_s(curve: StepCurve, of: Lengths) -> float:
    """The fewest seconds that the mean answer takes of a decode instance; sliding windows are taken as free.

    With N tokens that reserve R places in the cache, all told, there are at least N / places and R / cache steps.
    """
    if of.decoded <= 0:
        return 0.0
    steps = max(of.decoded / curve.max_sequences, of.reserved / max(1, curve.kv_tokens))
    most = max(1.0, of.decoded / steps)
    each = _cheapest_s(curve, most) + curve.step_per_sequence_s
    return of.decoded * each + curve.step_per_context_s * of.context


def _cheapest_s(curve: StepCurve, most: float) -> float:
    """The least of (a step and what its tokens add) per token, over steps of up to so many tokens.

    Between two points of `token_s` the quotient of two lines is monotone, so that the least is at a point or an end.
    """
    sizes = [tokens for tokens, _ in curve.token_s if 1 <= tokens < most]
    return min((curve.step_base_s + tokens_s(curve, size)) / size for size in (1.0, *sizes, most))


def transfer_s_per_token(kind: Instance, link: float) -> float | None:
    """Seconds that a token of a prompt's cache takes to an instance like this one in the same machine.

    Bytes of its cache on a board / (rate of the board's link x `link`, the share of it that collectives were seen to
    reach); every board sends its part at once. None where no rate of the link is known.
    """
    rate = kind.accelerator.link_bytes_s
    each = cache_bytes(kind.model, kind.precision, kind.engine, kind.boards)
    return None if not rate else (each.full + each.window) / (rate * link)


def link_unknown(accelerator: Accelerator) -> str:
    """The constraint that nobody knows how fast caches would travel."""
    return f"link unknown: the catalog has no `link_bytes_s` of {accelerator.id}, over which caches would travel"


def widened(errors: Errors) -> Errors:
    """The errors of a fleet apart, where those of its replicas are known."""
    return Errors(tpot=wider(errors.tpot), ttft=wider(errors.ttft), throughput=wider(errors.throughput))


def wider(error: Residuals) -> Residuals:
    """One of them."""
    how = f"{error.how}, {UNPROVEN:g} times as wide: no row pins prefill and decode apart"
    low, high = UNPROVEN * error.log_low, UNPROVEN * error.log_high
    return msgspec.structs.replace(error, log_low=low, log_high=high, how=how)
