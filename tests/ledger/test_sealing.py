"""Sealing: every row exactly once, whatever happens in between."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.errors import LedgerError
from breakeven.ledger import duck, layout, manifest, snapshot, store
from breakeven.ledger.arrays import arrays, select
from breakeven.ledger.columns import COLUMNS, TABLES, Table
from breakeven.ledger.disk import Disk
from breakeven.ledger.identity import table_of
from breakeven.ledger.restore import restore
from breakeven.ledger.seal import alone, seal_once
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record, frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Attempt, Capacity, EngineLoad, Prediction, Tokens

STEPS = ("read", "write", "sync", "rename", "commit", "remove")


class CrashError(Exception):
    """The process is gone."""


class Failing(Disk):
    """A disk on which the process dies before or after its `at`-th step, or half way through a write."""

    def __init__(self, at: int, how: str) -> None:
        self.at, self.how, self.done = at, how, 0

    def __getattribute__(self, name: str):
        step = super().__getattribute__(name)
        return self._guarded(step) if name in STEPS else step

    def _guarded(self, step: Callable[..., object]) -> Callable[..., object]:
        def run(*arguments: Path) -> object:
            self.done += 1
            mine = self.done == self.at
            if mine and self.how == "torn" and step.__name__ == "write":
                arguments[-1].write_bytes(b"PAR1 half a file")
            if mine and self.how != "after":
                raise CrashError
            result = step(*arguments)
            if mine:
                raise CrashError
            return result

        return run


def everything(make) -> list[Record]:
    full = make.prediction(
        3,
        time_s=make.t0 + 4000,
        labels={"a": "b"},
        eligible=("x", "y"),
        propensities=(0.25, 0.75),
        attempts=(Attempt(deployment="gpu", kind="retry", outcome="timeout", reason='said "no"\n', duration_s=0.1),),
        stages={"queue": 0.5},
        served=Tokens(input=5, cached_input=4, output=3, reasoning=2),
        priced=Tokens(input=1),
        seed=2**64 - 1,
        cost_pico_usd=None,
        prompt="snowman \u2603 nul \0 'quote'",
        ttft_s=0.1 + 0.2,
    )
    return [
        make.prediction(1),
        make.prediction(2, time_s=make.t0 + 0.123456),
        full,
        make.outcome(4, "revenue", value=0.1, data='{"k": [1, 2]}'),
        make.capacity(0, 3.5),
    ]


def rows(data_dir: Path) -> list[Record]:
    found = snapshot.of_folder(data_dir)
    return sorted([*found.records, *restore(found)], key=str)


def on_disk(data_dir: Path) -> int:
    """Rows that a glob over the segments sees, listed in the manifest or not."""
    glob = str(data_dir / "segments/**/*.parquet")
    return len(duckdb.read_parquet(glob, union_by_name=True).fetchall())


def test_sealing_loses_nothing(make, tmp_path: Path) -> None:
    """What comes back from segments equals, field by field, what was journaled."""
    records = everything(make)
    make.journal(tmp_path, "gw-00000001", records)
    sealed = seal_once(tmp_path, 1.0)
    assert (sealed.journals, sealed.rows, sealed.warnings) == (("gw-00000001",), len(records), ())
    assert rows(tmp_path) == sorted(records, key=str)
    assert not list((tmp_path / "journal").iterdir())
    assert snapshot.of_folder(tmp_path).records == ()


def test_every_field_of_a_record_has_its_column() -> None:
    """A field added to a record without a column would be lost at sealing."""
    tables = (*TABLES, "corrections")
    kinds = dict(zip(tables, (Prediction, Outcome, Capacity, EngineLoad, Correction), strict=True))
    for table, kind in kinds.items():
        covered = {
            column.expression.split(".")[0].split("(")[-1].split("::")[0].strip('"') for column in COLUMNS[table]
        }
        assert set(kind.__struct_fields__) <= covered, table


def test_a_segment_holds_one_utc_day(make, tmp_path: Path) -> None:
    """A journal over midnight becomes one file a day, under `dt=`, each with the contract's columns."""
    make.journal(tmp_path, "gw-00000001", everything(make))
    seal_once(tmp_path, 1.0)
    days = sorted(path.parent.name for path in tmp_path.glob("segments/predictions/*/*.parquet"))
    assert days == [f"dt={layout.date(layout.day_of(time_s))}" for time_s in (make.t0, make.t0 + 4000)]
    found = duckdb.read_parquet(f"{tmp_path}/segments/predictions/*/*.parquet")
    kinds = dict(zip(found.columns, map(str, found.types), strict=True))
    assert kinds["prediction_id"] == kinds["use_case"] == kinds["attempts"] == "VARCHAR"
    assert (kinds["cost_pico_usd"], kinds["in_budget"], kinds["served_input_tokens"]) == ("BIGINT", "BOOLEAN", "BIGINT")


def test_the_manifest_says_what_became_of_a_journal(make, tmp_path: Path) -> None:
    """Rows, times, node, sequence numbers and the watermark."""
    make.journal(tmp_path, "gw-00000001", everything(make))
    seal_once(tmp_path, 9.0)
    listing = manifest.read(tmp_path)
    (journal,) = listing.journals
    assert (journal.node, journal.first_sequence, journal.last_sequence) == ("gw", 1, 100_004)
    assert (journal.records, journal.repeated, journal.stopped, journal.sealed_at_s) == (5, 0, "", 9.0)
    assert sorted((one.table, one.rows) for one in listing.segments) == [
        *(("capacity", 1), ("outcomes", 1), ("predictions", 1), ("predictions", 2)),
    ]
    assert dict(listing.watermark)["predictions"] == make.t0 + 4000


def steps_of(make, folder: Path) -> int:
    make.journal(folder, "gw-00000001", everything(make))
    disk = Failing(at=-1, how="before")
    seal_once(folder, 1.0, disk)
    return disk.done


@pytest.mark.parametrize("how", ["before", "after", "torn"])
@pytest.mark.parametrize("suffix", [".journal", ".open"])
def test_a_crash_at_any_step_changes_nothing(make, tmp_path: Path, how: str, suffix: str) -> None:
    """Killed before, during or after each step, the next run ends with every row once, and no other file."""
    records = everything(make)
    steps = steps_of(make, tmp_path / "count")
    assert steps >= 3 + 3 * len(STEPS[1:4])
    for at in range(1, steps + 1):
        folder = tmp_path / f"{at}"
        make.journal(folder, "gw-00000001", records, suffix)
        with pytest.raises(CrashError):
            seal_once(folder, 1.0, Failing(at, how))
        assert rows(folder) == sorted(records, key=str), f"between, at step {at}"
        seal_once(folder, 2.0)
        assert rows(folder) == sorted(records, key=str), f"after, at step {at}"
        assert on_disk(folder) == len(records)
        assert not [path for path in folder.rglob("*") if path.suffix in {".tmp", ".ndjson", suffix}]


def test_a_crash_at_two_steps_in_a_row_changes_nothing(make, tmp_path: Path) -> None:
    """A machine that dies again while it recovers still ends with every row once."""
    records = everything(make)
    steps = steps_of(make, tmp_path / "count")
    for first in range(1, steps + 1, 5):
        for second in range(1, steps + 1, 6):
            folder = tmp_path / f"{first}-{second}"
            make.journal(folder, "gw-00000001", records)
            for at in (first, second):
                try:
                    seal_once(folder, 1.0, Failing(at, "after"))
                except CrashError:
                    continue
            seal_once(folder, 2.0)
            assert rows(folder) == sorted(records, key=str)
            assert on_disk(folder) == len(records)


def test_sealing_again_changes_nothing(make, tmp_path: Path) -> None:
    """A journal that comes back under a name that was sealed is known and goes again."""
    make.journal(tmp_path, "gw-00000001", everything(make))
    seal_once(tmp_path, 1.0)
    before = manifest.read(tmp_path)
    make.journal(tmp_path, "gw-00000001", everything(make))
    seal_once(tmp_path, 2.0)
    assert manifest.read(tmp_path) == before
    assert len(rows(tmp_path)) == 5


def test_frames_written_twice_are_sealed_once(make, tmp_path: Path) -> None:
    """A glob over the segments sees one row for each prediction."""
    make.journal(tmp_path, "gw-00000001", [*everything(make), *everything(make)])
    seal_once(tmp_path, 1.0)
    assert on_disk(tmp_path) == 5


def test_a_bad_frame_ends_its_file_and_nothing_else(make, tmp_path: Path) -> None:
    """Good frames before it are sealed, the file is kept aside, the statement says so; other journals go on."""
    path = make.journal(tmp_path, "gw-00000001", [make.prediction(1), make.prediction(2)])
    data = path.read_bytes()
    path.write_bytes(data[:-5] + b"\xff" + data[-4:] + frame(make.prediction(3)))
    make.journal(tmp_path, "gw-00000002", [make.prediction(4)])
    sealed = seal_once(tmp_path, 1.0)
    assert len(sealed.warnings) == 1
    assert [record.prediction_id for record in rows(tmp_path)] == ["p000001", "p000004"]
    assert (tmp_path / "quarantine/gw-00000001.journal").exists()
    found = make_statement(make, tmp_path)
    assert "journal gw-00000001: bad crc" in found.warnings[0]
    assert found.lost == 2


def make_statement(make, data_dir: Path):
    from breakeven.ledger.statement import build

    return build(store.open_ledger(data_dir), make.use_cases)


def test_a_bad_frame_is_reported_before_it_is_sealed(make, tmp_path: Path) -> None:
    """A report over unsealed journals says the same."""
    path = make.journal(tmp_path, "gw-00000001", [make.prediction(1)])
    path.write_bytes(path.read_bytes() + b"torn")
    before = make_statement(make, tmp_path)
    seal_once(tmp_path, 1.0)
    assert before.warnings == make_statement(make, tmp_path).warnings
    assert "torn frame head" in before.warnings[0]


def test_a_file_that_is_being_written_is_left_alone(make, tmp_path: Path) -> None:
    """While its writer holds the lock it is read, half a frame at its end is no news, and it is not sealed."""
    path = make.journal(tmp_path, "gw-00000001", [make.prediction(1)], ".open")
    with path.open("ab") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        writer.write(frame(make.prediction(2))[:-3])
        writer.flush()
        assert seal_once(tmp_path, 1.0).live == ("gw-00000001.open",)
        found = make_statement(make, tmp_path)
        assert (found.predictions, found.warnings) == (1, ())
    assert seal_once(tmp_path, 2.0).journals == ("gw-00000001",)
    assert len(make_statement(make, tmp_path).warnings) == 1


def test_an_empty_journal_is_only_remembered(make, tmp_path: Path) -> None:
    """Nothing was written, so nothing is sealed, and the file goes."""
    make.journal(tmp_path, "gw-00000001", [], ".open")
    assert seal_once(tmp_path, 1.0).rows == 0
    assert not list((tmp_path / "journal").iterdir())
    assert make_statement(make, tmp_path).predictions == 0


def test_there_is_one_sealer(tmp_path: Path) -> None:
    """A second one in the same data directory is refused, and the lock goes with the first."""
    with alone(tmp_path), pytest.raises(LedgerError, match="another sealer"):
        seal_once(tmp_path, 1.0)
    seal_once(tmp_path, 1.0)


def test_a_disk_that_fails_keeps_the_journal(make, tmp_path: Path) -> None:
    """A full disk is reported for its file; the row stays where it is until it can be sealed."""

    class Full(Disk):
        def write(self, *_: object) -> None:
            raise OSError(28, "No space left on device")

    make.journal(tmp_path, "gw-00000001", [make.prediction(1)])
    sealed = seal_once(tmp_path, 1.0, Full())
    assert "No space left" in sealed.warnings[0]
    assert rows(tmp_path) == [make.prediction(1)]


def test_times_without_a_calendar_are_kept(make, tmp_path: Path) -> None:
    """An event from the year 90000 is sealed under day 0 and loses nothing."""
    records = [make.outcome(1, time_s=2.8e12), make.outcome(2, time_s=-1e15), make.prediction(3, time_s=1e300)]
    make.journal(tmp_path, "gw-00000001", records)
    assert seal_once(tmp_path, 1.0).warnings == ()
    assert rows(tmp_path) == sorted(records, key=str)
    assert make_statement(make, tmp_path).predictions == 1


def test_a_missing_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    """An empty ledger is an answer, no ledger is a mistake."""
    with pytest.raises(LedgerError, match=r"no ledger at .*nowhere"):
        store.open_ledger(tmp_path / "nowhere")
    assert store.open_ledger(tmp_path).cells(msgspec.convert({}, type(make_query()))) == ()


def make_query():
    from breakeven.ledger.engine.port import Query

    return Query()


@pytest.mark.slow
def test_sigkill_while_sealing(make, tmp_path: Path) -> None:
    """Real kills at ten moments of a long sealing: nothing lost, nothing twice."""
    count = 40
    for n in range(count):
        make.journal(tmp_path, f"gw-{n:08d}", [make.prediction(20 * n + k) for k in range(20)])
    code = f"import pathlib, breakeven.ledger.seal as s; s.seal_once(pathlib.Path({str(tmp_path)!r}), 1.0)"
    for delay_s in (0.0, 0.01, 0.02, 0.03, 0.05, 0.08, 0.1, 0.15, 0.2, 0.3):
        child = subprocess.Popen([sys.executable, "-c", code])
        until_s = time.monotonic() + 20
        while not (tmp_path / "manifest.db").exists() and time.monotonic() < until_s:
            time.sleep(0.005)
        time.sleep(delay_s)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert len(rows(tmp_path)) == 20 * count
    seal_once(tmp_path, 1.0)
    assert {record.prediction_id for record in rows(tmp_path)} == {f"p{n:06d}" for n in range(20 * count)}
    assert on_disk(tmp_path) == 20 * count


def test_segments_of_an_earlier_version_are_read(make, tmp_path: Path) -> None:
    """Columns that came later are absent there: their rows come back with what a record says by default."""
    records = everything(make)
    make.journal(tmp_path, "gw-00000001", records)
    seal_once(tmp_path, 1.0)
    later = ("protocol", "parent_span_id", "action", "actions", "action_propensities", "drill", "routed")
    for path in (tmp_path / "segments").rglob("*.parquet"):
        held = duckdb.read_parquet(str(path))
        kept = [f'"{name}"' for name in held.columns if name not in later]
        older = path.with_suffix(".older")
        held.project(", ".join(kept)).write_parquet(str(older))
        older.rename(path)
    assert rows(tmp_path) == sorted(records, key=str)


@settings(max_examples=40)
@given(data=st.data())
def test_arrays_say_what_lines_say(ledgers, data: st.DataObject) -> None:
    """Both ways into a segment, by arrays and by JSON, give DuckDB the same rows of the same types."""
    records = data.draw(ledgers)
    for table in TABLES:
        rows_ = [record for record in records if table_of(record) == table]
        if rows_:
            assert by_arrays(table, rows_) == by_lines(table, rows_)


def by_arrays(table: Table, records: Sequence[Record]) -> tuple[list[str], list[tuple[object, ...]]]:
    held = arrays(table, records)
    with duck.connect() as connection:
        connection.register("bulk", held)
        found = connection.sql(select(table, held, "bulk"))
        return [*found.columns, *map(str, found.types)], found.fetchall()


def by_lines(table: Table, records: Sequence[Record]) -> tuple[list[str], list[tuple[object, ...]]]:
    with duck.connect() as connection, TemporaryDirectory() as folder:
        path = Path(folder) / "lines"
        found = connection.sql(duck.from_lines(table, path, duck.write_lines(records, path)))
        return [*found.columns, *map(str, found.types)], found.fetchall()


def test_a_value_no_array_holds_goes_the_other_way(make, tmp_path: Path) -> None:
    """A count past 64 bits is DuckDB's to refuse: the journal is kept and the reason names the value."""
    make.journal(tmp_path, "gw-00000001", [make.prediction(1, rows_scored=2**63)])
    sealed = seal_once(tmp_path, 1.0)
    assert str(2**63) in sealed.warnings[0]
    assert rows(tmp_path) == [make.prediction(1, rows_scored=2**63)]


def test_no_number_is_unknown_either_way(make) -> None:
    """Neither JSON nor a column keeps NaN or infinity apart from what was not measured."""
    records = [make.prediction(1, ttft_s=float("nan"), work_s=float("inf")), make.prediction(2, ttft_s=None)]
    assert by_arrays("predictions", records) == by_lines("predictions", records)
