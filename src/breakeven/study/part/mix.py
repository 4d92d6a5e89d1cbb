"""Hybrid capacity: the owned base that a load curve is worth, and rent for what lies above it."""

from __future__ import annotations

import math
from functools import reduce

import numpy as np

from breakeven.algebra.amount import Amount, Array, amount, number
from breakeven.algebra.unit import require
from breakeven.config.study.given import Given
from breakeven.config.study.option import Mix
from breakeven.cost.hybrid.load import needed
from breakeven.cost.hybrid.mix import best_mix
from breakeven.cost.hybrid.offers import Commitment
from breakeven.cost.hybrid.offers import Mix as Cheapest
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT
from breakeven.study.context import Context
from breakeven.study.demand import SCALE
from breakeven.study.fleet import TIMES
from breakeven.study.flow import Flow
from breakeven.study.known import Known
from breakeven.study.part.load import hourly
from breakeven.study.reading import dotted

TIE = 1e-12
"""Relative difference below which owning one more is worth nothing: then the smaller purchase is the answer."""
MONEY = frozenset({"load_cost", "all_owned_cost", "all_burst_cost", "regret_of_one_more"})
"""Figures of the whole load in the study's currency; the others are plain numbers."""


def build(context: Context, stated: Mix) -> None:
    """`mix_owned` and `mix_burst`: the cheapest split of the load, its hours scaled to a month."""
    _pointless(context, stated)
    with context.scope.at(*context.path("mix", "load")):
        load = hourly(stated.load)
        need = needed(load, _headroom(context, stated))
    if context.scope.study.demand.growth is not None:
        told = f"option `{context.name}`: the load of its mix stands for the whole horizon and does not grow"
        context.scope.warnings[told] = None
    burst = _hourly(context, stated.burst, "burst")
    own = None if stated.ladder else _hourly(context, stated.own, "own")
    if burst is None:
        context.unpriced.append("mix.burst")
    elif stated.ladder:
        _ladder(context, stated, load, burst)
    elif own is None:
        context.unpriced.append("mix.own")
    else:
        _base(context, stated, need, own, burst)


def _pointless(context: Context, stated: Mix) -> None:
    """Raise where something is stated that the other way to find a mix would need."""
    fields, told = (("own", "spare"), "has a") if stated.ladder else (("periods",), "has no")
    wrong = [field for field in fields if field in stated.model_fields_set]
    if wrong:
        message = f"`mix.{wrong[0]}` of option `{context.name}` has no meaning: the mix {told} `ladder:`"
        raise StudyError(message, f"leave out `{wrong[0]}:`", path=context.path("mix", wrong[0]))


def _hourly(context: Context, given: Given | None, *where: str | int) -> Known | None:
    """A price per unit of load and hour, whatever the unit is called."""
    price = context.priced(given, "mix", *where)
    if price is None:
        return None
    currency, dims = context.scope.study.currency, price.amount.dims
    per = [(dim, power) for dim, power in dims if dim != currency]
    timed = sum(dim in TIMES for dim, _ in per)
    if (currency, 1) not in dims or timed != 1 or len(per) > 2 or any(power != -1 for _, power in per):  # noqa: PLR2004 - per unit, per time
        message = f"`{dotted(('mix', *where))}` is {price.text}, and a price per unit and hour is needed"
        raise StudyError(message, f"write `1.38 {currency}/unit/h`", path=context.path("mix", *where))
    kept = Amount(price.amount.values, tuple((dim, power) for dim, power in dims if dim in {currency, *TIMES}))
    with context.scope.at(*context.path("mix", *where)):
        kept.to(context.scope.unit(f"{currency}/h"), price.text)
    return price.based(kept, price.text)


def _per_hour(context: Context, price: Known) -> Array:
    """(draws or 1, 1) a price an hour, of month 1."""
    return price.amount.to(context.scope.unit(f"{context.scope.study.currency}/h"))[:, :1]


def _base(context: Context, stated: Mix, need: Array, own: Known, burst: Known) -> None:
    spare, hours = _spare(context, stated), len(need)
    prices = (_per_hour(context, own), _per_hour(context, burst))
    scales = context.scope.drawn.get(SCALE)
    need = np.sort(need)
    found = _figures(need, *prices, spare) if scales is None else _at_each(scales, need, *prices, spare)
    units, burst_unit_h = found["owned_units"], found.pop("burst_unit_h")
    told = f"{float(units[0, 0]):g} + {spare} spare units x {own.text}"
    _line(context, "mix_owned", own, _owned(units, spare), told)
    told = f"{float(burst_unit_h[0, 0]):,.6g} unit-hours of {hours} x {burst.text}"
    _line(context, "mix_burst", burst, burst_unit_h / hours, told)
    both, money = own.resting_on(burst), context.scope.unit(context.scope.study.currency)
    for name, values in found.items():
        known = amount(values, money) if name in MONEY else number(values)
        context.figures[name] = both.based(known, "")


def _at_each(scales: Array, need: Array, own: Array, burst: Array, spare: int) -> dict[str, Array]:
    """The figures at multiples of the demand, a row each."""
    own, burst = (np.broadcast_to(price, (len(scales), 1)) for price in (own, burst))
    rows = [_figures(need * scale, own[at : at + 1], burst[at : at + 1], spare) for at, scale in enumerate(scales.flat)]
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _figures(need: Array, own: Array, burst: Array, spare: int) -> dict[str, Array]:
    """What the best base of ascending needs comes to; prices an hour have a row a draw."""
    units = best_units(need, own, burst, spare)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        fractile = np.where(burst > own, 1 - own / burst, 0.0)
    best, more, everything, nothing = (
        own * _owned(count, spare) * len(need) + burst * _above(need, count)
        for count in (units, units + 1, np.ceil(need[-1:]).reshape(1, 1), np.zeros((1, 1)))
    )
    return {
        "owned_units": units,
        "burst_unit_h": _above(need, units),
        "critical_fractile": fractile,
        "quantile_units": np.where(fractile > 0, np.quantile(need, fractile), 0.0),
        "burst_hours_share": 1 - np.searchsorted(need, units, side="right") / len(need),
        "load_cost": best,
        "all_owned_cost": everything,
        "all_burst_cost": nothing,
        "regret_of_one_more": more - best,
    }


def _headroom(context: Context, stated: Mix) -> float:
    found = context.within(stated.headroom, COUNT, "", "mix", "headroom")
    with context.scope.at(*context.path("mix", "headroom")):
        return 0.0 if found is None else context.scope.single(found).amount.scalar


def _spare(context: Context, stated: Mix) -> int:
    """Whole units that stand by, in the unit that owning is priced per."""
    path = context.path("mix", "spare")
    found = context.scope.within(context.read(stated.spare, "mix", "spare"), COUNT, *path)
    own = context.read(stated.own, "mix", "own")
    if found is None or own is None:
        return 0
    unit = tuple((dim, 1) for dim, power in own.amount.dims if power < 0 and dim not in TIMES)
    with context.scope.at(*path):
        if found.amount.dims:
            require("`mix.spare`", found.amount.dims, unit)
        count = context.scope.single(found).amount.scalar
    if not count.is_integer():
        message = f"{found.text} stand by, and units are owned whole"
        raise StudyError(message, f"write `{math.ceil(count)}`", path=path)
    return round(count)


def best_units(need: Array, own: Array, burst: Array, spare: int) -> Array:
    """(draws or 1, 1) the whole number of owned units that costs least at the hourly prices of each draw.

    Burst falls by less with each further unit, so that units are owned while the next one saves more than it costs;
    the cost bends at the needs alone, which ascend. Of equal optima the smallest.
    """
    choices = _choices(need)
    saved = np.minimum.accumulate(-np.diff(_above(need, choices)) / np.diff(choices))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        worth = np.where(burst > 0, own / burst, np.inf) * len(need) * (1 + TIE)
    units = choices[np.searchsorted(-saved, -worth)]
    with_spares = own * _owned(units, spare) * len(need) + burst * _above(need, units)
    return np.where(burst * need.sum() > with_spares * (1 + TIE), units, 0.0)


def _choices(need: Array) -> Array:
    """Whole units worth comparing: all of them, or those beside a need where these are fewer."""
    most = math.ceil(need[-1])
    if most <= 2 * len(need):
        return np.arange(most + 1, dtype=np.float64)
    return np.unique(np.concatenate(([0.0], np.floor(need), np.ceil(need))))


def _owned(units: Array, spare: int) -> Array:
    """Units and those that stand by; nothing stands by where nothing is owned."""
    return np.where(units > 0, units + spare, 0.0)


def _above(need: Array, units: Array) -> Array:
    """Sum over the ascending needs of what lies above each number of units."""
    behind = np.concatenate((np.cumsum(need[::-1])[::-1], [0.0]))
    first = np.searchsorted(need, units, side="right")
    return np.asarray(np.maximum(0.0, behind[first] - units * (len(need) - first)), dtype=np.float64)


def _line(context: Context, name: str, price: Known, units: Array, text: str) -> None:
    whole = context.scope.month(price.based(price.amount * number(units), text))
    context.flows.append(
        Flow(
            name=name,
            part="mix",
            category="inference",
            formula=text,
            monthly=whole.amount.values,
            fixed=name == "mix_owned",
            basis=price.basis,
            facts=price.facts,
        )
    )


def _ladder(context: Context, stated: Mix, load: Array, burst: Known) -> None:
    found = [_hourly(context, rung.price, "ladder", at, "price") for at, rung in enumerate(stated.ladder)]
    prices = [price for price in found if price is not None]
    if len(prices) < len(found):
        return
    with context.scope.at(*context.path("mix", "ladder")):
        for price in (*prices, burst):
            context.scope.single(price)
        offers = [
            Commitment(
                name=rung.name,
                usd_per_machine_h=float(_per_hour(context, price)[0, 0]),
                units_per_machine=rung.size,
                most=rung.most,
                term_periods=rung.term_periods,
            )
            for rung, price in zip(stated.ladder, prices, strict=True)
        ]
        mix = best_mix(
            load,
            offers,
            on_demand_usd_per_unit_h=float(_per_hour(context, burst)[0, 0]),
            periods=stated.periods,
            headroom=_headroom(context, stated),
        )
    _parts(context, mix, len(load), reduce(Known.resting_on, prices, burst))


def _parts(context: Context, mix: Cheapest, hours: int, all_of: Known) -> None:
    """A line for each source, its hours scaled to a month; `all_of` rests on every price."""
    hour = amount(1.0, context.scope.unit("h"))
    scale = context.scope.month(Known(number(1.0) / hour, (), "an hour")).amount.scalar / hours
    money = context.scope.unit(context.scope.study.currency)
    for part in mix.parts:
        context.flows.append(
            Flow(
                name=f"mix_{part.name}",
                part="mix",
                category="inference",
                formula=f"{part.name}: {part.cost_usd:,.2f} over {hours:,} hours",
                monthly=np.array([[part.cost_usd * scale]]),
                basis=all_of.basis,
                facts=all_of.facts,
            )
        )
    context.figures["load_cost"] = all_of.based(amount(mix.cost_usd, money), "")
    context.figures["all_burst_cost"] = all_of.based(amount(mix.all_on_demand_usd, money), "")
