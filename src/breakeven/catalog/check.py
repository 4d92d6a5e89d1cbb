"""What looks wrong in a catalog that loads: stale prices, dear cache reads, prices far from their peers."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from statistics import median

from breakeven.catalog.find import Catalog
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

STALE_DAYS = 365
PEER_SHARE = 0.4
"""An on-demand price under this share of its peers' median is likely spot, or a part of a price."""
PEERS = 3


class Issue(Noun, frozen=True, kw_only=True):
    """Something an editor should look at; `check` is a key of `CHECKS`."""

    check: str
    offer: str
    message: str


def check(catalog: Catalog, on: str) -> tuple[Issue, ...]:
    """Every issue on an ISO date, in the order of `CHECKS` and ids."""
    offers = catalog.offers(on=on)
    return tuple(
        Issue(check=name, offer=offer, message=message)
        for name, find in CHECKS.items()
        for offer, message in find(offers, on)
    )


def _stale(offers: tuple[Offer, ...], on: str) -> Iterator[tuple[str, str]]:
    today = dt.date.fromisoformat(on)
    for offer in offers:
        days = (today - dt.date.fromisoformat(offer.valid_from)).days
        if days > STALE_DAYS:
            yield offer.id, f"price is of {offer.valid_from}, {days} days old (limit {STALE_DAYS})"


def _cache_above_input(offers: tuple[Offer, ...], on: str) -> Iterator[tuple[str, str]]:
    del on
    for offer in offers:
        cached, full = offer.cached_input_usd_per_mtok, offer.input_usd_per_mtok
        if cached is not None and full is not None and cached > full:
            yield offer.id, f"reading cached input costs {cached:g} USD/Mtok, input {full:g}"


def _below_peers(offers: tuple[Offer, ...], on: str) -> Iterator[tuple[str, str]]:
    del on
    unit = {offer.id: offer.usd_per_hour / offer.count for offer in offers if offer.usd_per_hour is not None}
    for offer in offers:
        if offer.kind != "accelerator_hour" or offer.term != "on_demand" or offer.id not in unit:
            continue
        peers = [
            unit[other.id]
            for other in offers
            if other.accelerator == offer.accelerator
            and other.term == "on_demand"
            and other.provider != offer.provider
            and other.id in unit
        ]
        if len(peers) >= PEERS and unit[offer.id] < PEER_SHARE * median(peers):
            yield offer.id, f"{unit[offer.id]:.2f} USD per accelerator-hour, peers' median {median(peers):.2f}"


def _commitment_above_on_demand(offers: tuple[Offer, ...], on: str) -> Iterator[tuple[str, str]]:
    del on
    whole = {offer.id: offer.usd_per_hour for offer in offers if offer.term == "on_demand"}
    for offer in offers:
        stem = offer.id.removesuffix(offer.term.replace("_", "-"))
        listed = whole.get(f"{stem}on-demand")
        if offer.term != "on_demand" and offer.usd_per_hour and listed and offer.usd_per_hour > listed:
            yield offer.id, f"{offer.term} costs {offer.usd_per_hour:g} USD/hour, on demand {listed:g}"


CHECKS: dict[str, Callable[[tuple[Offer, ...], str], Iterator[tuple[str, str]]]] = {
    "stale": _stale,
    "cache_above_input": _cache_above_input,
    "below_peers": _below_peers,
    "commitment_above_on_demand": _commitment_above_on_demand,
}
