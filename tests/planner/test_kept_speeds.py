"""Speeds in the data directory: what was kept is read, what cannot be read is made again, and it stays bounded."""

from __future__ import annotations

from pathlib import Path

from breakeven.assembly import speeds_file
from breakeven.planner.speed import Kept


def kept(first: int, last: int) -> Kept:
    """One answer for each number, all of them used."""
    shares = {f"{n:032}": n / 10 for n in range(first, last)}
    return Kept(shares=shares, used=set(shares), changed=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """The answers, without what this process noted of them; nothing new leaves the file as it is."""
    speeds_file.write(kept(0, 3), tmp_path)
    found = speeds_file.read(tmp_path)
    assert found == Kept(shares=kept(0, 3).shares)
    speeds_file.write(Kept(), tmp_path)
    assert speeds_file.read(tmp_path) == found


def test_a_file_that_cannot_be_read_is_no_speed(tmp_path: Path) -> None:
    """Missing or spoilt: all of it can be simulated again."""
    assert speeds_file.read(tmp_path) == Kept()
    (tmp_path / speeds_file.NAME).write_bytes(b"\x93spoilt")
    assert speeds_file.read(tmp_path) == Kept()


def test_the_latest_used_stay(tmp_path: Path) -> None:
    """Beyond the bound the answers that no plan asked for go first."""
    found = kept(0, speeds_file.MOST)
    found.used.clear()
    found.shares |= kept(speeds_file.MOST, speeds_file.MOST + 5).shares
    found.used |= set(kept(speeds_file.MOST, speeds_file.MOST + 5).shares)
    speeds_file.write(found, tmp_path)
    left = list(speeds_file.read(tmp_path).shares)
    assert left == [f"{n:032}" for n in range(5, speeds_file.MOST + 5)]
