"""What a period consists of: roll-ups of its final days, and the rows of the rest."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import layout
from breakeven.ledger.days import compute, rollup
from breakeven.ledger.days.rollup import Rollup
from breakeven.ledger.days.shelf import Version
from breakeven.ledger.days.sight import Sight, opened
from breakeven.ledger.days.span import Range
from breakeven.ledger.engine.port import Query
from breakeven.ledger.identity import time_of
from breakeven.ledger.snapshot import Snapshot, unlisted
from breakeven.schema.noun import Noun

EXACT_ROWS = 2_000_000
"""Above so many predictions percentiles come from histograms."""


class Part(Noun, frozen=True, kw_only=True):
    """A range that is answered from rows, and everything that its answers depend on."""

    low_s: float
    high_s: float
    snapshot: Snapshot


class Found(Noun, frozen=True, kw_only=True):
    """What a period consists of: roll-ups of final days, rows of the rest, and how to get all of it as rows."""

    rollups: tuple[Rollup, ...]
    parts: tuple[Part, ...]
    whole: Callable[[], Snapshot]
    rows: int
    lost: int
    warnings: tuple[str, ...]
    versions: dict[int, Version] = {}
    reopened: dict[int, str] = {}


def find(data_dir: Path, period: Query) -> Found:
    """A period of a ledger as it stands now, judged by the period's measures.

    Raises:
        LedgerError: there is no ledger there.
    """
    with opened(data_dir) as sight:
        return _found(data_dir, sight, period)


def _found(data_dir: Path, sight: Sight, period: Query) -> Found:
    low_s, high_s = _edges(period)
    rollups, warnings = _rollups(data_dir, _usable(sight, period))
    ranges = _rest(low_s, high_s, [one.day for one in rollups])
    made = [Part(low_s=a, high_s=b, snapshot=sight.snapshot(a, b, period.window_s)) for a, b in ranges]
    parts = tuple(one for one in made if _holds(one))
    rows = sum(one.rows for one in rollups) + sum(_rows(sight, one) for one in parts)
    exact = rows <= EXACT_ROWS
    # The manifest is seen as it stands now, so all that may be asked of rows is picked now.
    kept = sight.snapshot(low_s, high_s, period.window_s) if exact else None
    return Found(
        rollups=rollups,
        parts=parts,
        whole=lambda: kept if kept is not None else _again(data_dir, low_s, high_s, period),
        rows=rows,
        lost=sight.lost(),
        warnings=tuple(dict.fromkeys([*sight.unsealed.warnings, *warnings, *_left_out(data_dir, sight, parts)])),
        versions=sight.known.latest,
        reopened={day: why for day, (why, _) in sight.known.reopened.items()},
    )


def _left_out(data_dir: Path, sight: Sight, parts: Sequence[Part]) -> list[str]:
    """Segments that cannot be read, or that a lost manifest no longer names."""
    names = {one.name for one in sight.unsealed.journals}
    lost = [] if sight.view.after(0, 1)[1] else unlisted(data_dir, names)
    return [*(text for one in parts for text in one.snapshot.warnings), *lost]


def _again(data_dir: Path, low_s: float, high_s: float, period: Query) -> Snapshot:
    with opened(data_dir) as sight:
        return sight.snapshot(low_s, high_s, period.window_s)


def _edges(period: Query) -> Range:
    low_s = -math.inf if period.start_s is None else period.start_s
    return low_s, math.inf if period.end_s is None else period.end_s


def _usable(sight: Sight, period: Query) -> list[Version]:
    """The final days within the period whose roll-up is what a scan would find now."""
    touched, rates = sight.touched(period.window_s), sight.rates()
    if touched is None:
        return []
    low_s, high_s = _edges(period)
    return [
        one
        for day, one in sorted(sight.known.latest.items())
        if low_s <= compute.bounds(day)[0]
        and compute.bounds(day)[1] <= high_s
        and day not in touched
        and day not in sight.known.reopened
        and one.key == rollup.key(msgspec.structs.replace(one.basis, window_s=period.window_s), period.measures, rates)
    ]


def _rollups(data_dir: Path, versions: Iterable[Version]) -> tuple[tuple[Rollup, ...], tuple[str, ...]]:
    """The roll-ups that can be read; a day of one that cannot is answered from its rows."""
    found, warnings = [], []
    for one in versions:
        try:
            found.append(rollup.read(data_dir / one.path, one.digest))
        except (OSError, LedgerError) as error:
            warnings.append(f"{layout.date(one.day)} was answered from its rows: {error}")
    return tuple(found), tuple(warnings)


def _rest(low_s: float, high_s: float, days: Sequence[int]) -> list[Range]:
    """What the days (ascending) leave of a period."""
    rest, at = [], low_s
    for day in days:
        start_s, end_s = compute.bounds(day)
        if start_s > at:
            rest.append((at, start_s))
        at = end_s
    return [*rest, (at, high_s)] if at < high_s else rest


def _holds(part: Part) -> bool:
    """Whether anything may lie in the range: most are the empty time before the first day."""
    if part.snapshot.warnings:
        return True
    segments = any(one.max_time_s >= part.low_s and one.min_time_s < part.high_s for one in part.snapshot.segments)
    return segments or any(part.low_s <= time_of(one) < part.high_s for one in part.snapshot.records)


def _rows(sight: Sight, part: Part) -> int:
    """Predictions in the range, at most."""
    sealed = sum(one.rows for one in sight.view.within("predictions", [(part.low_s, part.high_s)]))
    return sealed + len(part.snapshot.records)
