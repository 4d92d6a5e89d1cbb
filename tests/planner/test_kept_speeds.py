"""Speeds in the data directory: what was kept is read, what cannot be read is made again, and it stays bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from breakeven.assembly import speeds_file
from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.response import responses
from breakeven.planner.question import Question
from breakeven.planner.speed import Kept
from breakeven.schema.deployment import Deployment
from breakeven.schema.performance import StepCurve
from breakeven.workload.sample import sample


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


def test_what_a_replica_does_at_other_speeds_is_kept(tmp_path: Path, question: Callable[..., Question]) -> None:
    """Simulated once; the same answer from the file, which another target or trace does not take."""
    asked = question(tpot_s=0.05)
    trace, other = (sample(asked.workload, rng=np.random.default_rng(seed), n=12) for seed in (1, 2))
    curve, first = StepCurve(
        prefill_s_per_token=1e-5, step_base_s=0.01, step_per_sequence_s=1e-4, step_per_context_s=0.0, max_sequences=8,
        kv_tokens=10**5,
    ), Kept()  # fmt: skip
    given = [
        (Candidate(name="a", deployment=Deployment(id="a", model="m", placement="cloud", offer=""), curve=curve), 1)
    ]
    found = responses(given, asked, trace, kept=first)
    speeds_file.write(first, tmp_path)
    read = speeds_file.read(tmp_path)
    assert responses(given, asked, trace, kept=read) == found
    assert not read.changed
    for changed in ((question(tpot_s=0.02), trace), (asked, other)):
        again = speeds_file.read(tmp_path)
        assert responses(given, *changed, kept=again) == responses(given, *changed)
        assert again.changed


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
