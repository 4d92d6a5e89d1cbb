"""Compaction: fewer files, the same answers, whatever happens in between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.cli.ledger import ledger
from breakeven.ledger import duck, layout, manifest, snapshot, store
from breakeven.ledger.compact import GRACE_S, Compacted, compact
from breakeven.ledger.days.fresh import Facts
from breakeven.ledger.days.shelf import Shelf
from breakeven.ledger.disk import Disk
from breakeven.ledger.engine.port import Query
from breakeven.ledger.restore import restore
from breakeven.ledger.seal import Work, alone, seal_once
from breakeven.schema.journal import Record

LATER_S = 2e9
STEPS = ("write", "sync", "rename", "commit", "remove")


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


def compacted(data_dir: Path, disk: Disk | None = None, now_s: float = LATER_S, **more: object) -> Compacted:
    with alone(data_dir), duck.connect(data_dir / "tmp") as connection:
        work = Work(data_dir=data_dir, now_s=now_s, disk=disk or Disk(), connection=connection)
        return compact(work, **more)


def sealed(make, data_dir: Path, records: list[Record], parts: int) -> None:
    """A ledger whose records came in `parts` journals."""
    for part in range(parts):
        make.journal(data_dir, f"gw-{part:08d}", records[part::parts])
    seal_once(data_dir, 1.0)


def some(make, count: int = 12) -> list[Record]:
    made = [make.prediction(n, ttft_s=None if n % 3 else 0.1 * n) for n in range(1, count + 1)]
    events = [make.outcome(n, prediction_id=f"p{n:06d}") for n in range(1, count)]
    return [
        *made,
        *events,
        make.capacity(0, 60),
        make.capacity(60, 120),
        make.prediction(count + 1, time_s=make.t0 + 4000),
    ]


def rows(data_dir: Path) -> list[Record]:
    found = snapshot.of_folder(data_dir)
    return sorted([*found.records, *restore(found)], key=str)


def files(data_dir: Path) -> list[Path]:
    return sorted(data_dir.glob("segments/**/*.parquet"))


def answers(data_dir: Path, queries: list[Query], engine: str) -> list[object]:
    """What an engine says to every question."""
    found = store.open_ledger(data_dir, engine)
    plain = ("cells", "standby", "spreads", "audit", "arrivals", "samples")
    return [(*(getattr(found, name)(query) for name in plain), found.slices(query, 60.0)) for query in queries]


def test_a_day_becomes_one_file_a_table_and_loses_nothing(make, tmp_path: Path) -> None:
    """The records are the same, the files few, and the manifest says how many rows and of what times."""
    sealed(make, tmp_path, some(make), 5)
    before, listing = rows(tmp_path), manifest.read(tmp_path)
    done = compacted(tmp_path)
    assert (done.repeated, done.removed) == (0, 0)
    assert done.rows == sum(one.rows for one in listing.segments) - 1
    after = manifest.read(tmp_path)
    assert [one.table for one in after.segments] == ["capacity", "outcomes", "predictions", "predictions"]
    assert rows(tmp_path) == before
    assert (after.journals, after.watermark) == (listing.journals, listing.watermark)
    assert sum(one.rows for one in after.segments) == sum(one.rows for one in listing.segments)
    assert {(one.table, one.min_time_s) for one in after.segments} <= {
        (one.table, one.min_time_s) for one in listing.segments
    }


def test_rows_keep_the_order_of_time_between_files(make, tmp_path: Path) -> None:
    """Journals that follow one another are rows that follow one another, so that a reader can skip by time."""
    for part in (2, 0, 1):
        make.journal(tmp_path, f"gw-{9 - part:08d}", [make.prediction(10 * part + n) for n in range(10)])
    seal_once(tmp_path, 1.0)
    compacted(tmp_path)
    (one,) = manifest.read(tmp_path).segments
    times = [time_s for (time_s,) in duckdb.sql(f"SELECT time_s FROM '{tmp_path / one.path}'").fetchall()]
    assert times == sorted(times)
    assert len(times) == 30


@settings(max_examples=10)
@given(data=st.data())
def test_no_answer_changes(make, ledgers, queries, data: st.DataObject) -> None:
    """Every question to either engine has the answer it had, repeated records and losses included."""
    records = data.draw(ledgers)
    twice = data.draw(st.lists(st.sampled_from(records), max_size=3)) if records else []
    asked = [Query(), data.draw(queries)]
    with TemporaryDirectory() as folder:
        data_dir = Path(folder)
        sealed(make, data_dir, [*records, *twice], 3)
        before = [answers(data_dir, asked, engine) for engine in ("duckdb", "memory")]
        compacted(data_dir)
        assert [answers(data_dir, asked, engine) for engine in ("duckdb", "memory")] == before


def test_what_was_written_twice_is_left_out_and_not_lost(make, tmp_path: Path) -> None:
    """A client's retry that was recorded under two sequence numbers is one row; neither number counts as lost."""
    first = [make.prediction(1), make.outcome(1, received_s=make.t0 + 5)]
    again = [make.prediction(1, sequence=2), make.outcome(1, received_s=make.t0 + 9, sequence=7)]
    make.journal(tmp_path, "gw-00000001", first)
    make.journal(tmp_path, "gw-00000002", again)
    seal_once(tmp_path, 1.0)
    lost = store.open_ledger(tmp_path).audit(Query()).lost
    assert compacted(tmp_path).repeated == 2
    assert rows(tmp_path) == sorted(first, key=str)
    assert manifest.read(tmp_path).dropped == (("gw", 2), ("gw", 7))
    assert store.open_ledger(tmp_path).audit(Query()).lost == lost


def test_another_tenants_event_of_that_name_is_another(make, tmp_path: Path) -> None:
    """Tenant and source are part of an event's identity."""
    events = [make.outcome(1, tenant=tenant, source=source) for tenant in "ab" for source in "xy"]
    sealed(make, tmp_path, events, 4)
    assert compacted(tmp_path).repeated == 0
    assert rows(tmp_path) == sorted(events, key=str)


def test_replaced_files_stay_for_those_who_read_them(make, tmp_path: Path) -> None:
    """A snapshot taken before compaction still reads; after the grace period its files are gone."""
    sealed(make, tmp_path, some(make), 3)
    before, found = rows(tmp_path), snapshot.of_folder(tmp_path)
    compacted(tmp_path)
    assert sorted(restore(found), key=str) == before
    assert compacted(tmp_path, now_s=LATER_S + GRACE_S - 1).removed == 0
    gone = compacted(tmp_path, now_s=LATER_S + GRACE_S)
    assert gone.removed == len(found.segments) - 1
    assert [str(path.relative_to(tmp_path)) for path in files(tmp_path)] == [
        one.path for one in manifest.read(tmp_path).segments
    ]
    assert rows(tmp_path) == before


def steps_of(make, folder: Path, **more: object) -> int:
    sealed(make, folder, some(make), 3)
    disk = Failing(at=-1, how="before")
    compacted(folder, disk, **more)
    return disk.done


@pytest.mark.parametrize("how", ["before", "after", "torn"])
def test_a_crash_at_any_step_loses_and_doubles_nothing(make, tmp_path: Path, how: str) -> None:
    """Killed before, during or after each step, the ledger reads the same, and the next run ends with no other file."""
    steps = steps_of(make, tmp_path / "count", grace_s=-1.0)
    assert steps >= 4 * 3
    for at in range(1, steps + 1):
        folder = tmp_path / f"{at}"
        sealed(make, folder, some(make), 3)
        before = rows(folder)
        with pytest.raises(CrashError):
            compacted(folder, Failing(at, how), grace_s=-1.0)
        assert rows(folder) == before, f"between, at step {at}"
        for later in (1.0, 2.0):
            compacted(folder, now_s=LATER_S + later, grace_s=0.0)
        assert rows(folder) == before, f"after, at step {at}"
        listed = [str(folder / one.path) for one in manifest.read(folder).segments]
        assert list(map(str, files(folder))) == sorted(listed)
        assert not list((folder / "segments").rglob("*.tmp"))


def test_a_file_that_no_manifest_lists_goes(make, tmp_path: Path) -> None:
    """A merge that died before it was listed, and whose inputs grew meanwhile, leaves nothing behind."""
    sealed(make, tmp_path, [make.prediction(n) for n in range(6)], 3)
    with pytest.raises(CrashError):
        compacted(tmp_path, Failing(3, "after"))
    make.journal(tmp_path, "gw-00000009", [make.prediction(9)])
    seal_once(tmp_path, 1.0)
    assert len(files(tmp_path)) == 5
    compacted(tmp_path)
    compacted(tmp_path, now_s=LATER_S + GRACE_S)
    assert len(files(tmp_path)) == 1
    assert len(rows(tmp_path)) == 7


def test_todays_segments_wait_until_they_are_many(make, tmp_path: Path) -> None:
    """A day that is still being written is left alone while its files are few."""
    sealed(make, tmp_path, [make.prediction(n) for n in range(6)], 3)
    assert compacted(tmp_path, now_s=make.t0 + 10).after == 0
    assert compacted(tmp_path, now_s=make.t0 + layout.SECONDS_PER_DAY).after == 1


def test_segments_of_an_earlier_version_are_merged(make, tmp_path: Path) -> None:
    """What an older file lacks stays unknown in its rows, whatever the newer one holds there."""
    sealed(make, tmp_path, [make.prediction(1, drill="d"), make.prediction(2, drill="d")], 2)
    older = files(tmp_path)[0]
    duckdb.sql(f"SELECT * EXCLUDE (drill) FROM '{older}'").write_parquet(str(older) + ".new")
    Path(f"{older}.new").rename(older)
    before = rows(tmp_path)
    compacted(tmp_path)
    assert rows(tmp_path) == before
    assert [one.drill for one in before] == ["", "d"]


@pytest.mark.parametrize("text", ["", "it's", 'a "b"', "\\x00", "é", "a\nb", "x" * 500, "NULL"])
def test_a_value_that_all_rows_share_comes_back(make, tmp_path: Path, text: str) -> None:
    """A constant column is written without looking at its rows: the text is still the same."""
    made = [make.prediction(n, prompt=text, labels={"k": text}, region=text) for n in range(4)]
    sealed(make, tmp_path, made, 2)
    compacted(tmp_path)
    assert rows(tmp_path) == sorted(made, key=str)


def test_a_journal_that_days_have_not_looked_at_is_not_compacted(make, tmp_path: Path) -> None:
    """Days tell new rows from old ones by the journal they came in; once they have looked, its segment may go."""
    with Shelf.writing(tmp_path) as shelf:
        sealed(make, tmp_path, [make.prediction(n) for n in (1, 2)], 2)
        shelf.see(Facts(), 1, (), make.t0, shelf.known())
        assert compacted(tmp_path).before == 0
        shelf.see(Facts(), 2, (), make.t0, shelf.known())
        assert compacted(tmp_path).before == 2


def test_by_hand_it_says_what_it_did_and_what_there_is(make, tmp_path: Path) -> None:
    """`breakeven ledger compact` and `status` print the rows, which stay, and the segments, which become few."""
    sealed(make, tmp_path, [make.prediction(n) for n in range(1, 4)], 3)
    done = CliRunner().invoke(ledger, ["compact", "--data-dir", str(tmp_path), "--json"])
    found = CliRunner().invoke(ledger, ["status", "--data-dir", str(tmp_path), "--json"])
    assert (json.loads(done.output)["before"], json.loads(done.output)["after"]) == (3, 1)
    predictions = json.loads(found.output)["tables"][0]
    assert (predictions["table"], predictions["segments"], predictions["rows"]) == ("predictions", 1, 3)
