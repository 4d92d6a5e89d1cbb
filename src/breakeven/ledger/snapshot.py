"""A consistent view of a ledger: the manifest's segments plus the records of journals that it does not hold yet.

Sealing moves rows from a journal to a segment while others read. So: journals first, then the manifest, and whatever
the manifest holds by then is not taken from its journal. A journal goes only after the manifest has it, so no row is
missed, and none is read twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger import layout, manifest
from breakeven.ledger.columns import Table
from breakeven.ledger.disk import abandoned
from breakeven.ledger.erasing import erasures, without
from breakeven.ledger.identity import SEVERAL, node_of, repeated, sequences
from breakeven.ledger.sieve import sieve_of
from breakeven.schema.journal import Record, scan
from breakeven.schema.noun import Noun
from breakeven.schema.tracking import Bad

_ATTEMPTS = 50


class Segment(Noun, frozen=True, kw_only=True):
    """A Parquet file of one table and the times it spans."""

    table: Table
    path: str
    min_time_s: float
    max_time_s: float


class Snapshot(Noun, frozen=True, kw_only=True):
    """What an engine answers over. `distinct`: no prediction occurs twice, so that nobody need look for it.

    `bad` are unsealed events that violate the tracking plan in force; sealed ones are segments of that table.
    """

    segments: tuple[Segment, ...] = ()
    records: tuple[Record, ...] = ()
    warnings: tuple[str, ...] = ()
    distinct: bool = False
    bad: tuple[Bad, ...] = ()


class _Read(Noun, frozen=True, kw_only=True):
    name: str
    records: tuple[Record, ...]
    warning: str


def of_records(records: Iterable[Record]) -> Snapshot:
    """A snapshot of records in memory, duplicates and disorder allowed."""
    return Snapshot(records=tuple(records))


def of_folder(data_dir: Path) -> Snapshot:
    """The ledger in a data directory, sealed and unsealed.

    Raises:
        LedgerError: there is no such folder, or it changes faster than it can be read.
    """
    if not data_dir.is_dir():
        message = f"no ledger at {data_dir}: there is no such folder"
        raise LedgerError(message, "name the data directory of `breakeven serve` with --data-dir, or serve first")
    for _ in range(_ATTEMPTS):
        found = _attempt(data_dir)
        if found is not None:
            return found
    message = f"the ledger at {data_dir} changed {_ATTEMPTS} times while it was read"
    raise LedgerError(message, "try again; if it persists, raise the sealing interval")


def _attempt(data_dir: Path) -> Snapshot | None:
    read: dict[str, _Read | None] = {}
    while new := {path.stem for path in layout.journal_files(data_dir)} - set(read):
        read |= {name: _read(layout.journals(data_dir), name) for name in sorted(new)}
    listing = manifest.read(data_dir)
    sealed = {journal.name for journal in listing.journals}
    unsealed = [read[name] for name in sorted(set(read) - sealed)]
    whole = [one for one in unsealed if one is not None]
    return _snapshot(data_dir, listing, whole) if len(whole) == len(unsealed) else None


def _read(folder: Path, name: str) -> _Read | None:
    """A journal under either of its names; None when it vanished."""
    for path in (folder / f"{name}{layout.LIVE}", folder / f"{name}{layout.CLOSED}"):
        try:
            found = scan(path.read_bytes())
        except FileNotFoundError:
            continue
        # A file that is being written may end in half a frame: that is no news unless its writer is gone.
        news = found.stopped and (path.suffix == layout.CLOSED or abandoned(path))
        return _Read(name=name, records=found.records, warning=_warning(name, found.stopped) if news else "")
    return None


def _warning(name: str, stopped: str) -> str:
    return f"journal {name}: {stopped}; what follows was not read and is kept"


def _snapshot(data_dir: Path, listing: manifest.Listing, unsealed: Sequence[_Read]) -> Snapshot:
    segments = tuple(
        Segment(table=one.table, path=str(data_dir / one.path), min_time_s=one.min_time_s, max_time_s=one.max_time_s)
        for one in listing.segments
    )
    found = without((record for one in unsealed for record in one.records), erasures(data_dir))
    kept, bad = sieve_of(data_dir).part(found)
    torn = [_warning(journal.name, journal.stopped) for journal in listing.journals if journal.stopped]
    return Snapshot(
        segments=segments,
        records=tuple(kept),
        bad=tuple(bad),
        warnings=(*torn, *(one.warning for one in unsealed if one.warning)),
        distinct=_distinct(listing, unsealed),
    )


def _distinct(listing: manifest.Listing, unsealed: Sequence[_Read]) -> bool:
    """Whether no journal repeats an id and no two of a node overlap in sequence: then no prediction occurs twice."""
    if any(journal.repeated for journal in listing.journals) or any(repeated(one.records) for one in unsealed):
        return False
    ranges = [(one.node, one.first_sequence, one.last_sequence) for one in listing.journals]
    ranges += [(node_of(one.records, one.name), *sequences(one.records)) for one in unsealed]
    if any(node == SEVERAL for node, _, _ in ranges):
        return False
    known = sorted((node, first, last) for node, first, last in ranges if first is not None and last is not None)
    return all(one[0] != next_[0] or one[2] < next_[1] for one, next_ in pairwise(known))
