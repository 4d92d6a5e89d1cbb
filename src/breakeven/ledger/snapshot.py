"""A consistent view of a ledger: the manifest's segments plus the records of journals that it does not hold yet.

Sealing moves rows from a journal to a segment while others read. So: journals first, then the manifest, and whatever
the manifest holds by then is not taken from its journal. A journal goes only after the manifest has it, so no row is
missed, and none is read twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from breakeven.errors import LedgerError
from breakeven.ledger import layout, manifest
from breakeven.ledger.anew import GoneError, check_listed
from breakeven.ledger.columns import Table
from breakeven.ledger.disk import abandoned
from breakeven.ledger.erasing import erasures, without
from breakeven.ledger.identity import SEVERAL, node_of, repeated, sequences
from breakeven.ledger.sieve import sieve_of
from breakeven.ledger.sound import MISSING, flaw
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
    dropped: tuple[tuple[str, int], ...] = ()
    """(node, sequence) of repeated records that compaction left out: they were not lost."""


class _Read(Noun, frozen=True, kw_only=True):
    name: str
    records: tuple[Record, ...]
    warning: str


def of_records(records: Iterable[Record]) -> Snapshot:
    """A snapshot of records in memory, duplicates and disorder allowed."""
    return Snapshot(records=tuple(records))


def check_folder(data_dir: Path) -> None:
    """Whether there can be a ledger.

    Raises:
        LedgerError: there is no such folder.
    """
    if not data_dir.is_dir():
        message = f"no ledger at {data_dir}: there is no such folder"
        raise LedgerError(message, "name the data directory of `breakeven serve` with --data-dir, or serve first")


def of_folder(data_dir: Path) -> Snapshot:
    """The ledger in a data directory, sealed and unsealed.

    Raises:
        LedgerError: there is no such folder, or it changes faster than it can be read.
    """
    for _ in range(_ATTEMPTS):
        found = _attempt(data_dir)
        if found is not None:
            return found
    message = f"the ledger at {data_dir} changed {_ATTEMPTS} times while it was read"
    raise LedgerError(message, "try again; if it persists, raise the sealing interval")


class Unsealed(Noun, frozen=True, kw_only=True):
    """The records of journals that a manifest does not hold, and what was wrong with journals, sealed or not."""

    records: tuple[Record, ...] = ()
    bad: tuple[Bad, ...] = ()
    warnings: tuple[str, ...] = ()
    journals: tuple[_Read, ...] = ()


Read = dict[str, "_Read | None"]
"""Journals by name; None is one that vanished while it was read."""


class Sealing(Protocol):
    """What a manifest says of journals."""

    def sealed(self, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that are sealed."""

    def stopped(self) -> tuple[tuple[str, str], ...]:
        """Journals that were not read to their end, with why."""


def journals(data_dir: Path) -> Read:
    """Every journal of a data directory, read whole. The manifest is asked afterwards, never before.

    Raises:
        LedgerError: there is no such folder.
    """
    check_folder(data_dir)
    read: Read = {}
    while new := {path.stem for path in layout.journal_files(data_dir)} - set(read):
        read |= {name: _read(layout.journals(data_dir), name) for name in sorted(new)}
    return read


def unsealed(data_dir: Path, read: Read, sealing: Sealing) -> Unsealed | None:
    """What the manifest does not hold of journals that were read before; None if one vanished, and is not in it."""
    left = [read[name] for name in sorted(set(read) - sealing.sealed(read))]
    whole = [one for one in left if one is not None]
    if len(whole) < len(left):
        return None
    torn = [_warning(name, why) for name, why in sealing.stopped()]
    found = without((record for one in whole for record in one.records), erasures(data_dir))
    kept, bad = sieve_of(data_dir).part(found)
    return Unsealed(
        records=tuple(kept),
        bad=tuple(bad),
        warnings=(*torn, *(one.warning for one in whole if one.warning)),
        journals=tuple(whole),
    )


def _attempt(data_dir: Path) -> Snapshot | None:
    read = journals(data_dir)
    listing = manifest.read(data_dir)
    found = unsealed(data_dir, read, _Listed(listing))
    try:
        return None if found is None else _snapshot(data_dir, listing, found)
    except GoneError:
        return None


class _Listed:
    """A whole listing, asked for its journals."""

    def __init__(self, listing: manifest.Listing) -> None:
        self._listing = listing

    def sealed(self, names: Collection[str]) -> frozenset[str]:
        return frozenset(one.name for one in self._listing.journals) & frozenset(names)

    def stopped(self) -> tuple[tuple[str, str], ...]:
        return tuple((one.name, one.stopped) for one in self._listing.journals if one.stopped)


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


def spoiled(data_dir: Path, one: manifest.Segment, what: str) -> str:
    """What is said of a segment that cannot be read, and the way out."""
    return (
        f"segment {data_dir / one.path} {what}: its {one.rows} rows of {one.table} are left out; "
        "put the file back from a backup"
    )


def unlisted(data_dir: Path, unsealed: set[str]) -> list[str]:
    """Segments without a manifest: it was lost, and an empty answer must not pass for the truth."""
    found = [path for path in sorted(data_dir.glob("segments/*/*/*.parquet")) if path.stem not in unsealed]
    text = f"{data_dir / manifest.NAME} lists nothing, yet there are {len(found)} segments, such as "
    return [f"{text}{found[0]}: put {manifest.NAME} back from a backup"] if found else []


def sound(data_dir: Path, segments: Iterable[manifest.Segment]) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """The segments that can be read, and a warning for each that cannot.

    Raises:
        GoneError: one was replaced, and removed, after it was listed.
    """
    listed = tuple(segments)
    flaws = {one.path: flaw(data_dir / one.path, one.table) for one in listed}
    for path, what in flaws.items():
        if what == MISSING:
            check_listed(data_dir, path)
    kept = tuple(
        Segment(table=one.table, path=str(data_dir / one.path), min_time_s=one.min_time_s, max_time_s=one.max_time_s)
        for one in listed
        if not flaws[one.path]
    )
    return kept, tuple(spoiled(data_dir, one, flaws[one.path]) for one in listed if flaws[one.path])


def _snapshot(data_dir: Path, listing: manifest.Listing, unsealed: Unsealed) -> Snapshot:
    segments, left_out = sound(data_dir, listing.segments)
    lost = unlisted(data_dir, {one.name for one in unsealed.journals}) if not listing.journals else []
    return Snapshot(
        segments=segments,
        records=unsealed.records,
        bad=unsealed.bad,
        warnings=(*unsealed.warnings, *left_out, *lost),
        distinct=_distinct(listing, unsealed.journals),
        dropped=listing.dropped,
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
