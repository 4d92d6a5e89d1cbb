"""One measured figure of a deployment under load, and the CSV in which such rows are kept and exchanged.

The columns are those of COLUMNS in any order. An empty field, or N/A, is None. Names of engines, models and
accelerators are kept as they were written: who uses them maps them to the catalog.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

from breakeven.errors import ConfigError
from breakeven.schema.noun import Noun

_ABSENT = frozenset({"", "n/a"})
_VALUE = "value"


class Measurement(Noun, frozen=True, kw_only=True):
    """A row: what was measured of which deployment under which load. None is not stated.

    `ngpu` accelerators served in all, `tp` of them hold one layer together. `isl` and `osl` are mean input and output
    tokens. `load` is the number in flight of `closed_concurrency`, requests per second of `open_qps` (infinite: all at
    once), infinite for `offline_max`. `value` has the unit `unit`: `ms` for latencies, `tok/s` for the whole system.
    """

    source: str | None
    version: str | None
    date: str | None
    engine: str | None
    model: str | None
    gpu: str | None
    ngpu: int | None
    tp: int | None
    precision: str | None
    isl: float | None
    osl: float | None
    load_kind: str | None
    load: float | None
    metric: str | None
    value: float | None
    unit: str | None


COLUMNS = Measurement.__struct_fields__
"""The columns in the order in which they are written."""


class _Lines(list[str]):
    """What a csv writer needs of a file."""

    def write(self, text: str) -> int:
        self.append(text)
        return len(text)


def write_rows(rows: Iterable[Measurement], *, header: bool = True) -> str:
    """The rows as CSV with line feeds; without `header` to append to a file that has one.

    `read_rows` gives the same rows again, but for texts that read as absent.
    """
    lines = _Lines()
    writer = csv.writer(lines, lineterminator="\n")
    if header:
        writer.writerow(COLUMNS)
    writer.writerows([_field(getattr(row, column)) for column in COLUMNS] for row in rows)
    return "".join(lines)


def _field(value: str | float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int):
        return str(value)
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)  # noqa: PLR2004 - exact


def read_rows(text: str, name: str = "rows", *, values: bool = True) -> tuple[Measurement, ...]:
    """The rows of a CSV text; the first row after the header is row 0.

    Args:
        text: the whole file.
        name: what errors call it.
        values: False leaves the column `value` unread (it may be missing), so that nothing can depend on it.

    Raises:
        ConfigError: it is not CSV, a column is missing, unknown or there twice, or a field is not of its column's
            type; the message names file, row, column and field.
    """
    reader = csv.reader(re.findall(r"[^\n]*\n|[^\n]+", text.removeprefix("\ufeff")), strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        _check_header(header, name, values=values)
        return tuple(_rows(reader, header, name, values=values))
    except csv.Error as error:
        message = f"{name}, line {reader.line_num}: not readable as CSV: {error}"
        raise ConfigError(message, "save it as UTF-8 CSV with a header line") from error


def _check_header(header: Sequence[str], name: str, *, values: bool) -> None:
    known = ",".join(COLUMNS)
    needed = [column for column in COLUMNS if values or column != _VALUE]
    for problem, columns in (
        ("is unknown", [column for column in header if column not in COLUMNS]),
        ("occurs twice", [column for column, count in Counter(header).items() if count > 1]),
        ("is missing", [column for column in needed if column not in header]),
    ):
        if columns:
            message = f"{name}: column {columns[0]!r} {problem}; the header is {','.join(header)!r}"
            raise ConfigError(message, f"the columns are {known}")


def _rows(reader: Iterator[list[str]], header: Sequence[str], name: str, *, values: bool) -> Iterator[Measurement]:
    for number, fields in enumerate(fields for fields in reader if fields):
        if len(fields) != len(header):
            message = f"{name}, row {number}: {len(fields)} fields, but the header names {len(header)}"
            raise ConfigError(message, "quote fields that hold a comma or a line break")
        found = dict(zip(header, fields, strict=True))
        if not values:
            found[_VALUE] = ""
        yield Measurement(**{column: _cell(column, field, f"{name}, row {number}") for column, field in found.items()})  # type: ignore[arg-type]


def _cell(column: str, field: str, place: str) -> str | float | None:
    text = field.strip()
    if text.lower() in _ABSENT:
        return None
    read, what = _READERS.get(column, (str, "text"))
    try:
        return read(text)
    except ValueError as error:
        message = f"{place}, column {column}: {field!r} is not {what}"
        raise ConfigError(message, "correct it, or leave it empty where it was not stated") from error


def _number(text: str, least: float, greatest: float) -> float:
    value = float(text)
    if not least <= value <= greatest:
        raise ValueError
    return value


def _count(text: str) -> int:
    value = float(text)
    if not value.is_integer() or value < 0:
        raise ValueError
    return int(value)


_READERS: dict[str, tuple[Callable[[str], str | float], str]] = {
    "ngpu": (_count, "a count of accelerators"),
    "tp": (_count, "a count of accelerators"),
    "isl": (lambda text: _number(text, 0, 1e9), "a number of tokens"),
    "osl": (lambda text: _number(text, 0, 1e9), "a number of tokens"),
    "load": (lambda text: _number(text, 0, math.inf), "a load (a number, or inf)"),
    _VALUE: (lambda text: _number(text, -1e300, 1e300), "a finite number"),
}
