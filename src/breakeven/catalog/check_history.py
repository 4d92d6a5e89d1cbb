"""Oddities of a price over time: one that goes and comes back within weeks was likely a stale list."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from breakeven.catalog.fields import PRICES
from breakeven.catalog.scope import Remark, Scope
from breakeven.catalog.stale import age_days
from breakeven.schema.offer import Offer

BLIP_DAYS = 21
"""A list price that held for fewer days between two of its former self is a stale list's, or a typing error."""


def blip(scope: Scope) -> Iterator[Remark]:
    """A price A, then B for less than `BLIP_DAYS`, then A again, in the history up to the date."""
    for offer_id, history in sorted(scope.catalog.history.items()):
        begun = [entry for entry in history if entry.valid_from <= scope.on]
        for name in PRICES[begun[0].kind] if begun else ():
            yield from ((offer_id, message) for message in _blips(begun, name))


def _blips(history: list[Offer], name: str) -> Iterator[str]:
    held = [(entry, getattr(entry, name)) for entry in history if getattr(entry, name) is not None]
    steps = [held[0], *(after for before, after in pairwise(held) if after[1] != before[1])] if held else []
    for (_, a), (since, b), (until, again) in zip(steps, steps[1:], steps[2:], strict=False):
        days = age_days(since.valid_from, until.valid_from)
        if a == again and days < BLIP_DAYS:
            yield f"{name} is {a:g}, {b:g} from {since.valid_from}, and {again:g} from {until.valid_from}: {days} days"
