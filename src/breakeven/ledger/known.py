"""Which records a ledger holds already: only segments of their times are asked, and of those only the ids."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from breakeven.ledger import duck, snapshot
from breakeven.ledger.anew import anew
from breakeven.ledger.columns import IDENTITY, Table
from breakeven.ledger.identity import key_of, table_of, time_of
from breakeven.ledger.snapshot import Snapshot
from breakeven.schema.journal import Record

_WORDS: dict[Table, str] = {"predictions": "prediction", "outcomes": "outcome"}


@anew
def known(data_dir: Path, records: Sequence[Record]) -> set[tuple[str, ...]]:
    """The keys (`identity.key_of`) of those records that the ledger in `data_dir` holds, sealed or not."""
    if not data_dir.is_dir():
        return set()
    found = snapshot.of_folder(data_dir)
    asked: dict[Table, list[Record]] = defaultdict(list)
    for record in records:
        asked[table_of(record)].append(record)
    held = {key for table, some in asked.items() for key in _held(found, table, some)}
    unsealed = {key_of(record) for record in found.records}
    return held | (unsealed & {key_of(record) for record in records})


def _held(found: Snapshot, table: Table, records: Sequence[Record]) -> Iterator[tuple[str, ...]]:
    times = [time_of(record) for record in records]
    files = [
        one.path
        for one in found.segments
        if one.table == table and one.min_time_s <= max(times) and min(times) <= one.max_time_s
    ]
    if files:
        yield from _asked(table, files, [key_of(record)[1:] for record in records])


def _asked(table: Table, files: Sequence[str], keys: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    names = IDENTITY[table]
    columns = list(zip(*keys, strict=True))
    given = ", ".join(f"unnest(?::VARCHAR[]) AS {name}" for name in names)
    query = (
        f"SELECT DISTINCT {', '.join(names)} FROM read_parquet({duck.paths(files)}) "  # noqa: S608 - quoted, our names
        f"SEMI JOIN (SELECT {given}) USING ({', '.join(names)})"
    )
    with duck.connect() as connection:
        for row in connection.execute(query, [list(column) for column in columns]).fetchall():
            yield (_WORDS.get(table, table), *row)
