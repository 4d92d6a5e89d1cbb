"""Servers bought: the price in its month, bought again at the end of life, and what they fetch when they go."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.algebra.unit import UnitError
from breakeven.config.study.option import Purchase
from breakeven.cost.depreciation import SHARES_TOLERANCE
from breakeven.errors import StudyError
from breakeven.study.context import Batch, Context, months_of
from breakeven.study.flow import Flow
from breakeven.study.known import Known, plain
from breakeven.study.part.offer import offered
from breakeven.study.part.resale import Resale, resale


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is bought: `units` (rows or 1, months or 1) of a month, at the `price` of each, for `life` months."""

    units: Array
    price: Array
    life: Array
    again: bool
    resale: Resale
    horizon: int

    @property
    def rows(self) -> int:
        """Draws of all that it rests on."""
        return max(*(int(one.shape[0]) for one in (self.units, self.price, self.life)), self.resale.rows)

    def paid(self, start: Array) -> Array:
        """Price of a unit in the month of a purchase; month 0 pays the price of month 1."""
        if self.price.shape[1] == 1:
            return self.price
        month = np.clip(start.astype(np.int64) - 1, 0, self.price.shape[1] - 1)
        return np.take_along_axis(np.broadcast_to(self.price, (start.shape[0], self.price.shape[1])), month, axis=1)

    def added(self) -> Iterator[tuple[int, Array]]:
        """(month, units): all of them now, and what a growing fleet lacks at the end of each month for the next."""
        yield 0, self.units[:, :1]
        most = np.maximum.accumulate(self.units, axis=1)
        for month in range(1, min(self.horizon, most.shape[1])):
            more = most[:, month : month + 1] - most[:, month - 1 : month]
            if np.any(more > 0):
                yield month, more


def build(context: Context, stated: Purchase) -> None:
    """The flows `purchase` and `resale`, and the batches that depreciation is computed from.

    Growing fleets buy what is missing in the month it is missing, at that month's price. With `refresh` what reaches
    its end of life is bought again, at that month's price. Whatever stands at the horizon is sold by the resale curve;
    without a curve its value falls in a straight line from the price to the residual over its life.
    """
    price = _price(context, stated)
    if price is None:
        return
    currency = context.scope.unit(context.scope.study.currency)
    with context.scope.at(*context.path("purchase", "price")):
        whole = context.fleet.extended(price, "purchase", "price")
        whole.amount.to(currency, "the purchase")
        units = context.fleet.units(price, "purchase", "price")
    _check_years(context, stated)
    plan = Plan(
        units=units,
        price=price.amount.values,
        life=_life(context, stated),
        again=_again(context, stated),
        resale=resale(context, stated, whole),
        horizon=context.scope.horizon,
    )
    context.batches.extend(batch for month, more in plan.added() for batch in _generations(plan, month, more))
    _note(context, plan, whole)


def _price(context: Context, stated: Purchase) -> Known | None:
    if stated.price is not None:
        return context.priced(stated.price, "purchase", "price")
    if not stated.offer:
        context.unpriced.append("purchase.price")
        return None
    offer = context.scope.catalog.offer(stated.offer, context.scope.on)
    if offer.purchase_usd is None:
        context.unpriced.append(f"purchase price of {offer.id}")
        return None
    return offered(context, offer.id, "purchase_usd", offer.purchase_usd, "USD/server")


LONGEST = 600
"""Months that anything serves: fifty years."""


def _life(context: Context, stated: Purchase) -> Array:
    """Life in months by draw; the horizon where none is stated.

    Raises:
        StudyError: it ends before the horizon and nothing is bought again.
    """
    horizon = context.scope.horizon
    found = context.read(stated.life, "purchase", "life")
    if found is None:
        return np.array([[float(horizon)]])
    with context.scope.at(*context.path("purchase", "life")):
        life = months_of(context.scope, found)
        if not context.scope.drawn and not 1 <= round(float(life[0, 0])) <= LONGEST:
            message = f"a life of {found.text} is {life[0, 0]:g} months, and must be 1 to {LONGEST}"
            raise UnitError(message, "state it as `5 year`")
        life = np.clip(np.round(life), 1.0, float(LONGEST))
    if not _again(context, stated) and life[0, 0] < horizon:
        message = f"the life of {found.text} ({life[0, 0]:g} months) ends before the horizon of {horizon} months"
        way_out = f"state `refresh: true`, or `conventions: horizon_months: {life[0, 0]:g}`"
        raise StudyError(message, way_out, path=context.path("purchase", "life"))
    return life


def _again(context: Context, stated: Purchase) -> bool:
    """Whether what reaches its end of life is bought again; also where a drawn life ends before the horizon."""
    return stated.refresh or bool(context.scope.drawn)


def _check_years(context: Context, stated: Purchase) -> None:
    """Raise where the write-off by year is not one of the whole price."""
    path = context.path("purchase", "by_year")
    if (stated.depreciation == "by_year") != bool(stated.by_year):
        message = f"depreciation is `{stated.depreciation}`, and `by_year:` has {len(stated.by_year)} shares"
        raise StudyError(message, "state both: `depreciation: by_year` and `by_year: [20 %, 32 %, ...]`", path=path)
    shares = [context.wanted(given, "", "purchase", "by_year", at) for at, given in enumerate(stated.by_year)]
    sizes = [share.amount.scalar for share in shares if share is not None]
    if sizes and (min(sizes) < 0 or abs(math.fsum(sizes) - 1) > SHARES_TOLERANCE):
        message = f"the yearly shares of option `{context.name}` sum to {math.fsum(sizes):.6g}"
        raise StudyError(message, "state shares of 0 and more that sum to 100 %", path=path)


def _generations(plan: Plan, month: int, units: Array) -> Iterator[Batch]:
    """A purchase and its successors until the horizon."""
    start = np.full((plan.rows, 1), float(month))
    life = np.broadcast_to(plan.life, start.shape)
    while np.any(start < plan.horizon):
        amount = units * plan.paid(start) * (start < plan.horizon)
        yield Batch(
            month=start,
            amount=amount,
            life_months=life,
            residual=amount * plan.resale.share(life, life),
            resale_share=plan.resale.share,
        )
        start = start + life if plan.again else np.full_like(start, float(plan.horizon))


def _cash(plan: Plan, batches: list[Batch]) -> tuple[Array, Array]:
    """What is paid and what is fetched, by month; at the horizon all that stands is sold."""
    once, sold = np.zeros((plan.rows, plan.horizon + 1)), np.zeros((plan.rows, plan.horizon + 1))
    for batch in batches:
        end = np.minimum(batch.month + batch.life_months, plan.horizon)
        _put(once, np.minimum(batch.month, plan.horizon), batch.amount)
        _put(sold, end, -batch.amount * batch.resale_share(np.maximum(end - batch.month, 0.0), batch.life_months))
    return once, sold


def _put(flow: Array, months: Array, amounts: Array) -> None:
    rows = np.arange(flow.shape[0])
    flow[rows, months[:, 0].astype(np.int64)] += np.broadcast_to(amounts, months.shape)[:, 0]


def _note(context: Context, plan: Plan, whole: Known) -> None:
    once, sold = _cash(plan, context.batches)
    months = f"{plan.life[0, 0]:g} months"
    text = f"{plan.resale.text or 'what is not yet worn'} of {whole.text}"
    facts = tuple(dict.fromkeys((*whole.facts, *plan.resale.facts)))
    context.flows.append(_flow("purchase", once, whole, f"{whole.text}, life {months}", whole.facts))
    if np.any(sold):
        context.flows.append(_flow("resale", sold, whole, text, facts))
    context.figures["life_months"] = plain(float(plan.life[0, 0]))


def _flow(name: str, once: Array, whole: Known, text: str, facts: tuple[str, ...]) -> Flow:
    return Flow(
        name=name,
        part=name,
        category="capital",
        formula=text,
        once=once,
        capital=True,
        fixed=not whole.varies,
        basis=whole.basis,
        facts=facts,
    )
