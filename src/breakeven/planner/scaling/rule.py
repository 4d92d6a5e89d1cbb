"""The rule of a deployment: the fractile, the lead, the formula of the demand ahead, floors by hour."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.planner.scaling.ahead import DAY_S, fit_ahead
from breakeven.schema.noun import Figure, Noun
from breakeven.schema.scaling import Ahead, Hour, Period, ScalingRule

Vector = NDArray[np.float64]

HOUR_S = 3600.0
WHOLE_DAYS, WHOLE_WEEKS = 2, 2
"""So many days are needed for floors by the hour of the day, so many weeks for those by the hour of the week."""
STEP_S = 300.0
"""Windows of the rate where there is no series."""


class Demand(Noun, frozen=True, kw_only=True):
    """A series of rates: little-endian float64, requests/s of windows of `step_s`; `start_s` is Unix time, or unknown.

    Without a start the hours of the day are not known, so that there are no floors.
    """

    rates_rps: bytes
    step_s: float
    start_s: float | None = None

    @property
    def rates(self) -> Vector:
        """The rates as a read-only array."""
        return np.frombuffer(self.rates_rps, dtype="<f8")


class Ask(Noun, frozen=True, kw_only=True):
    """What a rule is made of. Costs are USD per replica-hour: idle, and of the demand it would have served missed.

    `attainment` is the quantile where a cost is not known. `note` says what a replica is where it is a group.
    """

    use_case: str
    deployment: str
    goodput_rps: Figure
    idle_usd_per_hour: Figure
    miss_usd_per_hour: Figure
    target_in_flight: Figure
    cold_start_s: Figure
    attainment: float = 0.95
    interval_s: float = 60.0
    stabilisation_s: float = 300.0
    least: int = 1
    most: int = 512
    burst: str = ""
    note: str = ""


def fractile(idle: Figure, miss: Figure, attainment: float) -> Figure:
    """1 - eps with eps = idle / (idle + miss): the newsvendor's share of windows in which the demand is covered.

    Without both costs it is the attainment that was promised, and says so.
    """
    if idle.value is None or miss.value is None:
        unknown = "idle" if idle.value is None else "a miss"
        note = f"what {unknown} costs is not known; the attainment asked for stands for the fractile"
        return Figure(value=attainment, unit="share", basis="assumed", how="attainment", note=note)
    both = idle.value + miss.value
    return Figure(
        value=miss.value / both if both > 0 else attainment,
        unit="share",
        basis="derived",
        how=f"1 - eps, eps = idle / (idle + miss) = {idle.value:.6g} / ({idle.value:.6g} + {miss.value:.6g})",
        facts=(*idle.facts, *miss.facts),
    )


def replicas_for(quantile_rps: float, goodput_rps: float, least: int = 0, most: int | None = None) -> int:
    """`ceil(q / goodput)`, between `least` and `most`."""
    wish = max(least, math.ceil(quantile_rps / goodput_rps - 1e-9))
    return wish if most is None else min(most, wish)


def make_rule(ask: Ask, demand: Demand | None, *, mean_rps: float, p95_rps: float) -> ScalingRule:
    """The rule for a demand; without a series long enough, headroom is p95 / mean of the demand, and assumed.

    Raises:
        UsageError: the goodput is not known or not positive, or the bounds cross.
    """
    goodput = ask.goodput_rps.value
    if goodput is None or not goodput > 0:
        message = f"{ask.deployment} has a goodput of {goodput} requests/s per replica, so that none can be asked for"
        raise UsageError(message, "plan with targets that it can meet, or state the goodput")
    cold_s = _cold_s(ask)
    quantile = fractile(ask.idle_usd_per_hour, ask.miss_usd_per_hour, ask.attainment)
    lead = _lead(ask, cold_s)
    ahead = _ahead(demand, lead.value or 0.0, quantile.value or 0.0, mean_rps, p95_rps)
    hours, period = _schedule(demand, goodput, quantile.value or 0.0, ask.most)
    return ScalingRule(
        use_case=ask.use_case,
        deployment=ask.deployment,
        goodput_rps=ask.goodput_rps,
        quantile=quantile,
        idle_usd_per_hour=ask.idle_usd_per_hour,
        miss_usd_per_hour=ask.miss_usd_per_hour,
        target_in_flight=ask.target_in_flight,
        lead_s=lead,
        ahead=ahead,
        cold_start_s=cold_s,
        interval_s=ask.interval_s,
        stabilisation_s=ask.stabilisation_s,
        least=ask.least,
        most=ask.most,
        schedule=hours,
        period=period,
        burst=ask.burst,
        notes=tuple(
            note
            for note in (ask.note, quantile.note, ask.cold_start_s.note, _noted(ahead), _unscheduled(hours))
            if note
        ),
    )


def _cold_s(ask: Ask) -> float:
    cold_s = ask.cold_start_s.value
    bounded = 0 <= ask.least <= ask.most and ask.most >= 1
    if cold_s is None or not cold_s >= 0 or not ask.interval_s > 0 or not ask.stabilisation_s >= 0 or not bounded:
        message = f"between {ask.least} and {ask.most} replicas, {cold_s} s to start, looked at every "
        message += f"{ask.interval_s:g} s, down after {ask.stabilisation_s:g} s"
        raise UsageError(message, "ask for 0 <= least <= most, most >= 1, times >= 0, and an interval > 0")
    return cold_s


def _lead(ask: Ask, cold_s: float) -> Figure:
    how = f"cold start {cold_s:g} s + {ask.interval_s:g} s between looks"
    return Figure(value=cold_s + ask.interval_s, unit="s", basis=ask.cold_start_s.basis, how=how)


def _ahead(demand: Demand | None, lead_s: float, quantile: float, mean_rps: float, p95_rps: float) -> Ahead:
    steps = 0 if demand is None else len(demand.rates) - math.ceil(lead_s / demand.step_s - 1e-9)
    if demand is not None and steps >= 3:  # noqa: PLR2004 - what fit_ahead takes
        return fit_ahead(demand.rates, demand.step_s, lead_s, quantile)
    headroom = math.log(p95_rps / mean_rps) if p95_rps > mean_rps > 0 else 0.0
    step_s = STEP_S if demand is None else demand.step_s
    return Ahead(step_s=step_s, lead_s=lead_s, constant=headroom, least_rps=max(1e-6, mean_rps / 100))


def _noted(ahead: Ahead) -> str:
    if ahead.n:
        return ""
    return "the demand ahead is now x p95 / mean: assumed, as there is no series of rates to fit"


def _unscheduled(hours: tuple[Hour, ...]) -> str:
    return "" if hours else f"no floors by hour: they need {WHOLE_DAYS} dated days of rates"


def _schedule(demand: Demand | None, goodput: float, quantile: float, most: int) -> tuple[tuple[Hour, ...], Period]:
    if demand is None or demand.start_s is None:
        return (), "day"
    span_s = len(demand.rates) * demand.step_s
    if span_s < WHOLE_DAYS * DAY_S or demand.step_s > HOUR_S:
        return (), "day"
    weekly = span_s >= WHOLE_WEEKS * 7 * DAY_S
    hours = 168 if weekly else 24
    return tuple(_hours(demand, goodput, quantile, most, hours)), "week" if weekly else "day"


def _hours(demand: Demand, goodput: float, quantile: float, most: int, hours: int) -> list[Hour]:
    """Floors are what the hour's demand passes in all but 1 - q of its windows, at most what it takes on the whole."""
    at: Vector = (demand.start_s or 0.0) + demand.step_s * np.arange(len(demand.rates), dtype=np.float64)
    place = hour_of(at, hours)
    low = min(0.5, 1 - quantile)
    found = []
    for hour in range(hours):
        inside = demand.rates[place == hour]
        least, need = (replicas_for(float(value), goodput, most=most) for value in np.quantile(inside, (low, quantile)))
        found.append(Hour(hour=hour, least=min(least, need), need=need))
    return found


def hour_of(at_s: Vector, hours: int) -> NDArray[np.int_]:
    """The hour of the day (24) or of the week from Monday (168) of Unix times, UTC; 1970 began on a Thursday."""
    since = at_s / HOUR_S + (72 if hours == 168 else 0)  # noqa: PLR2004 - hours of a week, of three days
    return np.asarray(np.floor(since) % hours).astype(int)
