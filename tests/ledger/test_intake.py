"""Files of other tools in a ledger: durably, once, and the good rows of a bad file."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import LedgerError
from breakeven.ledger import importer, intake, layout, snapshot, store
from breakeven.ledger.disk import exclusive
from breakeven.ledger.restore import restore
from breakeven.ledger.seal import alone
from breakeven.ledger.source.formats import FORMATS, TABLES, open_source
from breakeven.ledger.source.mapping import Mapping
from breakeven.ledger.source.values import values
from breakeven.ledger.statement import build
from breakeven.schema.record import Capacity, Prediction

EXAMPLES = Path(__file__).parents[2] / "examples/import"
SPANS = EXAMPLES / "otel_spans.jsonl"
LANGFUSE = EXAMPLES / "langfuse_observations.json"
LITELLM = EXAMPLES / "litellm_spend_logs.csv"
FOCUS = EXAMPLES / "provider_focus.csv"
TRACES = {
    "azure": "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,4808,10\n",
    "splitwise": "arrived_at,num_prefill_tokens,num_decode_tokens\n0.5,374,44\n",
    "burstgpt": "Timestamp,Model,Request tokens,Response tokens,Log Type\n5,ChatGPT,472,18,API log\n",
}
MOONCAKE = '{"timestamp": 3000, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}\n'


def take(data_dir: Path, path: Path, mapping: Mapping | None = None, **more: object) -> intake.Intake:
    return intake.take(data_dir, path, open_source(path, mapping), **more)


def records(data_dir: Path) -> dict[str, Prediction]:
    found = restore(snapshot.of_folder(data_dir))
    return {one.prediction_id: one for one in found if isinstance(one, Prediction)}


@pytest.mark.parametrize("path", [SPANS, LANGFUSE, LITELLM, FOCUS], ids=lambda path: path.name)
def test_importing_twice_changes_nothing(tmp_path: Path, to_bytes, path: Path) -> None:
    """The second import writes no row: every id is known, whether the source gave it or the content."""
    first = take(tmp_path, path)
    before = to_bytes(build(store.open_ledger(tmp_path), {}))
    again = take(tmp_path, path)
    assert sum(first.records.values()) > 0
    assert (again.records, again.duplicates) == ({}, sum(first.records.values()))
    assert to_bytes(build(store.open_ledger(tmp_path), {})) == before


def test_a_ledger_says_what_the_file_says(tmp_path: Path, to_bytes) -> None:
    """Imported, or asked where it lies: one statement."""
    take(tmp_path, LITELLM)
    asked, rules = importer.read(LITELLM)
    assert to_bytes(build(store.open_ledger(tmp_path), rules)) == to_bytes(build(asked, rules))


def test_equal_rows_are_as_many_predictions(tmp_path: Path) -> None:
    """A trace may hold the same request twice in a row; a second import of it adds none."""
    path = tmp_path / "trace.csv"
    path.write_text(TRACES["azure"] + TRACES["azure"].splitlines()[1] + "\n")
    assert take(tmp_path / "d", path).records == {"predictions": 2}
    assert take(tmp_path / "d", path).duplicates == 2


def test_the_good_rest_of_a_bad_file_is_kept(tmp_path: Path) -> None:
    """Each bad row is named with line and reason, and kept; the others are in the ledger."""
    path = tmp_path / "log.csv"
    good = [f"2026-11-27T10:00:{n:02}Z,{n},5" for n in range(5)]
    path.write_text("t,in,out\n" + "\n".join([*good[:2], "never,1,1", "2026-11-27,1", "2026-11-27,\x80,1", *good[2:]]))
    data = path.read_bytes().replace("\x80".encode(), b"\xff")
    path.write_bytes(data)
    told = take(tmp_path / "d", path, Mapping(time="t", input_tokens="in", output_tokens="out"))
    assert (told.rows, told.bad, told.records) == (8, 3, {"predictions": 5})
    assert [(one.line, one.reason.split(":")[0]) for one in told.problems] == [
        (4, "column 't' holds 'never'"),
        (5, "2 fields, but the header names 3"),
        (6, "not readable as csv"),
    ]
    kept = [json.loads(line) for line in Path(told.bad_file).read_text().splitlines()]
    assert [one["number"] for one in kept] == [4, 5, 6]
    assert '"never"' in kept[0]["row"]


@given(size=st.integers(1, 7), cut=st.integers(0, 3))
@settings(max_examples=12)
def test_an_import_that_was_cut_off_goes_on(tmp_path_factory: pytest.TempPathFactory, size: int, cut: int) -> None:
    """Whatever batches were written before, importing again comes to the same records."""
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "log.csv"
    path.write_text("t,n\n" + "".join(f"2026-11-27T10:00:{n:02}Z,{n}\n" for n in range(20)))
    source = open_source(path, Mapping(time="t", input_tokens="n"))
    some = [one for place, one in enumerate(source.entries) if place < cut * size]
    intake.take(folder / "d", path, source._replace(entries=iter(some)), batch=size)
    told = take(folder / "d", path, Mapping(time="t", input_tokens="n"), batch=size)
    assert told.duplicates == len(some)
    assert sorted(one.served.input for one in records(folder / "d").values()) == list(range(20))


def test_a_journal_that_a_crash_left_is_known(tmp_path: Path) -> None:
    """Written and not yet sealed is held already."""
    with alone(tmp_path):  # no seal can happen: as if the import died right after the journal got its name
        source = open_source(LITELLM)
        batch = [record for one in source.entries for record in getattr(one, "records", ())]
        run = intake._Run(tmp_path, LITELLM, "litellm", dry_run=False)
        folder = layout.journals(tmp_path)
        (folder / f"{run.node}-00000001.journal").write_bytes(
            b"".join(intake.frame(run._seated(record)) for record in batch)
        )
    assert take(tmp_path, LITELLM).duplicates == len(batch)


def test_two_imports_at_once_are_refused(tmp_path: Path) -> None:
    """Both could write the same row."""
    with exclusive(tmp_path / intake.LOCK, create=True), pytest.raises(LedgerError, match="another import is at work"):
        take(tmp_path, LITELLM)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It reads, checks and counts."""
    told = take(tmp_path / "d", FOCUS, dry_run=True)
    assert (told.records, told.bad, told.node, told.bad_file) == ({"capacity": 2}, 2, "", "")
    assert not (tmp_path / "d").exists()


def test_records_name_the_import(tmp_path: Path) -> None:
    """Provenance: the node says which import, the sequence has no gap."""
    told = take(tmp_path, LITELLM)
    found = sorted(records(tmp_path).values(), key=lambda one: one.sequence)
    assert {one.node for one in found} == {told.node}
    assert told.node.startswith("import-litellm-")
    assert [one.sequence for one in found] == [1, 2, 3, 4]


@pytest.mark.parametrize("form", [*TRACES, "mooncake"])
def test_published_traces_are_told_by_their_columns(tmp_path: Path, form: str) -> None:
    """Arrivals and sizes, unpriced."""
    path = tmp_path / ("t.jsonl" if form == "mooncake" else "t.csv")
    path.write_text(MOONCAKE if form == "mooncake" else TRACES[form])
    assert open_source(path).form == form
    assert take(tmp_path / "d", path).records == {"predictions": 1}
    [one] = records(tmp_path / "d").values()
    assert one.served.input > 100
    assert one.cost_pico_usd is None


@pytest.mark.parametrize(("ending", "pack"), [("gz", gzip.open), ("xz", lzma.open), ("bz2", bz2.open)])
def test_packed_files_are_unpacked(tmp_path: Path, ending: str, pack) -> None:
    """As they are streamed; one that was cut off says so, and what came before is kept."""
    path = tmp_path / f"log.csv.{ending}"
    with LITELLM.open("rb") as plain, pack(path, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    assert take(tmp_path / "d", path).records == {"predictions": 4}
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(LedgerError, match=r"log\.csv\.\w+:\d+: cannot be read on"):
        take(tmp_path / "e", path)


def test_a_line_that_is_too_long_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded whatever a line holds; the lines after it are read."""
    for module in ("opened", "csv", "values"):
        monkeypatch.setattr(f"breakeven.ledger.source.{module}.LONGEST_LINE_BYTES", 64)
    path = tmp_path / "t.jsonl"
    path.write_text('{"n": 1}\n' + json.dumps({"n": "y" * 500}) + '\n{"n": 3}\n')
    found = list(values(path))
    assert [getattr(one, "text", b"") for one in found] == [b'{"n": 1}', b"", b'{"n": 3}']
    assert found[1].reason == "a line of more than 64 bytes"


@given(st.lists(st.dictionaries(st.text(max_size=4), st.recursive(st.text(max_size=6), st.lists, max_leaves=5))))
@settings(max_examples=60)
def test_json_is_read_alike_however_it_is_laid_out(tmp_path_factory: pytest.TempPathFactory, objects) -> None:
    """Lines, an array, an indented array: the same values, also with braces and quotes in texts and small chunks."""
    folder = tmp_path_factory.mktemp("json")
    layouts = {
        "lines": "\n".join(map(json.dumps, objects)),
        "array": json.dumps(objects),
        "indented": json.dumps(objects, indent=2, ensure_ascii=False),
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("breakeven.ledger.source.values._CHUNK_BYTES", 7)
        for name, text in layouts.items():
            path = folder / name
            path.write_text(text)
            assert [json.loads(one.text) for one in values(path)] == objects, name


def test_focus_costs_are_kept_to_the_pico_dollar(tmp_path: Path) -> None:
    """Two rows of one rate each sum to the amount; credits and other money are kept aside."""
    told = take(tmp_path, FOCUS)
    found = [one for one in restore(snapshot.of_folder(tmp_path)) if isinstance(one, Capacity)]
    assert sum(one.cost_pico_usd for one in found) == 24_000_000_000_001
    assert (told.skipped, told.bad) == (1, 2)


def test_langfuse_usage_is_put_together(tmp_path: Path) -> None:
    """Its cached tokens are beside the input, whoever the provider is; here they are in it."""
    take(tmp_path, LANGFUSE)
    found = records(tmp_path)
    one, two = found["obs-1"], found["obs-3"]
    assert (one.served.input, one.served.cached_input, one.served.output, one.served.reasoning) == (1000, 400, 101, 20)
    assert (one.ttft_s, one.total_s) == (pytest.approx(0.2), pytest.approx(1.2))
    assert one.cost_pico_usd == 180_000_000
    assert (two.served.input, two.served.cached_input, two.status, two.cost_pico_usd) == (1000, 300, "failed", None)


def test_a_cache_hit_costs_no_provider_tokens() -> None:
    """What the answer cache gave was served, not consumed and not billed."""
    asked = open_source(LITELLM)
    [hit] = [r for e in asked.entries for r in e.records if isinstance(r, Prediction) and r.status == "cached"]
    assert hit.served.output > 0
    assert (hit.consumed.input, hit.consumed.output, hit.billable.input, hit.billable.output) == (0, 0, 0, 0)
    assert hit.cost_pico_usd == 0


WRONG = [
    ("metrics.prom", "vllm:num_requests_running 1\n", "metrics are sums over many requests"),
    ("range.json", '{"status": "success", "data": {}}', "metrics are sums over many requests"),
    ("m.jsonl", '{"resourceMetrics": []}', "metrics are sums over many requests"),
    ("empty.csv", "", "no rows"),
    ("empty.jsonl", "\n\n", "no rows"),
    ("cut.json", '[{"a": 1}, {"b', "nor another known format; its columns: a"),
    ("other.csv", "a,b\n1,2\n", "nor another known format; its columns: a, b"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_what_is_no_log_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    """What it is, and the way out."""
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(LedgerError, match=message) as raised:
        take(tmp_path / "d", path)
    assert raised.value.way_out


def test_a_stated_format_is_held_against_the_columns() -> None:
    """A format that does not fit is refused, and so is one that there is not."""
    with pytest.raises(LedgerError, match="these are no columns of langfuse"):
        open_source(LITELLM, form="langfuse")
    with pytest.raises(LedgerError, match="no format 'langfuze'"):
        open_source(LITELLM, form="langfuze")


def test_every_format_is_documented() -> None:
    """The page's table has a row for each."""
    page = (EXAMPLES.parents[1] / "docs/import-export.md").read_text()
    assert [form for form in FORMATS if f"`{form}`" not in page] == []
    assert set(TABLES) < set(FORMATS)


def test_money_that_no_column_holds_is_a_bad_row(tmp_path: Path) -> None:
    """It must not reach a journal that no sealer could seal."""
    path = tmp_path / "log.csv"
    path.write_text("t,usd\n2026-11-27,9000001\n2026-11-27,1\n")
    told = take(tmp_path / "d", path, Mapping(time="t", cost_usd="usd"))
    assert (told.bad, told.records) == (1, {"predictions": 1})
    assert "at most 9,000,000 USD" in told.problems[0].reason


def test_an_intake_is_json() -> None:
    """What `--json` prints."""
    assert msgspec.json.decode(msgspec.json.encode(intake.Intake(file="f", format="otlp")))["rows"] == 0
