"""Leases, power, housing: what it takes to keep servers running."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Amount, amount
from breakeven.config.study.option import Housing, Lease, Power
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, PUE, SERVER_RATIO, SHARE
from breakeven.study.context import Context, Term
from breakeven.study.flow import Flow, one_off
from breakeven.study.known import Known, plain

MOST_ACCELERATOR_W = 5_000.0
MOST_SERVER_W = 250_000.0
LEAST_W = {"server": 50.0, "accelerator": 5.0}
"""No accelerator or server of 2026 draws more (a rack of 72 accelerators is 120 kW): more is watts written as kW."""


def lease(context: Context, stated: Lease) -> None:
    """The payment over its term, what is paid at its start, and the price of keeping the servers."""
    term = context.months(stated.term, "lease", "term") or context.scope.horizon
    payment = context.priced(stated.payment, "lease", "payment", needed=True)
    if payment is not None:
        flow = context.charge("lease", "lease", payment, "lease", "payment", term=Term())
        if term < context.scope.horizon and stated.buyout is None:
            message = f"the lease ends after {term} months, the horizon is {context.scope.horizon} months"
            way_out = f"state a `buyout:`, or `conventions: horizon_months: {term}`"
            raise StudyError(message, way_out, path=context.path("lease", "term"))
        context.flows[-1] = _until(flow, term, context.scope.horizon)
    upfront = context.priced(stated.upfront, "lease", "upfront")
    if upfront is not None:
        context.prepay("lease_upfront", "lease", upfront, None, "lease", "upfront")
    buyout = context.priced(stated.buyout, "lease", "buyout")
    if buyout is not None:
        with context.scope.at(*context.path("lease", "buyout")):
            whole = context.fleet.extended(buyout, "lease", "buyout")
            context.flows.append(one_off(context.scope, "lease_buyout", "lease", whole, (term,), category="capital"))


def _until(flow: Flow, term: int, horizon: int) -> Flow:
    months = np.arange(1, horizon + 1).reshape(1, -1) <= term
    return replace(flow, monthly=None if flow.monthly is None else flow.monthly * months)


def power(context: Context, stated: Power) -> None:
    """Electricity: IT power x hours at it x PUE x tariff, and the carbon of both kinds.

    Hours are those of the month, or the used ones; spare servers draw nothing.
    """
    it = _it_power(context, stated)
    if it is None:
        return
    busy = _busy_share(context, stated)
    pue = context.within(stated.pue, PUE, "", "power", "pue") or plain(1.0)
    hours = _hours_share(context, stated)
    mean = it * busy * pue if hours is None else it * busy * pue * hours
    context.fleet.energy = mean
    context.figures["it_power"] = it
    context.figures["energy"] = mean
    _carbon(context, stated, mean)
    tariff = context.priced(stated.tariff, "power", "tariff")
    if tariff is None:
        _unpriced(context, stated)
        return
    with context.scope.at(*context.path("power", "tariff")):
        per_energy = context.scope.unit(f"{context.scope.study.currency}/kWh")
        tariff.amount.to(per_energy, "the tariff")
    flow = context.charge("power", "power", tariff * mean, "power", "tariff")
    if hours is not None:
        context.flows[-1] = replace(flow, used=hours.amount.values[:, 0])


def _unpriced(context: Context, stated: Power) -> None:
    """Electricity that nobody prices is unpriced, unless the place is paid for: its price may hold it."""
    if stated.tariff is not None:
        return
    if context.option.housing is None:
        context.unpriced.append("power.tariff")
        return
    told = f"option `{context.name}`: electricity has no tariff and counts as held in the price of the place"
    context.scope.warnings[told] = None


def _it_power(context: Context, stated: Power) -> Known | None:
    server = context.within(stated.per_server, COUNT, "W/server", "power", "per_server")
    card = _card(context, stated)
    if server is not None and (card is not None or stated.server_ratio is not None):
        message = f"the power of option `{context.name}` is {server.text}, and stated per accelerator beside it"
        way_out = "keep `per_server:`, or `per_accelerator:` with `server_ratio:`"
        raise StudyError(message, way_out, path=context.path("power"))
    if server is None and card is None:
        context.unpriced.append("power: neither `per_server` nor `per_accelerator` is known")
        return None
    ratio = context.within(stated.server_ratio, SERVER_RATIO, "", "power", "server_ratio")
    one = server if server is not None else card
    thing, most = ("server", MOST_SERVER_W) if server is not None else ("accelerator", MOST_ACCELERATOR_W)
    if one is None:
        return None
    if one.amount.values.max() > most:
        message = f"the power of {one.text} is more than any {thing} draws ({most / 1000:g} kW)"
        way_out = f"did you mean {one.amount.scalar / 1000:g} W? kW are thousands of W"
        raise StudyError(message, way_out, path=context.path("power"))
    if one.amount.values.max() < LEAST_W[thing]:
        told = f"option `{context.name}`: {one.text} is little for any {thing}; kW are thousands of W"
        context.scope.warnings[told] = None
    count = context.fleet.servers if thing == "server" else context.fleet.accelerators
    if count is None:
        message = f"power is per {thing}, and option `{context.name}` does not say how many {thing}s"
        raise StudyError(message, f"state `fleet: {thing}s:`", path=context.path("power"))
    whole = one * count
    return whole if ratio is None else whole * ratio


def _card(context: Context, stated: Power) -> Known | None:
    found = context.read(stated.per_accelerator, "power", "per_accelerator")
    if found is None:
        return None
    watt = context.scope.unit("W")
    if found.amount.dims == watt.dims:  # a catalog fact states the power of one accelerator as plain watts
        return found * Known(amount(1.0, context.scope.unit("1/accelerator")))
    with context.scope.at(*context.path("power", "per_accelerator")):
        found.amount.to(context.scope.unit("W/accelerator"), "`power.per_accelerator`")
    return found


def _busy_share(context: Context, stated: Power) -> Known:
    """Mean power / power while serving: busy + (1 - busy) x idle share."""
    busy = context.within(stated.utilisation, SHARE, "", "power", "utilisation")
    idle = context.within(stated.idle_share, SHARE, "", "power", "idle_share")
    if busy is None and idle is not None:
        message = f"option `{context.name}` draws {idle.text} of its power when idle, and never says when that is"
        raise StudyError(message, "add `utilisation: 60 %`, the share of busy hours", path=context.path("power"))
    if busy is None:
        return plain(1.0)
    if idle is None:
        return busy
    values = busy.amount.values + (1 - busy.amount.values) * idle.amount.values
    facts = tuple(dict.fromkeys((*busy.facts, *idle.facts)))
    return Known(Amount(values, ()), facts, f"({busy.text} busy, {idle.text} of it when idle)", "assumed")


def _hours_share(context: Context, stated: Power) -> Known | None:
    chosen = stated.when or context.scope.study.conventions.opex
    return context.fleet.used_share if chosen == "used_hours" else None


def _carbon(context: Context, stated: Power, mean: Known) -> None:
    grid = context.within(stated.carbon, COUNT, "gCO2/kWh", "power", "carbon")
    if grid is not None:
        context.figures["carbon"] = grid * mean
    made = context.read(stated.embodied, "power", "embodied")
    if made is not None:
        with context.scope.at(*context.path("power", "embodied")):
            context.figures["embodied"] = context.fleet.extended(made, "power", "embodied")


def housing(context: Context, stated: Housing) -> None:
    """A place: per rack, or per kW of contracted power (spare servers included)."""
    price = context.priced(stated.price, "housing", "price", needed=True)
    if price is None:
        return
    where = ("housing", "price")
    racks = context.within(stated.racks, COUNT, "rack", "housing", "racks")
    if any(name == "rack" for name, _ in price.amount.dims) and racks is not None:
        context.charge("colocation", "housing", price * racks, *where)
        return
    if any(name == "J" for name, _ in price.amount.dims):
        context.charge("colocation", "housing", price * _contracted(context, stated), *where)
        return
    context.charge("colocation", "housing", price, *where)


def _contracted(context: Context, stated: Housing) -> Known:
    found = context.read(stated.contracted, "housing", "contracted")
    if found is not None:
        return _enough(context, context.fleet.extended(found, "housing", "contracted"))
    it, serving, whole = context.figures.get("it_power"), context.fleet.servers, context.fleet.all_servers
    if it is None:
        message = f"housing is per kW, and option `{context.name}` does not say how many"
        way_out = "state `contracted: 10 kW`, or give the option a `power:` part"
        raise StudyError(message, way_out, path=context.path("housing"))
    return it if serving is None or whole is None else it * whole / serving


def _enough(context: Context, contracted: Known) -> Known:
    """The contracted power; warned of where the servers draw more."""
    it = context.figures.get("it_power")
    if (
        it is not None
        and it.amount.dims == contracted.amount.dims
        and np.any(it.amount.values > contracted.amount.values)
    ):
        told = f"option `{context.name}`: servers draw {it.text}, and {contracted.text} are contracted"
        context.scope.warnings[told] = None
    return contracted
