"""Oddities of a price beside others: spot posed as on demand, commitments above on demand, parts beside their sum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from statistics import median

from breakeven.catalog.scope import HOURLY, Remark, Scope, part_of, per_accelerator
from breakeven.schema.offer import Offer

PEER_SHARE = 0.4
"""An on-demand price under this share of its peers' is likely spot, or a part of a price."""
PEERS = 3
"""From so many other providers on their median decides; of one or two the lower, at the share below."""
FEW_SHARE = 0.3
"""Beside one or two peers: lists of one accelerator lie up to threefold apart (B300: 17.80 at AWS, 6.59 at RunPod)."""
SPOT_MARGIN = 0.02
"""On demand within this share of the same provider's spot price is the spot price, rounded or of another region."""
SUM_TOLERANCE = 0.005
LEAST_PART = 0.02
"""A host is more than this share of its machine; below, any small price would make a sum."""


def below_peers(scope: Scope) -> Iterator[Remark]:
    """On demand far below what other providers ask, or below what the same provider asks elsewhere: likely spot."""
    rented = [offer for offer in _rented(scope) if not part_of(offer)]
    listed = [offer for offer in rented if offer.term == "on_demand"]
    for offer in listed:
        price = per_accelerator(offer)
        floor, asked, said = _peers([one for one in listed if one.accelerator == offer.accelerator], offer.provider)
        if price < floor:
            yield offer.id, f"{price:.2f} USD per accelerator-hour, {said} {asked:.2f}"
        yield from _below_own(offer, [one for one in rented if one.provider == offer.provider])


def _peers(listed: Iterable[Offer], provider: str) -> tuple[float, float, str]:
    """The lowest believable price beside other providers, each heard once; what they ask, and how to call it."""
    asked: dict[str, list[float]] = {}
    for one in listed:
        if one.provider != provider:
            asked.setdefault(one.provider, []).append(per_accelerator(one))
    each = {name: median(prices) for name, prices in asked.items()}
    if len(each) >= PEERS:
        asked_by_most = median(each.values())
        return PEER_SHARE * asked_by_most, asked_by_most, f"median of {len(each)} peers"
    lowest = min(each.values(), default=0.0)
    return FEW_SHARE * lowest, lowest, f"the lowest of {', '.join(sorted(each))} is"


def _below_own(offer: Offer, own: Iterable[Offer]) -> Iterator[Remark]:
    """An on-demand price far below the same provider's list price, or below its commitment, is no list price."""
    same = [one for one in own if one.accelerator == offer.accelerator and one.id != offer.id]
    price = per_accelerator(offer)
    for one in same:
        theirs = per_accelerator(one)
        if one.term == "on_demand" and price < PEER_SHARE * theirs:
            share = f"{price / theirs:.1%} of {theirs:.2f} ({one.id})"
            yield offer.id, f"{price:.2f} USD per accelerator-hour is {share}: likely spot, or a part of a machine"
        elif one.term.startswith("reserved") and one.count == offer.count and price < theirs:
            yield offer.id, f"{price:.2f} USD per accelerator-hour on demand, {theirs:.2f} committed ({one.id})"


def posed_as_on_demand(scope: Scope) -> Iterator[Remark]:
    """On demand at, or below, the spot price of the same provider for the same accelerator."""
    rented = _rented(scope)
    for offer in rented:
        spot = [one for one in rented if one.term == "spot" and _same_board(one, offer)]
        highest = max(spot, key=per_accelerator, default=None)
        price = per_accelerator(offer)
        if offer.term == "on_demand" and highest and price <= (1 + SPOT_MARGIN) * per_accelerator(highest):
            theirs = f"{per_accelerator(highest):.2f} spot ({highest.id})"
            yield offer.id, f"{price:.2f} USD per accelerator-hour on demand, {theirs}: a spot price in disguise"


def _same_board(one: Offer, other: Offer) -> bool:
    return (one.provider, one.accelerator) == (other.provider, other.accelerator)


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
    rented = [offer for offer in scope.offers if offer.kind in HOURLY and offer.usd_per_hour]
    for offer in rented:
        said = part_of(offer)
        if said and offer.kind == "accelerator_hour":
            beside = ", ".join(f"{one.id} at {one.usd_per_hour:g}" for one in rented if _other_part(one, offer))
            rest = f"; the rest of it may be {beside}" if beside else ""
            yield offer.id, f"its id, note or basis says {said!r}: a part of a machine is no offer of one{rest}"
    for whole, parts in _sums(rented):
        named = " + ".join(f"{part.usd_per_hour:g} ({part.id})" for part in parts)
        yield whole.id, f"{whole.usd_per_hour:g} USD/hour is {named}: parts beside their sum count twice"


def _other_part(one: Offer, part: Offer) -> bool:
    """The same accelerators at the same place: what a part may be added to."""
    same = ("provider", "region", "term", "accelerator", "count")
    return one.id != part.id and all(getattr(one, name) == getattr(part, name) for name in same)


def _rented(scope: Scope) -> list[Offer]:
    return [offer for offer in scope.offers if offer.kind == "accelerator_hour" and offer.usd_per_hour]


def _sums(rented: Iterable[Offer]) -> Iterator[tuple[Offer, tuple[Offer, Offer]]]:
    places: dict[tuple[str, str, str], list[Offer]] = {}
    for offer in rented:
        places.setdefault((offer.provider, offer.region, offer.term), []).append(offer)
    for group in places.values():
        wholes = [offer for offer in group if offer.kind == "accelerator_hour"]
        yield from ((whole, pair) for whole in wholes for pair in combinations(group, 2) if _is_sum(whole, pair))


def _is_sum(whole: Offer, pair: tuple[Offer, Offer]) -> bool:
    """Both parts are of the whole's machine: its accelerators and count, or the host without any."""
    sizes = {(part.accelerator, part.count) for part in pair if part.accelerator}
    if whole in pair or sizes - {(whole.accelerator, whole.count)} or not sizes:
        return False
    prices = [part.usd_per_hour or 0.0 for part in pair]
    total = sum(prices)
    return min(prices) > LEAST_PART * total and abs(total - (whole.usd_per_hour or 0.0)) <= SUM_TOLERANCE * total
