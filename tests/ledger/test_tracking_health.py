"""Each fault of tracking is counted where it is, and judged: by limits, and against the time before."""

from __future__ import annotations

import json

import pytest

from breakeven.audit.tracking import LEAST, health
from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.tracking.health import Seen, seen
from breakeven.metric.tracking_plan import bad_of
from breakeven.schema.tracking import Violation
from breakeven.schema.tracking_health import Arrivals, Coverage

WINDOWS = {"rank": 600.0}


def counted(make, *records: object, bad: tuple = ()) -> Seen:
    return seen(Snapshot(records=tuple(records), bad=bad), WINDOWS, 0.0)  # type: ignore[arg-type]


def summed(found: Seen, name: str) -> int:
    return sum(getattr(row, name) for row in found.arrivals)


def told(make, n: int, **more: object):
    """An exposure of prediction n, a second after it, as it should be."""
    at = make.t0 + n + 1
    return make.outcome(n, **{"prediction_id": f"p{n:06d}", "time_s": at, "received_s": at + 0.1, **more})


@pytest.mark.parametrize(
    ("fault", "change"),
    [
        ("unknown", {"prediction_id": "nobody"}),
        ("late", {"time_s": 700.0}),
        ("early", {"time_s": -30.0}),
        ("ahead", {"time_s": 300.0, "received_s": 10.0}),
    ],
)
def test_each_fault_is_counted_once_and_no_other(make, fault: str, change: dict) -> None:
    """One event with one fault among sound ones: its count is one, the counts of the others are none."""
    change = {name: make.t0 + 3 + value if name.endswith("_s") else value for name, value in change.items()}
    if fault == "late":
        change["received_s"] = change["time_s"]
    predictions = [make.prediction(n) for n in range(1, 6)]
    found = counted(make, *predictions, *(told(make, n) for n in (1, 2, 4, 5)), told(make, 3, **change))
    assert {name: summed(found, name) for name in ("unknown", "late", "early", "ahead", "repeated", "bad")} == {
        **dict.fromkeys(("unknown", "late", "early", "ahead", "repeated", "bad"), 0),
        fault: 1,
    }
    assert summed(found, "events") == 5


def test_what_is_sent_again_and_what_is_bad_are_counted(make) -> None:
    """A repeated event is one event of two rows; a bad one is counted for its source and its prediction's use case."""
    wrong = bad_of(told(make, 2), Violation(rule="schema", path="/data", message="x"), "trk")
    again = told(make, 1, received_s=make.t0 + 50, sequence=7)
    found = counted(make, make.prediction(1), make.prediction(2), told(make, 1), again, bad=(wrong,))
    [row] = found.arrivals
    assert (row.use_case, row.source, row.events, row.repeated, row.bad) == ("rank", "app", 2, 1, 1)


def test_coverage_counts_by_id_and_by_subject_within_the_window(make) -> None:
    """An outcome of a subject belongs to what was delivered to it in the window before, and to nothing else."""
    made = [make.prediction(n, consent="granted" if n % 2 else "denied") for n in range(1, 5)]
    refused = make.prediction(9, status="refused")
    by_subject = make.outcome(3, "click", subject="s3", time_s=make.t0 + 300)
    too_late = make.outcome(4, "click", subject="s4", time_s=make.t0 + 900)
    found = counted(make, *made, refused, told(make, 1), by_subject, too_late)
    [row] = found.coverage
    assert (row.delivered, row.exposed, row.touched, row.identified) == (4, 1, 1, 4)
    assert (row.granted, row.denied) == (2, 2)


def test_a_gap_in_the_sequence_is_a_loss(make) -> None:
    """Bad rows fill their place, what no record carries is lost."""
    wrong = bad_of(told(make, 2, sequence=2), Violation(rule="schema", path="/data", message="x"), "trk")
    assert counted(make, make.prediction(1), make.prediction(3), bad=(wrong,)).lost == 0
    assert counted(make, make.prediction(1), make.prediction(3)).lost == 1


def hours(of: int, **parts: tuple[int, int]) -> list[Coverage]:
    """Twenty hours before, and four judged: each part as (before, judged)."""
    return [
        Coverage(use_case="rank", hour=at, delivered=of, **{name: pair[at >= 20] for name, pair in parts.items()})
        for at in range(24)
    ]


def verdicts(coverage=(), arrivals=(), lost: int = 0) -> dict[str, str]:
    found = health(coverage, arrivals, lost=lost, from_hour=20, to_hour=23)
    return {one.measure: one.verdict for one in found.checks}


def test_a_share_that_falls_is_bad_and_one_that_stays_is_sound() -> None:
    """Against its own past, whatever its level; the hour in which it was worst is named."""
    rows = hours(200, exposed=(180, 90), touched=(10, 10), identified=(195, 195), granted=(100, 100))
    found = health(rows, (), lost=0, from_hour=20, to_hour=23)
    told = {one.measure: one for one in found.checks}
    assert (found.verdict, told["exposed"].verdict, told["exposed"].baseline) == ("bad", "bad", 0.9)
    assert told["exposed"].worst_hour in range(20, 24)
    assert {one.verdict for name, one in told.items() if name != "exposed"} == {"ok"}
    assert found.checks[0].measure == "exposed", "what is worst comes first"


def test_a_source_that_falls_silent_is_told() -> None:
    """No events at all are no evidence, unless there were some before."""
    before = [Arrivals(use_case="rank", source="app", hour=at, events=100) for at in range(20)]
    assert set(verdicts(arrivals=before).values()) == {"bad"}
    few = [Arrivals(use_case="rank", source="app", hour=22, events=LEAST - 1, bad=0)]
    assert set(verdicts(arrivals=few).values()) == {"not_enough_evidence"}


@pytest.mark.parametrize(("bad", "verdict"), [(0, "ok"), (3, "ok"), (30, "warn"), (200, "bad")])
def test_violations_are_judged_by_their_share(bad: int, verdict: str) -> None:
    """A few are no news, a percent is worth a look, a twentieth is to be fixed."""
    rows = [Arrivals(use_case="rank", source="app", hour=22, events=1000, bad=bad)]
    assert verdicts(arrivals=rows)["bad"] == verdict


def test_nothing_is_no_alarm_and_a_loss_is_one() -> None:
    """An empty ledger says nothing; one lost record says that something is wrong."""
    assert health((), (), lost=0, from_hour=0, to_hour=1).verdict == "not_enough_evidence"
    assert verdicts(lost=1) == {"lost": "bad"}
    assert json.dumps(verdicts(hours(100, exposed=(50, 50), identified=(100, 100)))).count("ok") == 5
