"""Segments of a data directory: how many there are and what they hold, and compaction by hand."""

from __future__ import annotations

import time
from pathlib import Path

from breakeven.errors import LedgerError
from breakeven.ledger import duck, layout, manifest
from breakeven.ledger.columns import STORED, TABLES, Table
from breakeven.ledger.compact import Compacted, compact
from breakeven.ledger.disk import Disk
from breakeven.ledger.seal import Work, alone
from breakeven.schema.noun import Noun


class TableState(Noun, frozen=True, kw_only=True):
    """What the sealed segments of a table hold: files, rows, bytes on disk, first and last time (Unix seconds)."""

    table: Table
    segments: int
    rows: int
    size_bytes: int
    first_s: float | None = None
    last_s: float | None = None


class LedgerState(Noun, frozen=True, kw_only=True):
    """A ledger's tables, journals that were sealed and that wait, and repeated records that compaction left out."""

    tables: tuple[TableState, ...]
    sealed_journals: int
    waiting_journals: int
    repeated_left_out: int


def state(data_dir: Path) -> LedgerState:
    """What there is.

    Raises:
        LedgerError: there is no such folder, or its manifest cannot be read.
    """
    _check(data_dir)
    waiting = {path.stem for path in layout.journal_files(data_dir)}
    listing = manifest.read(data_dir)
    sealed = {one.name for one in listing.journals}
    return LedgerState(
        tables=tuple(one for table in STORED if (one := _table(data_dir, table, listing)).rows or table in TABLES),
        sealed_journals=len(sealed),
        waiting_journals=len(waiting - sealed),
        repeated_left_out=len(listing.dropped),
    )


def compact_all(data_dir: Path) -> Compacted:
    """Compact whatever is worth it, and remove files that were replaced long enough ago.

    Raises:
        LedgerError: there is no such folder, or a sealer is at work in it, which compacts by itself.
    """
    _check(data_dir)
    with alone(data_dir), duck.connect(data_dir / "tmp") as connection:
        return compact(Work(data_dir=data_dir, now_s=time.time(), disk=Disk(), connection=connection))


def _check(data_dir: Path) -> None:
    if not data_dir.is_dir():
        message = f"no ledger at {data_dir}: there is no such folder"
        raise LedgerError(message, "name the data directory of `breakeven serve` with --data-dir, or serve first")


def _table(data_dir: Path, table: Table, listing: manifest.Listing) -> TableState:
    found = [one for one in listing.segments if one.table == table]
    return TableState(
        table=table,
        segments=len(found),
        rows=sum(one.rows for one in found),
        size_bytes=sum(_size(data_dir / one.path) for one in found),
        first_s=min((one.min_time_s for one in found), default=None),
        last_s=max((one.max_time_s for one in found), default=None),
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # compacted away meanwhile, or missing: reports name it
        return 0
