"""The part of the manifest that a question needs, picked in SQL: history that it does not touch is not even listed."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from breakeven.ledger import manifest
from breakeven.ledger.columns import Table
from breakeven.ledger.manifest import Segment

_COLUMNS = "path, name, tbl, rows, min_time_s, max_time_s"
_MANY = 500


class View:
    """The manifest at one moment: every question to it sees the same."""

    def __init__(self, connection: sqlite3.Connection | None) -> None:
        self._connection = connection

    def after(self, number: int, limit: int = -1) -> tuple[int, tuple[str, ...]]:
        """The journals that were sealed after the one of this number, and the number of the last of them."""
        text = "SELECT rowid, name FROM journals WHERE rowid > ? ORDER BY rowid LIMIT ?"
        rows = self._ask(text, (number, limit))
        return (int(str(rows[-1][0])) if rows else number), tuple(str(name) for _, name in rows)

    def sealed(self, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that are sealed."""
        found = self._in("SELECT name FROM journals WHERE name", names)
        return frozenset(str(name) for (name,) in found)

    def stopped(self) -> tuple[tuple[str, str], ...]:
        """Journals that were not read to their end, with why."""
        rows = self._ask("SELECT name, stopped FROM journals WHERE stopped <> '' ORDER BY name", ())
        return tuple((str(name), str(why)) for name, why in rows)

    def of_journals(self, names: Collection[str]) -> tuple[Segment, ...]:
        """The segments that bear the names of these journals."""
        return _segments(self._in(f"SELECT {_COLUMNS} FROM segments WHERE name", names))  # noqa: S608 - our own

    def records_of(self, names: Collection[str]) -> frozenset[str]:
        """Those of `names` that held records."""
        found = self._in("SELECT name FROM journals WHERE records > 0 AND name", names)
        return frozenset(str(name) for (name,) in found)

    def within(self, table: Table, ranges: Iterable[tuple[float, float]]) -> tuple[Segment, ...]:
        """The segments of a table with a row that may lie in one of the ranges, ends included."""
        text = f"SELECT {_COLUMNS} FROM segments WHERE tbl = ? AND max_time_s >= ? AND min_time_s <= ?"  # noqa: S608 - our own
        found: dict[str, Segment] = {}
        for low, high in ranges:
            found |= {one.path: one for one in _segments(self._ask(text, (table, low, high)))}
        return tuple(found[path] for path in sorted(found))

    def dropped(self) -> tuple[tuple[str, int], ...]:
        """(node, sequence) of repeated records that compaction left out: they were not lost."""
        if not self._ask("SELECT 1 FROM sqlite_master WHERE name = 'dropped'", ()):
            return ()
        rows = self._ask("SELECT node, sequence FROM dropped ORDER BY node, sequence", ())
        return tuple((str(node), int(str(sequence))) for node, sequence in rows)

    def watermark_s(self) -> float | None:
        """The latest time of any row; None in an empty ledger."""
        rows = self._ask("SELECT max(time_s) FROM watermark", ())
        return float(str(rows[0][0])) if rows and rows[0][0] is not None else None

    def _in(self, text: str, names: Collection[str]) -> list[tuple[object, ...]]:
        listed, rows = sorted(names), []
        for at in range(0, len(listed), _MANY):
            part = listed[at : at + _MANY]
            rows += self._ask(f"{text} IN ({', '.join('?' * len(part))})", part)
        return rows

    def _ask(self, text: str, values: Sequence[object]) -> list[tuple[object, ...]]:
        return [] if self._connection is None else self._connection.execute(text, values).fetchall()


def _segments(rows: Iterable[tuple[object, ...]]) -> tuple[Segment, ...]:
    names = ("path", "name", "table", "rows", "min_time_s", "max_time_s")
    return tuple(Segment(**dict(zip(names, row, strict=True))) for row in rows)  # type: ignore[arg-type]


@contextmanager
def view(data_dir: Path) -> Iterator[View]:
    """The manifest of a data directory as it stands; an empty one before the first sealing."""
    path = data_dir / manifest.NAME
    if not path.exists():
        yield View(None)
        return
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10.0)) as connection:
        connection.execute("BEGIN")
        ready = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'watermark'").fetchall()
        yield View(connection if ready else None)
