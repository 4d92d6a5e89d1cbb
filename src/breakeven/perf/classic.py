"""Queueing of a classic model served in batches on a CPU or a GPU: its figures, and the best way to form batches."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError, InfeasibleError, UsageError
from breakeven.metric.energy import energy_j, mean_power_w
from breakeven.metric.goodput import goodput_rps, goodput_share
from breakeven.perf.batch_curve import BatchCurve as BatchCurve
from breakeven.perf.batch_curve import batch_s
from breakeven.perf.batch_curve import fit_batches as fit_batches
from breakeven.perf.batch_service import Run, serve
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import NO_TOKENS, Performance
from breakeven.schema.workload import Trace, Workload

KNEE_RHO = 0.9

SIMULATED = 5
"""How many of the largest batches that the closed form leaves are simulated."""

WAITS = (0.25, 0.5)
"""Delays that are tried, as shares of what the budget leaves beside a full batch."""

ALIKE = 0.02
"""Rates that differ by less are one: the search for them ends there."""


class Choice(Noun, frozen=True, kw_only=True):
    """The curve with the chosen `max_batch` and `max_delay_s`, and the highest rate one replica sustains with it."""

    curve: BatchCurve
    highest_rps: float


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
    factors = (1.0, curve.error_low, curve.error_high)
    capacity = capacity_rps(curve)
    rho = workload.rate_mean_rps / (replicas * capacity)
    runs = [serve(arrivals, curve, replicas, factor) for factor in factors]
    stable = rho <= KNEE_RHO
    shares = [_inside(run, objective) for run in runs]
    none = Figure(value=None, unit="s", how=NO_TOKENS)
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
            [_highest(arrivals, workload, objective, curve, factor, replicas) for factor in factors],
            "requests/s",
            curve,
        ),
        power_w=_power(curve, runs[0], replicas),
        rho=rho,
        stable=stable,
        in_flight_mean=float(runs[0].delays.sum() / max(runs[0].span_s, 1e-12)),
    )


def _arrivals(workload: Workload, trace: Trace) -> NDArray[np.float64]:
    at = np.frombuffer(trace.arrival_s, dtype="<f8")
    span = float(at[-1] - at[0]) if len(at) > 1 else 0.0
    if span <= 0:
        message = f"trace {trace.name!r} spans {span:g} s"
        raise EvidenceError(message, "give requests at different times")
    scaled: NDArray[np.float64] = (at - at[0]) * (len(at) / span / workload.rate_mean_rps)
    return scaled


def _inside(run: Run, objective: Objective) -> float:
    target = math.inf if objective.budget_s is None else objective.budget_s
    return goodput_share(int((run.delays <= target).sum()), len(run.delays)) or 0.0


def _per_second(share: float, workload: Workload, n: int) -> float:
    return goodput_rps(round(share * n), n / workload.rate_mean_rps) or 0.0


def _highest(
    arrivals: NDArray[np.float64],
    workload: Workload,
    objective: Objective,
    curve: BatchCurve,
    factor: float = 1.0,
    replicas: int = 1,
) -> float:
    """Highest rate of each of so many replicas at the attainment, to 2 % by bisection; without a budget the saturated.

    Requests are dealt in turn, so that each of many replicas gets them more evenly, and carries more, than one alone.
    """
    capacity = capacity_rps(curve) / factor
    if objective.budget_s is None:
        return capacity
    low, high = 0.0, 2 * capacity
    while high - low > 0.01 * capacity:
        rate = (low + high) / 2
        run = serve(arrivals * (workload.rate_mean_rps / (rate * replicas)), curve, replicas, factor)
        low, high = (rate, high) if _inside(run, objective) >= objective.attainment else (low, rate)
    return min(low, capacity)  # a trace shorter than its budget never queues, and would be carried at any rate


def choose(
    workload: Workload,
    objective: Objective,
    curve: BatchCurve,
    trace: Trace,
    *,
    largest: int | None = None,
    replicas: int = 1,
) -> Choice:
    """The batch and the delay with which each of the replicas sustains the highest rate in the budget. Deterministic.

    A full batch must leave room in the budget. Of the batches that do, those with the highest closed-form capacity
    b / t(b) are simulated, without delay and then the best with some. Of what is alike within 2 % the first stands: no
    delay before some, a smaller batch before a larger. `largest` replaces the curve's own `max_batch` as the bound.

    Raises:
        EvidenceError: the trace has no span.
        InfeasibleError: not even a batch of one is answered inside the budget.
    """
    arrivals = _arrivals(workload, trace)
    plain = [_formed(curve, size, 0.0) for size in _batches(curve, objective, largest or curve.max_batch)]
    found = [_choice(arrivals, workload, objective, one, replicas) for one in plain]
    best = _first_best(found).curve
    room = (objective.budget_s or 0.0) - full_s(best)
    patient = [_formed(curve, best.max_batch, share * room) for share in WAITS if room > 0 and best.max_batch > 1]
    found += [_choice(arrivals, workload, objective, one, replicas) for one in patient]
    return _first_best(found)


def _choice(
    arrivals: NDArray[np.float64], workload: Workload, objective: Objective, curve: BatchCurve, replicas: int
) -> Choice:
    return Choice(curve=curve, highest_rps=_highest(arrivals, workload, objective, curve, replicas=replicas))


def _batches(curve: BatchCurve, objective: Objective, largest: int) -> list[int]:
    """Powers of two, measured sizes and the largest, inside the budget; of them those with the highest capacity."""
    powers = {2**power for power in range(largest.bit_length())}
    sizes = sorted(
        size for size in powers | {int(size) for size, _ in curve.points} | {largest} if 1 <= size <= largest
    )
    times = batch_s(curve, sizes)
    budget = math.inf if objective.budget_s is None else objective.budget_s
    inside = [(size / time, size) for size, time in zip(sizes, times.tolist(), strict=True) if time <= budget]
    if not inside:
        message = f"a batch of one takes {times[0] * 1e3:.3g} ms, and the budget is {budget * 1e3:.3g} ms"
        raise InfeasibleError(message, "give a longer budget, or a faster model or machine")
    return sorted(size for _, size in sorted(inside, reverse=True)[:SIMULATED])


def _formed(curve: BatchCurve, size: int, delay_s: float) -> BatchCurve:
    return msgspec.structs.replace(curve, max_batch=size, max_delay_s=delay_s)


def _first_best(found: list[Choice]) -> Choice:
    most = max(one.highest_rps for one in found)
    return next(one for one in found if one.highest_rps >= most * (1 - ALIKE))


def share_at(
    workload: Workload, objective: Objective, curve: BatchCurve, trace: Trace, rate: float, replicas: int = 1
) -> float:
    """Share of requests inside the budget on replicas that get so many a second in all, arrivals scaled.

    Raises:
        EvidenceError: the trace has no span.
    """
    arrivals = _arrivals(workload, trace)
    return _inside(serve(arrivals * (workload.rate_mean_rps / rate), curve, replicas), objective)


def highest_rps(
    workload: Workload, objective: Objective, curve: BatchCurve, trace: Trace, *, slower: float = 1.0, replicas: int = 1
) -> float:
    """Requests per second that each of the replicas sustains at the attainment, batches `slower` times as long.

    Raises:
        EvidenceError: the trace has no span.
    """
    return _highest(_arrivals(workload, trace), workload, objective, curve, slower, replicas)


def full_s(curve: BatchCurve) -> float:
    """Seconds of a full batch."""
    return float(batch_s(curve, [curve.max_batch])[0])


def capacity_rps(curve: BatchCurve) -> float:
    """Requests per second of one replica that never lacks work."""
    return curve.max_batch / full_s(curve)


def _p95(runs: list[Run], curve: BatchCurve, *, stable: bool) -> Figure:
    value, fast, slow = (float(np.percentile(run.delays, 95)) for run in runs)
    how = f"p95 of {len(runs[0].delays)} requests in batches, {_words(curve)}"
    note = "" if stable else "unstable: above 90 % of capacity; an interval, not a point"
    point = value if stable else None
    low, high = min(fast, value), max(slow, value)
    return Figure(value=point, unit="s", basis="derived", low=low, high=high, how=how, note=note)


def _words(curve: BatchCurve) -> str:
    if curve.points:
        return f"t(b) through {len(curve.points)} measured sizes"
    return f"t(b) = {curve.base_s:.3g} + {curve.request_s:.3g} b s"


def _figure(values: list[float], unit: str, curve: BatchCurve) -> Figure:
    how = f"simulated in batches of at most {curve.max_batch}, after at most {curve.max_delay_s:g} s"
    return Figure(value=values[0], unit=unit, basis="derived", low=min(values), high=max(values), how=how)


def _power(curve: BatchCurve, run: Run, replicas: int) -> Figure:
    idle, busy = curve.power_idle_w, curve.power_busy_w
    if idle is None or busy is None:
        return Figure(value=None, unit="W", how="the power of this hardware is unknown")
    waiting_s = max(0.0, replicas * run.span_s - run.busy_s)
    watts = mean_power_w(energy_j([(idle, waiting_s), (busy, run.busy_s)]), run.span_s)
    how = f"idle {idle:.3g} W for {waiting_s:.3g} s, busy {busy:.3g} W for {run.busy_s:.3g} s of {replicas} replicas"
    return Figure(value=watts, unit="W", basis="derived", how=how)
