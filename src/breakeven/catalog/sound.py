"""What no snapshot may state, however it was written: a price of zero, a figure without source or date."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.catalog.fields import PRICES
from breakeven.catalog.node import is_date
from breakeven.catalog.snapshot import Snapshot, entry_key
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer


def require_sound(snapshot: Snapshot, file: str) -> Snapshot:
    """The snapshot itself; what a machine wrote keeps the laws that fact files keep.

    Raises:
        FactError: an entry has no source or date, or states a price that is not above 0 and not marked free.
    """
    for problem in (*_facts(snapshot.facts), *_offers(snapshot.offers)):
        message = f"{file}: {problem}"
        raise FactError(message, "leave out what is unknown: unpriced is not a number; state source and date")
    return snapshot


def _facts(facts: tuple[Fact, ...]) -> Iterator[str]:
    for fact in facts:
        if not fact.source or not fact.as_of:
            yield f"{fact.key} has no {'date' if fact.source else 'source'}"
        if fact.currency and fact.value is not None and fact.value <= 0:
            yield f"{fact.key}: a price must be above 0, got {fact.value:g}"


def _offers(offers: tuple[Offer, ...]) -> Iterator[str]:
    for offer in offers:
        if not offer.source or not is_date(offer.valid_from):
            yield f"{entry_key(offer)} has no {'date' if offer.source else 'source'}"
        for name in PRICES[offer.kind]:
            price = getattr(offer, name, None)
            if price is not None and price <= 0 and not getattr(offer, "free", False):
                yield f"{entry_key(offer)}: {name} must be above 0, got {price:g}"
