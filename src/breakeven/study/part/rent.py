"""Machines by the hour: on demand, reserved or spot, and what comes on top of the rent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Array
from breakeven.config.study.option import Rent
from breakeven.study.context import NO_TERM, Context, Term
from breakeven.study.flow import Flow
from breakeven.study.known import Known
from breakeven.study.part.offer import offered

MORE_HOURS = {
    "overhead": "autoscaling_overhead",
    "goodput_loss": "goodput_loss",
    "interruption": "spot_interruption",
}
"""Hours rented beyond those of the work as shares of the rent, and the lines they become; a minimum holds for all."""
PER_UNIT = {"accelerator_hour": "USD/server/h", "cpu_hour": "USD/vcpu/h"}


def build(context: Context, stated: Rent) -> None:
    """Price x machines x hours; hours are the used ones where `when: used_hours`."""
    price = _price(context, stated)
    if price is None:
        return
    term = context.months(stated.term, "rent", "term")
    if stated.basis == "spot" and stated.interruption is None:
        context.scope.warnings[
            f"option `{context.name}`: spot capacity without `interruption:` counts as never reclaimed"
        ] = None
    hours = context.share_of_hours(stated.when or ("always_on" if stated.term else None), price, "rent", "price")
    kept = NO_TERM if term is None else Term(term)
    flow = context.charge("rent", "rent", price, "rent", "price", hours=hours, term=kept)
    at = len(context.flows)
    for field, name in MORE_HOURS.items():
        _uplift(context, stated, field, name, flow)
    beside = sum((one.monthly for one in context.flows[at:] if one.monthly is not None), np.zeros((1, 1)))
    context.flows[at - 1] = _at_least(context, stated, flow, beside)
    _uplift(context, stated, "support", "support", context.flows[at - 1])
    upfront = context.priced(stated.upfront, "rent", "upfront")
    if upfront is not None:
        context.prepay("upfront", "rent", upfront, term, "rent", "upfront")


def _price(context: Context, stated: Rent) -> Known | None:
    if stated.price is not None:
        return context.priced(stated.price, "rent", "price", needed=True)
    if not stated.offer:
        context.unpriced.append("rent.price")
        return None
    scope = context.scope
    with scope.at(*context.path("rent", "offer")):
        offer = scope.catalog.offer(stated.offer, scope.on)
    if offer.usd_per_hour is None:
        context.unpriced.append(f"price per hour of {offer.id}")
        return None
    if offer.term == "spot" and stated.basis != "spot":
        scope.warnings[f"option `{context.name}`: {offer.id} is a spot price, and `rent.basis` says {stated.basis}"] = (
            None
        )
    return offered(context, offer.id, "usd_per_hour", offer.usd_per_hour, PER_UNIT.get(offer.kind, "USD/server/h"))


def _uplift(context: Context, stated: Rent, field: str, name: str, flow: Flow) -> None:
    share = getattr(stated, field)
    if share is not None and context.read(share, "rent", field) is None:
        context.unpriced.append(f"rent.{field}")
    context.uplift(name, "rent", share, flow, "rent", field)


def _at_least(context: Context, stated: Rent, flow: Flow, beside: Array) -> Flow:
    """The rent, with what is paid beside it at least the minimum; hours that are not used save nothing of that."""
    least = context.priced(stated.minimum, "rent", "minimum")
    if least is None or flow.monthly is None:
        return flow
    charged = at_least(context, flow, least, "rent", "minimum", beside=beside)
    if flow.used is None:
        return charged
    used = flow.used[:, None]
    whole = replace(flow, monthly=flow.monthly / used)
    all_hours = at_least(context, whole, least, "rent", "minimum", beside=beside / used)
    paid, most = _paid(charged), _paid(all_hours)
    return replace(charged, used=np.divide(paid, most, out=np.ones_like(most), where=most > 0))


def _paid(flow: Flow) -> Array:
    """(draws or 1,) mean of the months."""
    return np.zeros(1) if flow.monthly is None else np.asarray(flow.monthly.mean(axis=1))


def at_least(context: Context, flow: Flow, least: Known, *where: str, beside: Array | float = 0.0) -> Flow:
    """A flow that is charged at least what is missing to a minimum a month beside others."""
    with context.scope.at(*context.path(*where)):
        monthly = least.amount.to(context.scope.unit(f"{context.scope.study.currency}/month"), "the minimum")
    charged = np.maximum(flow.monthly if flow.monthly is not None else 0.0, monthly - beside)
    text = f"{flow.formula}, at least {least.text}"
    return replace(flow, monthly=charged, formula=text, facts=tuple(dict.fromkeys((*flow.facts, *least.facts))))
