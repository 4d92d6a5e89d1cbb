"""Arguments, patience and exit codes."""

from hypothesis import given
from hypothesis import strategies as st

from breakeven.supervisor.child import Child, Ended, Limits, exit_code_for


@given(st.integers(3, 10_000))
def test_the_pipe_number_takes_its_place(fd: int) -> None:
    """Only the placeholder changes, wherever it stands in an argument."""
    child = Child(name="w", argv=("python", "--pipe-fd={pipe_fd}", "{other}", "{pipe_fd}"))
    assert child.command(fd) == ["python", f"--pipe-fd={fd}", "{other}", str(fd)]


@given(st.integers(1, 10_000), st.integers(1, 10_000))
def test_pauses_grow_and_stay_bounded(some: int, more: int) -> None:
    """More crashes never mean a shorter pause, and no pause exceeds the bound or falls below the first."""
    limits = Limits()
    few, many = sorted((some, more))
    assert limits.backoff_s <= limits.pause_s(few) <= limits.pause_s(many) <= limits.backoff_max_s


@given(st.integers(-64, 255))
def test_a_failure_is_never_reported_as_success(code: int) -> None:
    """A child given up ends the supervisor with the child's own code where that is one of ours, else with 1."""
    assert exit_code_for(code) == (code if code in {2, 3, 4, 5} else 1)
    assert Ended().exit_code == 0
