"""What a reader of days sees at one moment: the shelf, the manifest, and the rows that are newer than the shelf.

Journals first, then the shelf, then the manifest: what moved on between them is seen as new rather than missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger import duck, layout, listing, manifest, people, snapshot
from breakeven.ledger.anew import check_listed
from breakeven.ledger.columns import TIME, Table
from breakeven.ledger.days import fresh, shelf, span, touch
from breakeven.ledger.days.fresh import Facts
from breakeven.ledger.days.shelf import Known, Shelf
from breakeven.ledger.days.span import Range
from breakeven.ledger.identity import table_of, time_of
from breakeven.ledger.listing import View
from breakeven.ledger.snapshot import Snapshot, Unsealed
from breakeven.ledger.sound import MISSING, flaw
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity

NEVER_S = -1e11
"""The start of rows that only say a rate: capacity of no time, before every calendar."""
NEVER_HOUR = int(NEVER_S // span.HOUR_S)
EVER = ((float("-inf"), float("inf")),)
_ATTEMPTS = 50


class Sight:
    """A consistent view; valid while the context of `opened` lasts, its snapshots for longer."""

    def __init__(self, data_dir: Path, shelf_: Shelf, view: View, unsealed: Unsealed) -> None:
        self.data_dir, self.shelf, self.view, self.unsealed = data_dir, shelf_, view, unsealed
        self.known: Known = shelf_.known()
        self.number, names = view.after(self.known.seen)
        self.fresh = view.of_journals(names)
        self.whole = not view.records_of(set(names) - {one.name for one in self.fresh})
        self.facts = self._facts()
        again = self.facts.repeats or shelf.overlap(self.facts, shelf_.runs(self.facts.runs))
        self._once = self.whole and not again

    def _facts(self) -> Facts:
        """What rows newer than the shelf say."""
        records = fresh.of_records(self.unsealed.records, self.unsealed.bad)
        if not self.fresh and not records.odd and not ((records.named or records.amends) and self.known.odd):
            return records
        with duck.connect() as connection:
            facts = seen(connection, self.data_dir, self.known, self.fresh)
            return touch.completed(fresh.together([records, facts]), connection, *_files(self, facts, records))

    @cached_property
    def linked(self) -> bool:
        """Whether an event about persons may change any day: then all outcomes matter to each, and no day is final."""
        events = (one for one in self.unsealed.records if isinstance(one, Outcome))
        return layout.linked(self.data_dir).exists() or any(one.kind in people.KINDS for one in events)

    def touched(self, window_s: float) -> frozenset[int] | None:
        """The days that rows newer than the shelf may change; None if that cannot be told, so that it may be all."""
        if self.linked or not self.whole:
            return None
        return frozenset(touch.days(self.facts, self.shelf, window_s))

    def snapshot(self, low_s: float, high_s: float, window_s: float) -> Snapshot:
        """Everything that questions about `low_s` <= time < `high_s` depend on."""
        reach = self._reach(low_s, high_s, window_s)
        segments, warnings = snapshot.sound(
            self.data_dir, (one for table in reach for one in self.view.within(table, reach[table]))
        )
        records = tuple(one for one in self.unsealed.records if _in_reach(one, reach))
        doubtful = any(
            span.hits(reach["predictions"], day * span.DAY_S, (day + 1) * span.DAY_S) for day in self.known.doubtful
        )
        return Snapshot(
            segments=segments,
            records=(*records, *self._rates()),
            warnings=warnings,
            dropped=self.view.dropped(),
            distinct=not doubtful and self._once,
        )

    def _reach(self, low_s: float, high_s: float, window_s: float) -> dict[Table, tuple[Range, ...]]:
        low, high = span.hour_of(low_s), span.hour_of(high_s)
        near = (low_s - window_s, high_s + window_s)
        naming = [link for link in self.facts.links if low <= link[1] <= high]
        named = [link for link in self.facts.links if low <= link[0] <= high]
        predictions = {hour for _, hour in (*named, *self.shelf.links_of_outcomes(low, high))}
        outcomes = {hour for hour, _ in (*naming, *self.shelf.links_of_predictions(low, high))}
        return {
            "predictions": span.united([near, *map(_hours, span.runs(predictions))]),
            "outcomes": EVER if self.linked else span.united([near, *map(_hours, span.runs(outcomes))]),
            "capacity": ((low_s, high_s),),
            "engine": ((low_s, high_s),),
            "corrections": EVER,
        }

    def rates(self) -> dict[fresh.Rate, int]:
        """Pico-USD per replica-second of each deployment under each policy: the highest ever."""
        return fresh.together([Facts(rates=self.known.rates), self.facts]).rates

    def _rates(self) -> list[Record]:
        return [
            Capacity(
                id=f"rate/{deployment}/{policy}",
                deployment=deployment,
                policy_id=policy,
                start_s=NEVER_S,
                end_s=NEVER_S,
                replicas=0,
                pico_usd_per_replica_s=rate,
            )
            for (deployment, policy), rate in sorted(self.rates().items())
        ]

    def lost(self) -> int:
        """Sequence numbers that no record carries, in the whole ledger."""
        filled = self.shelf.runs(self.facts.runs)
        before = sum(map(shelf.missing, filled.values()))
        after = sum(
            shelf.missing(span.joined([*found, *filled.get(node, ())])) for node, found in self.facts.runs.items()
        )
        return self.shelf.missing() - before + after


def seen(connection: duck.Connection, data_dir: Path, known: Known, segments: Sequence[manifest.Segment]) -> Facts:
    """What segments say, with the ids that outcomes name where some day's ids do not tell their time."""
    files: dict[Table, Sequence[str]] = {
        table: [str(data_dir / one.path) for one in sound(data_dir, segments) if one.table == table] for table in TIME
    }
    facts = fresh.of_segments(connection, files, named=bool(known.odd))
    if facts.odd and not known.odd:
        return fresh.of_segments(connection, files, named=True)
    return facts


def _files(sight: Sight, *facts: Facts) -> tuple[list[str], list[str]]:
    return odd_files(sight.data_dir, sight.view, sight.known, *facts)


def odd_files(data_dir: Path, view: View, known: Known, *facts: Facts) -> tuple[list[str], list[str]]:
    """The files in which ids that do not tell their time are looked up: all outcomes, and predictions of odd days."""
    outcomes = view.within("outcomes", EVER) if any(one.odd for one in facts) else ()
    days: list[Range] = [(day * span.DAY_S, (day + 1) * span.DAY_S) for day in known.odd]
    days += [EVER[0]] if {span.day_of(edge) for edge in (span.FIRST_S, span.LAST_S)} & known.odd else []
    predictions = view.within("predictions", span.united(days)) if any(one.named or one.amends for one in facts) else ()
    return (
        [str(data_dir / one.path) for one in sound(data_dir, outcomes)],
        [str(data_dir / one.path) for one in sound(data_dir, predictions)],
    )


def sound(data_dir: Path, segments: Sequence[manifest.Segment]) -> list[manifest.Segment]:
    """Those that can be read.

    Raises:
        GoneError: one was replaced, and removed, after it was listed.
    """
    flaws = {one.path: flaw(data_dir / one.path, one.table) for one in segments}
    for path, what in flaws.items():
        if what == MISSING:
            check_listed(data_dir, path)
    return [one for one in segments if not flaws[one.path]]


def _hours(run: span.Run) -> Range:
    """The times of some hours; the first and last of the calendar hold what lies beyond."""
    low = float("-inf") if run[0] <= span.hour_of(span.FIRST_S) else run[0] * span.HOUR_S
    high = float("inf") if run[1] >= span.hour_of(span.LAST_S) else (run[1] + 1) * span.HOUR_S
    return low, high


def _in_reach(record: Record, reach: Mapping[Table, Sequence[Range]]) -> bool:
    time_s = time_of(record)
    return span.hits(reach[table_of(record)], time_s, time_s)


@contextmanager
def opened(data_dir: Path, *, sealed_only: bool = False) -> Iterator[Sight]:
    """What a data directory holds now, or of it what is sealed.

    Raises:
        LedgerError: there is no such folder, or it changes faster than it can be read.
    """
    for _ in range(_ATTEMPTS):
        read = {} if sealed_only else snapshot.journals(data_dir)
        with Shelf.reading(data_dir) as kept, listing.view(data_dir) as view:
            unsealed = snapshot.unsealed(data_dir, read, view)
            if unsealed is not None:
                yield Sight(data_dir, kept, view, unsealed)
                return
    message = f"the ledger at {data_dir} changed {_ATTEMPTS} times while it was read"
    raise LedgerError(message, "try again; if it persists, raise the sealing interval")
