"""Levers that a plan alone can tell: of the option chosen, at its own prices and batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from breakeven.catalog.find import Catalog
from breakeven.config.lever.serving import Experts, Quantization, Speculation
from breakeven.config.lever.span import Amount, Positive
from breakeven.config.lever.traffic import Context
from breakeven.perf.precision import PRECISIONS
from breakeven.perf.step import prompt_s
from breakeven.planner.candidate import Candidate
from breakeven.planner.levers import sparing, steps, weights
from breakeven.planner.levers.judge import Floats, Stakes
from breakeven.planner.question import Question
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR
from breakeven.schema.hardware import Accelerator
from breakeven.schema.lever import Lever
from breakeven.schema.offer import Offer
from breakeven.schema.performance import StepCurve
from breakeven.schema.plan import Option

FEWER_BITS = {"fp16": "fp8", "bf16": "fp8", "fp8": "fp4", "int8": "int4"}
"""The next precision below."""
CUT_SHARE = 0.2
"""Share of the prompt that the context lever looks at cutting. Assumed: a fifth."""
ACCEPTANCE = {"value": 0.7, "low": 0.5, "high": 0.85}
DRAFT_SHARE = {"value": 0.05, "low": 0.02, "high": 0.1}
"""A draft pass as a share of a step of one sequence. Assumed; measure both on your own traffic."""
MTOK = 1e6
CHUNK = 2048.0


def levers_of(
    question: Question, option: Option, candidate: Candidate, catalog: Catalog, *, value_usd: float | None = None
) -> tuple[Lever, ...]:
    """What cutting the context, fewer bits, drafts and experts are worth for an option, the largest share first.

    Empty where the option is unpriced, or neither sells tokens nor has steps. What a plan does not know (quality, the
    draft, what can be cut) is assumed, and each figure's note says so. `candidate` is what the option was weighed from;
    levers of its weights are left out where the catalog does not know its model or accelerator, and all of them where
    prompts and answers are apart: they speak of one instance.
    """
    if not option.monthly_cost_usd or question.monthly_predictions <= 0:
        return ()
    stakes = Stakes(
        value_usd=None if value_usd is None else Amount(value=value_usd),
        predictions_per_month=Positive(value=question.monthly_predictions, basis="measured"),
    )
    curve = None if option.performance is None else option.performance.curve
    if candidate.offer is not None and candidate.per_request:
        found = list(_of_api(question, candidate.offer, stakes))
    elif curve is not None and option.deployment.accelerator and option.deployment.instances == 1:
        found = list(_of_replica(question, option, catalog, stakes, curve))
    else:
        return ()
    return tuple(sorted(found, key=lambda one: -(one.saving_share.value or 0.0)))


def _of_api(question: Question, offer: Offer, stakes: Stakes) -> Iterator[Lever]:
    if offer.input_usd_per_mtok:
        prices = {
            "input_usd_per_mtok": offer.input_usd_per_mtok,
            "cached_input_usd_per_mtok": offer.cached_input_usd_per_mtok,
            "output_usd_per_mtok": offer.output_usd_per_mtok or 0.0,
        }
        yield _context(question, stakes, {name: price for name, price in prices.items() if price is not None})


def _context(question: Question, stakes: Stakes, prices: dict[str, float], **more: float) -> Lever:
    load = question.workload
    asked: dict[str, Any] = {
        "system_tokens": _known(load.input_tokens_mean),
        "output_tokens": _known(load.output_tokens_mean),
        "cached_share": _known(load.cached_share),
        "cut_tokens": load.input_tokens_mean * CUT_SHARE,
        **{name: {"value": price, "basis": "measured"} for name, price in prices.items()},
        **more,
    }
    return sparing.context(Context.model_validate(asked), stakes)


def _known(value: float) -> dict[str, Any]:
    return {"value": float(value), "basis": "measured"}


def _of_replica(
    question: Question, option: Option, catalog: Catalog, stakes: Stakes, curve: StepCurve
) -> Iterator[Lever]:
    deployment, load = option.deployment, question.workload
    hourly = (option.monthly_cost_usd or 0.0) / max(1, deployment.replicas) / HOURS_PER_MONTH
    batch = max(1.0, (option.performance.in_flight_mean if option.performance else 1.0) / max(1, deployment.replicas))
    served = {
        "serving": {
            "model": deployment.model, "accelerator": deployment.accelerator,
            "accelerators": max(1, deployment.accelerators), "precision": deployment.precision,
            "engine": deployment.engine,
        },
        "batch": {"value": batch, "basis": "fitted"},
        "context_tokens": _known(max(1.0, load.input_tokens_mean + load.output_tokens_mean / 2)),
        "output_tokens": _known(max(1.0, load.output_tokens_mean)),
        "replica_usd_per_hour": {"value": hourly, "basis": "derived"},
    }  # fmt: skip
    prompt = max(1.0, load.input_tokens_mean)
    each_s = prompt_s(curve, prompt, chunk=CHUNK, decoding=round(batch)) / prompt
    price = hourly / SECONDS_PER_HOUR * each_s * MTOK
    if price > 0:
        yield _context(question, stakes, {"input_usd_per_mtok": price}, prompt_s_per_token=each_s)
    yield _speculation(served, stakes, curve)
    if deployment.model in catalog.model_heads and deployment.accelerator in catalog.accelerator_heads:
        yield from _weights(question, option, catalog, stakes, served)


def _speculation(served: dict[str, Any], stakes: Stakes, curve: StepCurve) -> Lever:
    first = steps.step_s(curve, *(_array(one) for one in (1.0, served["context_tokens"]["value"], 0.0)))
    draft = {name: share * float(first) for name, share in DRAFT_SHARE.items()}
    asked = Speculation.model_validate({**served, "acceptance": ACCEPTANCE, "draft_s": draft})
    return steps.speculation(asked, stakes, curve)


def _weights(
    question: Question, option: Option, catalog: Catalog, stakes: Stakes, served: dict[str, Any]
) -> Iterator[Lever]:
    deployment, load = option.deployment, question.workload
    model, board = catalog.model(deployment.model), catalog.accelerator(deployment.accelerator)
    count = max(1, deployment.accelerators)
    now = weights.replica(model, board, count, deployment.precision, deployment.engine)
    fewer = FEWER_BITS.get(deployment.precision.lower(), "")
    if fewer in PRECISIONS and _multiplies(board, fewer):
        asked = Quantization.model_validate(
            {
                "serving": served["serving"], "to_precision": fewer, "batch": served["batch"],
                "prompt_tokens": _known(max(1.0, load.input_tokens_mean)), "output_tokens": served["output_tokens"],
                "prediction_usd": {
                    "value": (option.monthly_cost_usd or 0.0) / question.monthly_predictions, "basis": "derived",
                },
            }
        )  # fmt: skip
        after = weights.replica(model, board, count, fewer, deployment.engine)
        yield weights.quantization(weights.quantized(asked, now, after), stakes)
    if model.experts:
        yield weights.experts(Experts.model_validate(served), stakes, now)


def _multiplies(board: Accelerator, precision: str) -> bool:
    """Whether the catalog knows a board's arithmetic in a precision; integers of four bits are multiplied in 16."""
    peaks = {"fp8": board.flops_fp8, "fp4": board.flops_fp4 or board.flops_fp8, "int8": board.flops_int8}
    return bool(peaks.get(precision, board.flops_fp16))


def _array(value: float) -> Floats:
    return np.asarray(float(value))
