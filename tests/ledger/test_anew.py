"""Readers and the files that went away under them: whoever listed a file that is gone takes the listing anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from breakeven.assembly import closing, console, exporting, reconciling, trial_ledger, watching
from breakeven.errors import LedgerError
from breakeven.ledger import anew, snapshot, store
from breakeven.ledger.compact import compact
from breakeven.ledger.days import period
from breakeven.ledger.disk import Disk
from breakeven.ledger.duck import connect
from breakeven.ledger.engine.port import Query
from breakeven.ledger.seal import Work, seal_once
from breakeven.schema.reconcile import Amount, Side, Tally

ROOT = Path(__file__).parents[2] / "src" / "breakeven"
DAY_S = 86_400.0


def ledger(make, folder: Path) -> Path:
    for n in range(1, 4):
        make.journal(folder, f"gw-{n:08d}", [make.prediction(n, placement="api"), make.outcome(n, sequence=n + 10)])
        seal_once(folder, make.t0)
    return folder


def merge(folder: Path, now_s: float) -> int:
    """Make one file of many and remove the many at once, as compaction does after its grace period."""
    with connect() as connection:
        work = Work(data_dir=folder, now_s=now_s, disk=Disk(), connection=connection)
        return compact(work, grace_s=0.0).after + compact(work, grace_s=0.0).removed


@pytest.fixture
def undermined(monkeypatch: pytest.MonkeyPatch, make) -> Callable[[Path], list[int]]:
    """Let the files of a ledger be merged right after its listing was taken for the first time."""

    def arm(folder: Path) -> list[int]:
        done: list[int] = []

        def after(take: Callable[..., object]) -> Callable[..., object]:
            def taken(*args: object, **kwargs: object) -> object:
                found = take(*args, **kwargs)
                if not done:
                    done.append(merge(folder, make.t0 + 9 * DAY_S))
                return found

            return taken

        monkeypatch.setattr(snapshot, "of_folder", after(snapshot.of_folder))
        monkeypatch.setattr(period, "find", after(period.find))
        return done

    return arm


def invoice(make) -> Side:
    amount = Amount(calls=3, pico_usd=3000)
    day_s = make.t0 // DAY_S * DAY_S
    return Side(name="bill", tallies=(Tally(start_s=day_s, end_s=day_s + DAY_S, model="m", total=amount),))


READERS = {
    "statement": lambda folder, _: console.statement(folder).cost_total_pico_usd,
    "statement in memory": lambda folder, _: console.statement(folder, engine="memory").cost_total_pico_usd,
    "close": lambda folder, make: closing.frozen(folder, make.t0, make.t0 + DAY_S).cost_pico_usd,
    "experiment": lambda folder, _: round(
        sum(one.cost_usd for one in trial_ledger.ledgered(folder, "rank").rows) * 1e12
    ),
    "watch": lambda folder, make: round(watching.watch(folder, make.t0 + DAY_S / 2).spending[0].spent_usd * 1e12),
    "invoice": lambda folder, make: (
        reconciling.with_invoice(folder, invoice(make), reconciling.Scope()).ledger.pico_usd
    ),
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_a_reader_whose_files_went_away_asks_again(
    make, tmp_path: Path, reader: str, undermined: Callable[[Path], list[int]]
) -> None:
    """It answers from the merged file what it would have answered from the many."""
    done = undermined(ledger(make, tmp_path))
    assert READERS[reader](tmp_path, make) == 3000
    assert done == [8]


def test_an_export_that_was_undermined_is_whole(make, tmp_path: Path, undermined: Callable[[Path], list[int]]) -> None:
    """What the first attempt wrote is gone; every row is there once."""
    done = undermined(ledger(make, tmp_path / "data"))
    asked = exporting.Asked(data_dir=tmp_path / "data", out=tmp_path / "out")
    assert exporting.export("parquet", asked).rows == {"predictions": 3, "outcomes": 3, "capacity": 0, "engine": 0}
    assert done
    assert len(duckdb.read_parquet(str(tmp_path / "out" / "predictions.parquet")).fetchall()) == 3


def test_it_gives_up_after_three_attempts(make, tmp_path: Path) -> None:
    """With what went away, and the way out; another error is nobody's to repeat."""
    tries: list[int] = []

    @anew.anew
    def reading(what: str) -> None:
        tries.append(1)
        if what == "gone":
            engine = store.open_ledger(ledger(make, tmp_path / str(len(tries))))
            merge(tmp_path / str(len(tries)), make.t0 + 9 * DAY_S)
            engine.cells(Query())
        raise LedgerError("no such file: segments/x.parquet")  # noqa: EM101, TRY003 - a message as another part has it

    with pytest.raises(LedgerError, match="went away while they were read, 3 times"):
        reading("gone")
    assert len(tries) == anew.ATTEMPTS
    with pytest.raises(LedgerError, match="no such file"):
        reading("missing")
    assert len(tries) == anew.ATTEMPTS + 1


def test_a_file_that_is_listed_and_missing_is_told_and_one_that_was_replaced_is_not(make, tmp_path: Path) -> None:
    """The first must come back from a backup; the second is no news, and a listing that names it is old."""
    folder = ledger(make, tmp_path)
    old = [one.path for one in snapshot.of_folder(folder).segments if one.table == "predictions"]
    merge(folder, make.t0 + 9 * DAY_S)
    with pytest.raises(anew.GoneError, match="was replaced"):
        anew.check_listed(folder, str(Path(old[0]).relative_to(folder)))
    found = snapshot.of_folder(folder)
    assert found.warnings == ()
    Path(found.segments[0].path).unlink()
    assert "is missing" in snapshot.of_folder(folder).warnings[0]


def test_whoever_takes_a_listing_for_an_answer_takes_it_anew() -> None:
    """No use case reads a ledger without a second try; those named only look whether there is one."""
    only_look = {"ledger/store.py", "ledger/snapshot.py", "ledger/days/answers.py"}
    takers = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in ROOT.rglob("*.py")
        if any(name in path.read_text(encoding="utf-8") for name in ("open_ledger(", "of_folder(", "open_days("))
    }
    assert [name for name, text in takers.items() if "@anew" not in text and name not in only_look] == []
