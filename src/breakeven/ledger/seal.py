"""Sealing: closed journals become Parquet segments, exactly once, whatever happens in between.

The name of a journal is the idempotency key. Its segments are written under a temporary name, synced, renamed; then one
durable transaction of the manifest names them; only then the journal goes. A crash before the manifest leaves files
that nobody lists and that the next run overwrites; a crash after it leaves a journal that the next run removes.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path

import duckdb

from breakeven.errors import LedgerError
from breakeven.ledger import duck, layout, people
from breakeven.ledger.arrays import arrays, select
from breakeven.ledger.columns import STORED, TIME, Table
from breakeven.ledger.disk import Disk, exclusive
from breakeven.ledger.erasing import carry_out, erasures, mask, without
from breakeven.ledger.identity import node_of, repeated, sequences, table_of, unique_frames
from breakeven.ledger.manifest import Journal, Manifest, Segment
from breakeven.ledger.sieve import sieve_of
from breakeven.schema.journal import Record, scan
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.tracking import Bad

LOCK = "sealer.lock"
_BULK = "bulk"
_log = logging.getLogger(__name__)


class Sealed(Noun, frozen=True, kw_only=True):
    """What one pass did: journals sealed, rows by table, files still being written, and what went wrong."""

    journals: tuple[str, ...] = ()
    rows: int = 0
    live: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Work(Noun, frozen=True, kw_only=True):
    """What sealing needs: where, when, with which disk and connection."""

    data_dir: Path
    now_s: float
    disk: Disk
    connection: duckdb.DuckDBPyConnection


def seal_once(data_dir: Path, now_s: float, disk: Disk | None = None) -> Sealed:
    """Seal every closed journal and every `.open` one whose writer is gone. `now_s` (Unix seconds) dates the manifest.

    Raises:
        LedgerError: another sealer is at work in this data directory.
    """
    with alone(data_dir), duck.connect(data_dir / "tmp") as connection:
        return seal_all(Work(data_dir=data_dir, now_s=now_s, disk=disk or Disk(), connection=connection))


@contextmanager
def alone(data_dir: Path) -> Iterator[None]:
    """Hold the data directory's sealer lock.

    Raises:
        LedgerError: another process holds it.
    """
    layout.journals(data_dir).mkdir(parents=True, exist_ok=True)
    with exclusive(data_dir / LOCK, create=True) as held:
        if not held:
            message = f"another sealer is at work in {data_dir}"
            raise LedgerError(message, "stop it, or give this one its own --data-dir")
        yield


def seal_all(work: Work) -> Sealed:
    """One pass over the journal folder; a file that fails is reported, left alone and tried again next time."""
    done: list[tuple[str, int]] = []
    live: list[str] = []
    warnings: list[str] = []
    with Manifest(work.data_dir) as manifest:
        warnings += _erase(work, manifest)
        for path in layout.journal_files(work.data_dir):
            try:
                sealed = _claim(work, manifest, path)
            except (OSError, duckdb.Error) as error:
                _log.warning("%s could not be sealed: %s", path.name, error)
                warnings.append(f"{path.name} could not be sealed and was kept: {error}")
                continue
            if sealed is None:
                live.append(path.name)
                continue
            done.append((path.stem, sealed.records))
            warnings.extend([f"{path.name}: {sealed.stopped}"] if sealed.stopped else [])
    names = tuple(name for name, _ in done)
    return Sealed(journals=names, rows=sum(n for _, n in done), live=tuple(live), warnings=tuple(warnings))


def _erase(work: Work, manifest: Manifest) -> list[str]:
    try:
        carry_out(work.data_dir, manifest, work.disk, work.connection)
    except (OSError, duckdb.Error, sqlite3.Error) as error:
        _log.warning("an erasure could not be carried out: %s", error)
        return [f"an erasure could not be carried out and is tried again: {error}"]
    return []


def _claim(work: Work, manifest: Manifest, path: Path) -> Journal | None:
    if path.suffix == layout.CLOSED:
        return _seal(work, manifest, path)
    with exclusive(path) as held:
        return _seal(work, manifest, path) if held else None


def _seal(work: Work, manifest: Manifest, path: Path) -> Journal:
    journal = manifest.journal(path.stem)
    if journal is None:
        data = work.disk.read(path)
        found = scan(data)
        records = unique_frames(without(found.records, erasures(work.data_dir)))
        kept, bad = sieve_of(work.data_dir).part(records)
        parts = _partitions([*kept, *bad])
        segments = [_write(work, table, path.stem, day, rows) for table, day, rows in parts if rows]
        journal = _entry(work, path.stem, records, len(data), found.stopped)
        _mark(work, records)
        work.disk.commit(lambda: manifest.record(journal, segments))
    _retire(work, path, keep=bool(journal.stopped))
    return journal


def _mark(work: Work, records: Sequence[Record]) -> None:
    """Leave a durable mark before events about persons are listed: readers of final days look for it."""
    mark = layout.linked(work.data_dir)
    if any(isinstance(one, Outcome) and one.kind in people.KINDS for one in records) and not mark.exists():
        mark.touch()
        work.disk.sync(mark.parent)


def _entry(work: Work, name: str, records: Sequence[Record], size: int, stopped: str) -> Journal:
    first, last = sequences(records)
    return Journal(
        name=name,
        node=node_of(records, name),
        first_sequence=first,
        last_sequence=last,
        records=len(records),
        repeated=repeated(records),
        bytes=size,
        stopped=stopped,
        sealed_at_s=work.now_s,
    )


def _partitions(records: Sequence[Record | Bad]) -> list[tuple[Table, int, list[Record | Bad]]]:
    kinds: dict[type[Record | Bad], list[Record | Bad]] = defaultdict(list)
    for record in records:
        kinds[type(record)].append(record)
    groups = {(table_of(rows[0]), day): part for rows in kinds.values() for day, part in _days(rows).items()}
    order = sorted(groups, key=lambda key: (STORED.index(key[0]), key[1]))
    return [(table, day, groups[table, day]) for table, day in order]


def _days(records: list[Record | Bad]) -> dict[int, list[Record | Bad]]:
    """Records of one kind by UTC day; a journal rarely holds two."""
    times = _times(records)
    day = layout.day_of(min(times))
    if day and day == layout.day_of(max(times)):
        return {day: records}
    found: dict[int, list[Record | Bad]] = defaultdict(list)
    for record, time_s in zip(records, times, strict=True):
        found[layout.day_of(time_s)].append(record)
    return found


def _times(records: Sequence[Record | Bad]) -> list[float]:
    return list(map(attrgetter(TIME[table_of(records[0])]), records))


def _write(work: Work, table: Table, name: str, day: int, records: Sequence[Record | Bad]) -> Segment:
    path = layout.segment_path(table, day, name)
    target = work.data_dir / path
    temporary = target.with_suffix(".tmp")
    work.disk.make(target.parent, work.data_dir)
    with _relation(work, table, name, records) as query:
        work.disk.write(work.connection, query, temporary)
    work.disk.sync(temporary)
    work.disk.rename(temporary, target)
    times = _times(records)
    return Segment(path=path, name=name, table=table, rows=len(records), min_time_s=min(times), max_time_s=max(times))


@contextmanager
def _relation(work: Work, table: Table, name: str, records: Sequence[Record | Bad]) -> Iterator[str]:
    """The query of a segment's rows, ordered by time."""
    try:
        held = arrays(table, sorted(records, key=attrgetter(TIME[table])))
    except (OverflowError, TypeError, ValueError):  # a value that no array holds: DuckDB says which, or reads it
        with _lines(work, table, name, records) as query:
            yield query
        return
    work.connection.register(_BULK, held)
    try:
        yield select(table, held, _BULK)
    finally:
        work.connection.unregister(_BULK)


@contextmanager
def _lines(work: Work, table: Table, name: str, records: Sequence[Record | Bad]) -> Iterator[str]:
    lines = work.data_dir / "tmp" / f"{name}.ndjson"
    lines.parent.mkdir(parents=True, exist_ok=True)
    try:
        longest = duck.write_lines(records, lines)
        yield f"{duck.from_lines(table, lines, longest)} ORDER BY {TIME[table]}"
    finally:
        lines.unlink(missing_ok=True)


def _retire(work: Work, path: Path, *, keep: bool) -> None:
    if not keep:
        work.disk.remove(path)
        return
    # What follows a bad frame is not guessed at, and not destroyed either.
    shelf = layout.quarantine(work.data_dir)
    work.disk.make(shelf, work.data_dir)
    work.disk.rename(path, shelf / path.name)
    for one in erasures(work.data_dir):
        mask(work.disk, shelf / path.name, one.subjects)
