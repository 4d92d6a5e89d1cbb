"""Levers of how a replica steps, on the performance model: fewer bits, drafts, experts at real batch sizes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from breakeven.config.lever.serving import Speculation
from breakeven.planner.levers.judge import About, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.lever import Lever
from breakeven.schema.performance import StepCurve

SPECULATION = About(
    name="speculation",
    title="Speculative decoding",
    how="replica price x seconds per token / batch, without and with the best draft length",
    conditions=(
        "it is turned off where the best draft length is 0: above `off_above_batch` it would cost",
        "drafted tokens are accepted independently, each with the stated probability",
        "the batch stays the same; the time saved is taken by other work",
        "the draft fits beside the model without taking places from the cache",
    ),
    quality="what is answered stays the same: a drafted token is kept where the model would have drawn it",
)


LOADS = (1, 8, 32, 128, 512)
"""Batches whose best draft lengths are told."""


class Drafted(NamedTuple):
    """The best draft length, its speed-up, and seconds per token without and with it."""

    length: Floats
    speedup: Floats
    plain_s: Floats
    drafted_s: Floats


def tokens_a_step(acceptance: Floats, length: Floats) -> Floats:
    """E = (1 - a^(k+1)) / (1 - a): tokens a sequence gains in a step with k drafted ones, the bonus token included."""
    sure = acceptance >= 1
    safe = np.where(sure, 0.0, acceptance)
    return np.where(sure, length + 1, (1 - safe ** (length + 1)) / (1 - safe))


def step_s(curve: StepCurve, batch: Floats, context: Floats, drafted: Floats) -> Floats:
    """Seconds of a decode step of `batch` sequences that verifies `drafted` tokens each: `perf.step` over arrays."""
    tokens = batch * (1 + drafted)
    length = (
        curve.step_base_s
        + curve.step_per_sequence_s * batch
        + curve.step_per_context_s * batch * context
        + curve.step_per_window_context_s * batch * np.minimum(context, curve.window_tokens)
        + curve.prefill_s_per_token * batch * drafted
    )
    return np.asarray(length + _tokens_s(curve, tokens))


def _tokens_s(curve: StepCurve, tokens: Floats) -> Floats:
    if not curve.token_s:
        return np.zeros(())
    at, seconds = (np.array(column) for column in zip(*curve.token_s, strict=True))
    found = np.interp(tokens, at, seconds)
    if at.size == 1:
        return np.asarray(found)
    slope = (seconds[-1] - seconds[-2]) / (at[-1] - at[-2])
    return np.asarray(np.where(tokens > at[-1], seconds[-1] + slope * (tokens - at[-1]), found))


def best_draft(curve: StepCurve, v: Values, most: int) -> Drafted:
    """The draft length of 0 to `most` with the highest speed-up: E T(b) / (k T_draft + T(b (k + 1)))."""
    batch, context = v["batch"], v["context_tokens"]
    plain = step_s(curve, batch, context, np.zeros(()))
    each = v["draft_s"] + v["draft_per_sequence_s"] * batch
    times = []
    for length in range(most + 1):
        k = np.asarray(float(length))
        times.append((step_s(curve, batch, context, k) + k * each) / tokens_a_step(v["acceptance"], k))
    whole = np.stack(np.broadcast_arrays(*times))
    length = whole.argmin(axis=0)
    drafted = np.take_along_axis(whole, length[None], axis=0)[0]
    return Drafted(length.astype(np.float64), plain / drafted, np.broadcast_to(plain, drafted.shape), drafted)


def speculation(question: Speculation, stakes: Stakes, curve: StepCurve) -> Lever:
    """The best draft length at the real batch, what it saves, and the load above which it must be off."""
    most = question.most_draft_tokens
    return judge(SPECULATION, spans_of(question), stakes, lambda v: speculation_effect(v, curve, most))


def speculation_effect(v: Values, curve: StepCurve, most: int) -> Effect:
    """Cost and latency of an answer at the batch, without and with the best draft; the batch where it stops paying."""
    best = best_draft(curve, v, most)
    second = v["replica_usd_per_hour"] / SECONDS_PER_HOUR
    answer = v["output_tokens"]
    return Effect(
        cost=(second * answer * best.plain_s / v["batch"], second * answer * best.drafted_s / v["batch"]),
        latency=(answer * best.plain_s, answer * best.drafted_s),
        extra=lambda: _told(v, curve, most, best),
    )


def _told(v: Values, curve: StepCurve, most: int, best: Drafted) -> dict[str, Extra]:
    off = off_above(curve, v, most)
    known = np.where(np.isfinite(off), np.maximum(off, 1.0), np.nan)
    rate = known / (v["output_tokens"] * step_s(curve, known, v["context_tokens"], np.zeros(())))
    sizes = [size for size in LOADS if size <= curve.max_sequences]
    return {
        "draft_tokens": Extra(best.length, "tokens", "best length at this batch; 0: off"),
        "speedup": Extra(best.speedup, "ratio", "E T(b) / (k T_draft + T(b (k + 1)))"),
        "off_above_batch": Extra(off, "sequences", "largest batch at which any draft pays; never: at all that fit"),
        "off_above_rps": Extra(rate, "1/s", "a replica's rate at that batch: b / (tokens x T(b))"),
        **{f"draft_tokens_at_{size}": _length_at(curve, v, most, size) for size in sizes},
    }


def _length_at(curve: StepCurve, v: Values, most: int, size: int) -> Extra:
    length = best_draft(curve, {**v, "batch": np.asarray(float(size))}, most).length
    return Extra(length, "tokens", f"best length with {size} sequences at a time")


def off_above(curve: StepCurve, v: Values, most: int) -> Floats:
    """The largest batch up to which every smaller one gains by a draft; 0: not even one; infinite: all that fit."""
    batches = np.unique(np.geomspace(1, max(1, curve.max_sequences), 24).round())
    fewer = {name: values[..., None] for name, values in v.items()}
    stops = best_draft(curve, {**fewer, "batch": batches}, most).length == 0
    first = stops.argmax(-1)
    low, high = np.where(first == 0, 0.0, batches[np.maximum(first - 1, 0)]), batches[first]
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        pays = best_draft(curve, {**v, "batch": np.maximum(middle, 1.0)}, most).length > 0
        wide = high - low > 1
        low, high = np.where(wide & pays, middle, low), np.where(wide & ~pays, middle, high)
    return np.where(stops.any(-1), low, np.inf)


def by_batch(curve: StepCurve, v: Values, most: int) -> tuple[tuple[int, int, float], ...]:
    """(batch, best draft length, speed-up) in doubling batches: the table that turns speculation off under load."""
    sizes = [1 << power for power in range(12) if 1 << power <= curve.max_sequences]
    best = best_draft(curve, {**v, "batch": np.array(sizes, dtype=np.float64)}, most)
    rows = zip(sizes, best.length.tolist(), best.speedup.tolist(), strict=True)
    return tuple((size, int(length), speedup) for size, length, speedup in rows)
