"""Circuits: a sick deployment is left alone, a dead one gets one probe at a time, the last one stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.gateway.decision.breaker import Circuit, usable
from breakeven.schema.policy import Breaker

RULE = Breaker(failures=0.5, least=5, window_s=10.0, probe_s=1.0)
STEPS = st.lists(
    st.tuples(st.floats(0, 3), st.sampled_from(["entered", "succeeded", "failed", "hold", "trip"])), max_size=200
)


def told(*outcomes: bool, at: float = 0.0, every: float = 0.1) -> Circuit:
    """A circuit that saw these outcomes, one after the other."""
    circuit = Circuit(RULE)
    for number, good in enumerate(outcomes):
        (circuit.succeeded if good else circuit.failed)(at + number * every)
    return circuit


def test_it_opens_at_the_share_and_not_before_enough_tries() -> None:
    """Half of five or more tries; four failures are too few to say."""
    assert told(False, False, False, False).state(1.0) == "closed"
    assert told(False, False, False, False, False).state(1.0) == "open"
    assert told(True, True, True, False, False).state(1.0) == "closed"
    assert told(True, True, True, False, False, False).state(1.0) == "open"


def test_what_left_the_window_is_forgotten() -> None:
    """Four failures, then four eleven seconds later: never five in a window."""
    circuit = told(False, False, False, False)
    for number in range(4):
        circuit.failed(11.1 + number / 10)
    assert circuit.state(12.0) == "closed"


@given(st.lists(st.tuples(st.floats(0.01, 2), st.booleans()), max_size=100))
def test_the_window_counts_what_a_list_would(tries) -> None:
    """The share that opens it is that of a window of nine to ten tenths, kept in ten counters."""
    circuit, now, kept = Circuit(Breaker(failures=0.5, least=5, window_s=10.0)), 0.0, []
    for after, good in tries:
        now += after
        kept.append((now, good))
        (circuit.succeeded if good else circuit.failed)(now)
        short, long = ([g for at, g in kept if now - at < span] for span in (9.0 - 1e-6, 10.0 + 1e-6))
        assert short.count(True) <= circuit._good_sum <= long.count(True)
        assert short.count(False) <= circuit._bad_sum <= long.count(False)
        if circuit.opened_s is not None:
            break


@given(STEPS, st.floats(0.1, 5))
def test_at_most_one_probe_an_interval(steps, probe_s) -> None:
    """Whatever happens, two probes are at least `probe_s` apart, and nothing passes before what Retry-After said."""
    circuit, now, last, held = Circuit(Breaker(probe_s=probe_s)), 0.0, float("-inf"), 0.0
    for after, what in steps:
        now += after
        leave = circuit.allows(now)
        assert leave == circuit.allows(now)
        assert (leave == "yes") == (circuit.state(now) == "closed")
        assert now >= held or leave == "no"
        if what == "entered":
            probing = circuit.entered(now)
            assert probing == (leave == "probe")
            if probing:
                assert now - last >= probe_s - 1e-9
                last = now
        elif what == "hold":
            held = max(held, now + 1)
            circuit.hold(now + 1)
        elif what == "succeeded" and now >= held and circuit.state(now) == "half_open" and circuit._probed:
            circuit.succeeded(now)
            assert circuit.state(now) == "closed"
        else:
            getattr(circuit, what)(now)


def test_one_good_probe_closes_and_the_past_does_not_reopen() -> None:
    """The probe's success clears the window; tries from before, that only now fail, are no news."""
    circuit = told(*[False] * 5)
    assert [circuit.allows(at) for at in (1.3, 1.4)] == ["no", "probe"]
    assert circuit.entered(1.4)
    assert not circuit.entered(1.4)
    assert circuit.state(1.4) == "half_open"
    circuit.succeeded(1.6, entered_s=1.4)
    assert circuit.state(1.6) == "closed"
    for late in range(64):
        circuit.failed(2.0 + late / 100, entered_s=0.3)
    assert circuit.state(3.0) == "closed"
    assert circuit.last_success_s == 1.6


def test_a_straggler_from_before_does_not_close_it() -> None:
    """A success sent before it opened does not speak for now; one without its instant only where a probe is out."""
    circuit = told(*[False] * 5)
    circuit.succeeded(0.9, entered_s=0.1)
    circuit.succeeded(0.9)
    assert circuit.state(0.9) == "open"


def test_a_lost_probe_expires() -> None:
    """A probe that never reports back takes up its interval and no more."""
    circuit = told(*[False] * 5)
    assert circuit.entered(1.5)
    assert [circuit.allows(at) for at in (2.4, 2.6)] == ["no", "probe"]
    assert circuit.entered(2.6)


def test_sick_and_dead_differ() -> None:
    """Half failing is sick while successes come; a long row of failures, or nothing good in the window, is dead."""
    sick = told(*[True, False] * 10)
    assert sick.opened_s == pytest.approx(0.5)
    assert not sick.dead(2.0)
    assert sick.dead(13.0)
    assert told(*[True] * 5, *[False] * 30).dead(3.6)
    assert told(*[False] * 5).dead(0.5)
    assert not told(*[True] * 5).dead(60.0)


def test_a_frozen_one_can_be_opened_as_dead() -> None:
    """`trip` opens at once, and leaves nothing but the probe."""
    circuit = told(*[True] * 5)
    circuit.trip(5.0)
    assert (circuit.state(5.0), circuit.dead(5.0), usable([circuit], 5.0)) == ("open", True, ())
    assert usable([circuit], 6.0) == (0,)


def test_closed_ones_and_at_most_one_probe_are_usable() -> None:
    """Of two due probes one goes."""
    dead, fine = [told(*[False] * 5) for _ in range(2)], told(True)
    assert usable([dead[0], fine, dead[1]], 0.6) == (1,)
    assert usable([dead[0], fine, dead[1]], 2.0) == (0, 1)


def test_the_last_target_stays_while_it_is_only_sick() -> None:
    """Panic: of a set that all fail by halves the last to open stays in use; a dead set gets its probe alone."""
    first, last = told(*[True, False] * 3), told(*[True, False] * 3, at=0.2)
    assert usable([first, last], 1.4) == (1,)
    assert usable([first, last], 1.6) == (0, 1)
    assert usable([last], 1.4) == (0,)
    assert usable([told(*[False] * 5)], 0.6) == ()


def test_a_held_target_is_never_usable() -> None:
    """Retry-After binds: also for a lone target, also in panic, and no longer than it said."""
    for circuit in (told(True), told(*[True, False] * 10), told(*[False] * 5)):
        circuit.hold(30.0)
        assert usable([circuit], 29.9) == ()
        assert circuit.state(29.9) == "open"
        assert usable([circuit], 30.0) == (0,)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 2), st.booleans()), max_size=200))
def test_nobody_is_left_without_a_target_that_answers(tries) -> None:
    """While any target of three answered within the last second, at least one is usable."""
    circuits, now = [Circuit(RULE) for _ in range(3)], 0.0
    for after, position, good in tries:
        now += after
        (circuits[position].succeeded if good else circuits[position].failed)(now)
        found = usable(circuits, now)
        assert len(set(found)) == len(found)
        assert sum(circuits[one].allows(now) == "probe" for one in found) <= 1
        if max(circuit.last_success_s for circuit in circuits) > now - 1 + 1e-9:
            assert found


@pytest.mark.parametrize("count", [1, 2, 4])
def test_new_circuits_are_all_usable(count) -> None:
    """Nothing is known against them."""
    assert usable([Circuit(RULE)] * count, 0.0) == tuple(range(count))
