"""Power, energy a token and tokens per watt of a simulated run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from breakeven.metric.energy import energy_j, joules_per_token, mean_power_w, tokens_per_watt
from breakeven.perf.power import curve as watts
from breakeven.perf.simulate import Simulation
from breakeven.schema.noun import Figure
from breakeven.schema.performance import StepCurve
from breakeven.schema.workload import Trace

UNKNOWN = "the accelerator's TDP is unknown"


def prompt_tokens(trace: Trace, budget: int) -> float:
    """Prompt tokens of the step that the mean prompt token is read in, prompts being read one at a time."""
    prompts = np.frombuffer(trace.input_tokens, dtype="<f8")
    total = float(prompts.sum())
    return float((prompts * np.minimum(prompts, budget)).sum()) / total if total > 0 else 0.0


def power_w(curve: StepCurve, run: Simulation, tokens: float) -> Figure:
    """Mean watts of all replicas over the span, prompts being read `tokens` at a time.

    (idle seconds x idle + prefill seconds x prefill watts + decode seconds x decode watts at the mean batch) / span

    The interval is that of the law; steps that are slower or faster than predicted change power little, because they do
    the same work at another utilisation.
    """
    idle, prefill, decode = (
        curve.power_idle_w,
        watts.prefill_w(curve, tokens),
        watts.decode_w(curve, run.batch_mean),
    )
    if idle is None or prefill is None or decode is None:
        return Figure(value=None, unit="W", how=UNKNOWN)

    def mean(factor: float) -> float | None:
        return _mean_w(run, idle, _held(curve, idle, prefill * factor), _held(curve, idle, decode * factor))

    low, high = (1.0, 1.0) if curve.power is None else (curve.power.low, curve.power.high)
    how = (
        f"idle {idle:.0f} W, {prefill:.0f} W while prompts are read {tokens:.0f} tokens at a time "
        f"({run.prefill_s:.3g} s), {decode:.0f} W while {run.batch_mean:.3g} answers are written ({run.decode_s:.3g} s)"
    )
    return Figure(value=mean(1.0), unit="W", basis="derived", low=mean(low), high=mean(high), how=how)


def _held(curve: StepCurve, idle: float, busy: float) -> float:
    """No less than idle and no more than the rating, or the cap."""
    return max(idle, busy if curve.power is None else min(busy, curve.power.limit_w))


def _mean_w(run: Simulation, idle: float, prefill: float, decode: float) -> float | None:
    waiting_s = max(0.0, run.replica_s - run.busy_s)
    joules = energy_j([(idle, waiting_s), (prefill, run.prefill_s), (decode, run.decode_s)])
    return mean_power_w(joules, run.span_s)


def energy_j_per_token(run: Simulation, power: Figure) -> Figure:
    """Joules per output token of a run that drew `power`, idle time included."""
    return _per_token(power, "J/token", lambda watts: joules_per_token(watts, run.output_tokens_s))


def tokens_per_w(run: Simulation, power: Figure) -> Figure:
    """Output tokens per second and watt of a run that drew `power`: the inverse of `energy_j_per_token`."""
    return _per_token(power, "token/s/W", lambda watts: tokens_per_watt(run.output_tokens_s, watts))


def _per_token(power: Figure, unit: str, of: Callable[[float], float | None]) -> Figure:
    value, one, other = (None if watts is None else of(watts) for watts in (power.value, power.low, power.high))
    if value is None or one is None or other is None:
        return Figure(value=None, unit=unit, how=power.how if power.value is None else "no token was written")
    how = f"mean power against output tokens per second; {power.how}"
    return Figure(value=value, unit=unit, basis="derived", low=min(one, other), high=max(one, other), how=how)
