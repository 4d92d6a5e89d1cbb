"""Sources and layers that contradict one another, or differ by exactly two. Which is right is not decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from breakeven.catalog.override import overrides
from breakeven.catalog.scope import Remark, Scope
from breakeven.catalog.snapshot import entry_key
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

MOST_APART = {"offer": 0.01, "electricity": 0.2, "carbon": 0.2}
"""Share by which two sources may differ, by kind of fact; statistics of other years differ more than list prices."""
TWICE = 0.001


def disagreement(scope: Scope) -> Iterator[Remark]:
    """Two sources state the same thing further apart than `MOST_APART`, and not exactly by two."""
    for mine, theirs in _pairs(scope):
        if apart(mine, theirs) > MOST_APART.get(mine.kind, 0.05) and not _double(mine, theirs):
            yield _thing(mine), _said(mine, theirs)


def exact_double(scope: Scope) -> Iterator[Remark]:
    """Two sources differ by exactly two: one of them likely took a batch price, or one direction of two."""
    for mine, theirs in _pairs(scope):
        if _double(mine, theirs):
            yield _thing(mine), f"{_said(mine, theirs)}: exactly twice"


def apart(mine: Fact, theirs: Fact) -> float:
    """The difference as a share of the larger value; 0 where either is unknown."""
    a, b = mine.value or 0.0, theirs.value or 0.0
    return abs(a - b) / max(a, b) if mine.value is not None and theirs.value is not None and max(a, b) > 0 else 0.0


def _double(mine: Fact, theirs: Fact) -> bool:
    a, b = mine.value or 0.0, theirs.value or 0.0
    return min(a, b) > 0 and abs(max(a, b) / min(a, b) - 2) <= TWICE


def _pairs(scope: Scope) -> Iterator[tuple[Fact, Fact]]:
    """What is in use beside a second opinion, the same machine at another source, and the layers beneath."""
    yield from _opinions(scope)
    yield from _twins(scope)
    yield from ((one.used, one.over) for one in overrides(scope.catalog, scope.on) if one.over is not None)
    yield from _replaced(scope)


def _replaced(scope: Scope) -> Iterator[tuple[Fact, Fact]]:
    """A refreshed entry beside the shipped one of the same key or date; the user's own are `overrides`."""
    catalog = scope.catalog
    for key, below in sorted(catalog.beneath.items()):
        mine = catalog.known.get(key)
        if mine is not None and mine.layer != "user":
            yield from ((mine, one.entry) for one in below if isinstance(one.entry, Fact))
    for offer in scope.offers:
        under = [one.entry for one in catalog.beneath.get(entry_key(offer), ()) if isinstance(one.entry, Offer)]
        if catalog.layer(offer) != "user":
            yield from (pair for one in under for pair in _same_fields(catalog.facts_of(offer), catalog.facts_of(one)))


def _same_fields(mine: Iterable[Fact], theirs: Iterable[Fact]) -> Iterator[tuple[Fact, Fact]]:
    named = {fact.key.split("/", 2)[2]: fact for fact in theirs}
    yield from ((fact, named[name]) for fact in mine if (name := fact.key.split("/", 2)[2]) in named)


def _opinions(scope: Scope) -> Iterator[tuple[Fact, Fact]]:
    """Each fact and each price in force beside what another source says of it that day."""
    priced = {f"offer/{offer.id}": offer for offer in scope.offers}
    for thing, said in sorted(scope.catalog.elsewhere().items()):
        mine = scope.catalog.known.get(thing)
        offer = priced.get(thing.rpartition("/")[0])
        if offer is not None:
            name = thing.rpartition("/")[2]
            mine = next((fact for fact in scope.catalog.facts_of(offer) if fact.key.split("/", 2)[2] == name), None)
        if mine is not None:
            yield from ((mine, theirs) for theirs in said if theirs.holds(scope.on) and theirs.source != mine.source)


def _twins(scope: Scope) -> Iterator[tuple[Fact, Fact]]:
    """The same machine of the same provider and term, rented at prices of two sources."""
    same: dict[tuple[str, str, int, str, str], list[Offer]] = {}
    for offer in scope.offers:
        if offer.kind == "accelerator_hour" and offer.accelerator:
            key = (offer.provider, offer.accelerator, offer.count, offer.term, offer.basis)
            same.setdefault(key, []).append(offer)
    for group in same.values():
        for one, other in combinations(group, 2):
            if one.source != other.source and (one.region == other.region or not one.region or not other.region):
                yield scope.catalog.facts_of(one)[0], scope.catalog.facts_of(other)[0]


def _thing(fact: Fact) -> str:
    return fact.key.split("/")[1].partition("@")[0] if fact.kind == "offer" else fact.key


def _said(mine: Fact, theirs: Fact) -> str:
    name = f"{mine.key.rpartition('/')[2]} " if mine.kind == "offer" else ""
    return (
        f"{name}{mine.value:g} {mine.unit} ({mine.source}, {mine.as_of}), "
        f"{theirs.value:g} ({theirs.source}, {theirs.as_of})"
    )
