"""What was heard of late predictions and of those in time: counts that add up to what was delivered."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from breakeven.ledger.snapshot import Snapshot
from breakeven.ledger.tracking.followed import followed
from breakeven.schema.guard import Followed

WINDOWS = {"rank": 600.0}


def counted(records: Sequence[object], **more: object) -> tuple[Followed, ...]:
    return followed(Snapshot(records=tuple(records)), WINDOWS, **more)  # type: ignore[arg-type]


def test_late_and_in_time_are_told_apart(make) -> None:
    """By use case and deployment; an exposure by id, a click by subject within the window; the rest is silent."""
    made = [
        make.prediction(1),
        make.prediction(2, in_budget=False),
        make.prediction(3, in_budget=False),
        make.prediction(4, deployment="api"),
        make.prediction(5, status="failed", in_budget=False),
    ]
    exposed = make.outcome(1, prediction_id="p000001")
    clicked = make.outcome(2, "click", subject="s2", time_s=make.t0 + 300)
    too_late = make.outcome(3, "click", subject="s3", time_s=make.t0 + 900)
    found = {(row.deployment, row.late): row for row in counted([*made, exposed, clicked, too_late])}
    assert {key: (row.delivered, row.exposed, row.touched, row.tracked) for key, row in found.items()} == {
        ("api", False): (1, 0, 0, 0),
        ("gpu", False): (1, 1, 0, 1),
        ("gpu", True): (2, 0, 1, 1),
    }


def test_what_cannot_be_observed_is_left_out_and_policies_are_kept_apart(make) -> None:
    """A replayed prediction says nothing about tracking; a policy's rows are its own."""
    made = [make.prediction(n, policy_id="old" if n < 3 else "new") for n in range(1, 5)]
    unknown = make.outcome(4, "unobserved", prediction_id="p000004")
    assert sum(row.delivered for row in counted([*made, unknown])) == 3
    assert sum(row.delivered for row in counted([*made, unknown], policy_id="old")) == 2
    assert sum(row.delivered for row in counted([*made, unknown], policy_id="new")) == 1


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=8))
def test_conservation(make, flags: list[tuple[bool, bool, bool]]) -> None:
    """Every delivered prediction is in one row; none is heard of more often than it was delivered."""
    records: list[object] = []
    for n, (late, exposed, clicked) in enumerate(flags, start=1):
        records.append(make.prediction(n, in_budget=not late))
        records += [make.outcome(n, prediction_id=f"p{n:06d}")] if exposed else []
        records += [make.outcome(100 + n, "click", prediction_id=f"p{n:06d}")] if clicked else []
    found = counted(records)
    assert sum(row.delivered for row in found) == len(flags)
    assert sum(row.tracked for row in found) == sum(exposed or clicked for _, exposed, clicked in flags)
    assert all(max(row.exposed, row.touched) <= row.tracked <= row.delivered for row in found)
