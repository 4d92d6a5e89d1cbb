"""Oddities of a price beside others: spot posed as on demand, commitments above on demand, parts beside their sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from statistics import median

from breakeven.catalog.scope import Remark, Scope, per_accelerator
from breakeven.schema.offer import Offer

PEER_SHARE = 0.4
"""An on-demand price under this share of its peers' is likely spot, or a part of a price."""
PEERS = 3
SUM_TOLERANCE = 0.005
PARTS = ("host only", "host part", "vm only", "gpu only", "gpu part", "accelerator only", "accelerator part")
"""What a list says of a row that is only a part of a machine."""


def below_peers(scope: Scope) -> Iterator[Remark]:
    """On demand far below other providers' median, or below what the same provider asks elsewhere: likely spot."""
    rented = [offer for offer in scope.offers if offer.kind == "accelerator_hour" and offer.usd_per_hour]
    listed = [offer for offer in rented if offer.term == "on_demand"]
    for offer in listed:
        others = [one for one in listed if one.accelerator == offer.accelerator and one.id != offer.id]
        price = per_accelerator(offer)
        abroad = [per_accelerator(one) for one in others if one.provider != offer.provider]
        if len(abroad) >= PEERS and price < PEER_SHARE * median(abroad):
            yield offer.id, f"{price:.2f} USD per accelerator-hour, peers' median {median(abroad):.2f}"
        yield from _below_own(offer, [one for one in rented if one.provider == offer.provider])


def _below_own(offer: Offer, own: Iterable[Offer]) -> Iterator[Remark]:
    """An on-demand price far below the same provider's list price, or below its commitment, is no list price."""
    same = [one for one in own if one.accelerator == offer.accelerator and one.id != offer.id]
    price = per_accelerator(offer)
    for one in same:
        theirs = per_accelerator(one)
        if one.term == "on_demand" and price < PEER_SHARE * theirs:
            share = price / theirs
            yield (
                offer.id,
                f"{price:.2f} USD per accelerator-hour is {share:.1%} of {theirs:.2f} ({one.id}): likely spot",
            )
        elif one.term.startswith("reserved") and one.count == offer.count and price < theirs:
            yield offer.id, f"{price:.2f} USD per accelerator-hour on demand, {theirs:.2f} committed ({one.id})"


def commitment_above_on_demand(scope: Scope) -> Iterator[Remark]:
    """A commitment that costs more than no commitment."""
    whole = {offer.id: offer.usd_per_hour for offer in scope.offers if offer.term == "on_demand"}
    for offer in scope.offers:
        stem = offer.id.removesuffix(offer.term.replace("_", "-"))
        listed = whole.get(f"{stem}on-demand")
        if offer.term != "on_demand" and offer.usd_per_hour and listed and offer.usd_per_hour > listed:
            yield offer.id, f"{offer.term} costs {offer.usd_per_hour:g} USD/hour, on demand {listed:g}"


def split_price(scope: Scope) -> Iterator[Remark]:
    """Host and accelerator sold as parts: a part posed as a machine, or parts listed beside their sum."""
    rented = [offer for offer in scope.offers if offer.kind in {"accelerator_hour", "cpu_hour"} and offer.usd_per_hour]
    for offer in rented:
        said = next((word for word in PARTS if word in f"{offer.basis} {offer.note}".lower()), "")
        if said and offer.kind == "accelerator_hour":
            yield offer.id, f"its note or basis says {said!r}: a part of a machine is no offer of one"
    for whole, parts in _sums(rented):
        named = " + ".join(f"{part.usd_per_hour:g} ({part.id})" for part in parts)
        yield whole.id, f"{whole.usd_per_hour:g} USD/hour is {named}: parts beside their sum count twice"


def _sums(rented: Iterable[Offer]) -> Iterator[tuple[Offer, tuple[Offer, Offer]]]:
    places: dict[tuple[str, str, str], list[Offer]] = {}
    for offer in rented:
        if offer.kind == "accelerator_hour":
            places.setdefault((offer.provider, offer.region, offer.term), []).append(offer)
    for group in places.values():
        for whole in group:
            yield from ((whole, pair) for pair in combinations(group, 2) if _is_sum(whole, pair))


def _is_sum(whole: Offer, pair: tuple[Offer, Offer]) -> bool:
    """Both parts are of the whole's machine: its accelerators and count, or the host without any."""
    sizes = {(part.accelerator, part.count) for part in pair if part.accelerator}
    if whole in pair or sizes - {(whole.accelerator, whole.count)} or not sizes:
        return False
    total = sum(part.usd_per_hour or 0.0 for part in pair)
    return abs(total - (whole.usd_per_hour or 0.0)) <= SUM_TOLERANCE * total
