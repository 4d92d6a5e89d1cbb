"""What no snapshot may state, however it was written: a price of zero, a figure without source or date."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.catalog.fields import PRICES, measure_of
from breakeven.catalog.node import is_date
from breakeven.catalog.place import refuse_clashes
from breakeven.catalog.snapshot import Snapshot, entry_key
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer


def require_sound(snapshot: Snapshot, file: str) -> Snapshot:
    """The snapshot itself; what a machine wrote keeps the laws that fact files keep.

    Raises:
        FactError: an entry has no source or date, a price that is not above 0 and not marked free, a unit that its key
            does not mean, or a figure outside the believable; two entries contradict each other.
    """
    entries: tuple[Fact | Offer, ...] = (*snapshot.facts, *snapshot.offers)
    for problem in (*_facts(snapshot.facts), *_offers(snapshot.offers)):
        message = f"{file}: {problem}"
        raise FactError(message, "leave out what is unknown: unpriced is not a number; state source and date")
    refuse_clashes((entry, file) for entry in entries)
    return snapshot


def _facts(facts: tuple[Fact, ...]) -> Iterator[str]:
    for fact in facts:
        if not fact.source or not fact.as_of:
            yield f"{fact.key} has no {'date' if fact.source else 'source'}"
        if fact.currency and fact.value is not None and fact.value <= 0:
            yield f"{fact.key}: a price must be above 0, got {fact.value:g}"
        measure = measure_of(fact.key)
        if measure and fact.unit != measure.unit:
            yield f"{fact.key} is in {fact.unit or 'no unit'}, and {measure.unit} is needed"
        for value in (fact.value, fact.low, fact.high):
            if measure and value is not None and not measure.least <= value <= measure.most:
                yield f"{fact.key}: {value:g} {fact.unit} lies outside {measure.least:g}..{measure.most:g}"


def _offers(offers: tuple[Offer, ...]) -> Iterator[str]:
    for offer in offers:
        if not offer.source or not is_date(offer.valid_from):
            yield f"{entry_key(offer)} has no {'date' if offer.source else 'source'}"
        if offer.valid_to and offer.valid_to <= offer.valid_from:
            yield f"{entry_key(offer)} ends on {offer.valid_to}"
        for name, measure in PRICES[offer.kind].items():
            price = getattr(offer, name, None)
            if price is not None and price <= 0 and not getattr(offer, "free", False):
                yield f"{entry_key(offer)}: {name} must be above 0, got {price:g}"
            elif price and not measure.least <= price <= measure.most:
                within = f"{measure.least:g}..{measure.most:g}"
                yield f"{entry_key(offer)}: {name} {price:g} {measure.unit} lies outside {within}"
