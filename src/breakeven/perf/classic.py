"""Queueing of a classic model served in batches on a CPU or a small accelerator."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError, UsageError
from breakeven.metric.goodput import goodput_rps, goodput_share
from breakeven.schema.noun import Basis, Figure, Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance
from breakeven.schema.workload import Trace, Workload

KNEE_RHO = 0.9


class BatchCurve(Noun, frozen=True, kw_only=True):
    """Seconds of a batch of b requests, t(b) = `base_s` + `request_s` x b, and how batches are formed.

    A batch starts when the server is free and either `max_batch` requests wait or the oldest has waited `max_delay_s`.
    `error_low`..`error_high` are factors on t(b) that hold 80 % of measurements, 1 where there was no spread.
    """

    base_s: float
    request_s: float
    max_batch: int = 32
    max_delay_s: float = 0.0
    basis: Basis = "measured"
    error_low: float = 1.0
    error_high: float = 1.0
    power_idle_w: float | None = None
    power_busy_w: float | None = None


def fit_batches(batches: tuple[int, ...], seconds: tuple[float, ...]) -> tuple[float, float]:
    """(base, per request) of t(b) = base + per request x b by relative least squares, both non-negative.

    Raises:
        EvidenceError: fewer than two different batch sizes were measured.
    """
    sizes, times = np.array(batches, dtype=float), np.array(seconds, dtype=float)
    if len(np.unique(sizes)) < 2:  # noqa: PLR2004 - a line needs two points
        message = f"{len(set(batches))} batch size was measured, a line needs 2"
        raise EvidenceError(message, "measure at least two batch sizes")
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / times[:, None]
    base, slope = np.linalg.lstsq(design, np.ones_like(times), rcond=None)[0]
    return max(0.0, float(base)), max(0.0, float(slope))


def predict_classic(
    workload: Workload, objective: Objective, curve: BatchCurve, *, deployment: str, replicas: int, trace: Trace
) -> Performance:
    """The same figures as for a token model, with round robin over replicas; there are no tokens, so no TTFT or TPOT.

    `rho` = rate / (replicas x max_batch / t(max_batch)).

    Raises:
        EvidenceError: the trace has no span.
        UsageError: there are no replicas.
    """
    if replicas < 1:
        message = f"cannot serve with {replicas} replicas"
        raise UsageError(message, "use at least 1")
    arrivals = _arrivals(workload, trace)
    capacity = curve.max_batch / _batch_s(curve, curve.max_batch)
    rho = workload.rate_mean_rps / (replicas * capacity)
    runs = [_delays(arrivals, curve, replicas, factor) for factor in (1.0, curve.error_low, curve.error_high)]
    stable = rho <= KNEE_RHO
    busy = min(1.0, runs[0].busy_s / (replicas * max(runs[0].span_s, 1e-12)))
    shares = [_inside(run, objective) for run in runs]
    none = Figure(value=None, unit="s", how="a classic model has no tokens")
    return Performance(
        deployment=deployment,
        ttft_p50_s=none,
        ttft_p95_s=none,
        tpot_p50_s=none,
        tpot_p95_s=none,
        e2e_p95_s=_p95(runs, curve, stable=stable),
        goodput_rps=_figure([_per_second(share, workload, len(arrivals)) for share in shares], "requests/s", curve),
        goodput_share=_figure(shares, "share", curve),
        max_goodput_rps=_figure(
            [_highest(arrivals, workload, objective, curve, f) for f in (1.0, curve.error_low, curve.error_high)],
            "requests/s",
            curve,
        ),
        power_w=_power(curve, busy, replicas),
        rho=rho,
        stable=stable,
        in_flight_mean=float(runs[0].delays.sum() / max(runs[0].span_s, 1e-12)),
    )


class Delays:
    """Seconds from arrival to answer of each request, and the time servers worked."""

    __slots__ = ("busy_s", "delays", "span_s")

    def __init__(self, delays: NDArray[np.float64], busy_s: float, span_s: float) -> None:
        self.delays = delays
        self.busy_s = busy_s
        self.span_s = span_s


def _batch_s(curve: BatchCurve, size: int) -> float:
    return curve.base_s + curve.request_s * size


def _arrivals(workload: Workload, trace: Trace) -> NDArray[np.float64]:
    at = np.frombuffer(trace.arrival_s, dtype="<f8")
    span = float(at[-1] - at[0]) if len(at) > 1 else 0.0
    if span <= 0:
        message = f"trace {trace.name!r} spans {span:g} s"
        raise EvidenceError(message, "give requests at different times")
    scaled: NDArray[np.float64] = (at - at[0]) * (len(at) / span / workload.rate_mean_rps)
    return scaled


def _delays(arrivals: NDArray[np.float64], curve: BatchCurve, replicas: int, factor: float) -> Delays:
    delays, busy, end = np.zeros_like(arrivals), 0.0, 0.0
    for server in range(replicas):
        mine = arrivals[server::replicas]
        delays[server::replicas], worked, last = _serve(mine, curve, factor)
        busy, end = busy + worked, max(end, last)
    return Delays(delays, busy, end - float(arrivals[0]))


def _serve(arrivals: NDArray[np.float64], curve: BatchCurve, factor: float) -> tuple[NDArray[np.float64], float, float]:
    """One server: delays, busy seconds and the end of the last batch."""
    delays = np.zeros_like(arrivals)
    free, busy, first = 0.0, 0.0, 0
    while first < len(arrivals):
        begin = _start(arrivals, first, free, curve)
        size = min(curve.max_batch, int(np.searchsorted(arrivals, begin, side="right")) - first)
        length = factor * _batch_s(curve, size)
        free = begin + length
        delays[first : first + size] = free - arrivals[first : first + size]
        busy, first = busy + length, first + size
    return delays, busy, free


def _start(arrivals: NDArray[np.float64], first: int, free: float, curve: BatchCurve) -> float:
    """When the next batch starts: free, and full or the oldest waited long enough."""
    full_at = float(arrivals[first + curve.max_batch - 1]) if first + curve.max_batch <= len(arrivals) else math.inf
    return max(free, min(full_at, float(arrivals[first]) + curve.max_delay_s))


def _inside(run: Delays, objective: Objective) -> float:
    target = math.inf if objective.budget_s is None else objective.budget_s
    return goodput_share(int((run.delays <= target).sum()), len(run.delays)) or 0.0


def _per_second(share: float, workload: Workload, n: int) -> float:
    return goodput_rps(round(share * n), n / workload.rate_mean_rps) or 0.0


def _highest(
    arrivals: NDArray[np.float64], workload: Workload, objective: Objective, curve: BatchCurve, factor: float
) -> float:
    """Highest rate of one replica at the attainment, to 2 % by bisection; without a budget its saturated rate."""
    capacity = curve.max_batch / (factor * _batch_s(curve, curve.max_batch))
    if objective.budget_s is None:
        return capacity
    low, high = 0.0, 2 * capacity
    while high - low > 0.01 * capacity:
        rate = (low + high) / 2
        run = _delays(arrivals * (workload.rate_mean_rps / rate), curve, 1, factor)
        low, high = (rate, high) if _inside(run, objective) >= objective.attainment else (low, rate)
    return low


def _p95(runs: list[Delays], curve: BatchCurve, *, stable: bool) -> Figure:
    value, fast, slow = (float(np.percentile(run.delays, 95)) for run in runs)
    how = f"p95 of {len(runs[0].delays)} requests in batches, t(b) = {curve.base_s:.3g} + {curve.request_s:.3g} b s"
    note = "" if stable else "unstable: above 90 % of capacity; an interval, not a point"
    point = value if stable else None
    low, high = min(fast, value), max(slow, value)
    return Figure(value=point, unit="s", basis="derived", low=low, high=high, how=how, note=note)


def _figure(values: list[float], unit: str, curve: BatchCurve) -> Figure:
    how = f"simulated in batches of at most {curve.max_batch}, after at most {curve.max_delay_s:g} s"
    return Figure(value=values[0], unit=unit, basis="derived", low=min(values), high=max(values), how=how)


def _power(curve: BatchCurve, busy: float, replicas: int) -> Figure:
    if curve.power_idle_w is None or curve.power_busy_w is None:
        return Figure(value=None, unit="W", how="the power of this hardware is unknown")
    watts = replicas * (curve.power_idle_w + busy * (curve.power_busy_w - curve.power_idle_w))
    return Figure(value=watts, unit="W", basis="derived", how=f"idle + {busy:.0%} busy x (busy - idle)")
