"""Corrections: records stay what they are, the latest correction of a prediction says what it cost, everywhere."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import duckdb
import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.cli.main import main
from breakeven.errors import LedgerError, UsageError
from breakeven.ledger import duck, manifest, store
from breakeven.ledger.against import calls
from breakeven.ledger.against.rows import Rows
from breakeven.ledger.arrays import arrays
from breakeven.ledger.columns import COLUMNS
from breakeven.ledger.compact import compact
from breakeven.ledger.correct import correct
from breakeven.ledger.days import finalise, tally
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.disk import Disk
from breakeven.ledger.duck import connect
from breakeven.ledger.engine.port import Engine, Query
from breakeven.ledger.engine.table import EMBEDDED, ENGINES
from breakeven.ledger.export import parquet
from breakeven.ledger.intake import take
from breakeven.ledger.restore import record, restore
from breakeven.ledger.seal import Work, seal_once
from breakeven.ledger.snapshot import of_folder
from breakeven.ledger.source.formats import open_source
from breakeven.ledger.statement import build, measures
from breakeven.ledger.trial import tried
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record
from breakeven.schema.record import Prediction

QUESTIONS = ("useful", "cells", "audit")
"""Those about money, and the one that counts what is lost."""
DAY_S = 86_400.0
engines = pytest.mark.parametrize("engine", sorted(EMBEDDED))


def said(n: int, prediction_id: str, cost: int, **more: object) -> Correction:
    plain = {"id": f"k{n:04d}", "reason": "wrong price", "author": "ann", "time_s": 2e9 + n}
    return Correction(**plain | {"prediction_id": prediction_id, "cost_pico_usd": cost} | more)


CORRECTIONS = st.lists(
    st.builds(
        lambda n, of, cost, price, late: said(n, f"p{of:06d}", cost, price_id=price, time_s=2e9 + late),
        st.integers(0, 99),
        st.integers(0, 13),
        st.integers(0, 10**12),
        st.sampled_from(["", "list", "batch"]),
        st.integers(0, 3),
    ),
    max_size=12,
    unique_by=lambda one: one.id,
)


def check(expected: Engine, found: Engine, query: Query) -> None:
    for question in QUESTIONS:
        assert getattr(found, question)(query) == getattr(expected, question)(query), question


def replaced(records: Sequence[Record], corrections: Sequence[Correction]) -> list[Record]:
    """The ledger as if it had been written with the costs that hold."""
    last = {one.prediction_id: one for one in sorted(corrections, key=lambda one: (one.time_s, one.id))}
    return [
        msgspec.structs.replace(
            one,
            cost_pico_usd=last[one.prediction_id].cost_pico_usd,
            cost_basis="measured",
            price_id=last[one.prediction_id].price_id or one.price_id,
        )
        if isinstance(one, Prediction) and one.prediction_id in last
        else one
        for one in records
    ]


@engines
@settings(max_examples=8)
@given(data=st.data())
def test_a_corrected_ledger_answers_like_one_written_right(
    engine: str, data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]], queries: st.SearchStrategy[Query]
) -> None:
    """Whatever the order and the repeats of corrections, sealed or not: every answer, on every engine."""
    records, corrections = data.draw(ledgers), data.draw(CORRECTIONS)
    again = data.draw(st.lists(st.sampled_from(corrections), max_size=4)) if corrections else []
    order = data.draw(st.permutations([*records, *corrections, *again]))
    cut, query = data.draw(st.integers(0, len(order))), data.draw(queries)
    expected = store.of_records(replaced(records, corrections), "memory")
    check(expected, store.of_records(order, engine), query)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make.journal(folder, "gw0-00000001", order[:cut])
        seal_once(folder, make.t0)
        make.journal(folder, "gw0-00000002", order[cut:])
        check(expected, store.open_ledger(folder, engine), query)


@engines
@settings(max_examples=8)
@given(data=st.data())
def test_a_statement_is_the_sum_of_corrected_costs(
    engine: str, data: st.DataObject, make, ledgers: st.SearchStrategy[list[Record]]
) -> None:
    """To the pico-unit, in every breakdown, idle capacity apart."""
    records, corrections = data.draw(ledgers), data.draw(CORRECTIONS)
    found = make.statement([*corrections, *records], engine)
    charged = sum(one.cost_pico_usd or 0 for one in replaced(records, corrections) if isinstance(one, Prediction))
    assert (
        sum(cell.cost_pico_usd for cell in store.of_records([*records, *corrections], engine).cells(Query())) == charged
    )
    assert found.conserved


def test_both_ways_into_a_segment_hold_the_same(make, tmp_path: Path) -> None:
    """By arrays as always, and by lines where a value fits no array: what is read back is what was said."""
    corrections = [said(1, "p1", 5, tenant="t", price_id="list"), said(2, "p2", 2**62)]
    assert {*arrays("corrections", corrections)} >= {column.name for column in COLUMNS["corrections"]}
    make.journal(tmp_path, "correct-1", corrections)
    seal_once(tmp_path, make.t0)
    assert sorted(restore(of_folder(tmp_path)), key=str) == corrections
    with connect() as connection:
        duck.hold(connection, "held", "corrections", corrections)
        names = [column.name for column in COLUMNS["corrections"]]
        rows = connection.execute("SELECT * FROM held").fetchall()
    assert [record("corrections", dict(zip(names, row, strict=True))) for row in rows] == corrections


def uuid7(n: int, time_s: float) -> str:
    text = f"{int(time_s * 1000):012x}7{n:03x}8000{n:012x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def finalised(make, folder: Path) -> list[finalise.Made]:
    step = finalise.Work(
        data_dir=folder,
        now_s=make.t0 + 40 * DAY_S,
        measures=measures(make.use_cases),
        opener=ENGINES["duckdb"],
        disk=Disk(),
        by_hand=True,
    )
    steps = [finalise.step(step)]
    while steps[-1].more:
        steps.append(finalise.step(step))
    return steps


@pytest.mark.parametrize("telling", [True, False])
def test_a_correction_reopens_the_day_of_its_prediction_and_no_other(make, tmp_path: Path, telling: bool) -> None:
    """Rows answer until the day is made anew, as its second version; with ids that tell their time and with others."""
    times = [make.t0 + n // 2 * DAY_S + n for n in range(6)]
    names = [uuid7(n, time_s) if telling else f"p{n}" for n, time_s in enumerate(times)]
    rows = enumerate(zip(names, times, strict=True))
    records = [make.prediction(n + 1, prediction_id=name, time_s=time_s) for n, (name, time_s) in rows]
    make.journal(tmp_path, "gw-00000001", records)
    seal_once(tmp_path, make.t0)
    assert len([one for one in finalised(make, tmp_path) if one.version]) == 3
    late, query = said(1, names[2], 777), make.query()
    expected = store.of_records([*records, late])
    make.journal(tmp_path, "correct-1", [late])
    for _ in ("unsealed", "sealed"):
        found = open_days(tmp_path, query, ENGINES["duckdb"])
        assert len(found.final) == 2
        assert found.cells(query) == expected.cells(query)
        seal_once(tmp_path, make.t0)
    versions = [one.version for one in finalised(make, tmp_path) if one.version]
    assert [(one.version, one.reason) for one in versions] == [(2, "corrections")]
    found = open_days(tmp_path, query, ENGINES["duckdb"])
    assert len(found.final) == 3
    assert found.cells(query) == expected.cells(query)


def test_corrections_outlive_compaction(make, tmp_path: Path) -> None:
    """Few files of many, a repeat left out, and the same correction holds."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1)])
    for n in range(4):
        make.journal(tmp_path, f"correct-{n}", [said(n, "p000001", 10 + n), said(9, "p000001", 99, time_s=1e9)])
    seal_once(tmp_path, make.t0)
    with connect() as connection:
        done = compact(Work(data_dir=tmp_path, now_s=3e9, disk=Disk(), connection=connection), grace_s=0.0)
    assert (done.before, done.after, done.repeated) == (8, 2, 3)
    assert len([one for one in restore(of_folder(tmp_path)) if isinstance(one, Correction)]) == 5
    assert store.open_ledger(tmp_path).useful(Query())[0].cost_pico_usd == 13


def test_a_correction_moves_no_watermark(make, tmp_path: Path) -> None:
    """When somebody looked at a bill says nothing of how far traffic has come: no day ends by it."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1), said(1, "p000001", 5)])
    seal_once(tmp_path, make.t0)
    assert dict(manifest.read(tmp_path).watermark) == {"predictions": make.t0 + 1}


def test_every_reader_shows_the_cost_that_holds(make, tmp_path: Path) -> None:
    """Experiments, reconciliation, minutes of days and exports read records themselves, and agree."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1, placement="api"), said(1, "p000001", 5 * 10**9)])
    seal_once(tmp_path, make.t0)
    found = of_folder(tmp_path)
    assert [one.cost_usd for one in tried(found, make.use_cases, "rank")] == [0.005]
    side = calls.items(Rows(found), ())
    assert [one.amount.pico_usd for one in side.items] == [5 * 10**9]
    with tally.over(found, make.t0, make.t0 + DAY_S) as counted:
        counted.write_minutes(tmp_path / "minutes.parquet")
    minutes = duckdb.read_parquet(str(tmp_path / "minutes.parquet")).fetchall()
    assert (
        int(duckdb.read_parquet(str(tmp_path / "minutes.parquet")).sum("cost_pico_usd").fetchall()[0][0]) == 5 * 10**9
    )
    assert len(minutes) == 1
    assert [row["cost_pico_usd"] for row in parquet.predictions(found)] == [5 * 10**9]


def test_an_export_takes_corrections_along(make, tmp_path: Path) -> None:
    """A ledger made of an export says the same, and knows who corrected what, and why."""
    first, second = tmp_path / "first", tmp_path / "second"
    make.journal(first, "gw-00000001", [make.prediction(1), make.prediction(2), said(1, "p000001", 5)])
    seal_once(first, make.t0)
    assert parquet.write(of_folder(first), tmp_path / "out")["corrections"] == 1
    for table in ("predictions", "corrections"):
        file = tmp_path / "out" / f"{table}.parquet"
        assert take(second, file, open_source(file)).records == {table: {"predictions": 2, "corrections": 1}[table]}
    assert store.open_ledger(second).cells(Query()) == store.open_ledger(first).cells(Query())
    kept = [one for one in restore(of_folder(second)) if isinstance(one, Correction)]
    assert kept == [said(1, "p000001", 5)]


def ledger(make, folder: Path, *records: Record) -> Path:
    make.journal(folder, "gw-00000001", records or [make.prediction(n) for n in range(1, 4)])
    seal_once(folder, make.t0)
    return folder


def sums(folder: Path, make) -> int:
    return build(store.open_ledger(folder), make.use_cases).cost_total_pico_usd


def test_bad_rows_are_named_and_the_good_ones_are_taken(make, tmp_path: Path) -> None:
    """With line, column and value; of two lines for one prediction the first counts."""
    file = tmp_path / "fix.csv"
    file.write_text(
        "prediction_id,cost_usd,price_id\np000001,0.000000002,list\np000002,two,\n,1,\np000001,3,\np000003,,\n"
        "p000003,-1,\np000002\np000003,0\n"
    )
    found = correct(ledger(make, tmp_path / "data"), file, "list price was wrong", "ann")
    assert (found.rows, found.corrected, found.bad, found.unknown, found.unchanged) == (8, 1, 7, 0, 0)
    told = {one.line: one.reason for one in found.problems}
    assert told[3] == "column 'cost_usd' holds 'two': a cost is a number of US dollars"
    assert told[4] == "column 'prediction_id' holds '': a correction names a prediction"
    assert told[5] == "column 'prediction_id' holds 'p000001': line 2 corrects it already"
    assert told[6] == "column 'cost_usd' holds '': a correction says the whole cost"
    assert "'-1'" in told[7]
    assert told[8] == "1 fields, but the header names 3"
    assert (found.before_pico_usd, found.after_pico_usd) == (1000, 2000)
    assert sums(tmp_path / "data", make) == 4000


def test_the_same_file_again_changes_nothing_and_another_one_holds(make, tmp_path: Path) -> None:
    """A command that was cut off may be given again; of later corrections the last one counts."""
    file, data = tmp_path / "fix.csv", ledger(make, tmp_path / "data")
    file.write_text("prediction_id,cost_usd\np000001,0.000000005\n")
    assert correct(data, file, "first", "ann").corrected == 1
    again = correct(data, file, "first", "ann")
    assert (again.corrected, again.unchanged) == (0, 1)
    file.write_text("prediction_id,cost_usd\np000001,0.000000007\n")
    assert correct(data, file, "second", "ann").before_pico_usd == 5000
    assert sums(data, make) == 9000
    assert len([one for one in restore(of_folder(data)) if isinstance(one, Correction)]) == 2


def test_a_later_correction_holds_though_the_clock_went_back(make, tmp_path: Path, monkeypatch) -> None:
    """A clock that was set back an hour does not bring an older correction back."""
    file, data = tmp_path / "fix.csv", ledger(make, tmp_path / "data")
    for usd, now_s in (("0.000000005", 3e9), ("0.000000006", 3e9 - 3600)):
        monkeypatch.setattr("breakeven.ledger.correct.time.time", lambda now_s=now_s: now_s)
        file.write_text(f"prediction_id,cost_usd\np000001,{usd}\n")
        correct(data, file, "why", "ann")
    assert sums(data, make) == 8000


def test_a_correction_waits_for_a_prediction_that_is_not_there(make, tmp_path: Path) -> None:
    """It is kept, told, and without effect until the prediction comes."""
    file, data = tmp_path / "fix.csv", ledger(make, tmp_path / "data", make.prediction(1))
    file.write_text("prediction_id,cost_usd\np000002,0.000000005\n")
    found = correct(data, file, "why", "ann")
    assert (found.corrected, found.unknown, found.unknown_ids, found.days) == (0, 1, ("p000002",), ())
    assert sums(data, make) == 1000
    make.journal(data, "gw-00000002", [make.prediction(2)])
    assert sums(data, make) == 6000


@pytest.mark.parametrize(("reason", "author", "named"), [(" ", "ann", "--reason"), ("why", "", "--author")])
def test_nobody_corrects_without_a_reason_and_a_name(
    make, tmp_path: Path, reason: str, author: str, named: str
) -> None:
    """Both are refused before anything is read or written."""
    with pytest.raises(UsageError, match=named):
        correct(ledger(make, tmp_path), tmp_path / "none.csv", reason, author)


@pytest.mark.parametrize("text", ["", "prediction_id,cost_usd\n"])
def test_a_file_without_rows_is_no_correction(make, tmp_path: Path, text: str) -> None:
    """It says which columns there should be."""
    file = tmp_path / "fix.csv"
    file.write_text(text)
    with pytest.raises(LedgerError, match="no rows"):
        correct(ledger(make, tmp_path / "data"), file, "why", "ann")


def test_the_command_says_what_it_did(make, tmp_path: Path) -> None:
    """Money, days and bad rows; the same as JSON; no good row is an error."""
    file, data = tmp_path / "fix.csv", ledger(make, tmp_path / "data", make.prediction(1, cost_pico_usd=None))
    file.write_text("prediction_id,cost_usd\np000001,0.5\np000009,1\np000001,x\n")
    command = ["ledger", "correct", str(file), "--reason", "why", "--author", "ann", "--data-dir", str(data)]
    told = CliRunner().invoke(main, command)
    assert told.exit_code == 0, told.output
    assert "3 rows read, 1 costs corrected" in told.output
    assert "$0 became $0.5 (1 were unpriced)" in told.output
    assert f"{file}:4: column 'prediction_id' holds 'p000001'" in told.output
    found = json.loads(CliRunner().invoke(main, [*command, "--json"]).stdout)
    assert (found["unchanged"], found["bad"], found["after_usd"]) == (2, 1, 0.0)
    file.write_text("prediction_id,cost_usd\np000001,x\n")
    assert CliRunner().invoke(main, command).exit_code == 1
