"""How a deployment follows its demand: the rule, what it promised on a series, and work placed in idle hours."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Figure, Noun

Period = Literal["day", "week"]


class Ahead(Noun, frozen=True, kw_only=True):
    """The quantile of the demand one lead ahead, as a formula that a metrics server can compute too.

        exp(constant + now ln a + recent ln b + day ln c + headroom (spread + swing))

    a: requests/s over the last `step_s`; b: over the last `recent_s`; c: over `recent_s` around the same time of the
    day before; swing: the mean absolute change of ln a from step to step over `recent_s`. Rates below `least_rps` count
    as that. Without a day of history b stands for c. `n` steps were fitted; 0: assumed, not fitted.
    """

    step_s: float
    lead_s: float
    recent_s: float = 3600.0
    constant: float = 0.0
    now: float = 1.0
    recent: float = 0.0
    day: float = 0.0
    headroom: float = 0.0
    spread: float = 0.0
    least_rps: float = 1e-3
    n: int = 0


class Hour(Noun, frozen=True, kw_only=True):
    """One hour of the day or week (UTC): `least` replicas are all but surely needed, `need` cover its demand.

    Both are quantiles of that hour's demand, by the share 1 - quantile and by the rule's quantile.
    """

    hour: int
    least: int
    need: int


class ScalingRule(Noun, frozen=True, kw_only=True):
    """How many replicas when: `ceil(q[D(t + lead)] / goodput)`, q the quantile by the fractile of idle against miss.

    Never fewer than the demand of now takes, than `schedule` says of the hour, and than `least`; never more than
    `most`: what is beyond goes to `burst` (a deployment; "": refused, or falls back as the policy says). Up at once,
    down when the wish was lower for `stabilisation_s`. A replica takes `cold_start_s` to come; `lead_s` is that and the
    `interval_s` between looks. `target_in_flight` is per replica: more in flight than that is a wish as well.
    """

    use_case: str
    deployment: str
    goodput_rps: Figure
    quantile: Figure
    idle_usd_per_hour: Figure
    miss_usd_per_hour: Figure
    target_in_flight: Figure
    lead_s: Figure
    ahead: Ahead
    cold_start_s: float
    interval_s: float
    stabilisation_s: float
    least: int
    most: int
    schedule: tuple[Hour, ...] = ()
    period: Period = "day"
    burst: str = ""
    notes: tuple[str, ...] = ()


class Played(Noun, frozen=True, kw_only=True):
    """What a way of scaling would have done to a series: attainment is the share of requests within capacity.

    `replica_hours` are paid, starting included; `replicas_max` were on at once. `target` is what was tuned, if anything
    was: the utilisation of a reactive rule, the replicas of a static one.
    """

    name: str
    attainment: float
    replica_hours: float
    replicas_max: int
    burst_requests: float
    target: float | None = None


class Rehearsal(Noun, frozen=True, kw_only=True):
    """A rule on a series it was not fitted to, beside what it replaces at the same attainment.

    Savings are in replica-hours, as shares. `peak_static` is sized for the highest window of the fitted part;
    `static` and `reactive` are tuned on the very series, in hindsight, to the least that attains as much.
    `coverage` is the share of windows whose demand was at most the quantile forecast for it.
    """

    series: str
    step_s: float
    windows: int
    quantile: float
    coverage: float
    rule: Played
    peak_static: Played
    static: Played
    reactive: Played
    saving_vs_peak_static: float
    saving_vs_static: float
    saving_vs_reactive: float


class Work(Noun, frozen=True, kw_only=True):
    """Divisible work that may wait: `replica_hours` in hours `earliest` <= h < `deadline`."""

    name: str
    replica_hours: float
    deadline: int
    earliest: int = 0


class IdleHour(Noun, frozen=True, kw_only=True):
    """What is free in an hour: replicas, what using one costs on top, and the grid's carbon. None: not known."""

    hour: int
    replicas: float
    usd_per_replica_hour: float = 0.0
    gco2_per_kwh: float | None = None


class Placed(Noun, frozen=True, kw_only=True):
    """So much of a piece of work in one hour."""

    work: str
    hour: int
    replica_hours: float


class IdlePlan(Noun, frozen=True, kw_only=True):
    """Work in idle hours: as much as fits, at the least cost, and of equal costs with the least carbon.

    `unplaced` is what found no idle hour before its deadline. Carbon is in gCO2e for each kW that a replica draws more
    while it works than while it waits; None where an hour's grid is not known. `carbon` says what the choice rests on.
    """

    placed: tuple[Placed, ...]
    unplaced: dict[str, float]
    cost_usd: float
    gco2_per_kw: float | None
    earliest_gco2_per_kw: float | None
    carbon: str


class Decision(Noun, frozen=True, kw_only=True):
    """What the rule wants now, and why: the body of the webhook."""

    deployment: str
    use_case: str
    at_s: float
    replicas: int
    wish: int
    burst_rps: float
    demand_rps: float
    ahead_rps: float
    reason: str
