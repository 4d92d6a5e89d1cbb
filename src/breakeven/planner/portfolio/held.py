"""A mix as it will be held: what fills first, what each part carries at other loads, and what the mix promises.

The gateway asks the parts in order: what is committed, the cheapest further request first, then spot, what is rented by
the hour, and the API; the next part gets what the one before cannot answer inside the targets. At the observed load a
part's share and money are the portfolio's. An interval of a share spans two dispatches in that order: every part as
slow as its goodput's interval says and the demand high; and every part as fast, its spares serving too, and the demand
low. Speeds err together there, since the parts share a model and its coefficients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from breakeven.planner.portfolio.load import Array, Duration
from breakeven.planner.portfolio.worth import saves
from breakeven.planner.promise import LEAST_SHARE, charged_monthly_usd, rate_error
from breakeven.planner.question import FACTORS
from breakeven.quantity import HOURS_PER_MONTH
from breakeven.schema.noun import Figure
from breakeven.schema.plan import MIX, Mix, MixLevel, Option, Plan, Promise
from breakeven.schema.portfolio import Part, Portfolio, UnitKind

SHARE, MONTHLY = "share_of_requests", "monthly_cost_usd"
"""What is promised of each part."""
_LAST: tuple[UnitKind, ...] = ("spot", "on_demand", "api")
"""The order of what follows the load; what is held all month comes before."""


class Bounds(NamedTuple):
    """The least and the most of a figure, each None where nothing gives it."""

    low: float | None
    high: float | None


def held(plan: Plan, load: Duration, used_share: float | None) -> Mix | None:
    """The plan's portfolio as a mix that can be enacted; None where it has fewer than two parts.

    `load` is what the portfolio was made for; `used_share` the share of answers in budget that are useful, if known.
    """
    found = plan.portfolio
    if found is None or len(found.parts) < 2:  # noqa: PLR2004 - one part is no mix
        return None
    options = {option.name: option for option in plan.options}
    ordered = in_order(found, options)
    return Mix(
        order=tuple(part.name for part in ordered),
        cheaper=saves(found, plan),
        levels=levels(ordered, options, load),
        promises=promised(plan, ordered, load, used_share),
    )


def in_order(found: Portfolio, options: Mapping[str, Option]) -> tuple[Part, ...]:
    """The parts as they fill: what is paid for anyhow before what is paid by use."""
    worth = found.cost_per_useful_prediction_usd or 0.0
    used = {line.name: line.amount_usd for line in found.bill.lines}

    def rank(place: int) -> tuple[int, float, int]:
        part = found.parts[place]
        if not part.committed:
            return 1 + _LAST.index(part.kind), 0.0, place
        further = used.get(f"{part.name}: use", 0.0) / part.requests if part.requests > 0 else np.inf
        return 0, further - worth * (options[part.name].useful_share or 1.0), place

    return tuple(found.parts[place] for place in sorted(range(len(found.parts)), key=rank))


def filled(load: Duration, capacity_rps: Sequence[float]) -> tuple[float, ...]:
    """Shares of the requests that parts of these capacities serve, filled in their order."""
    rest, served = load.rate_rps, list[Array]()
    for most in capacity_rps:
        served.append(np.minimum(rest, most))
        rest = rest - served[-1]
    total = load.requests
    return tuple(float(rate @ load.requests_per_rps) / total if total else 0.0 for rate in served)


def levels(ordered: Sequence[Part], options: Mapping[str, Option], load: Duration) -> tuple[MixLevel, ...]:
    """What each part serves at low, medium and peak load with the replicas of the mix; medium is the portfolio's."""
    found = []
    for name, factor in FACTORS.items():
        scaled = load.scaled(factor)
        shares = filled(scaled, [_capacity(part, options[part.name]) for part in ordered])
        if factor == 1.0:
            shares = tuple(part.share for part in ordered)
        named = tuple((part.name, share) for part, share in zip(ordered, shares, strict=True))
        beyond = max(0.0, 1.0 - sum(shares))
        found.append(MixLevel(name=name, factor=factor, rate_rps=scaled.mean_rps, shares=named, beyond=beyond))
    return tuple(found)


End = Literal["point", "low", "high"]


def _capacity(part: Part, option: Option, end: End = "point") -> float:
    """Requests/s of a part: as predicted, at the low end of its interval, or at the high one with its spares."""
    if part.kind == "api":
        return np.inf
    speed = option.performance
    goodput = None if speed is None else speed.max_goodput_rps
    if goodput is None or goodput.value is None:
        return 0.0
    bound = {"point": goodput.value, "low": goodput.low, "high": goodput.high}[end]
    serving = max(0, part.replicas - (0 if end == "high" else option.spare_replicas))
    return serving * (goodput.value if bound is None else bound)


def promised(plan: Plan, ordered: Sequence[Part], load: Duration, used_share: float | None) -> tuple[Promise, ...]:
    """Cost, money and attainment of the mix, then share and money of each part."""
    options = {option.name: option for option in plan.options}
    shares = share_bounds(ordered, options, load, rate_error(plan.workload))
    money = {part.name: _money(part, options[part.name], shares[part.name]) for part in ordered}
    total, attained = _summed(list(money.values())), _attained(ordered, options)
    whole = {**_unit_costs(plan, total, attained, used_share), MONTHLY: total, "goodput_share": attained}
    lines = [(MIX, metric, figure) for metric, figure in whole.items()]
    for part in ordered:
        named = options[part.name].deployment.id
        lines += [(named, SHARE, _share(part, shares[part.name])), (named, MONTHLY, money[part.name])]
    return tuple(
        Promise(metric=metric, predicted=figure, use_case=plan.use_case, deployment=named)
        for named, metric, figure in lines
        if figure.value is not None
    )


def share_bounds(
    ordered: Sequence[Part], options: Mapping[str, Option], load: Duration, luck: float
) -> dict[str, Bounds]:
    """The interval of each part's share; without one where the goodput of a part before or of it has none."""
    slow = filled(load.scaled(1 + luck), [_capacity(part, options[part.name], "low") for part in ordered])
    fast = filled(load.scaled(1 - luck), [_capacity(part, options[part.name], "high") for part in ordered])
    found, sure = dict[str, Bounds](), True
    for part, least, most in zip(ordered, slow, fast, strict=True):
        sure = sure and _bounded(part, options[part.name])
        ends = (least, most, part.share)
        found[part.name] = Bounds(min(ends), max(ends)) if sure else Bounds(None, None)
    return found


def _bounded(part: Part, option: Option) -> bool:
    speed = option.performance
    return part.kind == "api" or (speed is not None and speed.max_goodput_rps.low is not None)


def _share(part: Part, bounds: Bounds) -> Figure:
    return Figure(
        value=part.share,
        unit="share",
        basis="derived",
        low=bounds.low,
        high=bounds.high,
        how="its part of the load-duration curve, filled in the mix's order",
        note="" if bounds.low is not None else "no interval: a goodput before it has none",
    )


def _money(part: Part, option: Option, bounds: Bounds) -> Figure:
    """USD a month as the ledger charges it: capacity at its rent, so that allowances of the bill are left out."""
    charged, listed = charged_monthly_usd(option), option.monthly_cost_usd
    ratio = charged / listed if charged is not None and listed else 1.0
    value = part.monthly_usd * ratio
    low, high = (
        (value, value)
        if part.committed
        else _by_use(part, value, bounds, (charged or 0.0) / max(1, option.deployment.replicas))
    )
    return Figure(
        value=value,
        unit="USD",
        basis="derived",
        low=low,
        high=high,
        how=f"{part.monthly_usd:,.6g} USD a month in the mix x {ratio:.4g} that the ledger charges",
        facts=tuple(sorted({key for line in option.bill.lines for key in line.facts})),
        note="the most is that all its replicas are up all month" if part.unit_hours and not part.committed else "",
    )


def _by_use(part: Part, value: float, bounds: Bounds, replica_usd: float) -> tuple[float | None, float | None]:
    """What follows the load, at the bounds of its share; what is rented by the hour is at most up all month."""
    if bounds.low is None or bounds.high is None or not part.share:
        return None, None
    low, high = value * bounds.low / part.share, value * bounds.high / part.share
    if part.unit_hours:
        high = max(value, replica_usd * part.replicas)
    return low, high


def _summed(figures: Sequence[Figure]) -> Figure:
    """The mix's month: the sum of its parts; an end that one part lacks is not known."""
    lows, highs = [one.low for one in figures], [one.high for one in figures]
    return Figure(
        value=sum(one.value or 0.0 for one in figures),
        unit="USD",
        basis="derived",
        low=None if None in lows else sum(low for low in lows if low is not None),
        high=None if None in highs else sum(high for high in highs if high is not None),
        how="sum of the parts",
        facts=tuple(sorted({key for one in figures for key in one.facts})),
        note="" if None not in lows else "no interval: a part has none",
    )


def _attained(ordered: Sequence[Part], options: Mapping[str, Option]) -> Figure:
    """The parts' attainment by their shares."""
    values, lows, highs = [0.0], list[float | None](), list[float | None]()
    for part in ordered:
        speed = options[part.name].performance
        reached = Figure(value=1.0, unit="share") if speed is None else speed.goodput_share
        one = 1.0 if reached.value is None else reached.value
        values.append(part.share * one)
        lows.append(part.share * (one if reached.low is None else reached.low))
        highs.append(part.share * (one if reached.high is None else reached.high))
    return Figure(
        value=min(1.0, sum(values)),
        unit="share",
        basis="derived",
        low=min(1.0, sum(low for low in lows if low is not None)),
        high=min(1.0, sum(high for high in highs if high is not None)),
        how="attainment of each part x its share",
    )


def _unit_costs(plan: Plan, total: Figure, attained: Figure, used_share: float | None) -> dict[str, Figure]:
    found = {"cost_per_1000_in_budget_usd": _unit_cost(plan, total, attained, (1000.0, 1.0))}
    if used_share is not None:
        found["cost_per_useful_prediction_usd"] = _unit_cost(plan, total, attained, (1.0, used_share))
    return found


def _unit_cost(plan: Plan, total: Figure, attained: Figure, of: tuple[float, float]) -> Figure:
    """USD per so many predictions of which a share counts; the ends are those of money, attainment and demand."""
    per, used = of
    requests, luck = plan.workload.rate_mean_rps * HOURS_PER_MONTH * 3600.0, rate_error(plan.workload)
    if total.value is None or not attained.value or not requests or not used:
        return Figure(value=None, unit="USD", note="unpriced, or no predictions to share the cost")
    least = max(attained.low or 0.0, LEAST_SHARE) * used * requests * max(1 - luck, 1e-9)
    most = min(1.0, attained.high or 1.0) * used * requests * (1 + luck)
    return Figure(
        value=per * total.value / (requests * attained.value * used),
        unit="USD",
        basis="derived",
        low=None if total.low is None else per * total.low / most,
        high=None if total.high is None else per * total.high / least,
        how=f"{per:g} x month of the mix / ({requests:,.6g} requests x {attained.value * used:.4g})",
        facts=total.facts,
        note=total.note or "compared at the use case's whole rate",
    )
