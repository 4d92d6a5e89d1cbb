"""Oddities of one price: zero, a cent, cached input dearer than input, a batch that is no cheaper, no term."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.catalog import fields
from breakeven.catalog.scope import HOURLY, Remark, Scope
from breakeven.catalog.stale import age_warning
from breakeven.schema.offer import Offer, PriceTier

PLACEHOLDER_USD_PER_HOUR = 0.02
"""An accelerator-hour below this is no price: the cheapest of all lists at hand asks 0.09, for an RTX 3080 as spot."""
CHEAP_USD_PER_KWH = 0.04
"""Industrial power of the cheapest large grids (RUS, KGZ). Who rents below what the board burns has another price."""

DISCOUNTED = ("input_usd_per_mtok", "output_usd_per_mtok")
"""Prices that a batch discounts everywhere; a cached read is not discounted twice by every provider."""


def stale(scope: Scope) -> Iterator[Remark]:
    """Prices and figures older than the limit of their kind (`stale.LIMIT_DAYS`)."""
    aged = ((offer.id, age_warning(offer, scope.on)) for offer in scope.offers)
    facts = ((key, age_warning(fact, scope.on)) for key, fact in sorted(scope.catalog.known.items()))
    yield from ((thing, warning) for thing, warning in (*aged, *facts) if warning)


def placeholder(scope: Scope) -> Iterator[Remark]:
    """Prices of 0 that nobody marked as free, and accelerators for less than a lowest rent or their own power."""
    for offer in scope.offers:
        for name in fields.PRICES[offer.kind]:
            price = getattr(offer, name)
            if price is not None and price <= 0 and not offer.free:
                yield offer.id, f"{name} is {price:g}: unpriced is no number, and free is said with free: true"
        if offer.kind == "accelerator_hour" and 0 < (offer.usd_per_hour or 0) < _floor(scope, offer) * offer.count:
            least = f"at least {_floor(scope, offer):.3f} each is believable"
            yield offer.id, f"{offer.usd_per_hour:g} USD/hour for {offer.count} x {offer.accelerator}: {least}"


def _floor(scope: Scope, offer: Offer) -> float:
    """The lowest believable rent of one board: its power at a cheap tariff, where that is more than the general one."""
    tdp = scope.catalog.known.get(f"accelerator/{offer.accelerator}/tdp_w")
    power_kw = (tdp.value or 0.0) / 1000 if tdp else 0.0
    return max(PLACEHOLDER_USD_PER_HOUR, power_kw * CHEAP_USD_PER_KWH)


def cache_above_input(scope: Scope) -> Iterator[Remark]:
    """Reading cached input costs more than sending it anew, in the price list, in a batch, or in a tier of either."""
    for offer in scope.offers:
        for tier in (None, *offer.tiers):
            for batch in ("", "batch_"):
                cached, full = (_held(offer, tier, f"{batch}{name}") for name in CACHE)
                if cached is not None and full is not None and cached > full and _states(tier or offer, batch):
                    where = f"{batch.strip('_')} above {tier.above_input_tokens:,} tokens: " if tier else ""
                    where = where.lstrip() or (f"{batch.strip('_')}: " if batch else "")
                    yield offer.id, f"{where}reading cached input costs {cached:g} USD/Mtok, input {full:g}"


CACHE = ("cached_input_usd_per_mtok", "input_usd_per_mtok")


def _held(offer: Offer, tier: PriceTier | None, name: str) -> float | None:
    """A price in a tier: its own, else the one below it."""
    own: float | None = getattr(tier, name) if tier is not None else None
    below: float | None = getattr(offer, name)
    return below if own is None else own


def _states(priced: Offer | PriceTier, batch: str) -> bool:
    """Whether it states one of the two prices itself: what it takes over from below is said there."""
    return any(getattr(priced, f"{batch}{name}") is not None for name in CACHE)


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
