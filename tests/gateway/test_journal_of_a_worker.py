"""The journal's file: locked while its process lives, rotated whole, honest about a failing disk."""

import asyncio
import fcntl
import os

import pytest

from breakeven.errors import LedgerError
from breakeven.gateway import journal as journal_module
from breakeven.gateway.journal import Journal
from breakeven.gateway.journal_file import JournalFile
from breakeven.schema.journal import scan
from breakeven.schema.record import Prediction


def prediction(sequence: int) -> Prediction:
    return Prediction(
        prediction_id=f"p{sequence}", request_id="r", node="n", sequence=sequence, time_s=1.0, use_case="u"
    )


def inside(folder, test) -> None:
    async def main():
        journal = Journal(folder, "n")
        try:
            await asyncio.wait_for(test(journal), 20)
        finally:
            await journal.close()

    asyncio.run(main())


def sequences(path) -> list[int]:
    return [one.sequence for one in scan(path.read_bytes()).records]


def test_an_open_file_is_locked_and_a_dead_ones_is_not(tmp_path) -> None:
    """The sealer tells a living worker's file from a dead one's by its lock; the name appears only when locked."""
    file = JournalFile(tmp_path, "n-00000001")
    with file.path.open("rb") as other, pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    file.append(b"", 1)
    file.seal()
    (sealed,) = tmp_path.iterdir()
    assert sealed.name == "n-00000001.journal"
    with sealed.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_what_is_appended_is_in_the_kernel_at_once(tmp_path) -> None:
    """Without any sync another process reads every frame: SIGKILL loses nothing."""

    async def test(journal):
        for number in range(1, 4):
            assert journal.append([prediction(number)])
            assert sequences(tmp_path / "n-00000001.open") == list(range(1, number + 1))

    inside(tmp_path, test)


def test_rotation_keeps_every_row_in_order(tmp_path, monkeypatch) -> None:
    """Files of at most ROTATE_ROWS rows, closed ones named .journal, none empty, together every row once."""
    monkeypatch.setattr(journal_module, "ROTATE_ROWS", 10)

    async def test(journal):
        for _ in range(35):
            journal.append([prediction(journal.take_sequence(1))])

    inside(tmp_path, test)
    files = sorted(tmp_path.iterdir())
    assert [path.name for path in files] == [f"n-{number:08d}.journal" for number in range(1, 5)]
    assert [sequences(path) for path in files] == [
        list(range(1, 11)),
        list(range(11, 21)),
        list(range(21, 31)),
        list(range(31, 36)),
    ]


def test_an_idle_worker_makes_no_files(tmp_path, monkeypatch) -> None:
    """Rotation by time happens only when there are rows; a clean stop leaves no empty file."""
    monkeypatch.setattr(journal_module, "ROTATE_S", 0.0)

    async def test(journal):
        for _ in range(3):
            journal.tick()
        assert [path.name for path in tmp_path.iterdir()] == ["n-00000001.open"]
        journal.append([prediction(1)])
        journal.tick()
        await journal.durable()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["n-00000001.journal", "n-00000002.open"]

    inside(tmp_path, test)
    assert [path.name for path in tmp_path.iterdir()] == ["n-00000001.journal"]


def test_durable_waits_for_the_disk_and_groups(tmp_path, monkeypatch) -> None:
    """`durable()` returns after a sync that began after the append; many rows share few syncs."""
    syncs = []
    real = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda handle: syncs.append(handle) or real(handle))

    async def test(journal):
        async def one(number: int) -> None:
            journal.append([prediction(number)])
            assert journal._synced < number
            await journal.durable()
            assert journal._synced >= number

        await asyncio.gather(*map(one, range(1, 51)))
        assert 1 <= len(syncs) <= 5
        await journal.durable()

    inside(tmp_path, test)


def test_a_failed_sync_acknowledges_nothing(tmp_path, monkeypatch) -> None:
    """When the disk fails, waiters get the error, the worker is unready, and the next rows go to a fresh file."""
    broken = True
    real = os.fdatasync

    def sync(handle: int) -> None:
        if broken:
            raise OSError(5, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fdatasync", sync)

    async def test(journal):
        nonlocal broken
        journal.append([prediction(1)])
        with pytest.raises(LedgerError, match="could not be synced"):
            await journal.durable()
        assert (journal.healthy, journal.errors) == (False, 1)
        broken = False
        journal.append([prediction(2)])
        await journal.durable()
        assert sequences(tmp_path / "n-00000002.open") == [2]
        journal.tick()
        while not journal.healthy:  # noqa: ASYNC110 - the probe runs in a thread
            await asyncio.sleep(0.005)

    inside(tmp_path, test)


@pytest.mark.parametrize("room", [0, 1, 30])
def test_a_frame_is_written_whole_or_not_at_all(tmp_path, monkeypatch, room) -> None:
    """A disk that fills in mid-frame leaves no torn frame behind: later rows stay readable."""
    left = [room]
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if left[0] is None:
            return real(handle, data)
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        count = real(handle, data[: left[0]])
        left[0] -= count
        return count

    async def test(journal):
        journal._file.append(b"", 0)
        monkeypatch.setattr(os, "write", write)
        assert not journal.append([prediction(1)])
        left[0] = None
        assert journal.append([prediction(2)])
        assert sequences(tmp_path / "n-00000001.open") == [2]
        assert scan((tmp_path / "n-00000001.open").read_bytes()).stopped == ""

    inside(tmp_path, test)


def test_a_folder_that_cannot_be_written_is_survived(tmp_path) -> None:
    """Without a place for the journal rows are refused and counted; once there is one, they are written."""
    blocked = tmp_path / "journal"
    blocked.write_text("a file where a folder should be")

    async def test(journal):
        assert not journal.append([prediction(1)])
        assert not journal.healthy
        blocked.unlink()
        assert journal.append([prediction(2)])

    inside(blocked, test)
    assert [sequences(path) for path in blocked.iterdir()] == [[2]]


def test_sequence_numbers_never_repeat(tmp_path) -> None:
    """Numbers are handed out once each, in order, several at a time."""

    async def test(journal):
        assert [journal.take_sequence(count) for count in (1, 3, 2)] == [1, 2, 5]

    inside(tmp_path, test)
