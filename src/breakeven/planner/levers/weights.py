"""Weights read from memory: in fewer bits, and only those of the experts that a batch needs."""

from __future__ import annotations

import numpy as np

from breakeven.config.lever.serving import Experts, Quantization
from breakeven.errors import UsageError
from breakeven.perf.effects import place, resolve
from breakeven.perf.prior import PRIOR
from breakeven.perf.roofline import Fitted, Size, batch, columns, size, step_s
from breakeven.planner.levers.judge import About, Effect, Extra, Floats, Stakes, Values, judge, spans_of
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.hardware import Accelerator
from breakeven.schema.lever import Lever
from breakeven.schema.model import Model
from breakeven.schema.noun import Noun

CHUNK = 2048.0

QUANTIZATION = About(
    name="quantization",
    title="Weights in fewer bits",
    how="cost x (1 - decode share / S - (1 - decode share) / prefill gain), S = 1 / ((1 - m) + m x bytes ratio)",
    conditions=(
        "the replica is busy: faster steps are filled with other work, otherwise nothing is saved but latency",
        "prefill gains only where tensor cores multiply the new format",
        "quality is measured on your own tasks: near-lossless at 8 bits, task-dependent at 4",
    ),
)
EXPERTS = About(
    name="experts",
    title="A mixture of experts at its real batch",
    how="replica price x seconds per token / batch: all weights dense, against the experts that the batch reads",
    conditions=(
        "tokens choose their experts independently: a batch reads 1 - (1 - k/E)^b of them",
        "a claim by active parameters holds at batch 1; above it more experts are read than one token needs",
    ),
)


class Replica(Noun, frozen=True, kw_only=True):
    """A replica's size and coefficients at one precision."""

    size: Size
    fitted: Fitted
    model: Model

    def step(self, sequences: Floats, context: Floats, *, prefill: float = 0.0) -> Floats:
        """Seconds of a decode step, or with `prefill` tokens of a prompt step."""
        one = batch(self.size, sequences, context, prefill, prefill * prefill / 2)
        return np.asarray(step_s(self.size, self.fitted, one))

    def with_bytes(self, ratio: float) -> Replica:
        """The same with its weights' bytes times `ratio`, and nothing else changed."""
        changed = self.size._replace(
            dense_bytes=self.size.dense_bytes * ratio, expert_bytes=self.size.expert_bytes * ratio
        )
        return Replica(size=changed, fitted=self.fitted, model=self.model)

    def weight_bytes(self, sequences: float) -> float:
        """Bytes of weights that a step of so many sequences reads, the output table apart."""
        touched = 1.0 - (1.0 - self.size.expert_share) ** sequences
        return float(self.size.dense_bytes + self.size.expert_bytes * touched)


def replica(model: Model, accelerator: Accelerator, accelerators: int, precision: str, engine: str = "") -> Replica:
    """A replica by its specification and the shipped coefficients.

    Raises:
        FactError, UsageError: see `perf.roofline.size`.
    """
    at = place(accelerator, engine=engine, precision=precision, model=model.id, boards=accelerators)
    work = size(model, accelerator, accelerators, precision, engine=engine)
    return Replica(size=work, fitted=columns(resolve(PRIOR, at)), model=model)


def speedup(memory_share: Floats, bytes_ratio: Floats) -> Floats:
    """S = 1 / ((1 - m) + m x bytes ratio): how much faster a decode step gets."""
    return np.asarray(1 / ((1 - memory_share) + memory_share * bytes_ratio))


def memory_share(of: Replica, sequences: float, context: float, ratio: float) -> float:
    """The share m of a decode step that shrinks with the weights' bytes on the way to `ratio` times as many.

    m = (1 - T(ratio) / T) / (1 - ratio) on the roofline: 1 where reading weights is all, 0 where arithmetic hides it.
    """
    each, held = np.asarray(sequences), np.asarray(context)
    if abs(1 - ratio) < 1e-9:  # noqa: PLR2004 - nothing changes
        ratio = 1 - 1e-6
    after = float(of.with_bytes(ratio).step(each, held)) / float(of.step(each, held))
    return min(1.0, max(0.0, (1 - after) / (1 - ratio)))


def quantized(question: Quantization, before: Replica, after: Replica) -> Quantization:
    """The question with its shares from the model of steps at the stated batch.

    Raises:
        UsageError: the question does not say which batch and lengths it is about.
    """
    if question.batch is None or question.prompt_tokens is None or question.output_tokens is None:
        message = "quantization of a replica states no batch, prompt_tokens or output_tokens"
        raise UsageError(message, "add all three: how much a step reads weights depends on them")
    ends = {question.batch.value, question.batch.low, question.batch.high} - {None}
    prompt, output = question.prompt_tokens.value, question.output_tokens.value
    base = _shares(before, after, question.batch.value, prompt, output)
    others = [_shares(before, after, count, prompt, output) for count in ends if count is not None]
    fields = {
        name: {
            "value": value, "basis": "fitted",
            "low": min(one[name] for one in others), "high": max(one[name] for one in others),
        }
        for name, value in base.items()
    }  # fmt: skip
    return Quantization.model_validate({**question.model_dump(), **fields})


def _shares(before: Replica, after: Replica, count: float, prompt: float, output: float) -> dict[str, float]:
    context = prompt + output / 2
    ratio = after.weight_bytes(count) / before.weight_bytes(count)
    decode = float(before.step(np.asarray(count), np.asarray(context))) * output / count
    first, then = _prompt_s(before, count, prompt, context), _prompt_s(after, count, prompt, context)
    return {
        "memory_share": memory_share(before, count, context, ratio),
        "bytes_ratio": ratio,
        "decode_share": decode / (decode + first),
        "prefill_gain": first / then,
    }


def _prompt_s(of: Replica, count: float, prompt: float, context: float) -> float:
    """Seconds that a prompt adds to steps of so many sequences."""
    chunk = min(prompt, CHUNK)
    each, held = np.asarray(count), np.asarray(context)
    return float(of.step(each, held, prefill=chunk) - of.step(each, held)) * prompt / chunk


def quantization(question: Quantization, stakes: Stakes) -> Lever:
    """Amdahl on the memory-bound share; prefill by its own gain.

    Raises:
        UsageError: a share is missing, and no replica to take it from.
    """
    missing = [n for n in ("memory_share", "bytes_ratio", "decode_share") if getattr(question, n) is None]
    if missing:
        message = f"quantization states no {', '.join(missing)}, and they were not taken from a replica"
        raise UsageError(message, "state them, or `serving:` with `to_precision`, `batch` and token counts")
    about = QUANTIZATION
    return judge(about, spans_of(question), stakes, quantization_effect)


def quantization_effect(v: Values) -> Effect:
    """Time and cost of a prediction scale by decode share / S + (1 - decode share) / prefill gain."""
    faster = speedup(v["memory_share"], v["bytes_ratio"])
    part = v["decode_share"] / faster + (1 - v["decode_share"]) / v["prefill_gain"]
    seconds = v.get("prediction_s")
    return Effect(
        cost=(v["prediction_usd"], v["prediction_usd"] * part),
        latency=(None, None) if seconds is None else (seconds, seconds * part),
        quality=(v.get("quality"), v.get("quantized_quality")),
        extra=lambda: {
            "decode_speedup": Extra(faster, "ratio", "1 / ((1 - m) + m x bytes ratio)"),
            "memory_share": Extra(v["memory_share"], "share", "m, of a decode step at this batch"),
            "prefill_gain": Extra(v["prefill_gain"], "ratio", "speed-up of prefill"),
        },
    )


def touched_share(experts: float, per_token: float, tokens: Floats) -> Floats:
    """Share of the experts that a batch reads: 1 - (1 - k/E)^b."""
    return np.asarray(1 - (1 - per_token / experts) ** tokens)


def experts(question: Experts, stakes: Stakes, of: Replica) -> Lever:
    """A mixture of experts against a dense model of all its parameters, and against the claim by active parameters.

    Raises:
        UsageError: the model has no experts.
    """
    if not of.model.experts:
        message = f"{of.model.id} has no experts"
        raise UsageError(message, "name a mixture of experts; `breakeven catalog list` shows models")
    return judge(EXPERTS, spans_of(question), stakes, lambda v: experts_effect(v, of))


def experts_effect(v: Values, of: Replica) -> Effect:
    """Seconds of a step dense, as it is, and as active parameters promise; each as money per answer."""
    count, context, model = v["batch"], v["context_tokens"], of.model
    share = model.experts_per_token / model.experts
    touched = touched_share(model.experts, model.experts_per_token, count)
    real = of.step(count, context)
    dense = _dense(of).step(count, context)
    claim = _claim(of, share / touched).step(count, context)
    money = v["replica_usd_per_hour"] / SECONDS_PER_HOUR * v["output_tokens"] / count
    seconds = v["output_tokens"]
    return Effect(
        cost=(money * dense, money * real),
        latency=(seconds * dense, seconds * real),
        extra=lambda: {
            "experts_read_share": Extra(touched, "share", "1 - (1 - k/E)^b"),
            "claimed_usd": Extra(money * claim, "USD", "an answer, were only active parameters read"),
            "claim_understates": Extra(real / claim, "ratio", "cost at this batch / claimed cost"),
            "claimed_saving_share": Extra(1 - claim / dense, "share", "of a dense model's cost, by active parameters"),
        },
    )


def _dense(of: Replica) -> Replica:
    """Every expert read and multiplied for every token."""
    share = float(of.size.expert_share)
    changed = of.size._replace(expert_share=np.asarray(1.0), expert_flops=of.size.expert_flops / share)
    return Replica(size=changed, fitted=of.fitted, model=of.model)


def _claim(of: Replica, fewer: Floats) -> Replica:
    """Only what one token needs is read, whatever the batch."""
    changed = of.size._replace(expert_bytes=of.size.expert_bytes * fewer)
    return Replica(size=changed, fitted=of.fitted, model=of.model)
