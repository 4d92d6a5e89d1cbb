"""Capacity is charged for the real seconds it stood by, and a replay never charges it twice."""

from __future__ import annotations

import itertools
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger import capacity, snapshot
from breakeven.ledger.meter import NODE, Meter, resume
from breakeven.ledger.seal import seal_once
from breakeven.schema.record import Capacity


def charged(data_dir: Path) -> list[Capacity]:
    seal_once(data_dir, 1.0)
    from breakeven.ledger.restore import restore

    rows = [row for row in restore(snapshot.of_folder(data_dir)) if isinstance(row, Capacity)]
    return sorted(rows, key=lambda row: (row.deployment, row.start_s))


def seconds(rows: list[Capacity]) -> float:
    return sum(row.end_s - row.start_s for row in rows)


def test_rows_are_one_a_deployment_and_hour(make) -> None:
    """Deployments without capacity have none; an interval over a full hour is cut there."""
    rows = capacity.rows(make.policy("pol", 10, "gpu", "cpu"), make.t0 - 5, make.t0 + 5)
    assert [(row.deployment, row.start_s, row.end_s) for row in rows] == [
        ("gpu", make.t0 - 5, make.t0),
        ("gpu", make.t0, make.t0 + 5),
        ("cpu", make.t0 - 5, make.t0),
        ("cpu", make.t0, make.t0 + 5),
    ]
    assert {(row.policy_id, row.replicas, row.cost_pico_usd) for row in rows} == {("pol", 2, 100)}
    assert len({row.id for row in rows}) == 4
    assert rows == capacity.rows(make.policy("pol", 10, "gpu", "cpu"), make.t0 - 5, make.t0 + 5)


@given(st.floats(0, 2e9), st.floats(-10, 20_000))
def test_hours_split_an_interval_without_gap_or_overlap(start: float, length: float) -> None:
    """The parts touch, lie in one hour each, and cover the interval; an empty or negative one has none."""
    end = start + length
    parts = capacity.split_hours(start, end)
    if end <= start:
        assert parts == ()
        return
    assert (parts[0][0], parts[-1][1]) == (start, end)
    assert all(one[1] == other[0] for one, other in itertools.pairwise(parts))
    assert all(low < high <= (low // 3600 + 1) * 3600 for low, high in parts)


@given(steps=st.lists(st.floats(0, 30), max_size=30), interval=st.floats(0.5, 10))
def test_every_second_is_charged_once(make, tmp_path_factory, steps: list[float], interval: float) -> None:
    """Whatever the ticks, intervals touch, and their sum is the time from the first tick to the stop."""
    folder = tmp_path_factory.mktemp("ledger")
    meter, policy, now = Meter(folder, f"{NODE}-1", interval, rotate_s=20.0), make.policy(), 0.0
    for step in [0.0, *steps]:
        now += step
        meter.tick(policy, make.t0 + now, now)
    meter.stop(now)
    rows = charged(folder)
    assert seconds(rows) == pytest.approx(now, abs=1e-4)
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(rows))


def test_a_new_policy_cuts_the_interval(make, tmp_path: Path) -> None:
    """Each second is charged at the price that held in it."""
    meter, cheap, dear = Meter(tmp_path, f"{NODE}-1", 100.0), make.policy("a", 1), make.policy("b", 1000)
    for now, policy in ((0.0, cheap), (3.0, cheap), (4.0, dear), (9.0, dear)):
        meter.tick(policy, make.t0 + now, now)
    meter.stop(10.0)
    assert [(row.policy_id, row.end_s - row.start_s, row.cost_pico_usd) for row in charged(tmp_path)] == [
        ("a", 4.0, 8),
        ("b", 6.0, 12_000),
    ]


def test_nothing_is_charged_before_a_policy_is_there(make, tmp_path: Path) -> None:
    """Serving begins with the first policy."""
    meter = Meter(tmp_path, f"{NODE}-1", 1.0)
    meter.tick(None, make.t0, 0.0)
    meter.tick(make.policy(), make.t0 + 50, 50.0)
    meter.stop(52.0)
    assert [(row.start_s, row.end_s) for row in charged(tmp_path)] == [(make.t0 + 50, make.t0 + 52)]


@pytest.mark.parametrize("jump", [-3600.0, -2.0, 2.0, 7200.0])
def test_a_wall_clock_that_is_set_neither_loses_nor_invents_time(make, tmp_path: Path, jump: float) -> None:
    """Durations are monotonic; what follows is dated by the new wall time, and no interval is negative."""
    meter, policy = Meter(tmp_path, f"{NODE}-1", 100.0), make.policy()
    for now in (0.0, 4.0):
        meter.tick(policy, make.t0 + now, now)
    meter.tick(policy, make.t0 + 5 + jump, 5.0)
    meter.stop(8.0)
    rows = charged(tmp_path)
    assert seconds(rows) == pytest.approx(8.0)
    assert all(row.end_s > row.start_s for row in rows)
    assert max(row.end_s for row in rows if row.start_s != make.t0) == pytest.approx(make.t0 + 8 + jump)


def test_a_clock_that_drifts_is_not_followed(make, tmp_path: Path) -> None:
    """Half a second is drift, not a new time: intervals go on touching."""
    meter, policy = Meter(tmp_path, f"{NODE}-1", 1.0), make.policy()
    for n in range(6):
        meter.tick(policy, make.t0 + n * 1.05, float(n))
    meter.stop(6.0)
    rows = charged(tmp_path)
    assert all(one.end_s == other.start_s for one, other in itertools.pairwise(rows))
    assert seconds(rows) == pytest.approx(6.0)


def test_a_report_sees_capacity_before_it_is_sealed(make, tmp_path: Path) -> None:
    """What the meter has written is read from its open journal, and its writer is left alone."""
    meter = Meter(tmp_path, f"{NODE}-1", 1.0)
    meter.tick(make.policy(), make.t0, 0.0)
    meter.tick(make.policy(), make.t0 + 2, 2.0)
    assert len(seal_once(tmp_path, 1.0).live) == 1
    assert seconds(list(snapshot.of_folder(tmp_path).records)) == 2.0
    meter.stop(2.0)
    assert seconds(charged(tmp_path)) == 2.0


@pytest.mark.parametrize(("away_s", "total_s"), [(5.0, 10.0), (500.0, 5.0), (-100.0, 5.0)])
def test_a_killed_meter_goes_on_where_it_stopped(make, tmp_path: Path, away_s: float, total_s: float) -> None:
    """A restart within half a minute charges the gap; later, or with a clock set back, it begins anew."""
    rows = capacity.rows(make.policy(), make.t0, make.t0 + 3)
    make.journal(tmp_path, f"{NODE}-9-00000001", rows, ".open")
    start_s = make.t0 + 3 + away_s
    meter = Meter(tmp_path, f"{NODE}-10", 1.0)
    meter.tick(make.policy(), start_s, 0.0)
    meter.stop(2.0)
    assert seconds(charged(tmp_path)) == pytest.approx(total_s)


def test_a_clean_stop_is_not_resumed(make, tmp_path: Path) -> None:
    """Between two sittings nothing stood by."""
    meter = Meter(tmp_path, f"{NODE}-1", 1.0)
    meter.tick(make.policy(), make.t0, 0.0)
    meter.stop(2.0)
    assert resume(tmp_path, make.t0 + 4) == make.t0 + 4


def test_signals_are_left_as_they_were() -> None:
    """Nothing here installs a handler behind the tests' back."""
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
