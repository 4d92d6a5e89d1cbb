"""Every format that is read, told by the columns of its first row; adding one is a line here."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import restore
from breakeven.ledger.columns import COLUMNS, Table
from breakeven.ledger.source import convert, focus, langfuse, litellm, otlp, trace
from breakeven.ledger.source.field import Bad, Row
from breakeven.ledger.source.mapping import Mapping
from breakeven.ledger.source.opened import suffix_of
from breakeven.ledger.source.read import Names, Skipped, Taken
from breakeven.ledger.source.table import SOURCES
from breakeven.schema.journal import Record

Entry = Taken | Skipped | Bad
_SHOWN = 12
NEEDED_OF_OURS: dict[Table, frozenset[str]] = {
    "predictions": frozenset({"prediction_id", "sequence", "time_s", "use_case", "tokens_basis", "cost_basis"}),
    "outcomes": frozenset({"event_id", "source", "kind", "received_s", "sequence"}),
    "capacity": frozenset({"id", "deployment", "start_s", "end_s", "pico_usd_per_replica_s"}),
    "engine": frozenset({"id", "deployment", "target", "source", "start_s", "end_s", "busy"}),
    "corrections": frozenset({"id", "prediction_id", "cost_pico_usd", "reason", "author", "time_s"}),
}
METRICS = (
    "metrics are sums over many requests and no records of them",
    "`breakeven calibrate` reads a server's /metrics; import its requests from a gateway's log or from spans",
)


class Source(NamedTuple):
    """A file being read: its format, what its rows come to, and the mapping that reads them, where one does."""

    form: str
    entries: Iterator[Entry]
    mapping: Mapping | None = None


class _Table(NamedTuple):
    """A format of rows: whether columns are its own, and the mapping of its rows once they are prepared."""

    recognise: Callable[[frozenset[str]], Mapping | None]
    prepare: Callable[[Row], Row | None] = lambda row: row


def _with(mapping: Mapping) -> _Table:
    needed = frozenset(mapping.columns().values()) - {mapping.model}
    return _Table(lambda columns: _there(mapping, columns) if columns >= needed else None)


def _there(mapping: Mapping, columns: frozenset[str]) -> Mapping:
    missing = {meaning: "" for meaning, column in mapping.columns().items() if column not in columns}
    return msgspec.structs.replace(mapping, **missing)


TABLES: dict[str, _Table] = {
    "litellm": _Table(litellm.recognise),
    "langfuse": _Table(lambda found: langfuse.MAPPING if langfuse.recognised(found) else None, langfuse.prepared),
    "azure": _with(trace.AZURE),
    "splitwise": _with(trace.SPLITWISE),
    "burstgpt": _with(trace.BURSTGPT),
    "mooncake": _with(trace.MOONCAKE),
}
OTHERS = ("otlp", "breakeven", "focus", "mapped")
FORMATS = (*OTHERS[:3], *TABLES, OTHERS[3])


def open_source(path: Path, mapping: Mapping | None = None, form: str = "") -> Source:
    """A file as records; its format is told from its first row unless stated, or given by a mapping.

    Raises:
        LedgerError: the file, its format or a column of the mapping cannot be what it should be.
    """
    rows = rows_of(path)
    first = next((row for row in rows if isinstance(row, Row)), None) if not form or mapping else None
    rows = rows_of(path)
    if mapping is not None:
        return Source("mapped", _mapped(rows, _checked(first, mapping), _Table(lambda _: mapping)), mapping)
    if first is None and not form:
        return Source("mapped", _only_bad(path, rows))
    named = form or _told(path, frozenset(first.values if first else ()))
    return _source(path, named, rows)


def rows_of(path: Path) -> Iterator[Row | Bad]:
    """The rows of a file as they stand, told by its suffix.

    Raises:
        LedgerError: there is no such file, or no reader for it.
    """
    kind = suffix_of(path)
    if not path.is_file():
        message = f"{path}: no such file"
        raise LedgerError(message, "check the path")
    if kind in {".prom", ".metrics", ".txt"}:
        message = f"{path}: {METRICS[0]}"
        raise LedgerError(message, METRICS[1])
    if kind not in SOURCES:
        message = f"{path}: no reader for {kind or 'a file without a suffix'}"
        raise LedgerError(message, f"use one of {', '.join(sorted(SOURCES))}, also with .gz, .xz, .bz2 or .zst")
    return SOURCES[kind](path)


def _only_bad(path: Path, rows: Iterable[Row | Bad]) -> Iterator[Entry]:
    """What is wrong with a file that has no sound row.

    Raises:
        LedgerError: it is empty.
    """
    bad = [row for row in rows if isinstance(row, Bad)]
    if not bad:
        message = f"{path}: no rows"
        raise LedgerError(message, "export a period with traffic")
    return iter(bad)


def _told(path: Path, columns: frozenset[str]) -> str:
    if otlp.COLUMN in columns:
        return "otlp"
    if columns & {"resourceMetrics", "resourceLogs"} or {"status", "data"} == columns:
        message = f"{path}: {METRICS[0]}"
        raise LedgerError(message, METRICS[1])
    if any(columns >= needed for needed in NEEDED_OF_OURS.values()):
        return "breakeven"
    found = "focus" if columns >= focus.NEEDED else next((n for n, one in TABLES.items() if one.recognise(columns)), "")
    if not found:
        shown = ", ".join(sorted(columns)[:_SHOWN])
        missing = ", ".join(sorted(litellm.NEEDED - columns))
        message = f"{path}: not a LiteLLM spend log, {missing} missing, nor another known format; its columns: {shown}"
        raise LedgerError(message, "name the columns in a mapping file and pass it with --map")
    return found


def _source(path: Path, form: str, rows: Iterator[Row | Bad]) -> Source:
    if form == "otlp":
        return Source(form, otlp.entries(path))
    if form == "focus":
        return Source(form, _each(rows, _names_of(focus.records)))
    if form == "breakeven":
        return Source(form, _each(rows, _ours))
    if form not in TABLES:
        message = f"no format {form!r}"
        raise LedgerError(message, f"use one of {', '.join(FORMATS)}; `mapped` needs --map")
    table = TABLES[form]
    first, ahead = None, []
    for row in rows:
        ahead.append(row)
        if isinstance(row, Row):
            first = row
            break
    mapping = None if first is None else table.recognise(frozenset(first.values))
    if mapping is None:
        columns = "" if first is None else ", ".join(sorted(first.values)[:_SHOWN])
        message = f"{path}: these are no columns of {form}: {columns}"
        raise LedgerError(message, "leave --format out, or name the columns in a mapping file")
    return Source(form, _mapped(chain(ahead, rows), mapping, table), mapping)


def _mapped(rows: Iterable[Row | Bad], mapping: Mapping, table: _Table) -> Iterator[Entry]:
    names = Names()
    place = 0

    def taken(row: Row) -> tuple[Record, ...] | None:
        nonlocal place
        place += 1
        ready = table.prepare(row)
        if ready is None:
            return None
        name = "" if ready.text(mapping.prediction_id) else names.name(row.values)
        return tuple(convert.records(ready, mapping, place, name))

    return _each(rows, taken)


def _each(rows: Iterable[Row | Bad], taken: Callable[[Row], tuple[Record, ...] | None]) -> Iterator[Entry]:
    for row in rows:
        if isinstance(row, Bad):
            yield row
            continue
        try:
            records = taken(row)
        except LedgerError as error:
            yield _bad(row, error)
        else:
            yield Taken(records) if records else Skipped()


def _bad(row: Row, error: LedgerError) -> Bad:
    reason = error.message.removeprefix(f"{row.file}:{row.number}: ")
    kept = msgspec.json.encode(row.values, enc_hook=str).decode(errors="replace")
    return Bad(file=row.file, number=row.number, reason=reason, way_out=error.way_out, row=kept)


def _names_of(records: Callable[[Row, str], tuple[Record, ...]]) -> Callable[[Row], tuple[Record, ...]]:
    names = Names()
    return lambda row: records(row, names.name(row.values))


def _ours(row: Row) -> tuple[Record, ...]:
    columns = frozenset(row.values)
    table = next(name for name, needed in NEEDED_OF_OURS.items() if columns >= needed)
    known = {column.name for column in COLUMNS[table]}
    try:
        return (restore.record(table, {name: value for name, value in row.values.items() if name in known}),)
    except (msgspec.MsgspecError, KeyError) as error:
        message = f"no record of ours: {error}"
        raise LedgerError(message, "import a file that `breakeven export parquet` wrote") from error


def _checked(first: Row | None, mapping: Mapping) -> Mapping:
    if first is None:
        return mapping
    for meaning, column in mapping.columns().items():
        _check(first, meaning, column)
    if not mapping.time:
        message = f"{first.file}: the mapping names no column for time"
        raise LedgerError(message, f"add `time:` with one of {', '.join(first.values)}")
    return mapping


def _check(first: Row, meaning: str, column: str) -> None:
    if column not in first.values:
        near = difflib.get_close_matches(column, first.values, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the columns are {', '.join(first.values)}"
        message = f"{first.file}: no column {column!r}, which the mapping names for {meaning}"
        raise LedgerError(message, hint)
