"""What a check of the catalog looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from breakeven.catalog.find import Catalog
from breakeven.schema.offer import Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The catalog, its offers in force, and the ISO date they are in force on."""

    catalog: Catalog
    offers: tuple[Offer, ...]
    on: str


Remark = tuple[str, str]
"""The id of an offer or the key of a fact, and what is odd about it."""

Check = Callable[[Scope], Iterator[Remark]]
HOURLY = ("accelerator_hour", "cpu_hour")


def per_accelerator(offer: Offer) -> float:
    """USD per hour of one of the offer's accelerators; 0 where it has no hourly price."""
    return (offer.usd_per_hour or 0.0) / offer.count
