"""Servers bought: the price in its month, bought again at the end of life, and what they fetch when they go."""

from __future__ import annotations

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.config.study.option import Purchase
from breakeven.errors import StudyError
from breakeven.study.context import Batch, Context, months_of
from breakeven.study.flow import Flow
from breakeven.study.known import Known, plain
from breakeven.study.part.offer import offered


def build(context: Context, stated: Purchase) -> None:
    """The flows `purchase` and `resale`, and the batches that depreciation is computed from.

    Growing fleets buy what is missing in the month it is missing. With `refresh` what reaches its end of life is bought
    again at that month's price. Whatever stands at the horizon is sold by the resale curve; without a curve its value
    falls in a straight line from the price to the residual over its life.
    """
    price = _price(context, stated)
    if price is None:
        return
    horizon = context.scope.horizon
    with context.scope.at(*context.path("purchase", "price")):
        whole = context.fleet.extended(price, "purchase", "price")
        cost = whole.amount.to(context.scope.unit(context.scope.study.currency), "the purchase")
    life = _life(context, stated)
    buys = _increments(np.broadcast_to(cost, (cost.shape[0], max(cost.shape[1], 1))), _ratio(context, price), horizon)
    once, resale = np.zeros((1, horizon + 1)), np.zeros((1, horizon + 1))
    resold = _Resale(context, stated, price=whole)
    for month, paid in buys:
        once, resale = _generations(context, stated, month, paid, life, once, resale, resold)
    _note(context, whole, once, resale, resold, life)


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


def _ratio(context: Context, price: Known) -> Array | None:
    """The fleet by month / the fleet of month 1, where it grows; None where it stays."""
    whole = context.fleet.extended(price, "purchase", "price")
    if whole.amount.values.shape[1] == 1 or price.amount.values.shape[1] > 1:
        return None
    return whole.amount.values / whole.amount.values[:, :1]


def _increments(cost: Array, ratio: Array | None, horizon: int) -> list[tuple[int, Array]]:
    """(month, amount) of each purchase: all of it now, and what a growing fleet lacks in later months."""
    first = cost[:, :1]
    bought = [(0, first)]
    if ratio is None:
        return bought
    most = np.maximum.accumulate(ratio, axis=1)
    for month in range(1, min(horizon, ratio.shape[1])):
        added = first * (most[:, month : month + 1] - most[:, month - 1 : month])
        if np.any(added > 0):
            bought.append((month, added))
    return bought


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
        life = np.maximum(1.0, np.round(months_of(context.scope, found)))
    if not _again(context, stated) and life[0, 0] < horizon:
        message = f"the life of {found.text} ({life[0, 0]:g} months) ends before the horizon of {horizon} months"
        way_out = f"state `refresh: true`, or `conventions: horizon_months: {life[0, 0]:g}`"
        raise StudyError(message, way_out, path=context.path("purchase", "life"))
    return life


def _again(context: Context, stated: Purchase) -> bool:
    """Whether what reaches its end of life is bought again; also where a drawn life ends before the horizon."""
    return stated.refresh or bool(context.scope.drawn)


class _Resale:
    """What a purchase fetches at an age, as a share of its price."""

    def __init__(self, context: Context, stated: Purchase, *, price: Known) -> None:
        self.facts: tuple[str, ...] = ()
        self.text = ""
        self.curve = [(0.0, np.array([[1.0]]))]
        self.end = np.array([[0.0]])
        for at, (age, given) in enumerate(stated.residual_curve):
            share = context.wanted(given, "", "purchase", "residual_curve", at)
            if share is not None:
                self._noted(share)
                self.curve.append((age, share.amount.values))
        residual = context.read(stated.residual, "purchase", "residual")
        if residual is not None:
            self._noted(residual)
            self.end = _residual_share(context, residual, price)
        _sensible(context, (self.end, *(share for _, share in self.curve)), residual, price)

    def _noted(self, known: Known) -> None:
        self.facts = tuple(dict.fromkeys((*self.facts, *known.facts)))
        self.text = f"{self.text}, {known.text}" if self.text else known.text

    def share(self, age: Array, life: Array) -> Array:
        """Share of the price at an age: by the curve, else a straight line to the residual at the end of life."""
        if len(self.curve) == 1:
            return 1 - (1 - self.end) * np.minimum(1.0, age / life)
        found = np.broadcast_to(self.curve[-1][1], np.broadcast_shapes(age.shape, self.curve[-1][1].shape)).copy()
        for (young, before), (old, after) in reversed(list(zip(self.curve, self.curve[1:], strict=False))):
            between = before + (after - before) * (age - young) / (old - young)
            found = np.where(age <= old, between, found)
        return found


def _residual_share(context: Context, residual: Known, price: Known) -> Array:
    if residual.amount.dims == ():
        return residual.amount.values
    with context.scope.at(*context.path("purchase", "residual")):
        whole = context.fleet.extended(residual, "purchase", "residual")
        return (whole / price).amount.to(context.scope.unit(""), "the residual / the price")


def _sensible(context: Context, shares: tuple[Array, ...], residual: Known | None, price: Known) -> None:
    """Raise where something is worth more old than new."""
    worst = max(float(share.max()) for share in shares)
    if worst > 1 or min(float(share.min()) for share in shares) < 0:
        told = residual.text if residual is not None else f"{worst:.0%} of the curve"
        message = f"the residual {told} of option `{context.name}` is above the purchase price {price.text}"
        raise StudyError(message, "state a share between 0 and 100 %", path=context.path("purchase"))


def _generations(  # noqa: PLR0913 - one purchase, with everything it leaves behind
    context: Context,
    stated: Purchase,
    month: int,
    paid: Array,
    life: Array,
    once: Array,
    resale: Array,
    resold: _Resale,
) -> tuple[Array, Array]:
    """The purchase and its successors until the horizon, added to both flows."""
    horizon = context.scope.horizon
    again = _again(context, stated)
    rows = max(paid.shape[0], life.shape[0], resold.end.shape[0], *(share.shape[0] for _, share in resold.curve))
    start = np.full((rows, 1), float(month))
    paid, life = np.broadcast_to(paid, (rows, 1)), np.broadcast_to(life, (rows, 1))
    once, resale = (np.broadcast_to(flow, (max(rows, flow.shape[0]), horizon + 1)).copy() for flow in (once, resale))
    while np.any(start < horizon):
        alive = start < horizon
        price = paid * alive
        end = np.minimum(start + life, horizon)
        _put(once, start, price)
        share = resold.share(end - start, life)
        _put(resale, end, -price * share)
        context.batches.append(
            Batch(
                month=int(start[0, 0]),
                amount=price,
                life_months=life,
                residual=price * resold.share(life, life),
                resale_share=resold.share,
            )
        )
        start = start + life if again else np.full_like(start, float(horizon))
    return once, resale


def _put(flow: Array, months: Array, amounts: Array) -> None:
    rows = np.arange(flow.shape[0]).reshape(-1, 1)
    columns = np.minimum(months, flow.shape[1] - 1).astype(np.int64)
    np.add.at(flow, (np.broadcast_to(rows, amounts.shape), np.broadcast_to(columns, amounts.shape)), amounts)


def _note(context: Context, whole: Known, once: Array, resale: Array, resold: _Resale, life: Array) -> None:
    months = f"{life[0, 0]:g} months"
    context.flows.append(
        Flow(
            name="purchase",
            part="purchase",
            category="capital",
            formula=f"{whole.text}, life {months}",
            once=once,
            capital=True,
            basis=whole.basis,
            facts=whole.facts,
        )
    )
    if np.any(resale):
        context.flows.append(
            Flow(
                name="resale",
                part="resale",
                category="capital",
                formula=f"{resold.text or 'what is not yet worn'} of {whole.text}",
                once=resale,
                capital=True,
                basis=whole.basis,
                facts=tuple(dict.fromkeys((*whole.facts, *resold.facts))),
            )
        )
    context.figures["life_months"] = plain(float(life[0, 0]))
