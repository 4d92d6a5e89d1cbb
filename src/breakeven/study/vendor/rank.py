"""Who comes first: places by three criteria, weighted; unknown is last; whoever is beaten in all stays behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from breakeven.schema.comparison import Standing

CRITERIA = ("cost", "latency", "tracking")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A proposal to be ranked: values by criterion, lower is better, None is unknown; `faults` break ties."""

    id: str
    values: Mapping[str, float | None]
    faults: tuple[int, int] = (0, 0)
    excluded: tuple[str, ...] = field(default=())


def standings(entries: Sequence[Entry], weights: Mapping[str, float]) -> dict[str, Standing]:
    """The standing of each by id, the first place first; the order of the entries does not matter.

    The score is the mean of the places by criterion, by weight. Ties go to whoever fewer dominate, then to fewer red
    flags (bad ones first); whoever is equal in all of that shares a place.
    """
    places = {name: _places(entries, name) for name in CRITERIA}
    beaten = {entry.id: dominators(entry, entries) for entry in entries}
    total = sum(weights[name] for name in CRITERIA)
    score = {entry.id: sum(weights[name] * places[name][entry.id] for name in CRITERIA) / total for entry in entries}
    keys = {entry.id: (round(score[entry.id], 9), len(beaten[entry.id]), entry.faults) for entry in entries}
    inside = [keys[entry.id] for entry in entries if not entry.excluded]
    ranked = sorted(entries, key=lambda entry: (bool(entry.excluded), keys[entry.id], entry.id))
    return {
        entry.id: Standing(
            place=None if entry.excluded else 1 + sum(key < keys[entry.id] for key in inside),
            score=score[entry.id],
            places={name: places[name][entry.id] for name in CRITERIA},
            unknown=tuple(name for name in CRITERIA if entry.values[name] is None),
            dominated_by=beaten[entry.id],
            excluded=entry.excluded,
        )
        for entry in ranked
    }


def _places(entries: Sequence[Entry], name: str) -> dict[str, int]:
    """1 for the best; equal values share a place; all unknown ones have the last. The excluded take nobody's place."""
    pool = [entry.values[name] for entry in entries if not entry.excluded]
    known = [value for value in pool if value is not None]
    found = {}
    for entry in entries:
        value, last = entry.values[name], len(entries) if entry.excluded else len(pool)
        found[entry.id] = last if value is None else 1 + sum(other < value for other in known)
    return found


def dominators(entry: Entry, entries: Sequence[Entry]) -> tuple[str, ...]:
    """Ids of those at least as good in everything and better in something; any known value is better than unknown."""
    return tuple(sorted(other.id for other in entries if not other.excluded and _dominates(other, entry)))


def _dominates(one: Entry, other: Entry) -> bool:
    pairs = [(_size(one, name), _size(other, name)) for name in CRITERIA]
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def _size(entry: Entry, name: str) -> float:
    value = entry.values[name]
    return float("inf") if value is None else value
