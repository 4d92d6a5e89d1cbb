"""Full and failing disks, at every write, sync, rename and open: nothing is told that is not kept, and all recovers."""

from __future__ import annotations

import asyncio
import errno
import random
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("apsw")

from breakeven.errors import LedgerError
from breakeven.gateway import journal as journal_module
from breakeven.gateway.journal import MOST_FAILED_FILES, Journal
from breakeven.ledger import duck, layout
from breakeven.ledger.disk import Disk
from breakeven.ledger.identity import key_of
from breakeven.ledger.meter import Meter
from breakeven.ledger.seal import Work, alone, seal_all, seal_once
from breakeven.schema.journal import Record, scan

BENCH = Path(__file__).parents[2] / "bench"
HOW = {"full": errno.ENOSPC, "broken": errno.EIO}


@pytest.fixture(autouse=True)
def _bench(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    monkeypatch.setattr(journal_module, "ROTATE_ROWS", 3)
    monkeypatch.setattr(journal_module, "GROUP_S", 0.0)


@pytest.fixture
def memory(_bench) -> Iterator[Path]:
    """A folder on a disk that syncs at once, for what is looked at only from within."""
    import fault_cuts

    folder = fault_cuts.scratch()
    yield folder
    shutil.rmtree(folder)


class Trouble:
    """The disk fails from its `at`-th operation on, for `lasting` operations; a full one takes half a write first."""

    def __init__(self, at: int, lasting: int, code: int) -> None:
        self.at, self.lasting, self.code, self.done = at, lasting, code, 0

    def __call__(self, what: str) -> bool:
        self.done += 1
        if self.code == errno.ENOSPC and what == "write" and self.done == self.at:
            return True
        if self.at <= self.done < self.at + self.lasting:
            raise OSError(self.code, f"{what} fails")
        return False

    def lift(self) -> None:
        self.lasting = 0


def rows(folder: Path, connection=None) -> list[Record]:
    import fault_rows

    return list(fault_rows.rows(folder, connection))


def ids(folder: Path, connection=None) -> set[str]:
    return {key_of(one)[-1] for one in rows(folder, connection)}


async def told(journal: Journal, event, acked: set[str], number: int) -> None:
    one = event(f"e{number}", journal.node, journal.take_sequence(1))
    try:
        if journal.append([one]):
            await journal.durable()
            acked.add(one.event_id)
    except LedgerError:
        return


async def back(journal: Journal) -> None:
    while not journal.healthy:
        journal.tick()
        await asyncio.sleep(0.001)


def serve(recorder, trouble: Trouble, acked: set[str]) -> None:
    """Events while the disk fails, the disk is back, events again."""
    from fault_rows import event

    async def main() -> None:
        journal = Journal(layout.journals(Path(recorder.root)), "gw")
        for number in range(5):
            await told(journal, event, acked, number)
        trouble.lift()
        await asyncio.wait_for(back(journal), 20)
        before = len(acked)
        for number in range(100, 102):
            await told(journal, event, acked, number)
        assert len(acked) == before + 2, "the disk is back, so events are taken"
        await journal.close()

    recorder.trouble = trouble
    with recorder.watching():
        asyncio.run(main())


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("lasting", [1, 10**9])
def test_no_event_is_told_that_is_not_kept(memory: Path, how: str, lasting: int) -> None:
    """Whichever operation fails, once or until the disk is mended: what was told survives a power cut as well."""
    import fault_disk

    for at in range(1, 60):
        folder = memory / f"{at}"
        folder.mkdir()
        recorder, trouble, acked = fault_disk.Recorder(folder), Trouble(at, lasting, HOW[how]), set()
        serve(recorder, trouble, acked)
        assert acked <= ids(folder), f"operation {at}"
        left = fault_disk.survivors(recorder.operations, len(recorder.operations), "drop", random.Random(at))
        fault_disk.lay_out(left, memory / f"{at}-cut")
        assert acked <= ids(memory / f"{at}-cut"), f"operation {at}, and the power went"
        assert lasting > 1 or not list(folder.rglob("*.new"))
        if trouble.done < at:
            break
    assert at > 15


def test_the_spool_is_bounded_while_syncs_fail(memory: Path) -> None:
    """A disk that takes bytes and cannot sync them gets a few files, not one for each try."""
    import fault_disk
    from fault_rows import event

    recorder = fault_disk.Recorder(memory)

    def sick(what: str) -> bool:
        if "sync" in what:
            raise OSError(errno.EIO, "sync fails")
        return False

    async def main() -> None:
        journal, acked = Journal(layout.journals(memory), "gw"), set()
        for number in range(100):
            await told(journal, event, acked, number)
            journal.tick()
        assert acked == set()
        assert not journal.healthy
        assert len(layout.journal_files(memory)) <= MOST_FAILED_FILES + 1
        recorder.trouble = lambda _: False
        await asyncio.wait_for(back(journal), 20)
        await told(journal, event, acked, 1000)
        assert acked == {"e1000"}
        await journal.close()

    recorder.trouble = sick
    with recorder.watching():
        asyncio.run(main())


class Sick(Disk):
    """A disk that fails at its `at`-th step, as often as asked."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble = trouble

    def write(self, connection, query, path) -> None:
        if self.trouble("write"):
            path.write_bytes(b"PAR1 half a file")
            self.trouble.done -= 1
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(connection, query, path)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # apsw tells of faults twice
@pytest.mark.parametrize("how", HOW)
def test_the_sealer_loses_nothing_to_a_sick_disk(make, memory: Path, how: str) -> None:
    """Whichever of its operations fails, manifest included: every row is read meanwhile and sealed afterwards, once."""
    import fault_disk

    with duck.connect(memory / "tmp") as connection:
        for at in range(1, 200):
            folder = memory / f"{at}"
            names = {"p000001", "e9"}
            make.journal(folder, "gw-00000001", [make.prediction(1), make.outcome(9)])
            recorder, trouble = fault_disk.Recorder(folder), Trouble(at, 10**9, HOW[how])
            with alone(folder), recorder.watching():
                recorder.trouble = trouble
                work = Work(data_dir=folder, now_s=1.0, disk=Sick(trouble), connection=connection)
                try:
                    seal_all(work)
                except OSError as error:
                    assert "manifest.db" in str(error)  # noqa: PT017 - it may or may not fail as a whole
                assert ids(folder, connection) == names, f"operation {at}"
                trouble.lift()
                assert not seal_all(work).warnings
            assert ids(folder, connection) == names, f"operation {at}, mended"
            assert len(rows(folder, connection)) == len(names)
            assert not layout.journal_files(folder)
            if trouble.done < at:
                break
    assert at > 20


@pytest.mark.parametrize("how", HOW)
def test_the_meter_loses_no_second_to_a_sick_disk(make, memory: Path, how: str) -> None:
    """Whichever operation fails, for a while: all the seconds that passed are charged, once."""
    import fault_disk

    for at in range(1, 40):
        folder = memory / f"{at}"
        folder.mkdir()
        recorder, trouble = fault_disk.Recorder(folder), Trouble(at, 3, HOW[how])
        meter, policy = Meter(folder, "sealer", 1.0, rotate_s=3.0), make.policy()
        with recorder.watching():
            recorder.trouble = trouble
            for second in range(10):
                metered(partial(meter.tick, policy, make.t0 + second, float(second)))
            trouble.lift()
            meter.tick(policy, make.t0 + 10, 10.0)
            meter.stop(10.0)
        seal_once(folder, 1.0)
        charged = sorted(rows(folder), key=lambda row: row.start_s)
        assert sum(row.end_s - row.start_s for row in charged) == pytest.approx(10.0), f"operation {at}"
        if trouble.done < at:
            break
    assert at > 10


def metered(step: Callable[[], None]) -> None:
    from breakeven.ledger.sealer import _metered

    _metered(step)


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """A file system of 256 kB fills up: nothing untrue is told, and with room again everything goes on."""
    from fault_rows import event

    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        acked: set[str] = set()

        async def main() -> None:
            journal = Journal(layout.journals(tmp_path), "gw")
            for number in range(600):
                await told(journal, lambda *who: event(*who, data="x" * 1000), acked, number)
            assert 50 < len(acked) < 300
            assert not journal.healthy
            journal.tick()
            assert acked <= ids(tmp_path)
            before = set(acked)
            for path in (tmp_path / "journal").glob("*.journal"):
                before -= {one.event_id for one in scan(path.read_bytes()).records}
                path.unlink()
            await asyncio.wait_for(back(journal), 20)
            acked.clear()
            await told(journal, event, acked, 1000)
            assert acked == {"e1000"}
            await journal.close()
            assert before | acked <= ids(tmp_path)

        asyncio.run(main())
    finally:
        subprocess.run(["umount", "-l", str(tmp_path)], check=True)
