"""The same view as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from breakeven.console.query import Query
from breakeven.console.view import Cell, Number, Table, View
from breakeven.schema.noun import Figure

HEADER = ("table", "row", "measure", "value", "unit", "basis", "low", "high", "how")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def to_json(view: View, query: Query) -> bytes:
    """The view as JSON: verdict, numbers and tables with everything known about each figure."""
    body = {
        "version": 1,
        "page": view.page,
        "filters": {"use_case": query.use_case, "hours": query.hours_back, "plan": query.plan},
        "period": {"start_s": view.start_s, "end_s": view.end_s},
        "verdict": view.verdict,
        "reason": view.reason,
        "emulated": view.emulated,
        "warnings": view.warnings,
        "numbers": {entry.key: {"label": entry.label} | _figures(entry.number) for entry in view.numbers},
        "tables": {table.key: _rows(table) for table in view.tables},
        "passages": {passage.title: passage.items for passage in view.passages},
        "empty": view.empty.text if view.empty else None,
    }
    return msgspec.json.format(msgspec.json.encode(body), indent=1)


def _rows(table: Table) -> list[dict[str, object]]:
    return [
        {column.key: _json(cell) for column, cell in zip(table.columns, row.cells, strict=True)} for row in table.rows
    ]


def _json(cell: Cell) -> str | dict[str, object]:
    return _figures(cell) if isinstance(cell, Number) else _text(cell)


def _figures(number: Number) -> dict[str, object]:
    return msgspec.structs.asdict(number.figure) | {"text": number.text}


def to_csv(view: View) -> str:
    """The view as one tidy table: a line for every number and every cell, so that any tool can pivot it."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerow(("verdict", "", "verdict", _safe(view.verdict), "text", "", "", "", ""))
    writer.writerows(_lines(view))
    return file.getvalue()


def _lines(view: View) -> Iterator[tuple[object, ...]]:
    for entry in view.numbers:
        yield ("numbers", "", entry.key, *_figure(entry.number.figure))
    for table in view.tables:
        for row in table.rows:
            name = _text(row.cells[0])
            for column, cell in zip(table.columns, row.cells, strict=True):
                yield (table.key, _safe(name), column.key, *_cell(cell))


def _cell(cell: Cell) -> tuple[object, ...]:
    return _figure(cell.figure) if isinstance(cell, Number) else (_safe(_text(cell)), "text", "", "", "", "")


def _text(cell: Cell) -> str:
    if isinstance(cell, Number):
        return cell.text
    return f"{cell.text} ({cell.badge})" if cell.badge else cell.text


def _figure(figure: Figure) -> tuple[object, ...]:
    return (figure.value, figure.unit, figure.basis, figure.low, figure.high, _safe(figure.how))


def _safe(text: str) -> str:
    """Text that a spreadsheet will not run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
