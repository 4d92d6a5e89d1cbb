"""The sealer as a process: it meters, follows the policy, and stops cleanly whoever asks."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest

from breakeven.ledger import manifest, snapshot, store
from breakeven.ledger.sealer import PolicyFile
from breakeven.ledger.statement import build
from breakeven.schema.policy import Policy

RUN = "import sys, pathlib; from breakeven.ledger.sealer import run; run(pathlib.Path(sys.argv[1]), 0.3, {fd})"


def install(data_dir: Path, policy: Policy) -> None:
    path = data_dir / "policy.lock.json"
    draft = path.with_suffix(".new")
    draft.write_bytes(msgspec.json.encode(policy))
    draft.replace(path)


def wait(true: Callable[[], object], what: str) -> None:
    until_s = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until_s, f"waited in vain for {what}"
        time.sleep(0.05)


@contextmanager
def sealer(data_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    read, write = os.pipe()
    child = subprocess.Popen([sys.executable, "-c", RUN.format(fd=read), str(data_dir)], pass_fds=[read])
    os.close(read)
    try:
        yield child, write
    finally:
        child.kill()
        child.wait()
        with suppress(OSError):
            os.close(write)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["sigterm", "pipe"])
def test_it_seals_meters_and_stops_cleanly(make, tmp_path: Path, how: str) -> None:
    """Everything is in segments when it is gone, the last interval included, and its exit is clean."""
    install(tmp_path, make.policy())
    make.journal(tmp_path, "gw-00000001", [make.prediction(1)], ".open")
    begun_s = time.time()
    with sealer(tmp_path) as (child, pipe):
        wait(lambda: manifest.read(tmp_path).journals, "what a crash left behind")
        make.journal(tmp_path, "gw-00000002", [make.prediction(2)])
        wait(lambda: len(manifest.read(tmp_path).journals) > 1, "the second journal")
        assert child.poll() is None
        child.send_signal(signal.SIGTERM) if how == "sigterm" else os.close(pipe)
        assert child.wait(20) == 0
    lasted_s = time.time() - begun_s
    found = build(store.open_ledger(tmp_path), make.use_cases)
    assert not snapshot.of_folder(tmp_path).records
    assert found.predictions == 2
    assert 0.3 * 2e6 < found.capacity_pico_usd < lasted_s * 2e6


@pytest.mark.slow
def test_a_kill_loses_no_interval_that_was_written(make, tmp_path: Path) -> None:
    """SIGKILL, and the next one seals what the first had metered and goes on from there."""
    install(tmp_path, make.policy())
    with sealer(tmp_path) as (child, _):
        wait(lambda: snapshot.of_folder(tmp_path).records, "an interval")
        child.send_signal(signal.SIGKILL)
        child.wait()
    before = snapshot.of_folder(tmp_path).records
    with sealer(tmp_path) as (child, pipe):
        wait(lambda: manifest.read(tmp_path).journals, "the first one's journal")
        os.close(pipe)
        assert child.wait(20) == 0
    from breakeven.ledger.restore import restore

    after = sorted(restore(snapshot.of_folder(tmp_path)), key=lambda row: row.start_s)
    assert set(before) <= set(after)
    assert all(one.end_s == pytest.approx(other.start_s) for one, other in itertools.pairwise(after))


def test_the_last_good_policy_stays(make, tmp_path: Path) -> None:
    """A lock that is gone or half written changes nothing; a new good one does."""
    file = PolicyFile(tmp_path)
    assert file.current() is None
    install(tmp_path, make.policy("one"))
    assert file.current().id == "one"
    (tmp_path / "policy.lock.json").write_text('{"id": "tw')
    assert file.current().id == "one"
    (tmp_path / "policy.lock.json").unlink()
    assert file.current().id == "one"
    install(tmp_path, make.policy("two"))
    assert file.current().id == "two"
    assert file.current() is file.current()
