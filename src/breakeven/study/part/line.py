"""Lines of a study's own: a rate, times what it is of, times what its unit says it is per."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace

import numpy as np

from breakeven.algebra.unit import UnitError, currencies
from breakeven.config.study.option import Line
from breakeven.errors import StudyError
from breakeven.study.bound import UnpricedError
from breakeven.study.context import Context
from breakeven.study.fleet import TIMES
from breakeven.study.flow import Flow, one_off, recurring
from breakeven.study.known import Known
from breakeven.study.part.share import share

_LICENCE = re.compile(r"licen[cs]e", re.IGNORECASE)
PER_WHAT = frozenset({"accelerator", "server", "organisation", "instance", "user", "vcpu", "node", "machine", "device"})


def build(context: Context, name: str, stated: Line) -> None:
    """The flow of one line, or a note that it is unpriced."""
    rate, counted = (_known(context, name, stated, field) for field in ("rate", "count"))
    flow = None
    if rate is not None and (counted is not None or stated.count is None):
        flow = share(context, name, stated, rate) if stated.of else _priced(context, name, stated, rate, counted)
    if flow is None:
        context.unpriced.append(f"lines.{name}")
    else:
        context.flows.append(_during(context, name, stated, flow))


def _known(context: Context, name: str, stated: Line, field: str) -> Known | None:
    """A quantity of the line; None where it is absent, or rests on what is unpriced."""
    with suppress(UnpricedError):
        return context.read(getattr(stated, field), "lines", name, field)
    return None


def _priced(context: Context, name: str, stated: Line, rate: Known, counted: Known | None) -> Flow:
    _licence(context, name, rate)
    whole = rate if counted is None else rate * counted
    hours = context.share_of_hours(stated.when, whole, "lines", name)
    with context.scope.at(*context.path("lines", name)):
        if not currencies(whole.amount.dims):
            message = f"{rate.text} is no money, and says of nothing what it is a share"
            raise UnitError(message, "write `12 %/year of purchase`, or a price such as `4500 USD/server/year`")
        whole = _extended(context, name, whole if hours is None else whole * hours, counted)
        flow = _flow(context, name, stated, whole)
        return flow if hours is None else replace(flow, used=hours.amount.values[:, 0])


def _extended(context: Context, name: str, whole: Known, counted: Known | None) -> Known:
    """A price times what it is per.

    Raises:
        StudyError: nobody says how much there is of it; a plain count may have lacked its unit.
    """
    try:
        return context.fleet.extended(whole, "lines", name)
    except StudyError as error:
        if counted is not None and counted.amount.dims == ():
            error.way_out = f"`count: {counted.text}` is a plain number: write what it counts, such as `0.5 FTE`"
        raise


def _flow(context: Context, name: str, stated: Line, whole: Known) -> Flow:
    if any(dim in {"s", "month", "day"} for dim, _ in whole.amount.dims):
        _check(context, name, stated, ("month", "every"), f"{whole.text} is paid again and again")
        return recurring(context.scope, name, "lines", whole, category=stated.category)
    _check(context, name, stated, ("since", "until", "when"), f"{whole.text} is paid once")
    return one_off(context.scope, name, "lines", whole, _months(context, name, stated), category=stated.category)


def _check(context: Context, name: str, stated: Line, fields: tuple[str, ...], reason: str) -> None:
    """Raise where a line states something that it cannot use."""
    wrong = [field for field in fields if field in stated.model_fields_set]
    if wrong:
        message = f"`{wrong[0]}:` of line `{name}` has no meaning: {reason}"
        way_out = "leave it out, or change the unit of the rate (per month, or not)"
        raise StudyError(message, way_out, path=context.path("lines", name, wrong[0]))


def _months(context: Context, name: str, stated: Line) -> tuple[int, ...]:
    """Months in which a one-off falls due; what falls due at the horizon itself is not bought any more."""
    horizon = context.scope.horizon
    every = context.months(stated.every, "lines", name, "every", beyond=True)
    if stated.month > horizon or (every is not None and stated.month == horizon):
        told = f"option `{context.name}`: line `{name}` falls due in month {stated.month}, the horizon is {horizon}"
        context.scope.warnings[told] = None
    return (stated.month,) if every is None else tuple(range(stated.month, horizon, every))


def _during(context: Context, name: str, stated: Line, flow: Flow) -> Flow:
    """A recurring flow from `since` to `until`."""
    if stated.since == 1 and stated.until is None:
        return flow
    if flow.monthly is None:
        _check(context, name, stated, ("since", "until"), f"{flow.formula} is paid once")
    until, horizon = stated.until or context.scope.horizon, context.scope.horizon
    if stated.since > horizon:
        told = f"option `{context.name}`: line `{name}` begins in month {stated.since}, the horizon is {horizon}"
        context.scope.warnings[told] = None
    if stated.until is not None and stated.until < stated.since:
        message = f"line `{name}` is paid from month {stated.since} until month {stated.until}"
        raise StudyError(message, "let `since` not be after `until`", path=context.path("lines", name, "until"))
    months = np.arange(1, horizon + 1).reshape(1, -1)
    inside = (months >= stated.since) & (months <= until)
    return replace(flow, monthly=None if flow.monthly is None else flow.monthly * inside)


def _licence(context: Context, name: str, rate: Known) -> None:
    """A licence says per what it is sold: per accelerator and per server differ by the size of the server."""
    if not _LICENCE.search(name) or any(power < 0 and dim not in TIMES for dim, power in rate.amount.dims):
        return
    counts = (("accelerator", context.fleet.accelerators), ("server", context.fleet.all_servers))
    sizes = [f"per {thing} it comes to {count.amount.scalar:g} x that" for thing, count in counts if count is not None]
    told = f" ({', '.join(sizes)})" if sizes else ""
    message = f"the licence `{name}` of {rate.text} does not say per what{told}"
    way_out = "write `/accelerator`, `/server` or `/organisation` into its unit"
    raise StudyError(message, way_out, path=context.path("lines", name))
