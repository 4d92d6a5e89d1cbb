"""HTML, JSON and CSV of a page say the same numbers."""

from __future__ import annotations

import csv
import html
import io
import re

import msgspec
import pytest

PAGES = {"overview": "/", "unit-cost": "/unit-cost", "decide": "/decide", "tracking": "/tracking", "verify": "/verify"}


def _shown(text: str) -> dict[str, str]:
    found = re.findall(r'data-key="((?!folded-)[^"]+)"><summary[^>]*>([^<]*)</summary>', text)
    return {key: html.unescape(value) for key, value in found}


@pytest.mark.parametrize(("page", "path"), PAGES.items())
def test_the_page_and_its_json_say_the_same(memory, get, page, path):
    """Every number of the JSON is on the page under the same key with the same text, and the other way round."""
    body, shown = get(memory, f"/{page}.json").json(), _shown(get(memory, path).text)
    told = {key: number["text"] for key, number in body["numbers"].items()}
    for key, rows in body["tables"].items():
        for line, row in enumerate(rows, start=1):
            told |= {f"{key}-{line}-{name}": cell["text"] for name, cell in row.items() if isinstance(cell, dict)}
    assert told == shown


@pytest.mark.parametrize("page", PAGES)
def test_json_and_csv_say_the_same(memory, get, page):
    """Every number of the CSV has the value, unit and basis of the JSON."""
    body = get(memory, f"/{page}.json").json()
    lines = list(csv.DictReader(io.StringIO(get(memory, f"/{page}.csv").text, newline="")))
    numbers = {line["measure"]: line for line in lines if line["table"] == "numbers"}
    assert numbers.keys() == body["numbers"].keys()
    for key, number in body["numbers"].items():
        assert numbers[key]["value"] == ("" if number["value"] is None else str(number["value"]))
        assert (numbers[key]["unit"], numbers[key]["basis"]) == (number["unit"], number["basis"])
    cells = sum(len(row) for rows in body["tables"].values() for row in rows)
    assert len(lines) == 1 + len(numbers) + cells


def test_json_holds_what_the_statement_holds(memory, get, kit):
    """Totals in the JSON are the statement's, exactly."""
    body, statement = get(memory, "/overview.json").json(), kit.statement()
    assert body["numbers"]["predictions"]["value"] == statement.predictions
    assert body["numbers"]["cost_total"]["value"] == statement.cost_total_pico_usd / 1e12
    assert body["numbers"]["cost_per_useful_prediction"]["low"] == 1.41e-6
    assert body["period"] == {"start_s": statement.start_s, "end_s": statement.end_s}
    assert body["version"] == 1


def test_json_tells_unknown_from_zero(memory, get):
    """A use case without outcomes has null, not 0."""
    body = get(memory, "/overview.json?use_case=assistant").json()
    assert body["numbers"]["cost_per_useful_prediction"]["value"] is None
    assert body["tables"]["use_cases"][0]["useful"]["value"] is None


def test_a_table_sums_to_its_last_row(memory, get):
    """The breakdowns of the unit cost end with their total, and the parts add up to it (invariant 2)."""
    for rows in (get(memory, "/unit-cost.json").json()["tables"][key] for key in ("waterfall",)):
        parts = sum(row["cost"]["value"] for row in rows[:-1])
        assert parts == pytest.approx(rows[-1]["cost"]["value"], abs=1e-12)


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_csv_runs_no_formula(memory, get, kit, start):
    """A name that a spreadsheet would run is quoted."""
    evil = f"{start}HYPERLINK(1)"
    memory.made = lambda _: msgspec.structs.replace(kit.statement(), cuts=(kit.homepage(key=evil),))
    text = get(memory, "/overview.csv").text
    assert f",'{evil}," in text
    assert f",{evil}," not in text


@pytest.mark.parametrize("page", PAGES)
def test_an_empty_view_is_still_json_and_csv(empty, get, page):
    """Before the first prediction the machine-readable forms answer too, and say what is missing."""
    assert get(empty, f"/{page}.json").json()["empty"]
    assert get(empty, f"/{page}.csv").text.startswith("table,row,measure,value")
    assert get(empty, f"/{page}.csv").headers["content-disposition"] == f'attachment; filename="breakeven-{page}.csv"'


def test_the_filters_reach_the_source(memory, get):
    """What the URL selects is what the source is asked."""
    get(memory, "/unit-cost.csv?use_case=homepage&hours=0.25")
    assert ("homepage", None, 0.25) in memory.asked
