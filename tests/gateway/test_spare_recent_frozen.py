"""The small counters of a worker: allowances, recent quantiles, signs of life."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.frozen import Progress
from breakeven.gateway.decision.recent import LEAST, SORT_EVERY, Recent
from breakeven.gateway.decision.spare import Spare


@given(st.floats(0, 1), st.floats(0, 5), st.lists(st.booleans(), max_size=300))
def test_second_tries_are_a_share_of_first_ones(ratio, start, steps) -> None:
    """At every instant: takes <= start + ratio x requests (what is kept is bounded too)."""
    spare, sent, taken = Spare(ratio, start=start, most=10.0), 0, 0
    for request in steps:
        if request:
            spare.earn()
            sent += 1
        else:
            taken += spare.take()
        assert taken <= start + ratio * sent + 1e-3
        assert 0 <= spare.left <= 10.0


def test_ten_tenths_are_one() -> None:
    """Counted exactly: with 0.1 every tenth request earns a retry, for ever."""
    spare, taken = Spare(0.1, start=0.0), 0
    for _ in range(10_000):
        spare.earn()
        taken += spare.take()
    assert taken == 1_000


def test_an_idle_night_saves_up_no_storm() -> None:
    """However long nothing was retried, at most `most` are kept."""
    spare = Spare(0.1, most=3.0)
    for _ in range(10_000):
        spare.earn()
    assert [spare.take() for _ in range(5)] == [True, True, True, False, False]


@given(st.lists(st.floats(0, 1e6), max_size=700), st.floats(0, 1), st.integers(20, 300))
def test_a_quantile_is_that_of_a_window_at_most_fifteen_old(values, q, size) -> None:
    """It is the exact nearest-rank quantile of the newest `size` values as they were up to 15 values ago."""
    recent = Recent(size)
    for number, value in enumerate(values, 1):
        recent.add(value)
        found = recent.quantile(q)
        assert (found is None) == (number < LEAST)
    if len(values) >= LEAST:
        ends = range(max(LEAST, len(values) - SORT_EVERY + 1), len(values) + 1)
        windows = [sorted(values[max(0, end - size) : end]) for end in ends]
        assert recent.quantile(q) in [window[max(0, ceil(q * len(window)) - 1)] for window in windows]


@given(st.lists(st.floats(0, 10), min_size=20, max_size=20))
def test_quantiles_ascend(values) -> None:
    """From the least to the greatest value."""
    recent = Recent()
    for value in values:
        recent.add(value)
    found = [recent.quantile(q / 10) for q in range(11)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (min(values), max(values))


@given(st.lists(st.tuples(st.floats(0, 3), st.sampled_from(["entered", "moved", "left"])), max_size=100))
def test_silence_is_the_time_waited_since_something_came(steps) -> None:
    """It equals the sum of spans in which something waited, since the last movement: idle time does not count."""
    progress, now, waiting, silent = Progress(), 0.0, 0, 0.0
    for after, what in steps:
        now += after
        silent += after if waiting else 0.0
        if what == "left" and not waiting:
            continue
        getattr(progress, what)(now)
        waiting += {"entered": 1, "moved": 0, "left": -1}[what]
        silent = 0.0 if what == "moved" else silent
        assert progress.silent_s(now) == pytest.approx(silent, abs=1e-9)
        assert progress.frozen(now, 5.0) == (progress.silent_s(now) >= 5.0)


def test_a_frozen_engine_is_found_though_each_request_gives_up_early() -> None:
    """Requests that each leave after two seconds add up: five of them without a byte are ten seconds of silence."""
    progress = Progress()
    for number in range(5):
        progress.entered(100.0 * number)
        assert not progress.frozen(100.0 * number, 10.0)
        progress.left(100.0 * number + 2.0)
    assert progress.frozen(500.0, 10.0)
    progress.moved(501.0)
    assert not progress.frozen(501.0, 10.0)


def test_an_idle_or_a_slow_engine_is_not_frozen() -> None:
    """Nothing waiting is no stall; a token now and then is life."""
    progress = Progress()
    assert not progress.frozen(1e6, 10.0)
    progress.entered(1e6)
    for tick in range(10):
        assert not progress.frozen(1e6 + 9.0 * tick + 8.9, 10.0)
        progress.moved(1e6 + 9.0 * (tick + 1))
    assert progress.frozen(1e6 + 100.1, 10.0)
