"""Hours, days and ranges: integers and intervals that say where rows lie."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence

HOUR_S, DAY_S = 3600, 86_400
FIRST_S, LAST_S = -62_135_596_800.0, 253_402_300_799.0
"""What a calendar reaches; times beyond it count as its ends."""
TELL_S = 60.0
"""A prediction's id tells its time when both differ by no more."""
_V7 = 36

Range = tuple[float, float]
Run = tuple[int, int]


def hour_of(time_s: float) -> int:
    """The UTC hour of a Unix time, as hours since 1970."""
    return int(min(max(time_s, FIRST_S), LAST_S) // HOUR_S)


def day_of(time_s: float) -> int:
    """The UTC day of a Unix time, as days since 1970."""
    return int(min(max(time_s, FIRST_S), LAST_S) // DAY_S)


def days_within(low_s: float, high_s: float) -> range:
    """Every day with a moment in `low_s` <= time <= `high_s`."""
    return range(day_of(low_s), day_of(high_s) + 1)


def told_s(prediction_id: str) -> float | None:
    """The Unix time that a UUIDv7 (RFC 9562) carries; None for any other id."""
    if len(prediction_id) != _V7 or prediction_id[14] != "7":
        return None
    try:
        return int(prediction_id[:8] + prediction_id[9:13], 16) / 1000
    except ValueError:
        return None


def told_hours(prediction_id: str) -> range:
    """The hours in which a prediction of this id may lie if its id tells its time."""
    time_s = told_s(prediction_id)
    return range(0) if time_s is None else range(hour_of(time_s - TELL_S), hour_of(time_s + TELL_S) + 1)


def united(ranges: Iterable[Range]) -> tuple[Range, ...]:
    """The same times as disjoint ranges, ascending."""
    found: list[Range] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def hits(ranges: Sequence[Range], low: float, high: float) -> bool:
    """Whether any of `ranges` (disjoint, ascending, ends included) shares a moment with `low` to `high`."""
    at = bisect.bisect_right(ranges, (high, float("inf")))
    return at > 0 and ranges[at - 1][1] >= low


def runs(numbers: Iterable[int]) -> tuple[Run, ...]:
    """Integers as runs of consecutive ones, first and last included."""
    return joined((number, number) for number in numbers)


def joined(parts: Iterable[Run]) -> tuple[Run, ...]:
    """Runs that may overlap as disjoint ones that do not touch."""
    found: list[Run] = []
    for low, high in sorted(parts):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def size(parts: Iterable[Run]) -> int:
    """How many integers disjoint runs hold."""
    return sum(high - low + 1 for low, high in parts)
