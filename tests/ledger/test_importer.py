"""The same statement from a log that no gateway wrote, and one clear error for each way it can be wrong."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import duckdb
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.config import mapping as mapping_file
from breakeven.config.mapping import LogMapping
from breakeven.errors import LedgerError
from breakeven.ledger import importer
from breakeven.ledger.engine.table import EMBEDDED
from breakeven.ledger.source.field import Row
from breakeven.ledger.source.mapping import COLUMNS as COLUMN_FIELDS
from breakeven.ledger.source.mapping import Mapping
from breakeven.ledger.source.table import SOURCES
from breakeven.ledger.statement import build
from breakeven.schema.statement import Statement

SAMPLES = Path(__file__).parent / "samples"
"""Written by hand in the shape of each export: real logs hold names and keys."""
SPEND_LOG = SAMPLES / "litellm_spend_logs.csv"
HEADER = "when,app,tokens_in,tokens_out,usd,ms,first_ms,who,seen,bought,worth\n"
COLUMNS = {
    "time": "when",
    "use_case": "app",
    "input_tokens": "tokens_in",
    "output_tokens": "tokens_out",
    "cost_usd": "usd",
    "total": "ms",
    "ttft": "first_ms",
    "latency_unit": "ms",
    "subject": "who",
    "used": "seen",
    "converted": "bought",
    "value_usd": "worth",
}
GOOD = [
    "2026-11-20T10:00:00Z,feed,100,11,0.5,1200,200,ann,true,yes,9.5",
    "2026-11-20T10:00:01+01:00,feed,100,11,0.25,900,100,bob,1,no,",
    "2026-11-20T10:00:02,feed,,,0.25,3100,100,cyd,true,,",
    "2026-11-20T10:00:03Z,mail,5,1,,10,,ann,,,",
]


def log(folder: Path, *rows: str, header: str = HEADER, name: str = "log.csv") -> Path:
    path = folder / name
    path.write_text(header + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def statement(path: Path, mapping: Mapping | None = None, engine: str = "duckdb") -> Statement:
    ledger, rules = importer.read(path, mapping, engine=engine)
    return build(ledger, rules)


@pytest.mark.parametrize("engine", sorted(EMBEDDED))
def test_a_mapped_log_answers_like_a_ledger(make, tmp_path: Path, engine: str) -> None:
    """Cost, latency, use and revenue of a CSV file, with nobody's gateway in between."""
    mapping = Mapping(**COLUMNS, budget_s=3.0)
    found = statement(log(tmp_path, *GOOD), mapping, engine)
    feed, mail = (make.cut(found, "use_case", name) for name in ("feed", "mail"))
    assert (feed.predictions, feed.used, feed.useful, feed.converted, feed.revenue) == (3, 3, 2, 1, 9.5)
    assert feed.cost_pico_usd == 10**12
    assert feed.cost_per_useful_prediction_usd.value == pytest.approx(0.5)
    assert feed.tpot.p50_s == pytest.approx((0.1 + 0.08) / 2)
    assert (mail.useful, mail.unpriced) == (0, 1)
    assert found.conserved
    assert found.lost == 0


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".json", ".jsonl"])
def test_every_format_gives_the_same_statement(tmp_path: Path, to_bytes, suffix: str) -> None:
    """A log is its rows, not its file format."""
    path = tmp_path / f"log{suffix}"
    rows = rows_of(SPEND_LOG)
    if suffix == ".parquet":
        duckdb.read_csv(str(SPEND_LOG)).write_parquet(str(path))
    elif suffix == ".json":
        path.write_text(json.dumps(rows))
    elif suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, rows[0], delimiter="\t" if suffix == ".tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
    assert to_bytes(statement(path)) == to_bytes(statement(SPEND_LOG))


def test_a_litellm_spend_log_needs_no_mapping(make) -> None:
    """Streamed answers have a TTFT, cached ones cost nothing, a price of 0 for tokens is an unknown price."""
    found = statement(SPEND_LOG)
    assert found.total.statuses == {"answered": 2, "cached": 1, "failed": 1}
    assert found.cost_total_pico_usd == 123_000_000
    assert found.total.unpriced == 1
    assert found.total.ttft.n == 1
    assert found.total.ttft.p50_s == pytest.approx(0.4)
    assert found.useful_predictions is None
    assert [one.key for one in found.cuts if one.dimension == "tenant"] == ["default", "team-a", "team-b"]
    assert make.cut(found, "model", "my-llama").unpriced == 1


def test_a_log_without_costs_is_unpriced(tmp_path: Path) -> None:
    """No cost column is no price, not a price of nothing."""
    found = statement(log(tmp_path, *GOOD), Mapping(time="when", use_case="app", used="seen"))
    assert found.total.unpriced == 4
    assert found.cost_per_useful_prediction_usd.value is None
    assert "4 of 4 predictions are unpriced" in found.warnings[0]


def test_flags_on_the_row_identify_it(tmp_path: Path) -> None:
    """A log that says of a row that it was used has joined it to somebody, named or not."""
    found = statement(log(tmp_path, *GOOD), Mapping(time="when", used="seen"))
    assert found.useful_predictions == 3


def test_subjects_are_not_kept(tmp_path: Path) -> None:
    """The records hold a digest."""
    ledger, _ = importer.read(log(tmp_path, *GOOD), Mapping(**COLUMNS), engine="memory")
    assert {len(one.subject) for one in ledger._predictions} == {32}


def test_rows_that_repeat_an_id_count_once(tmp_path: Path) -> None:
    """A spend log written twice is not spend twice, and the statement says so."""
    rows = SPEND_LOG.read_text().splitlines()
    path = log(tmp_path, *rows[1:], rows[1], header=rows[0] + "\n")
    found = statement(path)
    assert found.predictions == 4
    assert found.cost_total_pico_usd == 123_000_000
    assert "1 rows repeat an id" in found.warnings[0]


@pytest.mark.parametrize(("unit", "per_s"), [("s", 1), ("ms", 10**3)])
def test_unix_times_have_a_stated_unit(tmp_path: Path, unit: str, per_s: int) -> None:
    """A number is never guessed to be seconds or milliseconds."""
    path = log(tmp_path, f"{1_795_000_000 * per_s}", header="t\n")
    assert statement(path, Mapping(time="t", time_unit=unit)).start_s == 1_795_000_000.0


WRONG = [
    ("usd", "-0.5", "column 'usd' holds '-0.5': a cost is finite and not negative"),
    ("usd", "inf", "column 'usd' holds 'inf': a cost is finite"),
    ("usd", "NaN", "column 'usd' holds 'NaN': a cost is finite"),
    ("usd", "$1", r"column 'usd' holds '\$1': a cost is a number"),
    ("when", "yesterday", "column 'when' holds 'yesterday': a time is ISO 8601"),
    ("when", "", "column 'when' holds '': every row has a time"),
    ("tokens_in", "many", "column 'tokens_in' holds 'many': a token count is a number"),
    ("tokens_in", "1.5", "column 'tokens_in' holds '1.5': a token count is a whole number"),
    ("tokens_out", "-3", "column 'tokens_out' holds '-3': a token count is finite and not negative"),
    ("ms", "1e999", "column 'ms' holds '1e999': a duration is finite"),
    ("first_ms", "5000", "column 'first_ms' holds '5000': the first token comes before the end"),
    ("seen", "maybe", "column 'seen' holds 'maybe': a flag is true or false"),
    ("worth", "lots", "column 'worth' holds 'lots': a value is a number"),
]


@pytest.mark.parametrize(("column", "value", "message"), WRONG)
def test_a_wrong_field_is_named_with_its_place(tmp_path: Path, column: str, value: str, message: str) -> None:
    """File, line, column, value, rule and way out; the exit code is that of a wrong configuration."""
    fields = dict(zip(HEADER.strip().split(","), GOOD[0].split(","), strict=True)) | {column: value}
    path = log(tmp_path, GOOD[1], ",".join(fields.values()))
    with pytest.raises(LedgerError, match=rf"log\.csv:3: {message}") as raised:
        importer.read(path, Mapping(**COLUMNS))
    assert raised.value.way_out
    assert raised.value.exit_code == 3


FILES = [
    ("log.csv", "", "no rows"),
    ("log.csv", "a,b\n", "no rows"),
    ("log.csv", "a,b\n1,2,3\n", r"log\.csv:2: 3 fields, but the header names 2"),
    ("log.csv", 'a,b\n"1,2\n', "not readable as csv"),
    (
        "log.csv",
        "a,b\n1,2\n",
        "not a LiteLLM spend log, completion_tokens, .* missing, nor another known format; its columns: a, b",
    ),
    ("log.json", "[1]", "not an array of JSON objects"),
    ("log.jsonl", '{"a": "2026-11-20"}\n{"a"', r"log\.jsonl:2: not a JSON object"),
    ("log.parquet", "hello", "not readable as Parquet"),
    ("log.xlsx", "hello", r"no reader for \.xlsx"),
]


@pytest.mark.parametrize(("name", "text", "message"), FILES)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    """What cannot be read at all says what it should have been."""
    path = tmp_path / name
    path.write_text(text)
    mapping = None if "LiteLLM" in message else Mapping(time="a")
    with pytest.raises(LedgerError, match=message) as raised:
        importer.read(path, mapping)
    assert raised.value.way_out


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The path as it was given."""
    with pytest.raises(LedgerError, match=r"gone\.csv: no such file"):
        importer.read(tmp_path / "gone.csv")


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    """Rather than read with wrong letters."""
    path = tmp_path / "log.csv"
    path.write_bytes(b"t,who\n2026-11-20,\xff\n")
    with pytest.raises(LedgerError, match="not readable as csv"):
        importer.read(path, Mapping(time="t"))


@pytest.mark.parametrize(
    ("columns", "message", "way_out"),
    [
        ({"time": "when", "model": "mdoel"}, "no column 'mdoel', which the mapping names for model", "the columns are"),
        ({"time": "wen"}, "no column 'wen', which the mapping names for time", "did you mean 'when'"),
        ({"model": "app"}, "the mapping names no column for time", "add `time:`"),
    ],
)
def test_a_wrong_mapping_is_named(tmp_path: Path, columns: dict[str, str], message: str, way_out: str) -> None:
    """The column, what it was to be, and the nearest one there is."""
    with pytest.raises(LedgerError, match=message) as raised:
        importer.read(log(tmp_path, *GOOD), Mapping(**columns))
    assert way_out in raised.value.way_out


def test_a_mapping_file_gives_the_mapping() -> None:
    """Every column a mapping file can name is one that is read here."""
    text = "".join(f"{name}: c_{name}\n" for name in LogMapping.model_fields if name in {*COLUMN_FIELDS, "total_ms"})
    named = msgspec.convert(mapping_file.load(text.replace("total: c_total\n", "")).plain(), Mapping)
    assert set(named.columns()) >= set(COLUMN_FIELDS) - {"total", "ttft", "value_usd"}
    assert (named.total, named.latency_unit) == ("c_total_ms", "ms")


def test_an_end_before_its_beginning_is_refused(tmp_path: Path) -> None:
    """A negative duration is a mistake in the log, not a fast answer."""
    path = log(tmp_path, "2026-11-20T10:00:01Z,2026-11-20T10:00:00Z", header="a,b\n")
    with pytest.raises(LedgerError, match="an answer ends after it began"):
        importer.read(path, Mapping(time="a", end_time="b"))


@given(st.decimals(min_value=0, max_value=10**6, places=12))
def test_money_is_read_exactly(amount) -> None:
    """Twelve decimals of a dollar are pico-dollars, without a float in between."""
    row = Row(file="f", number=1, values={"usd": str(amount)})
    assert row.money("usd") == int(amount.scaleb(12))


def test_every_source_has_a_suffix_and_a_reader() -> None:
    """The table is what the error names."""
    assert all(suffix.startswith(".") and callable(reader) for suffix, reader in SOURCES.items())
