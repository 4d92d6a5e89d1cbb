"""The catalog as tables, in units that people read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from breakeven.quantity import format_usd
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Items, Section, Table
from breakeven.schema.noun import Noun

LEFT: Align = "left"
RIGHT: Align = "right"
Row = Mapping[str, object]
Cell = Callable[[Row], str]
FEW = 3
"""Entries named of a group of alike remarks."""


class Remark(Noun, frozen=True, kw_only=True):
    """What a check says of an entry."""

    check: str
    entry: str
    message: str


def _text(name: str) -> Cell:
    return lambda row: "" if row.get(name) is None else str(row[name])


def _scaled(name: str, unit: float) -> Cell:
    """A number in multiples of a unit; a dash where it is unknown."""

    def cell(row: Row) -> str:
        value = row.get(name)
        return f"{value / unit:,.4g}" if isinstance(value, int | float) else "-"

    return cell


def _price(row: Row) -> str:
    """What an offer asks, in its own measure."""
    hour, purchase = row.get("usd_per_hour"), row.get("purchase_usd")
    if isinstance(hour, float):
        return f"{format_usd(hour)}/h"
    if isinstance(purchase, float):
        return format_usd(purchase)
    tokens = [(row.get(f"{side}_usd_per_mtok"), side) for side in ("input", "output")]
    said = [f"{format_usd(value)} {side}" for value, side in tokens if isinstance(value, float)]
    return f"{', '.join(said)} /Mtok" if said else "unpriced"


def _range(row: Row) -> str:
    low, high, unit = row.get("low"), row.get("high"), str(row.get("unit", ""))
    if not isinstance(low, float) or not isinstance(high, float) or low == high:
        return ""
    return number.interval(low, high, unit)


def _value(row: Row) -> str:
    value = row.get("value")
    return number.number(value, str(row.get("unit", ""))) if isinstance(value, float) else "unknown"


COLUMNS: Mapping[str, Sequence[tuple[str, Align, Cell]]] = {
    "accelerators": (
        ("id", LEFT, _text("id")),
        ("name", LEFT, _text("name")),
        ("memory, GB", RIGHT, _scaled("memory_bytes", 1e9)),
        ("TB/s", RIGHT, _scaled("bandwidth_bytes_s", 1e12)),
        ("FP16, TFLOP/s", RIGHT, _scaled("flops_fp16", 1e12)),
        ("FP8", RIGHT, _scaled("flops_fp8", 1e12)),
        ("W", RIGHT, _scaled("tdp_w", 1.0)),
        ("source", LEFT, _text("source")),
    ),
    "models": (
        ("id", LEFT, _text("id")),
        ("parameters, billions", RIGHT, _scaled("params", 1e9)),
        ("active", RIGHT, _scaled("active_params", 1e9)),
        ("layers", RIGHT, _text("layers")),
        ("hidden", RIGHT, _text("hidden")),
        ("source", LEFT, _text("source")),
    ),
    "offers": (
        ("id", LEFT, _text("id")),
        ("for", LEFT, _text("for")),
        ("count", RIGHT, _scaled("count", 1.0)),
        ("price", RIGHT, _price),
        ("term", LEFT, _text("term")),
        ("basis", LEFT, _text("basis")),
        ("since", LEFT, _text("valid_from")),
        ("layer", LEFT, _text("layer")),
        ("source", LEFT, _text("source")),
    ),
    "energy": (
        ("fact", LEFT, _text("key")),
        ("value", RIGHT, _value),
        ("as of", LEFT, _text("as_of")),
        ("layer", LEFT, _text("layer")),
        ("source", LEFT, _text("source")),
    ),
    "assumptions": (
        ("fact", LEFT, _text("key")),
        ("value", RIGHT, _value),
        ("range", LEFT, _range),
        ("as of", LEFT, _text("as_of")),
        ("confidence", LEFT, _text("confidence")),
        ("source", LEFT, _text("source")),
    ),
}
"""What is shown of each section; the others show every field."""


def list_document(rows: Sequence[Row]) -> Document:
    """Entries of the catalog, a table a section."""
    sections = dict.fromkeys(str(row["section"]) for row in rows)
    blocks = tuple(_table(name, [row for row in rows if row["section"] == name]) for name in sections)
    return Document(title="Catalog", sections=(Section(title=f"{len(rows):,} entries", blocks=blocks),))


def _table(section: str, rows: Sequence[Row]) -> Table:
    columns = COLUMNS.get(section) or tuple((name, LEFT, _text(name)) for name in rows[0] if name != "section")
    return Table(
        caption=section,
        columns=tuple(name for name, _, _ in columns),
        rows=tuple(tuple(cell(row) for _, _, cell in columns) for row in rows),
        align=tuple(align for _, align, _ in columns),
    )


def check_document(remarks: Iterable[Remark], *, everything: bool) -> Document:
    """What an editor of the catalog should look at: remarks that say the same of many entries are one, unless all."""
    found: dict[str, dict[str, list[str]]] = {}
    for remark in remarks:
        found.setdefault(remark.check, {}).setdefault(remark.message, []).append(remark.entry)
    sections = tuple(
        Section(title=check.replace("_", " "), blocks=(_items(told, everything=everything),))
        for check, told in found.items()
    )
    return Document(title="Catalog check", sections=sections)


def _items(told: Mapping[str, Sequence[str]], *, everything: bool) -> Block:
    if everything:
        return Items(items=tuple(f"{entry}: {message}" for message, entries in told.items() for entry in entries))
    return Items(items=tuple(f"{_named(entries)}: {message}" for message, entries in told.items()))


def _named(entries: Sequence[str]) -> str:
    shown = ", ".join(entries[:FEW])
    return shown if len(entries) <= FEW else f"{len(entries)} entries ({shown}, ...)"
