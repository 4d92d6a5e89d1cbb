"""What a check of the catalog looks at."""

from __future__ import annotations

import re
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


PARTS = {
    "host": ("host", "vm only"),
    "accelerator": ("gpu only", "gpu part", "gpus only", "accelerator only", "accelerator part"),
}
"""What a list says of a row that is only a part of a machine: which part -> words in its id, basis or note."""


def part_of(offer: Offer) -> str:
    """The part of a machine that an offer says it is, as it says it; empty for a whole one."""
    said = " ".join(re.findall(r"[a-z0-9]+", f"{offer.id} {offer.basis} {offer.note}".lower()))
    words = (word for names in PARTS.values() for word in names)
    return next((word for word in words if f" {word} " in f" {said} "), "")


def per_accelerator(offer: Offer) -> float:
    """USD per hour of one of the offer's accelerators; 0 where it has no hourly price."""
    return (offer.usd_per_hour or 0.0) / offer.count
