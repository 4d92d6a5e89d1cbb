"""Picking from what is known: by id with hints, and the entry that is in force on a day."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from breakeven.catalog.node import is_date
from breakeven.errors import FactError
from breakeven.schema.offer import Offer

Value = TypeVar("Value")


def named(table: Mapping[str, Value], key: str, what: str) -> Value:
    """The value of a key.

    Raises:
        FactError: unknown key; the nearest known ones are named.
    """
    if key in table:
        return table[key]
    found = near(key, table)
    hint = f"did you mean {', '.join(found)}?" if found else "`breakeven catalog list` shows what there is"
    message = f"{what} {key!r} is not in the catalog"
    raise FactError(message, hint)


def near(key: str, table: Iterable[str]) -> list[str]:
    """The names most likely meant by one that is not there: those it begins, then those spelled alike."""
    names = list(table)
    begun = sorted((name for name in names if key and name.startswith(key)), key=lambda name: (len(name), name))
    return list(dict.fromkeys((*begun[:3], *difflib.get_close_matches(key, names, n=3, cutoff=0.5))))[:3]


def valid(entries: Sequence[Offer], on: str) -> Offer | None:
    """Of entries that ascend by date the latest begun by an ISO date, if it has not ended.

    Raises:
        FactError: `on` is no date.
    """
    check_date(on)
    begun = [entry for entry in entries if entry.valid_from <= on]
    return begun[-1] if begun and (not begun[-1].valid_to or on < begun[-1].valid_to) else None


def check_date(on: str) -> None:
    """Refuse what is no whole ISO date."""
    if not is_date(on):
        message = f"{on!r} is not a date"
        raise FactError(message, "write it as 2026-11-24")


def by_date(entry: Offer) -> str:
    """The day an entry begins: what its history is sorted by."""
    return entry.valid_from
