"""The prices of an offer as facts, so that a memo can name number, source and date."""

from __future__ import annotations

from breakeven.catalog.fields import PRICES
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer


def offer_facts(offer: Offer) -> tuple[Fact, ...]:
    """One fact for each price field of the offer's kind that it states, keyed `offer/<id>@<valid_from>/<field>`."""
    units = PRICES[offer.kind]
    return tuple(_fact(offer, name, unit) for name, unit in units.items() if getattr(offer, name) is not None)


def _fact(offer: Offer, name: str, unit: str) -> Fact:
    return Fact(
        key=f"offer/{offer.id}@{offer.valid_from}/{name}",
        value=getattr(offer, name),
        unit=unit,
        source=offer.source,
        as_of=offer.valid_from,
        url=offer.url,
        licence=offer.licence,
        basis=offer.basis if offer.term in {"on_demand", "purchase"} else offer.term,
        note=offer.note,
    )
