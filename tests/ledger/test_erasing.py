"""Erasure: the person goes from every file, money stays, and a crash between any two steps changes neither."""

from __future__ import annotations

import contextlib
import fcntl
from pathlib import Path

import pytest

from breakeven.ledger import duck, layout, store
from breakeven.ledger.compact import compact
from breakeven.ledger.disk import Disk
from breakeven.ledger.erase import erase
from breakeven.ledger.erasing import erasures, note
from breakeven.ledger.manifest import Manifest
from breakeven.ledger.seal import Work, alone, seal_once
from breakeven.ledger.statement import build
from breakeven.schema.journal import frame

ANN, COOKIE, BOB = "a" * 32, "c" * 32, "b" * 32


def records(make):
    """Two ids of Ann, linked, and Bob."""
    return [
        make.prediction(1, subject=ANN, session="s1", labels={"k": "private"}, prompt="private"),
        make.prediction(2, subject=COOKIE),
        make.prediction(3, subject=BOB, labels={"k": "public"}),
        make.outcome(1, subject=ANN, data='{"x":"private"}'),
        make.outcome(2, "identify", subject=ANN, previous=COOKIE),
        make.outcome(3, subject=BOB),
    ]


def everything(data_dir: Path) -> str:
    """All rows of all Parquet files that lie there, listed or not."""
    with duck.connect() as connection:
        files = sorted((data_dir / "segments").rglob("*.parquet"))
        return "".join(str(connection.execute(f"SELECT * FROM '{path}'").fetchall()) for path in files)


def told(data_dir: Path, make, engine: str = "duckdb"):
    """The statement of a folder."""
    return build(store.open_ledger(data_dir, engine), make.use_cases)


class CrashError(Exception):
    """The machine stops here."""


class Dies(Disk):
    """Stops before or after one step; `at` counts them."""

    def __init__(self, at: int, *, after: bool) -> None:
        self._left, self._after = at, after

    def _step(self, work) -> None:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise CrashError
        work()
        if self._left == 0:
            raise CrashError

    def write(self, connection, query, path) -> None:
        self._step(lambda: Disk.write(self, connection, query, path))

    def rename(self, source, target) -> None:
        self._step(lambda: Disk.rename(self, source, target))

    def commit(self, transaction) -> None:
        self._step(lambda: Disk.commit(self, transaction))

    def remove(self, path) -> None:
        self._step(lambda: Disk.remove(self, path))


def test_a_person_goes_from_every_file_and_money_stays(make, tmp_path: Path) -> None:
    """All linked ids, labels, prompt and data; every other row and every total is what it was."""
    make.journal(tmp_path, "gw-1", records(make))
    seal_once(tmp_path, make.t0)
    before = told(tmp_path, make)
    found = erase(tmp_path, "default", COOKIE, "asked", make.t0 + 10**6)
    assert found.report is not None
    assert found.subjects == (ANN, COOKIE)
    assert found.report.rows == {"predictions": 2, "outcomes": 2}
    left = everything(tmp_path)
    assert all(one not in left for one in (ANN, COOKIE, "private"))
    assert BOB in left
    assert "public" in left
    for engine in ("duckdb", "memory"):
        after = told(tmp_path, make, engine)
        assert (after.cost_total_pico_usd, after.predictions) == (before.cost_total_pico_usd, before.predictions)
        assert (before.total.used, after.total.used) == (2, 1)


def test_what_is_sealed_later_is_erased_too(make, tmp_path: Path) -> None:
    """A journal that is still written: readers show it without the person at once, and so does its segment."""
    path = make.journal(tmp_path, "gw-1", records(make), suffix=".open")
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        erase(tmp_path, "default", ANN, "", make.t0 + 10**6)
        assert told(tmp_path, make).total.used == 1
    seal_once(tmp_path, make.t0)
    assert told(tmp_path, make).total.used == 1
    assert ANN not in everything(tmp_path)


def test_only_what_came_before_the_request_goes_and_only_of_its_tenant(make, tmp_path: Path) -> None:
    """A person may come back, and another tenant's subject is another one."""
    make.journal(tmp_path, "gw-1", [make.prediction(1, subject=ANN, tenant="u"), make.prediction(9, subject=ANN)])
    seal_once(tmp_path, make.t0)
    found = erase(tmp_path, "default", ANN, "", make.t0 + 5)
    assert found.report is not None
    assert found.report.rows == {}


def test_quarantined_journals_and_bad_rows_lose_the_person(make, tmp_path: Path) -> None:
    """What follows a bad frame cannot be read, so its hashes become zeros."""
    path = make.journal(tmp_path, "gw-1", records(make))
    path.write_bytes(path.read_bytes() + b"broken" + frame(make.prediction(4, subject=ANN)))
    seal_once(tmp_path, make.t0)
    found = erase(tmp_path, "default", ANN, "", make.t0 + 10**6)
    assert found.report is not None
    assert found.report.quarantined == ("gw-1.journal",)
    (kept,) = layout.quarantine(tmp_path).iterdir()
    assert ANN.encode() not in kept.read_bytes()
    assert b"private" not in kept.read_bytes()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 11))
def test_a_crash_anywhere_is_made_good(make, tmp_path: Path, at: int, after: bool) -> None:
    """Done again, the erasure comes to the same files, and no row is lost or doubled."""
    make.journal(tmp_path, "gw-1", records(make))
    seal_once(tmp_path, make.t0)
    requests = told(tmp_path, make).total.predictions
    note(tmp_path, "default", [ANN, COOKIE], "", make.t0 + 10**6)
    with contextlib.suppress(CrashError):
        seal_once(tmp_path, make.t0, Dies(at, after=after))
    assert told(tmp_path, make).total.predictions == requests
    seal_once(tmp_path, make.t0)
    assert all(one.report is not None for one in erasures(tmp_path))
    assert told(tmp_path, make).total.predictions == requests
    assert ANN not in everything(tmp_path)
    assert len(list((tmp_path / "segments").rglob("*.parquet"))) == 2


def test_what_compaction_replaced_goes_too(make, tmp_path: Path) -> None:
    """The files that a merge took the place of wait for late readers; a person who is erased does not wait in them."""
    rows, later_s = records(make), make.t0 + 10**6
    make.journal(tmp_path, "gw-1", rows[:2])
    make.journal(tmp_path, "gw-2", rows[2:])
    seal_once(tmp_path, make.t0)
    with alone(tmp_path), duck.connect(tmp_path / "tmp") as connection:
        work = Work(data_dir=tmp_path, now_s=later_s, disk=Disk(), connection=connection)
        assert compact(work).before > compact(work).after
    with Manifest(tmp_path) as manifest:
        assert manifest.retired(later_s)
    erase(tmp_path, "default", ANN, "", later_s)
    left = everything(tmp_path)
    assert all(one not in left for one in (ANN, COOKIE))
    assert BOB in left
