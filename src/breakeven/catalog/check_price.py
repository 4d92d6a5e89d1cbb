"""Oddities of one price: zero, a cent, cached input dearer than input, a batch that is no cheaper, no term."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.catalog import fields
from breakeven.catalog.scope import HOURLY, Remark, Scope
from breakeven.catalog.stale import age_warning
from breakeven.schema.offer import Offer

PLACEHOLDER_USD_PER_HOUR = 0.01
"""No accelerator is rented out for a cent an hour: lists put it where they have no price."""

DISCOUNTED = ("input_usd_per_mtok", "output_usd_per_mtok")
"""Prices that a batch discounts everywhere; a cached read is not discounted twice by every provider."""


def stale(scope: Scope) -> Iterator[Remark]:
    """Prices and figures older than the limit of their kind (`stale.LIMIT_DAYS`)."""
    aged = ((offer.id, age_warning(offer, scope.on)) for offer in scope.offers)
    facts = ((key, age_warning(fact, scope.on)) for key, fact in sorted(scope.catalog.known.items()))
    yield from ((thing, warning) for thing, warning in (*aged, *facts) if warning)


def placeholder(scope: Scope) -> Iterator[Remark]:
    """Prices of 0 that nobody marked as free, and accelerators for a cent an hour or less."""
    for offer in scope.offers:
        for name in fields.PRICES[offer.kind]:
            price = getattr(offer, name)
            if price is not None and price <= 0 and not offer.free:
                yield offer.id, f"{name} is {price:g}: unpriced is no number, and free is said with free: true"
        if offer.kind == "accelerator_hour" and 0 < (offer.usd_per_hour or 0) <= PLACEHOLDER_USD_PER_HOUR * offer.count:
            yield offer.id, f"{offer.usd_per_hour:g} USD/hour for {offer.count} accelerators is a placeholder"


def cache_above_input(scope: Scope) -> Iterator[Remark]:
    """Reading cached input costs more than sending it anew."""
    for offer in scope.offers:
        cached, full = offer.cached_input_usd_per_mtok, offer.input_usd_per_mtok
        if cached is not None and full is not None and cached > full:
            yield offer.id, f"reading cached input costs {cached:g} USD/Mtok, input {full:g}"


def batch_is_list(scope: Scope) -> Iterator[Remark]:
    """A batch price that is not below the price it should be a discount on: one was copied from the other."""
    for offer in scope.offers:
        for name in DISCOUNTED:
            batch = f"batch_{name}"
            low, full = getattr(offer, batch), getattr(offer, name)
            if low is not None and full is not None and low >= full > 0:
                yield offer.id, f"{batch} is {low:g} USD/Mtok, {name} {full:g}: no discount"


def missing_term(scope: Scope) -> Iterator[Remark]:
    """Rent without a term, or with one that the basis contradicts: on demand, spot and commitments do not compare."""
    for offer in scope.offers:
        problem = _term_problem(offer)
        if problem:
            yield offer.id, problem


def _term_problem(offer: Offer) -> str:
    if offer.term not in fields.TERMS:
        return f"term {offer.term!r} is none of {', '.join(fields.TERMS)}"
    if (offer.kind == "server_purchase") != (offer.term == "purchase"):
        return f"a {offer.kind} cannot have the term {offer.term}"
    if offer.kind in HOURLY and offer.basis in fields.TERMS and offer.basis != offer.term:
        return f"the basis says {offer.basis}, the term {offer.term}"
    return ""
