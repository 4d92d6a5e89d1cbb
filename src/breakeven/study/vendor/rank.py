"""Who comes first: three criteria against the best of all, weighted; unknown earns nothing, the beaten stay behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from breakeven.schema.comparison import Standing

CRITERIA = ("cost", "latency", "tracking")
MOST_POINTS = 100.0
DIGITS = 9
"""Scores closer than this are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A proposal to be ranked. Cost and latency variance are better when lower, tracking points when higher.

    None is unknown. `faults` (red flags to clear, all of them) break ties.
    """

    id: str
    values: Mapping[str, float | None]
    faults: tuple[int, int] = (0, 0)
    excluded: tuple[str, ...] = field(default=())


def standings(entries: Sequence[Entry], weights: Mapping[str, float]) -> dict[str, Standing]:
    """The standing of each by id, the first place first; the order of the entries does not matter.

    The score is the weighted mean of the shares by criterion: the best's cost / its own, the best's latency variance
    / its own, and tracking points / 100. Unknown is 0. Equal scores go to whoever fewer dominate, then to fewer red
    flags; whoever is equal in all of that shares a place.
    """
    inside = [entry for entry in entries if not entry.excluded]
    shares = {entry.id: {name: share(entry, name, inside) for name in CRITERIA} for entry in entries}
    total = sum(weights[name] for name in CRITERIA)
    score = {key: sum(weights[name] * found[name] for name in CRITERIA) / total for key, found in shares.items()}
    beaten = {entry.id: dominators(entry, inside) for entry in entries}
    keys = {entry.id: (-round(score[entry.id], DIGITS), len(beaten[entry.id]), entry.faults) for entry in entries}
    ranked = sorted(entries, key=lambda entry: (bool(entry.excluded), keys[entry.id], entry.id))
    return {
        entry.id: Standing(
            place=None if entry.excluded else 1 + sum(keys[other.id] < keys[entry.id] for other in inside),
            score=score[entry.id],
            shares=shares[entry.id],
            unknown=tuple(name for name in CRITERIA if entry.values[name] is None),
            dominated_by=beaten[entry.id],
            excluded=entry.excluded,
        )
        for entry in ranked
    }


def share(entry: Entry, name: str, inside: Sequence[Entry]) -> float:
    """How near a proposal comes to the best in a criterion: 1 is the best, 0 unknown or nothing."""
    value = entry.values[name]
    if value is None:
        return 0.0
    if name == "tracking":
        return value / MOST_POINTS
    known = [other for one in inside if (other := one.values[name]) is not None]
    best = min([*known, value])
    if value == best:
        return 1.0
    return best / value if best > 0 else 0.0


def dominators(entry: Entry, others: Sequence[Entry]) -> tuple[str, ...]:
    """Ids of those at least as good in everything and better in something; any known value is better than unknown."""
    return tuple(sorted(other.id for other in others if _dominates(other, entry)))


def _dominates(one: Entry, other: Entry) -> bool:
    pairs = [(_size(one, name), _size(other, name)) for name in CRITERIA]
    return all(mine <= theirs for mine, theirs in pairs) and any(mine < theirs for mine, theirs in pairs)


def _size(entry: Entry, name: str) -> float:
    """Lower is better, unknown worst of all."""
    value = entry.values[name]
    if value is None:
        return float("inf")
    return -value if name == "tracking" else value
