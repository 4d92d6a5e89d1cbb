"""What requests would get from an idle replica: no load and no number of replicas can be better.

A share in budget above that of lone requests is out of reach, so that a candidate below the attainment here is excluded
without a simulation, and loses nothing by it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from breakeven.perf.roofline import Column
from breakeven.perf.world import tokens_per_step
from breakeven.planner.candidate import Candidate
from breakeven.planner.search.reuse import spared
from breakeven.quantity import format_seconds
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace


class Lengths(NamedTuple):
    """Prompt and output tokens of each request, and the prompt tokens that even an endless prefix cache leaves."""

    prompt: Column
    output: Column
    fresh: Column


class Lone(NamedTuple):
    """Seconds of each request by itself, none of them more than a loaded replica would take."""

    ttft_s: Column
    tpot_s: Column
    e2e_s: Column


def lengths(trace: Trace) -> Lengths:
    """The token columns of a trace; a request has one output token at least."""
    prompt = np.frombuffer(trace.input_tokens)
    return Lengths(prompt, np.maximum(1.0, np.frombuffer(trace.output_tokens)), prompt - np.array(spared(trace)))


def lone(candidate: Candidate, curve: StepCurve, of: Lengths) -> Lone:
    """First token: the steps of its own prompt's chunks; each further one: a step with this sequence alone."""
    cached = candidate.serving.prefix_cache
    computed = {"off": of.prompt, "blocks": of.fresh, "chance": np.ones_like(of.prompt)}[cached]
    prompt = np.maximum(1.0, computed)
    chunk = float(candidate.serving.max_batch_tokens)
    whole = np.floor((prompt - 1) / chunk)
    last = prompt - whole * chunk
    tokens = whole * _tokens_s(curve, np.asarray(chunk)) + _tokens_s(curve, last)
    pairs = 0.0 if cached != "off" else curve.step_per_pair_s * prompt * (prompt + 1) / 2
    ttft = curve.request_s + (whole + 1) * curve.step_base_s + tokens + curve.prefill_s_per_token * prompt + pairs
    drafted = candidate.serving.speculation
    tpot = _step_s(curve, of.prompt) / (1.0 if drafted is None else tokens_per_step(drafted))
    return Lone(ttft, tpot, ttft + (of.output - 1) * tpot)


def _step_s(curve: StepCurve, context: Column) -> Column:
    window = np.minimum(context, curve.window_tokens) if curve.window_tokens else np.zeros_like(context)
    return np.asarray(
        curve.step_base_s
        + curve.step_per_sequence_s
        + curve.step_per_context_s * context
        + curve.step_per_window_context_s * window
        + _tokens_s(curve, np.asarray(1.0))
    )


def _tokens_s(curve: StepCurve, tokens: Column) -> Column:
    """`token_s` of a column: linear between its points, the first value below, the last slope beyond."""
    if not curve.token_s:
        return np.zeros_like(tokens)
    at, seconds = np.array(curve.token_s).T
    found = np.interp(tokens, at, seconds)
    if len(at) > 1:
        slope = (seconds[-1] - seconds[-2]) / (at[-1] - at[-2])
        found = found + np.maximum(0.0, tokens - at[-1]) * slope
    return np.asarray(found)


def out_of_reach(found: Lone, of: Lengths, objective: Objective) -> str:
    """The target that lone requests miss, with both values; "" where enough of them meet all."""
    answers = of.output > 1
    named = (
        ("ttft", found.ttft_s, objective.ttft_s),
        ("tpot", np.where(answers, found.tpot_s, 0.0), objective.tpot_s),
        ("e2e", found.e2e_s, objective.budget_s),
    )
    asked = [(name, values, target * _ROUNDING) for name, values, target in named if target is not None]
    inside = np.ones(len(of.prompt), dtype=bool)
    for _, values, target in asked:
        inside &= values <= target
    if inside.mean() >= objective.attainment:
        return ""
    name, values, target = min(asked, key=lambda one: float((one[1] <= one[2]).mean()))
    value = float(np.quantile(values, objective.attainment, method="higher"))
    if value <= target:
        return f"goodput: {inside.mean():.1%} in budget < {objective.attainment:.1%}, each alone on an idle replica"
    seconds = format_seconds(value), format_seconds(target)
    return f"{name} p{100 * objective.attainment:g}: {seconds[0]} > {seconds[1]}, alone on an idle replica"


_ROUNDING = 1 + 1e-6
"""The simulator sums steps in another order."""
