"""Whether the other side's days or hours are those of another time zone, found by shifting them."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from breakeven.schema.reconcile import Tally

HALF_HOUR_S = 1800
LONGEST_H = 14
"""No time zone is further from UTC."""
BETTER = 0.6
"""A shift is believed when it leaves at most this share of the disagreement."""
MATTERS = 0.001
"""Disagreement below this share of the volume needs no explanation."""

Measure = Callable[[Tally], int]


def shift_h(ledger: Sequence[Tally], other: Sequence[Tally], measure: Measure) -> float:
    """Hours that the other side's clock is ahead of UTC; 0 where no shift makes the sides agree much better.

    Args:
        ledger: sums of half an hour or so, reaching `LONGEST_H` beyond the other side's time at both ends.
        other: sums of hours or days.
        measure: what to compare, such as calls or tokens.
    """
    volume = sum(map(measure, other))
    starts = sorted({one.start_s for one in other})
    if not volume or not starts:
        return 0.0
    wanted = _by_bucket(other, measure)
    edges = _edges(other)
    slots = _by_slot(ledger, measure)
    steps = range(-2 * LONGEST_H, 2 * LONGEST_H + 1)
    apart = {step: _apart(slots, wanted, starts, edges, step * HALF_HOUR_S) for step in steps}
    best = min(steps, key=lambda step: (apart[step], abs(step)))
    worth = apart[0] - apart[best] > MATTERS * volume
    return best / 2 if best and worth and apart[best] <= BETTER * apart[0] else 0.0


def bucket_of(time_s: float, starts: Sequence[float], ends: Mapping[float, float]) -> float | None:
    """The start of the bucket that a time falls in; None where there is none."""
    at = bisect_right(starts, time_s) - 1
    return starts[at] if at >= 0 and time_s < ends[starts[at]] else None


def _edges(other: Sequence[Tally]) -> dict[float, float]:
    return {one.start_s: one.end_s for one in other}


def _by_bucket(other: Sequence[Tally], measure: Measure) -> dict[tuple[str, float], int]:
    found: dict[tuple[str, float], int] = defaultdict(int)
    for one in other:
        found[one.model, one.start_s] += measure(one)
    return found


def _by_slot(ledger: Sequence[Tally], measure: Measure) -> list[tuple[str, float, int]]:
    found: dict[tuple[str, float], int] = defaultdict(int)
    for one in ledger:
        found[one.model, one.start_s] += measure(one)
    return [(model, start_s, count) for (model, start_s), count in found.items()]


def _apart(
    slots: Sequence[tuple[str, float, int]],
    wanted: Mapping[tuple[str, float], int],
    starts: Sequence[float],
    ends: Mapping[float, float],
    ahead_s: float,
) -> int:
    """How far the sides are apart when the ledger is read on a clock so many seconds ahead."""
    left = dict(wanted)
    for model, start_s, count in slots:
        bucket = bucket_of(start_s + ahead_s, starts, ends)
        if bucket is not None:
            left[model, bucket] = left.get((model, bucket), 0) - count
    return sum(map(abs, left.values()))
