"""The ledger under kills and power cuts: a quick part of what `bench/faults_ledger.py` does at length."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("apsw")
BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture(autouse=True)
def _bench(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))


def test_a_power_cut_loses_nothing_that_was_acknowledged() -> None:
    """Cut anywhere, unsynced writes dropped, kept at random or torn: all that was promised is read, nothing twice."""
    import fault_cuts

    *_, judge = fault_cuts.run(24, seed=11)
    assert judge.failures == []
    assert judge.counts == {"cuts": 24}


@pytest.mark.slow
def test_kills_lose_nothing_that_was_acknowledged() -> None:
    """Writer and sealer die at any moment; clients that were not told send again; every row is there once."""
    command = [sys.executable, str(BENCH / "faults_ledger.py"), "--kills", "20", "--cuts", "0", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    found = json.loads(done.stdout)
    assert list(found)[:5] == ["kills", "cuts", "acked_lost", "duplicates", "unreadable"]
    assert list(found.values())[:5] == [20, 0, 0, 0, 0]
    assert found["acked"] > 100


def test_any_order_of_events_gives_the_statement_of_the_clean_one() -> None:
    """Duplicates, permutations, lateness, several passes of sealing, and clocks that jump change no total."""
    import fault_histories

    *_, found = fault_histories.run(301, seed=11)
    assert (found["histories"], found["on_disk"]) == (301, 4)
    differing = ("differing", "days_differing", "on_disk_differing", "seconds_lost")
    assert [found[name] for name in differing] == [0] * 4


def test_the_cuts_would_show_a_missing_sync(monkeypatch) -> None:
    """Without the syncs of folders, names vanish with the power, and the judge says so."""
    import fault_cuts

    from breakeven.gateway import journal_file
    from breakeven.ledger.disk import Disk

    monkeypatch.setattr(journal_file, "_sync_folder", lambda _folder: None)
    monkeypatch.setattr(Disk, "make", lambda _disk, folder, _within: folder.mkdir(parents=True, exist_ok=True))
    *_, judge = fault_cuts.run(30, seed=11)
    assert judge.counts["acked_lost"]


def test_a_cut_keeps_what_was_synced_and_nothing_is_sure_beyond(tmp_path: Path) -> None:
    """A synced file under a synced name stays whole; one that was not synced may be empty, one without name is gone."""
    import fault_disk

    recorder = fault_disk.Recorder(tmp_path)
    with recorder.watching():
        handle = os.open(tmp_path / "a", os.O_WRONLY | os.O_CREAT)
        os.write(handle, b"x" * 2000)
        os.fsync(handle)
        os.write(handle, b"y" * 2000)
        folder = os.open(tmp_path, os.O_RDONLY)
        os.fsync(folder)
        (tmp_path / "b").write_bytes(b"late")
        recorder.look()
    end = len(recorder.operations)
    dropped = fault_disk.survivors(recorder.operations, end, "drop", random.Random(1))
    assert dropped == {"a": b"x" * 2000}
    seen = [fault_disk.survivors(recorder.operations, end, "torn", random.Random(n)) for n in range(40)]
    assert {len(one) for one in seen} == {1, 2}
    assert all(one["a"][:2000] == b"x" * 2000 for one in seen)
    assert len({one["a"] for one in seen}) > 4
