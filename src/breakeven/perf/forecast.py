"""A trace simulated on a deployment, with intervals: as computed, and as much faster and slower as measured rows were.

The interval of a latency spans the three simulations, so that it holds what queueing makes of an error in speed, and
the measured error of the quantity itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.metric.goodput import goodput_rps
from breakeven.perf import apart, attain, steady
from breakeven.perf.coefficients import Errors, Residuals
from breakeven.perf.kernel import build
from breakeven.perf.power import run as drawn
from breakeven.perf.predict import KNEE_RHO
from breakeven.perf.simulate import COMPILE_FROM, Simulation, simulate
from breakeven.perf.step import slowed
from breakeven.perf.world import tokens_per_step
from breakeven.schema.forecast import Bounds, Forecast, Intervals, PointBounds, Points
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace

UNSTABLE = "unstable: offered load is {:.0%} of capacity, so latencies have an interval and no point"


class Deployed(Noun, frozen=True, kw_only=True):
    """What serves: the step time of a replica, how many, how they serve, and the measured errors of the model."""

    curve: StepCurve
    replicas: int
    serving: Serving
    errors: Errors


class _Band(NamedTuple):
    """The same trace on the deployment as computed, and at the fast and the slow end of its error."""

    point: Simulation
    fast: Simulation
    slow: Simulation

    def span(self, of: Callable[[Simulation], float]) -> Bounds:
        """The smallest and the largest of the three."""
        found = [of(run) for run in self]
        return min(found), max(found)


def forecast(trace: Trace, deployed: Deployed, objective: Objective, *, scale: float = 1.0) -> Forecast:
    """Latencies, throughput, goodput, power and load of a deployment, arrivals divided by `scale`. Deterministic.

    Raises:
        UsageError: parts of the serving do not go together, or there are no replicas.
    """
    band = _band(trace, deployed, scale)
    point, rate = band.point, rate_rps(trace, scale)
    rho = None if rate is None else rate / capacity_rps(trace, deployed, point)
    stable = rho is None or rho <= KNEE_RHO
    power = drawn.power_w(deployed.curve, point, drawn.prompt_tokens(trace, deployed.serving.max_batch_tokens))
    energy = drawn.energy_j_per_token(point, power)
    return Forecast(
        requests=trace.n,
        answered=point.n - point.refused,
        ttft_s=points(point, "ttft_s") if stable else Points(),
        tpot_s=points(point, "tpot_s") if stable else Points(),
        e2e_s=points(point, "e2e_s") if stable else Points(),
        output_tokens_per_s=point.output_tokens_s,
        goodput_rps=_goodput_rps(point, objective),
        goodput_share=attain.share_in_budget(point, objective),
        power_w=power.value,
        energy_j_per_token=energy.value,
        intervals=_intervals(band, power, energy, deployed.errors, objective),
        rate_rps=rate,
        rho=rho,
        stable=stable,
        note="" if stable or rho is None else UNSTABLE.format(rho),
        span_s=point.span_s,
        in_flight_mean=point.in_flight_mean,
        batch_mean=point.batch_mean,
        replicas_mean=point.replica_s / point.span_s if point.span_s > 0 else 0.0,
        busy_share=min(1.0, point.busy_s / point.replica_s) if point.replica_s > 0 else 0.0,
        preemptions=int(point.column("preemptions").sum()),
        hit_share=float(point.column("hit_tokens").sum()) / max(1.0, float(np.frombuffer(trace.input_tokens).sum())),
        steps=point.steps,
    )


def _intervals(band: _Band, power: Figure, energy: Figure, errors: Errors, objective: Objective) -> Intervals:
    return Intervals(
        ttft_s=_bounds(band, "ttft_s", errors.ttft),
        tpot_s=_bounds(band, "tpot_s", errors.tpot),
        e2e_s=_bounds(band, "e2e_s", errors.tpot),
        output_tokens_per_s=band.span(lambda run: run.output_tokens_s),
        goodput_rps=band.span(lambda run: _goodput_rps(run, objective)),
        goodput_share=band.span(lambda run: attain.share_in_budget(run, objective)),
        power_w=_of(power),
        energy_j_per_token=_of(energy),
    )


def points(run: Simulation, name: str) -> Points:
    """Mean and percentiles of a latency over the requests that have it."""
    found = _known(run, name)
    if not len(found):
        return Points()
    p50, p95, p99 = np.percentile(found, (50, 95, 99)).tolist()
    return Points(mean=float(found.mean()), p50=p50, p95=p95, p99=p99)


def rate_rps(trace: Trace, scale: float = 1.0) -> float | None:
    """Requests / span of the arrivals; None where all arrive at once."""
    arrivals = trace.column("arrival_s")
    span = arrivals[-1] - arrivals[0] if trace.n > 1 else 0.0
    return trace.n / span * scale if span > 0 else None


def capacity_rps(trace: Trace, deployed: Deployed, run: Simulation) -> float:
    """Requests per second that the deployment could serve at most, by closed form.

    Of the mean request without what the prefix cache held, with the steps that speculation leaves; replicas that scale
    count as all that there may be. Prompts and answers apart are each bound by their own replicas.
    """
    serving = deployed.serving
    prompt = max(1.0, _mean(trace.input_tokens) - float(run.column("hit_tokens").mean()))
    gained = 1.0 if serving.speculation is None else tokens_per_step(serving.speculation)
    output = max(1.0, _mean(trace.output_tokens) / gained)
    replicas, serving = apart.instances(deployed.replicas, serving)
    if serving.split is not None:
        first = serving.split.prefill_replicas
        prompts = steady.replica_rps(deployed.curve, prompt=prompt, output=0.0)
        answers = steady.replica_rps(deployed.curve, prompt=1.0, output=output)
        return min(first * prompts, (replicas - first) * answers)
    replicas = max(deployed.replicas, serving.autoscale.most) if serving.autoscale else deployed.replicas
    return replicas * steady.replica_rps(deployed.curve, prompt=prompt, output=output)


def _band(trace: Trace, deployed: Deployed, scale: float) -> _Band:
    error = deployed.errors.tpot
    compiled = True if 3 * trace.n >= COMPILE_FROM and build.compiled() is not None else None

    def run(log_factor: float) -> Simulation:
        at = slowed(deployed.curve, math.exp(log_factor))
        return simulate(trace, at, deployed.replicas, scale=scale, serving=deployed.serving, compiled=compiled)

    return _Band(run(0.0), run(error.log_low), run(error.log_high))


def _bounds(band: _Band, name: str, error: Residuals) -> PointBounds:
    point, fast, slow = (points(run, name) for run in band)

    def one(field: str) -> Bounds | None:
        value, low, high = (getattr(each, field) for each in (point, fast, slow))
        if value is None or low is None or high is None:
            return None
        return min(low, value * math.exp(error.log_low)), max(high, value * math.exp(error.log_high))

    return PointBounds(mean=one("mean"), p50=one("p50"), p95=one("p95"), p99=one("p99"))


def _of(figure: Figure) -> Bounds | None:
    return None if figure.low is None or figure.high is None else (figure.low, figure.high)


def _goodput_rps(run: Simulation, objective: Objective) -> float:
    return goodput_rps(round(attain.share_in_budget(run, objective) * run.n), run.span_s) or 0.0


def _known(run: Simulation, name: str) -> NDArray[np.float64]:
    values = run.column(name)
    return values[~np.isnan(values)]


def _mean(column: bytes) -> float:
    return float(np.frombuffer(column).mean())
