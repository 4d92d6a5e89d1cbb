"""Lines that are a share of another: of its months where it has months, of its capital where it is bought."""

from __future__ import annotations

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError, require
from breakeven.config.study.option import Line
from breakeven.errors import StudyError
from breakeven.study.bound import PART
from breakeven.study.context import Context
from breakeven.study.flow import PARTS, Flow
from breakeven.study.known import Known

OWN = ("count", "month", "every", "when")
"""What belongs to a price, and means nothing for a share."""


def share(context: Context, name: str, stated: Line, rate: Known) -> Flow | None:
    """The flow of a share; None where what it is of is unpriced.

    Raises:
        StudyError: the option has nothing of that name, or the share has a unit that does not fit.
    """
    wrong = [field for field in OWN if field in stated.model_fields_set]
    if wrong:
        message = f"`{wrong[0]}:` of line `{name}` has no meaning: it is a share of `{stated.of}`"
        raise StudyError(message, "leave it out, or state a price", path=context.path("lines", name, wrong[0]))
    if not rate.amount.dims:
        context.scope.within(rate, PART, *context.path("lines", name, "rate"))
    bases = [flow for flow in context.flows if stated.of in {flow.name, flow.part}]
    if not bases and context.unpriced and _stands(context, stated.of):
        return None
    if not bases:
        _missing(context, name, stated)
    with context.scope.at(*context.path("lines", name)):
        return _flow(context, name, stated, rate, bases)


def _stands(context: Context, of: str) -> bool:
    """Whether the option has a part or line of a name, be it unpriced."""
    return of in context.option.lines or (of in PARTS and getattr(context.option, of, None) is not None)


def _missing(context: Context, name: str, stated: Line) -> None:
    named = {*(flow.name for flow in context.flows), *(flow.part for flow in context.flows)}
    known = sorted(named & {*PARTS, *context.option.lines})
    message = f"line `{name}` is a share of `{stated.of}`, which option `{context.name}` does not have"
    way_out = f"it has {', '.join(known)}; lines see the ones above them" if known else "add that part"
    raise StudyError(message, way_out, path=context.path("lines", name))


def _flow(context: Context, name: str, stated: Line, rate: Known, bases: list[Flow]) -> Flow:
    facts = dict.fromkeys((*rate.facts, *(key for flow in bases for key in flow.facts)))
    yearly = bool(rate.amount.dims)
    monthly = _of_capital(context, rate, bases) if yearly else _of_months(rate, bases)
    used = [base.used for base in bases if base.used is not None]
    return Flow(
        name=name,
        part="lines",
        category=stated.category,
        formula=f"{rate.text} of {stated.of}",
        monthly=monthly,
        once=None if yearly else _of_once(rate, bases),
        fixed=all(base.fixed for base in bases),
        basis=rate.basis,
        facts=tuple(facts),
        used=used[0] if len(used) == len(bases) else None,
    )


def _of_capital(context: Context, rate: Known, bases: list[Flow]) -> Array:
    """A yearly share of what stands bought in each month; what is bought again replaces what it succeeds."""
    per_month = context.scope.unit("1/month")
    require("a share of a purchase", rate.amount.dims, per_month.dims)
    recurring = [base.name for base in bases if base.monthly is not None]
    if recurring:
        message = f"{rate.text} is per time, and {recurring[0]} is no purchase"
        raise UnitError(message, f"write it as a plain share, such as `12 % of {recurring[0]}`")
    paid = [base.once for base in bases if base.once is not None and base.part != "purchase"]
    standing = sum((np.cumsum(once, axis=1)[:, :-1] for once in paid), np.zeros((1, 1)))
    if any(base.part == "purchase" for base in bases):
        standing = standing + _standing(context)
    level = bool(np.all(standing == standing[:, :1]))
    return np.asarray(rate.amount.values / per_month.factor * (standing[:, :1] if level else standing))


def _standing(context: Context) -> Array:
    """(draws or 1, months) what was paid for all that stands in a month."""
    months = np.arange(1, context.scope.horizon + 1).reshape(1, -1)
    found: Array = np.zeros((1, 1))
    for batch in context.batches:
        inside = (months > batch.month) & (months <= batch.month + batch.life_months)
        found = found + batch.amount * inside
    return found


def _of_months(rate: Known, bases: list[Flow]) -> Array | None:
    monthly = [base.monthly for base in bases if base.monthly is not None]
    return np.asarray(sum(monthly) * rate.amount.values) if monthly else None


def _of_once(rate: Known, bases: list[Flow]) -> Array | None:
    """The share of each month's amount; month 0 takes the rate of month 1."""
    once = [base.once for base in bases if base.once is not None]
    shares = rate.amount.values
    if shares.shape[1] > 1:
        shares = np.concatenate((shares[:, :1], shares), axis=1)
    return np.asarray(sum(once) * shares) if once else None
