"""Compaction: the many small segments of a UTC day and table become few, without what was written twice.

As with sealing, what a crash leaves is either unlisted or complete: the new file is written under a temporary name,
synced and renamed; one transaction of the manifest lists it in place of the old ones; these are removed after a grace
period in which readers that listed them may still read. Rows keep the order of their files, which is that of time to
within the length of a journal: sorting wide rows would cost more than all the rest. DuckDB streams, so that memory does
not grow with the day.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from breakeven.ledger import constant, duck, layout, manifest
from breakeven.ledger.columns import COLUMNS, FIRST, IDENTITY, Table
from breakeven.ledger.days.shelf import Shelf
from breakeven.ledger.listing import view
from breakeven.ledger.manifest import Listing, Manifest, Segment
from breakeven.ledger.seal import Work
from breakeven.ledger.sound import flaw
from breakeven.schema.noun import Noun

ROWS = 500_000
"""What a compacted segment holds at most; half of it is large enough to be left alone."""
GRACE_S = 900.0
"""How long a file that no listing names any more stays for those who listed it before."""
PREFIX = "c-"
_LEAST, _LEAST_HOT = 2, 100


class Compacted(Noun, frozen=True, kw_only=True):
    """What one pass did: segments before and after, rows read, rows left out as repeated, files removed."""

    before: int = 0
    after: int = 0
    rows: int = 0
    repeated: int = 0
    removed: int = 0


class _Loser(Noun, frozen=True, kw_only=True):
    path: str
    row: int
    node: str = ""
    sequence: int = 0


def compact(work: Work, *, most: int | None = None, grace_s: float = GRACE_S) -> Compacted:
    """Compact what is worth it, at most `most` new segments, and remove what was replaced `grace_s` ago.

    The caller holds the data directory's lock. The day of `work.now_s` is touched only once it has many segments.
    """
    with Manifest(work.data_dir) as held, _one_thread(work):
        removed = _sweep(work, held, grace_s)
        batches = _batches(_sound(work), layout.day_of(work.now_s))[:most]
        repeated = sum(_merge(work, held, batch) for batch in batches)
    return Compacted(
        before=sum(map(len, batches)),
        after=len(batches),
        rows=sum(one.rows for batch in batches for one in batch),
        repeated=repeated,
        removed=removed,
    )


def _sound(work: Work) -> Listing:
    """What is listed, without files that cannot be read: they stay as they are, and keep nobody else."""
    listing = manifest.read(work.data_dir)
    unseen = _unseen(work.data_dir)
    kept = tuple(
        one for one in listing.segments if one.name not in unseen and not flaw(work.data_dir / one.path, one.table)
    )
    return replace(listing, segments=kept)


def _unseen(data_dir: Path) -> frozenset[str]:
    """Journals that days, where they are kept, have not looked at: their rows must still be told from older ones."""
    with Shelf.reading(data_dir) as shelf, view(data_dir) as listed:
        seen = shelf.known().seen
        return frozenset(listed.after(seen)[1]) if seen else frozenset()


@contextmanager
def _one_thread(work: Work) -> Iterator[None]:
    """A second thread makes it faster by the clock, but a third dearer in CPU, which serving needs."""
    work.connection.execute("SET threads = 1")
    try:
        yield
    finally:
        work.connection.execute(f"SET threads = {duck.THREADS}")


def _sweep(work: Work, held: Manifest, grace_s: float) -> int:
    paths = held.retired(work.now_s - grace_s)
    for path in paths:
        work.disk.remove(work.data_dir / path)
    if paths:
        work.disk.commit(lambda: held.forget(paths))
    return len(paths)


def _batches(listing: Listing, today: int) -> list[list[Segment]]:
    """Segments to merge, oldest day first, in order of time."""
    groups: dict[str, list[Segment]] = defaultdict(list)
    for one in listing.segments:
        if one.rows < ROWS // 2:
            groups[str(Path(one.path).parent)].append(one)
    found: list[list[Segment]] = []
    for folder in sorted(groups, key=lambda path: (Path(path).name, path)):
        small = sorted(groups[folder], key=lambda one: (one.min_time_s, one.path))
        hot = Path(folder).name == f"dt={layout.date(today)}"
        if len(small) >= (_LEAST_HOT if hot else _LEAST):
            found += [batch for batch in _packed(small) if len(batch) > 1]
    return found


def _packed(segments: Sequence[Segment]) -> list[list[Segment]]:
    packs: list[list[Segment]] = []
    room = 0
    for one in segments:
        if one.rows > room:
            packs.append([])
            room = ROWS
        packs[-1].append(one)
        room -= one.rows
    return packs


def _merge(work: Work, held: Manifest, batch: Sequence[Segment]) -> int:
    """One new segment in place of a batch; returns how many repeated rows it leaves out."""
    table = batch[0].table
    target = work.data_dir / _path(batch)
    _clear(work, target.parent)
    losers = _losers(work, table, [str(work.data_dir / one.path) for one in batch])
    temporary = target.with_suffix(".tmp")
    work.disk.write(work.connection, _query(work, table, batch, losers), temporary)
    work.disk.sync(temporary)
    work.disk.rename(temporary, target)
    new = Segment(
        path=str(target.relative_to(work.data_dir)),
        name=target.stem,
        table=table,
        rows=sum(one.rows for one in batch) - len(losers),
        min_time_s=min(one.min_time_s for one in batch),
        max_time_s=max(one.max_time_s for one in batch),
    )
    frames = [(one.node, one.sequence) for one in losers if one.node]
    work.disk.commit(lambda: held.swap(batch, new, frames, work.now_s))
    return len(losers)


def _path(batch: Sequence[Segment]) -> Path:
    """The name follows from what is merged, so that a second try overwrites the first."""
    digest = hashlib.sha256("\n".join(sorted(one.path for one in batch)).encode()).hexdigest()
    return Path(batch[0].path).parent / f"{PREFIX}{digest[:24]}.parquet"


def _clear(work: Work, folder: Path) -> None:
    """Remove what a crash left of other merges: the listing does not know it, and no retired file is among it."""
    listed = {one.path for one in manifest.read(work.data_dir).segments}
    with Manifest(work.data_dir) as held:
        listed |= set(held.retired(float("inf")))
    for path in folder.glob(f"{PREFIX}*"):
        if str(path.relative_to(work.data_dir)) not in listed:
            work.disk.remove(path)


def _losers(work: Work, table: Table, files: Sequence[str]) -> list[_Loser]:
    """Rows that repeat another one. Hashes of the keys alone tell that there are none, which is the rule."""
    key, order = ", ".join(IDENTITY[table]), ", ".join(FIRST[table])
    read = f"read_parquet({duck.paths(files)}, union_by_name=true, filename=true, file_row_number=true)"
    twice = f"SELECT hash({key}) FROM {read} GROUP BY 1 HAVING count(*) > 1"  # noqa: S608 - our own names, quoted
    hashes = [number for (number,) in work.connection.execute(twice).fetchall()]
    if not hashes:
        return []
    frame = "node, sequence" if "sequence" in order else "'' AS node, 0 AS sequence"
    rank = f"row_number() OVER (PARTITION BY {key} ORDER BY {order}, filename, file_row_number)"
    query = f"""SELECT filename, file_row_number, {frame} FROM {read}
        WHERE hash({key}) IN (SELECT unnest($hashes::UBIGINT[])) QUALIFY {rank} > 1"""  # noqa: S608 - our own names
    rows = work.connection.execute(query, {"hashes": hashes}).fetchall()
    return [_Loser(path=path, row=row, node=node, sequence=sequence) for path, row, node, sequence in rows]


def _query(work: Work, table: Table, batch: Sequence[Segment], losers: Sequence[_Loser]) -> str:
    files = [str(work.data_dir / one.path) for one in batch]
    known = constant.columns(work.connection, table, files)
    names = ", ".join(known.get(column.name, f'"{column.name}"') for column in COLUMNS[table])
    relation = duck.segments(table, files, placed=bool(losers))
    if not losers:
        return f"SELECT {names} FROM ({relation})"  # noqa: S608 - our own names
    places = ", ".join(duck.text(f"{one.path}:{one.row}") for one in losers)
    return f"SELECT {names} FROM ({relation}) WHERE concat(filename, ':', file_row_number) NOT IN ({places})"  # noqa: S608 - quoted
