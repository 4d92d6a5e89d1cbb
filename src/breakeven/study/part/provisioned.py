"""Reserved throughput units of an API, and pay-as-you-go for what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Amount, amount, number
from breakeven.config.study.option import Provisioned
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, POSITIVE, SHARE
from breakeven.study.context import Context
from breakeven.study.held import agreed, held
from breakeven.study.known import Known
from breakeven.study.part.api import billed

EXACT = 1e-9
"""Share of the traffic below which nothing lies above the units: the last digits of a float."""


def build(context: Context, stated: Provisioned) -> None:
    """Units x price, and the traffic above what they carry at the overflow's prices.

    Without `units` there are enough for the mean rate; without `overflow_share` the share above them is what the mean
    rate exceeds, so that a bursty load needs the share stated (from its load-duration curve).
    """
    carries = context.read(stated.capacity, "provisioned", "capacity")
    context.scope.within(carries, POSITIVE, *context.path("provisioned", "capacity"))
    price = context.priced(stated.price, "provisioned", "price", needed=True)
    if carries is None:
        context.unpriced.append("provisioned.capacity")
    if carries is None or price is None:
        return
    thing = "token" if any(name == "token" for name, _ in carries.amount.dims) else "request"
    flow = context.fleet.served("tokens" if thing == "token" else "requests")
    if flow is None:
        message = f"provisioned units carry {thing}s, and the study states none"
        raise StudyError(message, f"state `demand: {thing}s`", path=context.path("provisioned"))
    units = _units(context, stated, flow / carries)
    if (term := context.months(stated.term, "provisioned", "term")) is not None and units.amount.values.shape[1] > 1:
        there = held(units.amount.values, context.scope.horizon, term).there
        units = units.based(Amount(there, units.amount.dims), units.text)
    bought = price * units
    if term is not None and price.amount.values.shape[1] > 1:
        kept = agreed(units.amount.values, price.amount.values, context.scope.horizon, term)
        bought = bought.based(Amount(kept, bought.amount.dims), f"{bought.text}, kept for the term")
    context.charge("provisioned_units", "provisioned", bought, "provisioned", "price")
    context.figures["units"] = units
    over = _overflow(context, stated, units, flow / carries)
    context.figures["overflow_share"] = over
    if stated.overflow is not None:
        where = ("provisioned", "overflow")
        flows = billed(context, stated.overflow, over, where, "provisioned")
        context.flows.extend(replace(flow, name=f"overflow_{flow.name}") for flow in flows)
    elif np.any(over.amount.values > 0) and not context.scope.drawn:
        most = float(over.amount.values.max())
        message = f"the units ({units.text}) carry all but {most:.1%} of the traffic, and no `overflow:` is priced"
        raise StudyError(message, "add `overflow:` prices, or more `units:`", path=context.path("provisioned"))


def _units(context: Context, stated: Provisioned, needed: Known) -> Known:
    unit = context.scope.unit("unit")
    with context.scope.at(*context.path("provisioned", "capacity")):
        needed.amount.to(unit, "units from demand / capacity")
    found = context.within(stated.units, COUNT, "unit", "provisioned", "units")
    step = context.within(stated.step, POSITIVE, "unit", "provisioned", "step")
    least = context.within(stated.minimum_units, COUNT, "unit", "provisioned", "minimum_units")
    if found is not None:
        if not context.scope.drawn:
            _sold(context, found, least, step)
        return found
    size = step.amount.values if step is not None else 1.0
    steps = needed.amount.values / size
    values = np.maximum(np.ceil(np.round(steps, 9)), steps > 0) * size
    if least is not None:
        values = np.maximum(values, least.amount.values)
    return needed.based(amount(values, unit), f"ceil({needed.text})")


def _sold(context: Context, found: Known, least: Known | None, step: Known | None) -> None:
    """Raise where units are stated that nobody sells: fewer than the least, or no whole number of steps."""
    path, units = context.path("provisioned", "units"), found.amount.values
    if least is not None and np.any(units < least.amount.values):
        message = f"{found.text} provisioned, and at least {least.text} are sold"
        raise StudyError(message, f"state `units: {least.text}`", path=path)
    if step is None or (least is not None and np.all(units == least.amount.values)):
        return
    steps = np.round(units / step.amount.values, 9)
    if np.any(steps != np.ceil(steps)):
        message = f"{found.text} provisioned, and they are sold in steps of {step.text}"
        enough = float((np.ceil(steps) * step.amount.values).max())
        raise StudyError(message, f"state `units: {enough:g} unit`", path=path)


def _overflow(context: Context, stated: Provisioned, units: Known, needed: Known) -> Known:
    stated_share = context.within(stated.overflow_share, SHARE, "", "provisioned", "overflow_share")
    needs = needed.amount.values
    above = np.maximum(0.0, needs - units.amount.values)
    shares = np.divide(above, needs, out=np.zeros_like(above), where=needs > 0)
    values = np.where(shares > EXACT, shares, 0.0)
    least = needed.based(number(values), f"share above {units.text}")
    if stated_share is None:
        return least
    return _bursty(context, stated_share, least, needed)


def _bursty(context: Context, stated: Known, least: Known, needed: Known) -> Known:
    """The stated share, and never less than what the mean rate exceeds: demand may grow past the units.

    Raises:
        StudyError: it is less already in the first month.
    """
    first = float(least.amount.values[:, :1].max())
    if not context.scope.drawn and stated.amount.scalar < first:
        message = f"`overflow_share` is {stated.text}, and the mean rate alone leaves {first:.1%} above the units"
        way_out = f"state a share of at least that, or more units for {needed.text}"
        raise StudyError(message, way_out, path=context.path("provisioned", "overflow_share"))
    values = np.maximum(stated.amount.values, least.amount.values)
    return stated.resting_on(least).based(number(values), stated.text)
