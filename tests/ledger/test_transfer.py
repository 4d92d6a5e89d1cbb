"""Out of a ledger and into another: nothing is gained, lost or changed by the way."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from breakeven.app import transfer
from breakeven.assembly.exporting import EXPORTS
from breakeven.cli.main import main
from breakeven.errors import LedgerError, UsageError
from breakeven.gateway.metric_names import NAMED as GATEWAY
from breakeven.ledger import snapshot, store
from breakeven.ledger.restore import restore
from breakeven.ledger.statement import build
from breakeven.report.exposition import NAMED as LEDGER
from breakeven.report.exposition import exposition
from breakeven.report.grafana import DASHBOARDS, dashboard
from breakeven.schema.journal import frame
from breakeven.schema.record import Prediction, Tokens
from breakeven.wire.prometheus_text import parse

EXAMPLES = Path(__file__).parents[2] / "examples/import"


def ledger(folder: Path, records) -> Path:
    (folder / "journal").mkdir(parents=True)
    (folder / "journal/a.journal").write_bytes(b"".join(map(frame, records)))
    return folder


def full(make) -> list:
    made = [
        make.prediction(
            n, labels={"k": "=1+1"}, eligible=("gpu", "api"), propensities=(0.5, 0.5), stages={"queue": 0.25},
            consumed=Tokens(input=10 * n, cached_input=n, output=3, reasoning=1), served=Tokens(input=10 * n, output=3),
            cost_pico_usd=None if n % 5 == 0 else 10**11 + n, seed=2**64 - 1, request_id=f"r{n}", budget_s=0.5,
            status="failed" if n % 7 == 0 else "answered", deployment="gpu", stream=True, ttft_s=0.1,
            trace_id=f"{n:032x}",
        )
        for n in range(1, 40)
    ]  # fmt: skip
    outcomes = [make.outcome(n, prediction_id=f"p{n:06d}") for n in range(1, 20)]
    return [*made, *outcomes, make.capacity(0, 60), make.load()]


def told(folder: Path, make, to_bytes) -> bytes:
    return to_bytes(msgspec.structs.replace(build(store.open_ledger(folder), make.use_cases), lost=0, warnings=()))


@pytest.mark.parametrize("partitioned", [False, True])
def test_parquet_there_and_back_is_the_same_statement(tmp_path: Path, make, to_bytes, *, partitioned: bool) -> None:
    """Every record is there once with every field; only its origin is the import."""
    first = ledger(tmp_path / "a", full(make))
    found = transfer.export("parquet", first, tmp_path / "out", partitioned=partitioned)
    assert found.rows == {"predictions": 39, "outcomes": 19, "capacity": 1, "engine": 1}
    for _ in range(2):
        transfer.import_files([tmp_path / "out"], tmp_path / "b")
    assert told(tmp_path / "b", make, to_bytes) == told(first, make, to_bytes)

    def records(folder: Path) -> list:
        found = restore(snapshot.of_folder(folder))
        plain = [
            one if not hasattr(one, "node") else msgspec.structs.replace(one, node="", sequence=0) for one in found
        ]
        return sorted(plain, key=repr)

    transfer.export("parquet", first, tmp_path / "again")  # the first is unsealed: seal it by importing it elsewhere
    transfer.import_files([tmp_path / "again"], tmp_path / "c")
    assert records(tmp_path / "b") == records(tmp_path / "c")


def test_spans_there_and_back_keep_tokens_latency_and_cost(tmp_path: Path, make) -> None:
    """What OTLP carries comes back as it was: ids, tokens, times to the nanosecond, costs to the pico-dollar."""
    first = ledger(tmp_path / "a", full(make))
    transfer.export("otlp", first, tmp_path / "spans.jsonl")
    transfer.import_files([tmp_path / "spans.jsonl"], tmp_path / "b")
    before = {one.prediction_id: one for one in full(make) if isinstance(one, Prediction)}
    after = {
        one.prediction_id: one for one in restore(snapshot.of_folder(tmp_path / "b")) if isinstance(one, Prediction)
    }
    assert set(after) == set(before)
    for name, one in after.items():
        was = before[name]
        exact = ("consumed", "cost_pico_usd", "status", "use_case", "tenant", "deployment", "budget_s", "in_budget")
        for field in (*exact, "request_id", "trace_id", "ttft_s", "stages", "cache", "model", "stream"):
            assert getattr(one, field) == getattr(was, field), (name, field)
        assert (one.time_s, one.total_s) == (pytest.approx(was.time_s, abs=1e-6), pytest.approx(was.total_s, abs=1e-6))


def test_a_period_is_cut_at_its_ends(tmp_path: Path, make) -> None:
    """From `since` on, before `until`."""
    first = ledger(tmp_path / "a", full(make))
    from datetime import UTC, datetime

    since, until = (datetime.fromtimestamp(make.t0 + n, UTC).isoformat() for n in (10, 20))
    assert transfer.export("otlp", first, tmp_path / "o", since=since, until=until).rows == {"predictions": 10}
    with pytest.raises(UsageError, match="--since 'monday' is no date or time"):
        transfer.export("otlp", first, tmp_path / "o", since="monday")


def test_every_metric_of_a_statement_is_named_and_parses(tmp_path: Path, make) -> None:
    """Values are the statement's; a figure that is not known has no sample."""
    priced = [one for one in full(make) if getattr(one, "cost_pico_usd", 1) is not None]
    found = build(store.open_ledger(ledger(tmp_path, priced)), make.use_cases)
    text = exposition(found)
    samples = {one.name: one.value for one in parse(text) if not one.labels}
    assert set(re.findall(r"# TYPE (\S+)", text)) == set(LEDGER)
    assert samples["breakeven_ledger_predictions"] == found.predictions
    assert samples["breakeven_ledger_cost_usd"] == pytest.approx(found.cost_total_pico_usd / 1e12)
    nothing = exposition(build(store.of_records(()), {}))
    assert "breakeven_ledger_useful_share" not in nothing


def test_dashboards_ask_for_metrics_that_there_are() -> None:
    """Every name and label in a panel is a gateway's or the ledger's; ids and places do not repeat."""
    for name in DASHBOARDS:
        made = dashboard(name)
        panels = made["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
        for panel in panels:
            for target in panel["targets"]:
                asked = [one.removesuffix("_bucket") for one in re.findall(r"breakeven_\w+", target["expr"])]
                assert asked, panel["title"]
                known = GATEWAY if name == "gateway" else LEDGER
                assert set(asked) <= set(known), panel["title"]
                labels = {label for one in asked for label in known[one].labels} | {"le"}
                used = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
                used |= {
                    part.strip() for text in re.findall(r"by \(([^)]*)\)", target["expr"]) for part in text.split(",")
                }
                used |= set(re.findall(r"[{,](\w+)=", target["expr"]))
                assert used <= labels, panel["title"]


def test_an_export_overwrites_no_other(tmp_path: Path, make) -> None:
    """Two exports in one folder would be read as one."""
    first = ledger(tmp_path / "a", full(make))
    transfer.export("parquet", first, tmp_path / "out")
    with pytest.raises(LedgerError, match=r"predictions\.parquet exists"):
        transfer.export("parquet", first, tmp_path / "out")
    with pytest.raises(LedgerError, match="no export 'xml'"):
        transfer.export("xml", first, tmp_path / "out")
    with pytest.raises(LedgerError, match="no ledger at"):
        transfer.export("otlp", tmp_path / "nowhere", tmp_path / "o")


def test_a_formula_stays_a_text(tmp_path: Path, make) -> None:
    """What a spreadsheet would run is written behind an apostrophe."""
    evil = make.prediction(1, use_case="=HYPERLINK(1)", tenant="@SUM(1)", model="+1", deployment="-2")
    transfer.export("focus", ledger(tmp_path / "a", [evil]), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        fields = [field for row in csv.reader(file) for field in row]
    assert not [one for one in fields if one.startswith(("=", "@", "+"))]
    assert {"'=HYPERLINK(1)", "'@SUM(1)", "'+1"} <= set(fields)


def test_every_export_is_a_choice_and_documented() -> None:
    """What can be typed is what there is."""
    from breakeven.cli.transfer import export

    [choice] = [one for one in export.params if one.name == "form"]
    assert list(choice.type.choices) == list(EXPORTS)
    page = (EXAMPLES.parents[1] / "docs/import-export.md").read_text()
    assert [form for form in EXPORTS if f"`{form}`" not in page] == []


def test_a_file_of_which_nothing_can_be_read_is_a_failure(tmp_path: Path) -> None:
    """Exit 1, with every row named; one good row among bad ones is a success."""
    rules = tmp_path / "map.yaml"
    rules.write_text("time: t\n")
    for text, code in (("t\nnever\nsoon\n", 1), ("t\nnever\n2026-11-24T10:00:00Z\n", 0)):
        file = tmp_path / f"log-{code}.csv"
        file.write_text(text)
        asked = ["import", str(file), "--map", str(rules), "--data-dir", str(tmp_path / "data"), "--json"]
        found = CliRunner().invoke(main, asked)
        assert found.exit_code == code, found.output
        assert json.loads(found.stdout)["files"][0]["bad"] == 1 + code
