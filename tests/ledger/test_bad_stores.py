"""Stores that somebody or something has damaged: each fault is named with its file, and the good rest is answered."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from breakeven.errors import LedgerError
from breakeven.ledger import store
from breakeven.ledger.seal import seal_once
from breakeven.ledger.statement import build
from breakeven.ledger.sweep import sweep
from breakeven.schema.journal import frame


@pytest.fixture
def three(make, tmp_path: Path) -> Path:
    """A store of three sealed journals of two predictions each."""
    for n in range(3):
        make.journal(tmp_path, f"gw-{n:08d}", [make.prediction(2 * n + 1), make.prediction(2 * n + 2)])
    seal_once(tmp_path, 1.0)
    return tmp_path


def segment(folder: Path) -> Path:
    """The one in the middle."""
    return sorted(folder.glob("segments/predictions/*/*.parquet"))[1]


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def emptied(path: Path) -> None:
    os.truncate(path, 0)


def of_another_schema(path: Path) -> None:
    duckdb.sql("SELECT 1 AS colour, 'x' AS taste").write_parquet(str(path))


def not_parquet(path: Path) -> None:
    path.write_text("the dog ate it, " * 100)


SPOILED: dict[str, Callable[[Path], None]] = {
    "is no whole Parquet file": cut_off,
    "is cut off after 0 bytes": emptied,
    "has not the columns of predictions": of_another_schema,
    "damaged or cut off": not_parquet,
    "is missing": Path.unlink,
}


@pytest.mark.parametrize("engine", ["duckdb", "memory"])
@pytest.mark.parametrize("said", SPOILED)
def test_a_spoiled_segment_is_named_and_left_out(make, three: Path, said: str, engine: str) -> None:
    """The statement is over the rest, says which file is wrong, what that costs and what to do; sealing goes on."""
    path = segment(three)
    SPOILED[said](path)
    found = build(store.open_ledger(three, engine), make.use_cases)
    assert found.predictions == 4
    warning, missing = found.warnings
    assert missing.startswith("2 records are missing")
    assert all(part in warning for part in (str(path), said, "2 rows of predictions", "backup"))
    make.journal(three, "gw-00000009", [make.prediction(9)])
    assert seal_once(three, 2.0).warnings == ()
    assert build(store.open_ledger(three, engine), make.use_cases).predictions == 5


def test_a_segment_put_back_counts_again(make, three: Path) -> None:
    """Nothing was forgotten: with the file back the statement is whole, without a warning."""
    path = segment(three)
    kept = path.read_bytes()
    cut_off(path)
    assert build(store.open_ledger(three), make.use_cases).predictions == 4
    path.write_bytes(kept)
    found = build(store.open_ledger(three), make.use_cases)
    assert (found.predictions, found.warnings) == (6, ())


@pytest.mark.parametrize("where", ["tail", "middle"])
def test_a_bad_frame_costs_what_follows_it_in_its_file(make, three: Path, where: str) -> None:
    """Sealed or not: the good frames count, the file and the byte are named, the file is kept aside."""
    frames = [frame(make.prediction(n)) for n in (7, 8, 9)]
    data = b"".join(frames)
    at = len(data) - 3 if where == "tail" else len(frames[0]) + 20
    data = data[:at] if where == "tail" else data[:at] + b"\xff\xff" + data[at + 2 :]
    (three / "journal/gw-00000009.journal").write_bytes(data)
    good = 2 if where == "tail" else 1
    for _ in range(2):
        found = build(store.open_ledger(three), make.use_cases)
        assert found.predictions == 6 + good
        assert f"journal gw-00000009: {'torn frame' if where == 'tail' else 'bad crc'}" in found.warnings[0]
        assert f"at byte {len(b''.join(frames[:good]))}" in found.warnings[0]
        seal_once(three, 2.0)
    assert (three / "quarantine/gw-00000009.journal").read_bytes() == data


def test_a_manifest_of_a_later_version_is_not_touched(make, three: Path) -> None:
    """Neither reader nor sealer guesses at it; both name it and both versions."""
    with sqlite3.connect(three / "manifest.db") as connection:
        connection.execute("PRAGMA user_version=99")
    connection.close()
    for ask in (lambda: store.open_ledger(three), lambda: seal_once(three, 2.0)):
        with pytest.raises(
            LedgerError, match=r"manifest\.db is of version 99, this breakeven reads up to \d+"
        ) as found:
            ask()
        assert "newer breakeven" in found.value.way_out


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b""])
def test_a_damaged_manifest_is_named(make, three: Path, content: bytes) -> None:
    """It is an error, not an empty ledger; the way out is said; segments and journals stay as they are."""
    for path in three.glob("manifest.db*"):
        path.unlink()
    (three / "manifest.db").write_bytes(content)
    before = sorted(three.rglob("*.parquet"))
    if not content:
        found = build(store.open_ledger(three), make.use_cases)
        assert "lists nothing, yet there are 3 segments" in found.warnings[0]
    else:
        with pytest.raises(LedgerError, match=r"manifest\.db cannot be read as a manifest") as found:
            store.open_ledger(three)
        assert "backup" in found.value.way_out
        with pytest.raises(LedgerError, match=r"manifest\.db"):
            seal_once(three, 2.0)
    assert sorted(three.rglob("*.parquet")) == before


def test_foreign_files_change_nothing(make, three: Path) -> None:
    """Notes, folders and Parquet files of others that lie about are neither read nor removed."""
    (three / "journal/notes.txt").write_text("hello")
    (three / "journal/old.journal").mkdir()
    stranger = segment(three).with_name("stranger.parquet")
    of_another_schema(stranger)
    (three / "segments/predictions/readme").write_text("hello")
    assert seal_once(three, 2.0).warnings == ()
    found = build(store.open_ledger(three), make.use_cases)
    assert (found.predictions, found.warnings) == (6, ())
    assert stranger.exists()
    assert (three / "journal/old.journal").is_dir()


def test_leftovers_of_the_killed_are_swept_and_nothing_else(make, three: Path) -> None:
    """Old drafts go; one that is young may be a living writer's, and all that is listed stays."""
    old, young = three / "journal/a.new", three / "journal/b.new"
    half = segment(three).with_suffix(".tmp")
    for path in (old, young, half):
        path.write_bytes(b"half")
    now_s = young.stat().st_mtime
    os.utime(old, (now_s - 100, now_s - 100))
    kept = sorted(path for path in three.rglob("*") if path not in {old, half})
    assert sweep(three, now_s) == 2
    assert sorted(three.rglob("*")) == kept
    shutil.rmtree(three / "segments")
    assert sweep(three, now_s) == 0
