"""The sealer's chore: look at what was sealed, reopen the days it changes, and make the roll-ups that are due.

One call is bounded: at most so many journals are looked at, and one day is made. A roll-up is written under a temporary
name, synced and renamed; then one durable transaction of the shelf names it. A crash before that leaves a file that
nobody lists and that the next run overwrites.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import msgspec

from breakeven.ledger import duck, layout, listing
from breakeven.ledger.columns import STORED
from breakeven.ledger.days import compute, rollup, sight, span, touch
from breakeven.ledger.days.fresh import Facts
from breakeven.ledger.days.shelf import Basis, Known, Shelf, Version
from breakeven.ledger.disk import Disk, exclusive
from breakeven.ledger.engine.port import Measure, Opener, Query
from breakeven.ledger.listing import View
from breakeven.ledger.manifest import Segment
from breakeven.schema.noun import Noun

LATENESS_S = 3600.0
"""How long after the last window closed rows may still come before a day is final."""
SETTLE_S = 600.0
"""How long a reopened day waits for more late rows before it is made anew."""
LOCK = "days.lock"
_JOURNALS = 200
_log = logging.getLogger(__name__)


class Made(Noun, frozen=True, kw_only=True):
    """What one call did: journals looked at, days reopened, the version that was made, whether more is due.

    `busy`: another process is at it, and nothing was done.
    """

    looked_at: int = 0
    reopened: tuple[int, ...] = ()
    version: Version | None = None
    more: bool = False
    busy: bool = False


class Work(Noun, frozen=True, kw_only=True):
    """Where and when, by which rules, with which engine; `by_hand` neither waits for late rows nor for a watermark."""

    data_dir: Path
    now_s: float
    measures: tuple[Measure, ...]
    opener: Opener
    disk: Disk
    by_hand: bool = False

    @property
    def window_s(self) -> float:
        """The longest attribution window."""
        return Query(measures=self.measures).window_s


@contextmanager
def turn(data_dir: Path) -> Iterator[bool]:
    """Whether it is this process's turn to write the shelf; nobody waits."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with exclusive(data_dir / LOCK, create=True) as held:
        yield held


def step(work: Work) -> Made:
    """One bounded piece of work; nothing while another process has its turn."""
    if layout.linked(work.data_dir).exists():
        return Made()  # an event about persons may change any day: all of them stay provisional
    with turn(work.data_dir) as mine:
        if not mine:
            return Made(busy=True)
        with Shelf.writing(work.data_dir) as shelf:
            looked_at, reopened = _look(work, shelf)
            if looked_at:
                return Made(looked_at=looked_at, reopened=reopened, more=True)
            return _make(work)


def _look(work: Work, shelf: Shelf) -> tuple[int, tuple[int, ...]]:
    """Take the facts of newly sealed journals."""
    known = shelf.known()
    with listing.view(work.data_dir) as view:
        number, names = view.after(known.seen, _JOURNALS)
        if not names:
            return 0, ()
        segments = view.of_journals(names)
        if view.records_of(set(names) - {one.name for one in segments}):
            return _look_again(work, shelf, view)
        return len(names), _take(work, shelf, view, segments, number)


def _take(work: Work, shelf: Shelf, view: View, segments: Sequence[Segment], number: int) -> tuple[int, ...]:
    known = shelf.known()
    with duck.connect(work.data_dir / "tmp") as connection:
        facts = sight.seen(connection, work.data_dir, known, segments)
        files = sight.odd_files(work.data_dir, view, known, facts)
        facts = touch.completed(facts, connection, *files)
    widest_s = max([work.window_s, *(one.basis.window_s for one in known.latest.values())])
    late = {day: why for day, why in touch.days(facts, shelf, widest_s).items() if day in known.latest}
    shelf.see(facts, number, sorted(late.items()), work.now_s, known)
    return tuple(sorted(late))


def _look_again(work: Work, shelf: Shelf, view: View) -> tuple[int, tuple[int, ...]]:
    """Rows were rewritten before they were looked at: take the facts of everything there is."""
    _log.warning("segments of journals that were not looked at are gone; looking at the whole ledger again")
    shelf.forget()
    last, names = view.after(0)
    segments = [one for table in STORED for one in view.within(table, sight.EVER)]
    for at in range(0, len(segments), _JOURNALS):
        part = segments[at : at + _JOURNALS]
        _take(work, shelf, view, part, last if at + _JOURNALS >= len(segments) else 0)
    _fill(work, shelf, view, last)
    return len(names), ()


def _fill(work: Work, shelf: Shelf, view: View, last: int) -> None:
    """What compaction left out as repeated was not lost."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for node, sequence in view.dropped():
        numbers[node].append(sequence)
    if numbers:
        runs = {node: span.runs(found) for node, found in numbers.items()}
        shelf.see(Facts(runs=runs), last, (), work.now_s, shelf.known())


def due(known: Known, work: Work, watermark_s: float | None) -> Iterator[tuple[int, str]]:
    """Days to be made, oldest first, with why."""
    until_s = work.now_s if work.by_hand else min(work.now_s, watermark_s or float("-inf"))
    for day in sorted(known.present):
        if compute.bounds(day)[1] + work.window_s + LATENESS_S > until_s or not _sane(day):
            continue
        latest = known.latest.get(day)
        if latest is None:
            yield day, "its windows closed"
        elif latest.key != rollup.key(_basis(latest, work), work.measures, known.rates):
            yield day, "a measure, a rate or the format changed"
        elif day in known.reopened:
            reason, since_s = known.reopened[day]
            if work.by_hand or not 0 <= work.now_s - since_s < SETTLE_S:
                yield day, reason


def _sane(day: int) -> bool:
    """Whether a calendar reaches the day; times beyond it stay provisional."""
    return span.day_of(span.FIRST_S) < day < span.day_of(span.LAST_S)


def _basis(latest: Version, work: Work) -> Basis:
    return msgspec.structs.replace(latest.basis, window_s=work.window_s)


def _make(work: Work) -> Made:
    """Make the first roll-up that is due."""
    with sight.opened(work.data_dir, sealed_only=True) as seen:
        days = [one for one in due(seen.known, work, seen.view.watermark_s()) if _readable(work, seen, one[0])]
        if not days or seen.fresh:
            return Made(more=bool(seen.fresh))
        try:
            version = _written(work, seen, *days[0])
        except (OSError, duckdb.Error) as error:
            _log.warning("day %s could not be finalised: %s", layout.date(days[0][0]), error)
            return Made()
    with Shelf.writing(work.data_dir) as shelf:
        work.disk.commit(lambda: shelf.put(version))
    return Made(version=version, more=len(days) > 1)


def _readable(work: Work, seen: sight.Sight, day: int) -> bool:
    """A day without the rows of a file that cannot be read is not final: the file may be put back."""
    spoiled = seen.snapshot(*compute.bounds(day), work.window_s).warnings
    for one in spoiled:
        _log.warning("day %s is not final: %s", layout.date(day), one)
    return not spoiled


def _written(work: Work, seen: sight.Sight, day: int, reason: str) -> Version:
    """A day's roll-up on disk; the last version itself, under its new key, where the answers are the same."""
    latest = seen.known.latest.get(day)
    number = latest.version + 1 if latest else 1
    path = Path("rollups") / f"dt={layout.date(day)}" / f"v{number}.roll"
    target = work.data_dir / path
    work.disk.make(target.parent, work.data_dir)
    draft = target.with_suffix(".minutes.tmp")
    found, basis = compute.answer(seen, work.opener, day, work.measures, draft)
    data = rollup.encode(found)
    now = Version(
        day=day,
        version=number,
        path=str(path),
        key=rollup.key(basis, work.measures, seen.rates()),
        basis=basis,
        reason=reason,
        digest=rollup.digest(data),
        rows=found.rows,
        made_at_s=work.now_s,
    )
    if latest is not None and latest.digest == now.digest:
        draft.unlink()
        return msgspec.structs.replace(latest, key=now.key, basis=basis)
    _keep(work.disk, draft, target.with_suffix(".minutes.parquet"))
    raw = target.with_suffix(".tmp")
    raw.write_bytes(data)
    _keep(work.disk, raw, target)
    return now


def _keep(disk: Disk, draft: Path, target: Path) -> None:
    disk.sync(draft)
    disk.rename(draft, target)
