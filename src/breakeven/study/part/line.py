"""Lines of a study's own: a rate, times what it is of, times what its unit says it is per."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError, currencies, shown
from breakeven.config.study.option import Line
from breakeven.errors import StudyError
from breakeven.study.context import Context
from breakeven.study.flow import PARTS, Flow, one_off, recurring
from breakeven.study.known import Known

_LICENCE = re.compile(r"licen[cs]e", re.IGNORECASE)
PER_WHAT = frozenset({"accelerator", "server", "organisation", "instance", "user", "vcpu", "node", "machine", "device"})


def build(context: Context, name: str, stated: Line) -> None:
    """The flow of one line."""
    rate = context.read(stated.rate, "lines", name, "rate")
    if rate is None:
        context.unpriced.append(f"lines.{name}")
        return
    if stated.of:
        context.flows.append(_share(context, name, stated, rate))
        return
    _licence(context, name, rate)
    counted = context.read(stated.count, "lines", name, "count")
    whole = rate * context.share_of_hours(stated.when, rate)
    whole = whole if counted is None else whole * counted
    with context.scope.at(*context.path("lines", name)):
        if not currencies(whole.amount.dims):
            message = f"{rate.text} is no money, and says of nothing what it is a share"
            raise UnitError(message, "write `12 %/year of purchase`, or a price such as `4500 USD/server/year`")
        whole = context.fleet.extended(whole, "lines", name)
        context.flows.append(_flow(context, name, stated, whole))


def _flow(context: Context, name: str, stated: Line, whole: Known) -> Flow:
    scope = context.scope
    if any(dim in {"s", "month", "day"} for dim, _ in whole.amount.dims):
        flow = recurring(scope, name, "lines", whole, category=stated.category)
        return _during(flow, stated, scope.horizon)
    return one_off(scope, name, "lines", whole, _months(context, name, stated), category=stated.category)


def _months(context: Context, name: str, stated: Line) -> tuple[int, ...]:
    every = context.months(stated.every, "lines", name, "every")
    if every is None:
        return (stated.month,)
    return tuple(range(stated.month, context.scope.horizon, max(1, every)))


def _during(flow: Flow, stated: Line, horizon: int) -> Flow:
    if stated.since == 1 and stated.until is None:
        return flow
    months = np.arange(1, horizon + 1).reshape(1, -1)
    inside = (months >= stated.since) & (months <= (stated.until or horizon))
    return replace(flow, monthly=None if flow.monthly is None else flow.monthly * inside)


def _licence(context: Context, name: str, rate: Known) -> None:
    """A licence says per what it is sold: per accelerator and per server differ by the size of the server."""
    if not _LICENCE.search(name) or any(dim in PER_WHAT for dim, _ in rate.amount.dims):
        return
    accelerators, servers = context.fleet.accelerators, context.fleet.all_servers
    sizes = [
        f"per {thing} it comes to {rate.amount.scalar * count.amount.scalar / rate.amount.scalar:g} x that"
        for thing, count in (("accelerator", accelerators), ("server", servers))
        if count is not None
    ]
    told = f" ({', '.join(sizes)})" if sizes else ""
    message = f"the licence `{name}` of {rate.text} does not say per what{told}"
    way_out = "write `/accelerator`, `/server` or `/organisation` into its unit"
    raise StudyError(message, way_out, path=context.path("lines", name))


def _share(context: Context, name: str, stated: Line, rate: Known) -> Flow:
    """A share of a part or another line: of its months where it has months, of its capital where it is bought."""
    bases = [flow for flow in context.flows if stated.of in {flow.name, flow.part}]
    if not bases:
        known = sorted(
            {*(flow.name for flow in context.flows), *(flow.part for flow in context.flows)}
            & {*PARTS, *context.option.lines}
        )
        message = f"line `{name}` is a share of `{stated.of}`, which option `{context.name}` does not have"
        way_out = f"it has {', '.join(known)}; lines see the ones above them" if known else "add that part"
        raise StudyError(message, way_out, path=context.path("lines", name))
    facts = tuple(dict.fromkeys(key for flow in bases for key in flow.facts))
    text = f"{rate.text} of {stated.of}"
    with context.scope.at(*context.path("lines", name)):
        monthly = _of_capital(context, rate, bases) if rate.amount.dims else _of_months(rate, bases)
    flow = Flow(
        name=name,
        part="lines",
        category=stated.category,
        formula=text,
        monthly=monthly,
        once=None if rate.amount.dims else _of_once(rate, bases),
        fixed=all(base.fixed for base in bases),
        basis=rate.basis,
        facts=tuple(dict.fromkeys((*rate.facts, *facts))),
    )
    return _during(flow, stated, context.scope.horizon)


def _of_capital(context: Context, rate: Known, bases: list[Flow]) -> Array:
    """A yearly share of what stands bought: the purchases so far, those bought again not counted twice."""
    per_month = rate.amount.to(context.scope.unit("1/month"), "a share of a purchase")
    if any(base.once is None for base in bases):
        message = f"{rate.text} is per time, and {bases[0].name} is no purchase"
        raise UnitError(
            message, f"write it as a plain share, such as `12 % of {bases[0].name}`, not {shown(rate.amount.dims)}"
        )
    first = sum(base.once[:, :1] for base in bases if base.once is not None)
    return np.asarray(per_month * first)


def _of_months(rate: Known, bases: list[Flow]) -> Array | None:
    monthly = [base.monthly for base in bases if base.monthly is not None]
    if not monthly:
        return None
    total = monthly[0]
    for more in monthly[1:]:
        total = total + more
    return np.asarray(total * rate.amount.values)


def _of_once(rate: Known, bases: list[Flow]) -> Array | None:
    once = [base.once for base in bases if base.once is not None and base.monthly is None]
    if not once:
        return None
    return np.asarray(sum(once) * rate.amount.values)
