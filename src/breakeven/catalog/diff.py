"""What changed between two states of the catalog: facts and prices that came, went, or differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from breakeven.catalog.cite import offer_facts
from breakeven.catalog.find import Catalog
from breakeven.catalog.snapshot import Snapshot
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Noun

WhatChanged = Literal["added", "removed", "changed"]
COMPARED = ("value", "unit", "low", "high", "source", "as_of", "valid_to", "basis", "term", "region")
"""Fields whose difference is a change; notes, addresses and layers are not."""


class Change(Noun, frozen=True, kw_only=True):
    """One fact or price that differs; `fields` names in what.

    What was added has no `before`, what was removed no `after`.
    """

    key: str
    what: WhatChanged
    before: Fact | None = None
    after: Fact | None = None
    fields: tuple[str, ...] = ()

    @property
    def percent(self) -> float | None:
        """By how much the value rose, in per cent of what it was; None where either is unknown or the first is 0."""
        old = self.before.value if self.before else None
        new = self.after.value if self.after else None
        return None if old is None or new is None or old == 0 or self._units_differ else 100 * (new / old - 1)

    @property
    def _units_differ(self) -> bool:
        return "unit" in self.fields


def diff(a: Catalog | Snapshot, b: Catalog | Snapshot) -> tuple[Change, ...]:
    """What turns state `a` into state `b`, by key.

    Prices are keyed with the date of their entry (`offer/<id>@<valid_from>/<field>`), so that a new entry of a known
    offer is added and changes none; what an asker is told differently is `diff_dates`.
    """
    return _changes(_stated(a), _stated(b))


def diff_dates(catalog: Catalog, on_a: str, on_b: str) -> tuple[Change, ...]:
    """What an asker on one ISO date is told differently on another, of one catalog: prices keyed `offer/<id>/<field>`.

    Raises:
        FactError: one of the two is no date.
    """
    return _changes(_in_force(catalog, on_a), _in_force(catalog, on_b))


def inverse(change: Change) -> Change:
    """The change that undoes this one."""
    turned: dict[WhatChanged, WhatChanged] = {"added": "removed", "removed": "added", "changed": "changed"}
    return msgspec.structs.replace(change, what=turned[change.what], before=change.after, after=change.before)


def _changes(before: Mapping[str, Fact], after: Mapping[str, Fact]) -> tuple[Change, ...]:
    keys = sorted(before.keys() | after.keys())
    pairs = ((key, before.get(key), after.get(key)) for key in keys)
    return tuple(change for key, old, new in pairs if (change := _change(key, old, new)) is not None)


def _change(key: str, old: Fact | None, new: Fact | None) -> Change | None:
    if old is None or new is None:
        return Change(key=key, what="removed" if new is None else "added", before=old, after=new)
    different = tuple(name for name in COMPARED if getattr(old, name) != getattr(new, name))
    return Change(key=key, what="changed", before=old, after=new, fields=different) if different else None


def _stated(state: Catalog | Snapshot) -> dict[str, Fact]:
    if isinstance(state, Snapshot):
        offers = (fact for offer in state.offers for fact in offer_facts(offer))
        return _keyed((*state.facts, *offers))
    entries = (offer for history in state.history.values() for offer in history)
    return _keyed((*state.known.values(), *(fact for offer in entries for fact in state.facts_of(offer))))


def _in_force(catalog: Catalog, on: str) -> dict[str, Fact]:
    prices = (
        (f"offer/{offer.id}/{fact.key.split('/', 2)[2]}", fact)
        for offer in catalog.offers(on=on)
        for fact in catalog.facts_of(offer)
    )
    return dict(prices)


def _keyed(facts: Iterable[Fact]) -> dict[str, Fact]:
    return {fact.key: fact for fact in facts}
