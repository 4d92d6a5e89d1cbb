"""Hybrid capacity: the owned base that a load curve is worth, and rent for what lies above it."""

from __future__ import annotations

import numpy as np

from breakeven.algebra import formula
from breakeven.algebra.amount import Amount, Array, amount, number
from breakeven.algebra.unit import UnitError
from breakeven.config.study.given import Given
from breakeven.config.study.option import Load, Mix
from breakeven.cost.hybrid.base import best_base
from breakeven.cost.hybrid.load import needed
from breakeven.cost.hybrid.mix import best_mix
from breakeven.cost.hybrid.offers import Commitment
from breakeven.errors import StudyError
from breakeven.study.context import Context
from breakeven.study.flow import Flow
from breakeven.study.known import Known, plain

MOST_CHOICES = 400
"""Owned bases compared for each draw; above that every so-many-th."""


def build(context: Context, stated: Mix) -> None:
    """`mix_owned` and `mix_burst`: the cheapest split of the load, its hours scaled to a month."""
    with context.scope.at(*context.path("mix", "load")):
        load = hourly(stated.load)
    burst = _hourly(context, stated.burst, "burst")
    if burst is None:
        context.unpriced.append("mix.burst")
        return
    if stated.ladder:
        _ladder(context, stated, load, burst)
        return
    own = _hourly(context, stated.own, "own")
    if own is None:
        context.unpriced.append("mix.own")
        return
    _base(context, stated, load, own, burst)


def hourly(stated: Load) -> Array:
    """The load by hour.

    Raises:
        UnitError: not exactly one form is given, or the formula does not come to a plain number an hour.
    """
    forms = [name for name in ("formula", "values", "duration") if getattr(stated, name)]
    if len(forms) != 1:
        message = f"a load has one of `formula`, `values` and `duration`, got {', '.join(forms) or 'none'}"
        raise UnitError(message, "state one of them")
    if stated.values:
        return np.array(stated.values, dtype=np.float64)
    if stated.duration:
        return np.repeat([load for _, load in stated.duration], [round(hours) for hours, _ in stated.duration])
    return _computed(stated)


def _computed(stated: Load) -> Array:
    hours = np.arange(stated.hours, dtype=np.float64).reshape(1, -1)
    tree = formula.parse(stated.formula)
    unknown = [name for name in formula.names(tree) if name != "h"]
    if unknown:
        message = f"a load formula knows `h`, the hour, and not `{unknown[0]}`"
        raise UnitError(message, "write numbers")
    found = formula.evaluate(tree, lambda _: number(hours)).values
    return np.array(np.broadcast_to(found, hours.shape)[0])


def _hourly(context: Context, given: Given | None, name: str) -> Known | None:
    """A price per unit of load and hour, whatever the unit is called."""
    price = context.priced(given, "mix", name)
    if price is None:
        return None
    left = [(dim, power) for dim, power in price.amount.dims if dim != context.scope.study.currency]
    if not any(dim in {"s", "month"} and power == -1 for dim, power in left) or len(left) > 2:  # noqa: PLR2004 - per unit, per time
        message = f"`mix.{name}` is {price.text}, and a price per unit and hour is needed"
        raise StudyError(message, f"write `1.38 {context.scope.study.currency}/unit/h`", path=context.path("mix", name))
    kept = tuple(
        (dim, power) for dim, power in price.amount.dims if dim in {context.scope.study.currency, "s", "month"}
    )
    return price.based(Amount(price.amount.values, kept), price.text)


def _base(context: Context, stated: Mix, load: Array, own: Known, burst: Known) -> None:
    headroom, spare = _margins(context, stated)
    hour = amount(1.0, context.scope.unit("h"))
    own_h, burst_h = ((price.amount * hour).values for price in (own, burst))
    found = best_base(load, float(own_h[0, 0]), float(burst_h[0, 0]), headroom, spare)
    need = needed(load, headroom)
    units = (
        np.array([[float(found.units)]]) if max(len(own_h), len(burst_h)) == 1 else _each(need, own_h, burst_h, spare)
    )
    spares = np.where(units > 0, float(spare), 0.0)
    over = _above(need, units) / len(need)
    _line(context, "mix_owned", own, units + spares, f"{found.units} + {spare} spare units x {own.text}")
    _line(context, "mix_burst", burst, over, f"{found.burst_unit_h:,.6g} unit-hours of {found.hours} x {burst.text}")
    figures = {
        "owned_units": float(found.units),
        "critical_fractile": found.critical_fractile,
        "quantile_units": found.quantile_units,
        "burst_hours_share": found.burst_hours / found.hours,
    }
    context.figures.update({name: plain(value) for name, value in figures.items()})
    costs = {
        "load_cost": found.cost_usd,
        "all_owned_cost": found.all_owned_usd,
        "all_burst_cost": found.all_burst_usd,
        "regret_of_one_more": found.regret_more_usd,
    }
    money = context.scope.unit(context.scope.study.currency)
    context.figures.update({name: Known(amount(value, money)) for name, value in costs.items()})


def _margins(context: Context, stated: Mix) -> tuple[float, int]:
    headroom = context.wanted(stated.headroom, "", "mix", "headroom")
    spare = context.read(stated.spare, "mix", "spare")
    with context.scope.at(*context.path("mix")):
        share, count = (0.0 if one is None else context.scope.single(one).amount.scalar for one in (headroom, spare))
    return share, round(count)


def _each(need: Array, own: Array, burst: Array, spare: int) -> Array:
    """The best base of every draw, among at most `MOST_CHOICES` spread over the load."""
    most = int(np.ceil(need.max()))
    choices = np.unique(np.round(np.linspace(0, most, min(most + 1, MOST_CHOICES))))
    over = _above(need, choices.reshape(1, -1)) / len(need)
    cost = own[:, :1] * (choices + spare * (choices > 0)) + burst[:, :1] * over
    return np.asarray(choices[np.argmin(cost, axis=1)].reshape(-1, 1))


def _above(need: Array, units: Array) -> Array:
    """Sum over the hours of what lies above each number of units."""
    ranked = np.sort(need)
    behind = np.concatenate((np.cumsum(ranked[::-1])[::-1], [0.0]))
    first = np.searchsorted(ranked, units, side="right")
    return np.asarray(behind[first] - units * (len(ranked) - first), dtype=np.float64)


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
    headroom, _ = _margins(context, stated)
    hour = amount(1.0, context.scope.unit("h"))
    prices = {rung.name: _rung(context, rung.price, at) for at, rung in enumerate(stated.ladder)}
    with context.scope.at(*context.path("mix", "ladder")):
        for price in (*prices.values(), burst):
            context.scope.single(price)
    offers = [
        Commitment(
            name=rung.name,
            usd_per_machine_h=(prices[rung.name].amount * hour).scalar,
            units_per_machine=rung.size,
            most=rung.most,
            term_periods=rung.term_periods,
        )
        for rung in stated.ladder
    ]
    found = best_mix(
        load,
        offers,
        on_demand_usd_per_unit_h=(burst.amount * hour).scalar,
        periods=stated.periods,
        headroom=headroom,
    )
    scale = context.scope.month(Known(number(1.0) / hour, (), "an hour")).amount.scalar / len(load)
    money = context.scope.unit(context.scope.study.currency)
    facts = tuple(dict.fromkeys(key for price in (*prices.values(), burst) for key in price.facts))
    for part in found.parts:
        name = f"mix_{part.name}".replace("-", "_")
        text = f"{part.name}: {part.cost_usd:,.2f} over {len(load):,} hours"
        monthly = np.array([[part.cost_usd * scale]])
        context.flows.append(
            Flow(name=name, part="mix", category="inference", formula=text, monthly=monthly, facts=facts)
        )
    context.figures["load_cost"] = Known(amount(found.cost_usd, money))
    context.figures["all_burst_cost"] = Known(amount(found.all_on_demand_usd, money))


def _rung(context: Context, given: Given, at: int) -> Known:
    price = context.priced(given, "mix", "ladder", at, "price")
    if price is None:
        message = f"rung {at + 1} of the ladder has no price"
        raise StudyError(message, "state it as `1.38 USD/unit/h`", path=context.path("mix", "ladder", at))
    kept = tuple(
        (dim, power) for dim, power in price.amount.dims if dim in {context.scope.study.currency, "s", "month"}
    )
    return price.based(Amount(price.amount.values, kept), price.text)
