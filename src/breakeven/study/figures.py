"""The figures of an option that results, rules and expectations may name: `own.capex`, `api.cost_per_request`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from breakeven.algebra.amount import Amount, amount
from breakeven.algebra.unit import shown
from breakeven.errors import StudyError
from breakeven.study.bound import AbsentError, UnpricedError
from breakeven.study.costed import Costed
from breakeven.study.known import Known
from breakeven.study.leaving import leaving
from breakeven.study.scope import Scope
from breakeven.study.strain import overloaded


class Spec(NamedTuple):
    """How a figure is computed, the unit it is shown in (CUR is the study's currency), and what it means."""

    compute: Callable[[Costed], Known | None]
    unit: str
    meaning: str


def figure(costed: Costed, name: str) -> Known:
    """A figure by name; `lines.NAME` is month 1 of a line or part.

    Raises:
        StudyError: the option has no such figure.
    """
    if name.startswith("lines."):
        return _line(costed, name.removeprefix("lines."))
    if name in OF_MONEY:
        need_prices(costed, f"{costed.name}.{name}")
    found = FIGURES[name].compute(costed) if name in FIGURES else costed.context.figures.get(name)
    if found is None:
        known = ", ".join(sorted({*FIGURES, *costed.context.figures}))
        message = f"option `{costed.name}` has no figure `{name}`"
        raise AbsentError(message, f"it may have {known}, or lines.NAME; some need demand or capacity to be stated")
    return found


def need_prices(costed: Costed, asked: str) -> None:
    """Nothing where every part of an option has a price.

    Raises:
        UnpricedError: one has none, so that a sum would be too low.
    """
    if costed.context.unpriced:
        missing = ", ".join(dict.fromkeys(costed.context.unpriced))
        message = f"`{asked}` is unpriced: option `{costed.name}` has no price for {missing}"
        raise UnpricedError(message, "state the price, or leave the option out of what is compared")


def unit_of(costed: Costed, name: str, found: Known) -> str:
    """The unit a figure is shown in: its own, or the first of the usual ones that fits; its own where none does."""
    stated = [FIGURES[name].unit] if name in FIGURES else []
    fitting = shown_in(costed.context.scope, found, [*stated, *USUAL])
    return fitting or (stated[0] if stated and found.amount.dims else "")


def shown_in(scope: Scope, found: Known, choices: list[str]) -> str:
    """The first unit among the choices that fits a quantity; empty for base units."""
    for text in choices:
        unit = scope.unit(text.replace("CUR", scope.study.currency))
        if unit.dims == found.amount.dims:
            return unit.text
    return ""


def base_unit(found: Known) -> str:
    """The unit that a quantity is kept in; none for a plain number."""
    return shown(found.amount.dims) if found.amount.dims else ""


USUAL = [
    "",
    "CUR",
    "CUR/month",
    "CUR/h",
    "month",
    "Mtok/month",
    "request/month",
    "CUR/Mtok",
    "CUR/request",
    "kWh/month",
]


def _line(costed: Costed, name: str) -> Known:
    found = [flow for flow in costed.flows if name in {flow.name, flow.part}]
    if not found:
        need_prices(costed, f"{costed.name}.lines.{name}")
        message = f"option `{costed.name}` has no line `{name}`"
        raise StudyError(message, f"its lines are {', '.join(flow.name for flow in costed.flows)}")
    facts = tuple(dict.fromkeys(key for flow in found for key in flow.facts))
    if all(flow.monthly is None for flow in found):
        paid = sum((flow.cash(costed.horizon).sum(axis=1) for flow in found), np.zeros(1))
        return Known(costed.money(paid).amount, facts, name)
    months = sum((costed.months_of(flow) for flow in found), np.zeros(1))
    return Known(costed.money(months, per="month").amount, facts, name)


def _served(name: str) -> Callable[[Costed], Known | None]:
    return lambda costed: costed.context.fleet.served(name)


def _count(name: str) -> Callable[[Costed], Known | None]:
    return lambda costed: costed.context.fleet.count(name)


def _own(name: str) -> Callable[[Costed], Known | None]:
    return lambda costed: costed.context.figures.get(name)


def _carried(thing: str) -> Callable[[Costed], Known | None]:
    """What the fleet carries in the hours it is used."""

    def found(costed: Costed) -> Known | None:
        whole = costed.context.fleet.capacity(thing)
        return None if whole is None else whole * costed.context.fleet.used_share

    return found


def mean(flow: Known) -> Known:
    """A flow's mean over the months."""
    values = flow.amount.values.mean(axis=1, keepdims=True)
    return flow.based(Amount(values, flow.amount.dims), flow.text)


def _over(
    one: Callable[[Costed], Known | None], other: Callable[[Costed], Known | None]
) -> Callable[[Costed], Known | None]:
    """One figure's mean over another's; None where either is not known, or there is none of the other."""

    def found(costed: Costed) -> Known | None:
        above, below = one(costed), other(costed)
        if above is None or below is None or not np.any(below.amount.values):
            return None
        return mean(above) / mean(below)

    return found


def levelled(costed: Costed, flow: Known) -> Known:
    """The same amount in every month, worth as much as the flow at the study's discount rate."""
    factors = costed.factors[:, 1:]
    values = (flow.amount.values * factors).sum(axis=1) / factors.sum(axis=1)
    return flow.based(Amount(values.reshape(-1, 1), flow.amount.dims), flow.text)


def first(costed: Costed, flow: Known) -> Known:
    """A flow's month 1."""
    del costed
    return flow.based(Amount(flow.amount.values[:, :1], flow.amount.dims), flow.text)


def _price(
    one: Callable[[Costed], Known | None],
    other: Callable[[Costed], Known | None],
    of: Callable[[Costed, Known], Known] = levelled,
) -> Callable[[Costed], Known | None]:
    """Money per what is served; nan where the fleet cannot serve it, rather than a price that is too low.

    The annuity is worth the present cost, so what it is divided by is discounted alike: a price that stays the same is
    its own level, however the demand grows. A month's cost is divided by that month's demand.
    """

    def found(costed: Costed) -> Known | None:
        above, below = one(costed), other(costed)
        if above is None or below is None or not np.any(below.amount.values):
            return None
        known, lacking = above / of(costed, below), overloaded(costed)
        if not lacking.any():
            return known
        values = np.where(lacking.reshape(-1, 1), np.nan, known.amount.values)
        return known.based(Amount(values, known.amount.dims), known.text)

    return found


def _return(costed: Costed) -> Known | None:
    """What the useful predictions are worth over what they cost, both level."""
    found = _value(costed)
    return None if found is None or not costed.annuity.any() else levelled(costed, found) / _annuity(costed)


def _annuity(costed: Costed) -> Known:
    return costed.money(costed.annuity, per="month")


def _accounting(costed: Costed) -> Known:
    return costed.money(np.array([costed.accounting_month]), per="month")


def _utilised(costed: Costed) -> Known | None:
    stated, carried = costed.context.fleet.read("utilisation", ""), _carried("token")(costed)
    return carried if carried is None or stated is None else carried * stated


def _in_use(costed: Costed) -> Known | None:
    """Share of the fleet's capacity that demand takes."""
    tokens = _over(_served("tokens"), _carried("token"))(costed)
    return tokens if tokens is not None else _over(_served("requests"), _carried("request"))(costed)


def _value(costed: Costed) -> Known | None:
    found, share = costed.context.demand.flow("value"), costed.context.fleet.share
    return found if found is None or share is None else found * share


def _embodied(costed: Costed) -> Known | None:
    """Carbon made with the hardware, a month of its life (of the horizon, where no life is known)."""
    made, life = costed.context.figures.get("embodied"), costed.context.figures.get("life_months")
    if made is None:
        return None
    months = costed.horizon if life is None else life.amount.scalar
    return made / Known(amount(float(months), costed.context.scope.unit("month")), (), f"{months:g} months")


def _category(name: str) -> Callable[[Costed], Known | None]:
    def found(costed: Costed) -> Known | None:
        chosen = [flow.cash(costed.horizon).sum(axis=1) for flow in costed.flows if flow.category == name]
        return costed.money(sum(chosen, np.zeros(1))) if chosen else None

    return found


FIGURES: Mapping[str, Spec] = {
    "capex": Spec(lambda one: one.money(one.capital), "CUR", "paid in month 0"),
    "residual": Spec(lambda one: one.money(one.residual), "CUR", "income from resale"),
    "first_month": Spec(lambda one: one.money(one.first_month, per="month"), "CUR/month", "recurring cash of month 1"),
    "total": Spec(lambda one: one.money(one.total), "CUR", "cash over the horizon"),
    "present": Spec(lambda one: one.money(one.present), "CUR", "present cost over the horizon"),
    "annuity": Spec(_annuity, "CUR/month", "level monthly amount worth the present cost"),
    "accounting_month": Spec(_accounting, "CUR/month", "month 1 with depreciation in place of the purchase"),
    "depreciation_month": Spec(
        lambda one: one.money(one.depreciation[:1], per="month"), "CUR/month", "depreciation of month 1"
    ),
    "inference": Spec(_category("inference"), "CUR", "lines of category inference over the horizon, capital aside"),
    "training": Spec(_category("training"), "CUR", "lines of category training over the horizon"),
    "servers": Spec(_count("server"), "server", "servers, spare ones included"),
    "accelerators": Spec(_count("accelerator"), "accelerator", "accelerators, those of spare servers included"),
    "accelerators_needed": Spec(
        lambda one: one.context.fleet.needed, "accelerator", "accelerators that the instances take"
    ),
    "instances": Spec(_count("instance"), "instance", "instances of the model"),
    "peak_rate": Spec(lambda one: one.context.demand.peak_rate, "request/s", "requests in the busiest hour"),
    "requests": Spec(_served("requests"), "request/month", "requests served"),
    "tokens": Spec(_served("tokens"), "Mtok/month", "tokens served, input and output"),
    "useful": Spec(_served("useful"), "useful_prediction/month", "useful predictions"),
    "capacity_requests": Spec(_carried("request"), "request/month", "requests the fleet carries in its used hours"),
    "capacity_tokens": Spec(_carried("token"), "Mtok/month", "tokens the fleet carries in its used hours"),
    "used_of_capacity": Spec(_in_use, "%", "demand / capacity"),
    "cost_per_request": Spec(
        _price(_annuity, _served("requests")), "CUR/1000 request", "level price: annuity / requests, discounted alike"
    ),
    "cost_per_token": Spec(_price(_annuity, _served("tokens")), "CUR/Mtok", "level price of tokens served"),
    "cost_per_useful": Spec(
        _price(_annuity, _served("useful")), "CUR/1000 useful_prediction", "level price of useful predictions"
    ),
    "cost_per_capacity_token": Spec(
        _price(_annuity, _utilised), "CUR/Mtok", "level price of (token capacity x fleet.utilisation)"
    ),
    "accounting_per_request": Spec(
        _price(_accounting, _served("requests"), first), "CUR/1000 request", "accounting month 1 / its requests"
    ),
    "accounting_per_token": Spec(
        _price(_accounting, _served("tokens"), first), "CUR/Mtok", "accounting month 1 / its tokens"
    ),
    "energy": Spec(_own("energy"), "kWh/month", "electricity of a month, PUE included"),
    "energy_per_token": Spec(_over(_own("energy"), _served("tokens")), "kWh/Mtok", "energy / tokens"),
    "energy_per_useful": Spec(
        _over(_own("energy"), _served("useful")), "kWh/1000 useful_prediction", "energy / useful predictions"
    ),
    "tokens_per_energy": Spec(_over(_served("tokens"), _own("energy")), "token/J", "tokens per second and watt"),
    "carbon": Spec(_own("carbon"), "kgCO2/month", "location-based carbon of the electricity"),
    "embodied": Spec(_own("embodied"), "kgCO2", "carbon made with the hardware"),
    "embodied_per_token": Spec(
        _over(_embodied, _served("tokens")), "gCO2/Mtok", "embodied, spread over the life / tokens"
    ),
    "embodied_per_request": Spec(
        _over(_embodied, _served("requests")), "gCO2/1000 request", "embodied, spread over the life / requests"
    ),
    "embodied_per_useful": Spec(
        _over(_embodied, _served("useful")),
        "gCO2/1000 useful_prediction",
        "embodied, spread over the life / useful predictions",
    ),
    "carbon_per_token": Spec(_over(_own("carbon"), _served("tokens")), "gCO2/Mtok", "carbon / tokens"),
    "carbon_per_request": Spec(_over(_own("carbon"), _served("requests")), "gCO2/1000 request", "carbon / requests"),
    "carbon_per_useful": Spec(
        _over(_own("carbon"), _served("useful")), "gCO2/1000 useful_prediction", "carbon / useful predictions"
    ),
    "value": Spec(_value, "CUR/month", "what the useful predictions are worth"),
    "return_on_spend": Spec(_return, "", "value / cost, both level"),
    "exit_after_12": Spec(leaving, "CUR", "cost of leaving after 12 months: lock-in"),
    "load_cost": Spec(_own("load_cost"), "CUR", "a mix: cost over the hours of the load"),
    "all_owned_cost": Spec(_own("all_owned_cost"), "CUR", "a mix: the same load with owned units alone"),
    "all_burst_cost": Spec(_own("all_burst_cost"), "CUR", "a mix: the same load with rented units alone"),
    "owned_units": Spec(_own("owned_units"), "", "a mix: the best number of owned units"),
}
OF_MONEY = frozenset({"return_on_spend", *(name for name, spec in FIGURES.items() if "CUR" in spec.unit)})
"""Figures that a price nobody has stated leaves open."""
