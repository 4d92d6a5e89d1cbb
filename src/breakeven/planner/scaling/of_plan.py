"""What a plan's choice says of scaling: goodput, requests in flight, the cost of a replica-hour idle and missed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from breakeven.errors import EvidenceError
from breakeven.planner.scaling.rule import Ask
from breakeven.quantity import SECONDS_PER_MONTH
from breakeven.schema.deployment import Deployment, Pools
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Workload

HOUR_S = 3600.0
COLD_START_S = 300.0
"""Assumed where nobody states it: a machine that is there, and an image and weights that are not on it yet."""

GROUP = "a replica is a group of"
"""How a note of a rule begins that says what one replica is, where it is several instances."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What is stated beside a plan; None: derived from it, or assumed.

    `deployment`: its name in the gateway. `miss_usd`: what one request beyond capacity costs instead, an API's price
    or the value that is lost. `burst`: the deployment that takes what is beyond.
    """

    deployment: str = ""
    cold_start_s: float | None = None
    miss_usd: float | None = None
    goodput_rps: float | None = None
    interval_s: float = 60.0
    stabilisation_s: float = 300.0
    least: int = 1
    most: int | None = None
    burst: str | None = None


def ask_of(plan: Plan, given: Given = Given()) -> Ask:  # noqa: B008 - frozen
    """The plan's chosen option as the question for its scaling rule.

    Raises:
        EvidenceError: it scales by itself (an API), or the goodput of its replicas is not known.
    """
    option = next(option for option in plan.options if option.name == plan.chosen)
    if option.placement == "api":
        message = f"{plan.id} chose {option.name}, an API: it has no replicas to scale"
        raise EvidenceError(message, "scale a plan that chose a deployment of your own or a rented one")
    if option.placement in {"provisioned", "edge"}:
        what = (
            "units are bought for their term"
            if option.placement == "provisioned"
            else "devices are as many as there are"
        )
        message = f"{plan.id} chose {option.name}: {what}, and nothing starts or stops"
        raise EvidenceError(message, "scale what answers the rest by a plan of its own")
    goodput = _goodput(option, given)
    rate, burst = goodput.value or 0.0, cheapest_api(plan.options)
    idle = idle_usd_per_hour(option)
    return Ask(
        use_case=plan.use_case,
        deployment=given.deployment or option.deployment.id,
        goodput_rps=goodput,
        idle_usd_per_hour=idle,
        miss_usd_per_hour=_miss(rate, plan.workload, idle, burst, given),
        target_in_flight=_in_flight(option, plan.workload, rate),
        cold_start_s=_cold(given),
        attainment=plan.objective.attainment,
        interval_s=given.interval_s,
        stabilisation_s=given.stabilisation_s,
        least=given.least,
        most=_most(given, plan.workload, rate, option),
        note=replica_note(option.deployment),
        burst=given.burst if given.burst is not None else ("" if burst is None else burst.deployment.id),
    )


def replica_note(deployment: Deployment) -> str:
    """What one replica of the rule is, where prefill and decode are apart."""
    pools = deployment.pools
    if not isinstance(pools, Pools):
        return ""
    return (
        f"{GROUP} {pools.prefill} prefill and {pools.decode} decode instances of {deployment.tensor_parallel} "
        "accelerators each: scale them together, as one object"
    )


def _goodput(option: Option, given: Given) -> Figure:
    if given.goodput_rps is not None:
        return Figure(value=given.goodput_rps, unit="requests/s", basis="assumed", how="stated")
    found = None if option.performance is None else option.performance.max_goodput_rps
    if found is None or not found.value:
        message = f"what a replica of {option.name} sustains inside the targets is not known"
        raise EvidenceError(message, "state it with --goodput, in requests/s, or calibrate the deployment")
    return found


def _cold(given: Given) -> Figure:
    if given.cold_start_s is not None:
        return Figure(value=given.cold_start_s, unit="s", basis="measured", how="stated")
    note = f"a replica is assumed to take {COLD_START_S:g} s to start: measure it"
    return Figure(value=COLD_START_S, unit="s", basis="assumed", how="default", note=note)


def idle_usd_per_hour(option: Option) -> Figure:
    """What a replica costs in an hour whether it works or not: the fixed lines of the bill; None while unpriced."""
    fixed = [line for line in option.bill.lines if line.fixed]
    replicas = option.deployment.replicas
    if option.bill.unpriced or not fixed or replicas < 1:
        return Figure(value=None, unit="USD/replica/h", note="unpriced")
    total = sum(line.amount_usd for line in fixed)
    return Figure(
        value=total / option.bill.hours_per_month / replicas,
        unit="USD/replica/h",
        basis="derived",
        how=f"{total:.2f} USD a month fixed / {option.bill.hours_per_month:g} h / {replicas} replicas",
        facts=tuple(dict.fromkeys(fact for line in fixed for fact in line.facts)),
    )


def cheapest_api(options: Iterable[Option]) -> Option | None:
    """The API with the least monthly cost among those that keep the targets; None without a priced one."""
    found = [one for one in options if one.placement == "api" and one.feasible and one.monthly_cost_usd is not None]
    return min(found, key=lambda one: (one.monthly_cost_usd or 0.0, one.name), default=None)


def _miss(goodput_rps: float, workload: Workload, idle: Figure, burst: Option | None, given: Given) -> Figure:
    """What it costs beyond a replica to serve its hour's demand elsewhere; never below 0."""
    monthly = workload.rate_mean_rps * SECONDS_PER_MONTH
    each, how, facts = given.miss_usd, "stated", tuple[str, ...]()
    if each is None and burst is not None and burst.monthly_cost_usd is not None and monthly > 0:
        each, how = burst.monthly_cost_usd / monthly, f"at {burst.name}"
        facts = tuple(dict.fromkeys(fact for line in burst.bill.lines for fact in line.facts))
    if each is None or idle.value is None:
        return Figure(
            value=None, unit="USD/replica/h", note="no API keeps the targets, and no price of a miss is stated"
        )
    hourly = goodput_rps * HOUR_S * each
    return Figure(
        value=max(0.0, hourly - idle.value),
        unit="USD/replica/h",
        basis="derived" if facts else "assumed",
        how=f"{goodput_rps:.4g} requests/s x 3600 s x {each:.6g} USD {how} = {hourly:.6g}, less the replica's own cost",
        facts=facts,
    )


def _in_flight(option: Option, workload: Workload, goodput_rps: float) -> Figure:
    """Little's law: the time in the system at the planned load x the rate a replica sustains."""
    speed = option.performance
    if speed is None or not speed.in_flight_mean > 0 or not workload.rate_mean_rps > 0:
        return Figure(value=None, unit="requests", note="requests in flight at the plan's load are not known")
    within_s = speed.in_flight_mean / workload.rate_mean_rps
    how = f"{within_s:.4g} s in the system at the planned load x {goodput_rps:.4g} requests/s"
    note = "at its goodput a replica holds more, as answers slow down: this scales up early"
    return Figure(value=within_s * goodput_rps, unit="requests", basis="derived", how=how, note=note)


def _most(given: Given, workload: Workload, goodput_rps: float, option: Option) -> int:
    """Twice what the highest observed rate takes, and no less than the plan has, unless stated."""
    if given.most is not None:
        return given.most
    peak = int(2 * workload.rate_max_rps / goodput_rps) + 1 if goodput_rps > 0 else 1
    return max(peak, option.deployment.replicas, given.least)
