"""The catalog as people read it: units of the field, ids whole, remarks that say the same counted together."""

from __future__ import annotations

from typing import Any

import pytest

from breakeven.app import facts
from breakeven.report.catalog import COLUMNS, Remark, check_document, list_document
from breakeven.report.document import Document
from breakeven.report.render import text


def rows(section: str, **fields: Any) -> list[dict[str, Any]]:
    """One entry of a section."""
    return [{"section": section, **fields}]


def shown(document: Document) -> str:
    return text.render(document)


@pytest.mark.parametrize(
    "section", ["accelerators", "models", "offers", "energy", "assumptions", "unpriced", "sources"]
)
def test_every_section_of_the_shipped_catalog_can_be_read(section: str) -> None:
    """Every entry is there, by its whole id, and nothing reads `None`."""
    found = facts.catalog_rows(section)
    said = shown(list_document(found))
    assert f"{len(found):,} entries" in said
    assert "None" not in said
    for row in found[:50]:
        name = row.get("id") or row.get("key")
        assert name is None or str(name) in said


def test_numbers_are_in_the_units_of_the_field() -> None:
    """Bytes are GB and TB/s, operations TFLOP/s; unknown is a dash, never 0."""
    card = {
        "memory_bytes": 80e9,
        "bandwidth_bytes_s": 3.35e12,
        "flops_fp16": 989.4e12,
        "flops_fp8": None,
        "tdp_w": 700.0,
    }
    line = shown(list_document(rows("accelerators", id="h100", name="H100", source="s", **card))).splitlines()[-1]
    assert line.split() == ["h100", "H100", "80", "3.35", "989.4", "-", "700", "s"]


PRICES = {
    "$27.52/h": {"usd_per_hour": 27.52},
    "$250,142": {"purchase_usd": 250141.8},
    "$0.25 input, $2.00 output /Mtok": {"input_usd_per_mtok": 0.25, "output_usd_per_mtok": 2.0},
    "unpriced": {},
}


@pytest.mark.parametrize("wanted", PRICES)
def test_a_price_is_said_in_its_own_measure(wanted: str) -> None:
    """An hour, a purchase, tokens; what nobody prices is unpriced."""
    said = shown(list_document(rows("offers", id="o", count=1.0, **PRICES[wanted])))
    assert wanted in said


def test_alike_remarks_are_one_and_all_are_there_when_asked_for() -> None:
    """Conservation: the count is told; with all, every entry stands on a line of its own."""
    remarks = [Remark(check="stale", entry=f"offer-{at}", message="98 days old") for at in range(7)]
    short, whole = (shown(check_document(remarks, everything=everything)) for everything in (False, True))
    assert "7 entries (offer-0, offer-1, offer-2, ...): 98 days old" in short
    assert whole.count("98 days old") == 7


def test_every_column_reads_a_field_that_rows_have() -> None:
    """A column that is empty in every row of the shipped catalog is a misspelt one."""
    for section, columns in COLUMNS.items():
        found = facts.catalog_rows(section)
        for name, _, cell in columns:
            assert any(cell(row) not in {"", "-", "unknown"} for row in found), (section, name)
