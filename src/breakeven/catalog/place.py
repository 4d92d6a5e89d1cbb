"""Where entries stand in their files, and what no two of them may say: the same thing twice, or two prices at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from breakeven.catalog.snapshot import Snapshot, entry_key
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

Entry = tuple[Fact | Offer, str]
"""A fact or an offer, and its file, line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """What files state, and where each entry stands."""

    snapshot: Snapshot
    entries: tuple[Entry, ...] = ()

    @property
    def places(self) -> Mapping[str, str]:
        """Place of each entry, by a fact's key or `offer/<id>@<valid_from>`."""
        return {key_of(entry): place for entry, place in self.entries}


def key_of(entry: Fact | Offer) -> str:
    """What identifies an entry of one layer."""
    return entry_key(entry) if isinstance(entry, Offer) else entry.key


def refuse_clashes(entries: Iterable[Entry]) -> None:
    """Refuse one layer's word against itself; what another layer says may differ.

    Raises:
        FactError: a key, or an id with its date, is stated twice, or a price begins before the stated end of another.
    """
    seen: dict[str, str] = {}
    histories: dict[str, list[tuple[Offer, str]]] = {}
    for entry, place in entries:
        key = key_of(entry)
        if key in seen:
            message = f"{place}: {key} is stated already at {seen[key]}"
            raise FactError(message, "keep one of them; a price that changed has another valid_from")
        seen[key] = place
        if isinstance(entry, Offer):
            histories.setdefault(entry.id, []).append((entry, place))
    for history in histories.values():
        _refuse_overlap(sorted(history, key=lambda row: row[0].valid_from))


def _refuse_overlap(history: list[tuple[Offer, str]]) -> None:
    for (before, there), (after, here) in pairwise(history):
        if before.valid_to > after.valid_from:
            message = (
                f"{here}: offers/{after.id} begins on {after.valid_from}, "
                f"before the end of the entry at {there} on {before.valid_to}"
            )
            raise FactError(message, f"end the earlier one with valid_to: {after.valid_from}, or leave its end out")
