"""What a deployment would deliver under a workload, with an interval on each figure.

The trace gives the pattern of arrivals and tokens, the workload its rate. The trace is simulated three times: with the
steps as computed, and with steps as much faster and slower as 80 % of measured rows were; so that the interval of a
latency holds what queueing makes of an error in speed.
"""

from __future__ import annotations

import math

import numpy as np

from breakeven.errors import EvidenceError
from breakeven.metric.goodput import goodput_rps
from breakeven.perf import apart, attain, steady
from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.effects import errors
from breakeven.perf.power import run as drawn
from breakeven.perf.prior import PRIOR
from breakeven.perf.simulate import Simulation, simulate
from breakeven.perf.step import slowed
from breakeven.perf.world import tokens_per_step
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace, Workload

KNEE_RHO = 0.9
"""Above this share of capacity a latency has an interval but no point: near saturation points are worthless."""


class Options(Noun, frozen=True, kw_only=True):
    """How to predict: the measured errors that make the intervals, and the engine's token budget per step.

    `sustained_rps` is what `sustained` found for the curve, where the caller knows it already: the search for it takes
    most of the time, and depends on neither the rate nor the number of replicas. `serving` is what the engine does
    beyond that; `hit_share` is the share of prompt tokens that its prefix cache spares at most. `point_only` simulates
    once instead of three times: the same points, with intervals that leave out what queueing makes of an error.
    """

    errors: Errors = errors(PRIOR)
    max_batch_tokens: int = 2048
    serving: Serving = Serving()
    hit_share: float = 0.0
    sustained_rps: float | None = None
    point_only: bool = False


class _Band(Noun, frozen=True, kw_only=True):
    """The same trace on the deployment as computed, and at the fast and slow ends of its error."""

    point: Simulation
    fast: Simulation
    slow: Simulation
    stable: bool


def predict(
    workload: Workload,
    objective: Objective,
    curve: StepCurve,
    *,
    deployment: str,
    replicas: int,
    trace: Trace,
    options: Options = Options(),  # noqa: B008 - frozen
) -> Performance:
    """Latencies, goodput, load and power of `replicas` replicas. Deterministic.

    `rho` = rate / (replicas x saturated rate of one). Above 0.9 `stable` is False and latencies have no point.
    `max_goodput_rps` is what one replica sustains at the objective's attainment, found by scaling the arrivals.

    Raises:
        EvidenceError: the trace has fewer than two requests.
        UsageError: there are no replicas.
    """
    scale = _scale(workload, trace)
    capacity = ceiling_rps(workload, curve, options, _lengths(trace, options))
    rho = workload.rate_mean_rps / (replicas * capacity)
    band = _band(trace, curve, replicas, scale, options, stable=rho <= KNEE_RHO)
    errors = options.errors
    return Performance(
        deployment=deployment,
        ttft_p50_s=_latency(band, "ttft_s", 50, errors.ttft),
        ttft_p95_s=_latency(band, "ttft_s", 95, errors.ttft),
        tpot_p50_s=_latency(band, "tpot_s", 50, errors.tpot),
        tpot_p95_s=_latency(band, "tpot_s", 95, errors.tpot),
        e2e_p95_s=_latency(band, "e2e_s", 95, errors.tpot),
        goodput_rps=_goodput(band, objective, workload.rate_mean_rps),
        goodput_share=_share(band, objective),
        max_goodput_rps=_highest(sustained(trace, curve, objective, workload, options), objective, options),
        power_w=drawn.power_w(curve, band.point, drawn.prompt_tokens(trace, options.max_batch_tokens)),
        rho=rho,
        stable=band.stable,
        in_flight_mean=band.point.in_flight_mean,
        curve=curve,
        note="" if band.stable else f"unstable: offered load is {rho:.0%} of capacity, so latencies have no point",
    )


def rate_rps(trace: Trace) -> float:
    """Requests / span of the arrivals, as a workload's rate is defined.

    Raises:
        EvidenceError: fewer than two requests, or all at one instant.
    """
    arrivals = trace.column("arrival_s")
    span = arrivals[-1] - arrivals[0] if trace.n > 1 else 0.0
    if span <= 0:
        message = f"trace {trace.name!r} has {trace.n} requests over {span:g} s, from which no rate follows"
        raise EvidenceError(
            message,
            "give at least two requests at different times",
        )
    return trace.n / span


def _scale(workload: Workload, trace: Trace) -> float:
    return workload.rate_mean_rps / rate_rps(trace)


def _band(
    trace: Trace, curve: StepCurve, replicas: int, scale: float, options: Options, *, stable: bool
) -> _Band:  # fmt: skip
    def run(log_factor: float) -> Simulation:
        at = slowed(curve, math.exp(log_factor))
        return simulate(
            trace, at, replicas, scale=scale, max_batch_tokens=options.max_batch_tokens, serving=options.serving
        )

    if options.point_only:
        point = run(0.0)
        return _Band(point=point, fast=point, slow=point, stable=stable)
    error = options.errors.tpot
    return _Band(point=run(0.0), fast=run(error.log_low), slow=run(error.log_high), stable=stable)


def _percentile(simulation: Simulation, name: str, share: int) -> float | None:
    values = simulation.column(name)
    values = values[~np.isnan(values)]
    return float(np.percentile(values, share)) if len(values) else None


def _latency(band: _Band, name: str, share: int, error: Residuals) -> Figure:
    """A percentile; its interval spans the fast and slow simulations and the measured error of the quantity itself."""
    value, fast, slow = (_percentile(run, name, share) for run in (band.point, band.fast, band.slow))
    if value is None or fast is None or slow is None:
        return Figure(value=None, unit="s", how="no request has this quantity")
    return Figure(
        value=value if band.stable else None,
        unit="s",
        basis="derived",
        low=min(fast, value * math.exp(error.log_low)),
        high=max(slow, value * math.exp(error.log_high)),
        how=f"p{share} of {band.point.n} requests, simulated token by token; interval from {error.n} measured rows",
        note="" if band.stable else "unstable: above 90 % of capacity, or nearly so; an interval, not a point",
    )


def _share(band: _Band, objective: Objective) -> Figure:
    fast, slow = (attain.share_in_budget(run, objective) for run in (band.fast, band.slow))
    value = attain.share_in_budget(band.point, objective)
    how = f"share of {band.point.n} simulated requests inside every target"
    return Figure(value=value, unit="share", basis="derived", low=min(value, slow), high=max(value, fast), how=how)


def _goodput(band: _Band, objective: Objective, rate_rps: float) -> Figure:
    share = _share(band, objective)
    value, low, high = (_rate_of(part, band.point.n, rate_rps) for part in (share.value, share.low, share.high))
    return Figure(value=value, unit="requests/s", basis="derived", low=low, high=high, how=f"{share.how} x rate")


def _rate_of(share: float | None, n: int, rate_rps: float) -> float | None:
    return None if share is None else goodput_rps(round(share * n), n / rate_rps)


def sustained(
    trace: Trace,
    curve: StepCurve,
    objective: Objective,
    workload: Workload,
    options: Options = Options(),  # noqa: B008 - frozen
) -> float:
    """Requests per second that one replica sustains; without targets that is its saturated rate.

    A group sustains the least that its `apart.sides` do.
    """
    if options.sustained_rps is not None:
        return options.sustained_rps
    capacity = ceiling_rps(workload, curve, options, _lengths(trace, options))
    if not attain.has_targets(objective):
        return capacity
    rate = rate_rps(trace)
    highest = rate * min(
        times * attain.highest_scale(
            trace, curve, objective, start=0.5 * capacity / rate / times, max_batch_tokens=options.max_batch_tokens,
            serving=serving,
        )
        for times, serving in apart.sides(options.serving)
    )  # fmt: skip
    return min(highest, capacity)  # a trace shorter than its budget never queues, and would be carried at any rate


def ceiling_rps(
    workload: Workload,
    curve: StepCurve,
    options: Options = Options(),  # noqa: B008 - frozen
    of: apart.Lengths | None = None,
) -> float:
    """Requests per second of one saturated replica: nothing is sustained beyond it, by closed form.

    Of the mean request without what the prefix cache spares at most, with the steps that speculation leaves. Where
    prompts and answers are apart it is the bound of a group, of requests as long as `of` says.
    """
    drafted, split = options.serving.speculation, options.serving.split
    if split is not None and split.decode_replicas and of is not None:
        gained = 1.0 if drafted is None else tokens_per_step(drafted)
        return apart.ceiling_rps(curve, split, of, chunk=options.max_batch_tokens, gained=gained)
    return steady.replica_rps(
        curve,
        prompt=max(1.0, workload.input_tokens_mean * (1.0 - options.hit_share)),
        output=workload.output_tokens_mean / (1.0 if drafted is None else tokens_per_step(drafted)),
        chunk=float(options.max_batch_tokens),
    )


def _lengths(trace: Trace, options: Options) -> apart.Lengths | None:
    """What the bound of a group rests on; other bounds need it not."""
    return apart.lengths(trace, options.hit_share) if options.serving.split is not None else None


def _highest(value: float, objective: Objective, options: Options) -> Figure:
    error = options.errors.throughput
    how = "saturated rate of one replica: no target is set"
    if attain.has_targets(objective):
        how = f"highest rate with {objective.attainment:.0%} of requests inside every target, by scaling arrivals"
    low, high = value * math.exp(error.log_low), value * math.exp(error.log_high)
    return Figure(value=value, unit="requests/s", basis="derived", low=low, high=high, how=how)
