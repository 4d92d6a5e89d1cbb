"""A drill is judged from records alone: obedient gateways pass whatever happens, and each kind of fault is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from breakeven.audit.drill import MARGIN_S, SAVED_RETRIES, Evidence, judge
from breakeven.schema.drilled import Drilled
from breakeven.schema.policy import Drill, Retry, Route, RouteTarget, Rule, Segments, UseCase
from breakeven.schema.record import Attempt, Prediction

DRILL = Drill(id="drill-1", deployment="first", fault="absent", from_s=100.0, until_s=130.0)
CHAIN = ("deployment:second", "cached", "segment", "rules", "default", "error")
CASE = UseCase(
    name="assistant",
    route=Route(strategy="fixed", targets=(RouteTarget(deployment="first"),)),
    budget_s=1.0,
    failure=CHAIN,
    retry=Retry(),
    default_body="later",
    segments=Segments(by="region", answers={"eu": "Guten Tag"}),
    rules=(Rule(answer="call us", when={"channel": "app"}),),
)
FAILED = Attempt(deployment="first", kind="primary", outcome="unreachable", reason="unreachable")
SECOND = Attempt(deployment="second", kind="fallback", outcome="ok")
NOT_KEPT = Attempt(deployment="", kind="fallback", outcome="skipped", reason="not_cached")


def noted(step: str) -> Attempt:
    return Attempt(deployment="", kind="fallback", outcome="ok", reason=step)


def record(number: int = 0, **changes: Any) -> Prediction:
    """One request that the drill touched and the second deployment answered."""
    fields = {
        "prediction_id": f"p{number}",
        "request_id": f"r{number}",
        "node": "n",
        "sequence": number + 1,
        "time_s": 101.0,
        "use_case": "assistant",
        "deployment": "second",
        "attempts": (FAILED, SECOND),
        "budget_s": 1.0,
        "total_s": 0.2,
        "in_budget": True,
        "cost_pico_usd": 5,
        "drill": "drill-1",
    }
    return Prediction(**(fields | changes))


def judged(*records: Prediction, case: UseCase = CASE, **seen: Any) -> Drilled:
    return judge(Evidence(drill=DRILL, ended_s=130.0, use_cases={case.name: case}, records=records, **seen))


def broken(found: Drilled) -> list[str]:
    assert (found.verdict == "broken") == any(one.kept is False for one in found.promises)
    return [one.promise for one in found.promises if one.kept is False]


@st.composite
def obedient(draw: st.DrawFn, number: int = 0) -> Prediction:
    """A request as a gateway that obeys ends it: answered, by a step of the chain, or by its client's leaving."""
    total_s = draw(st.floats(0, 1 + MARGIN_S))
    how = draw(st.sampled_from(("answered", "second", "cached", "segment", "rules", "default", "left")))
    fate: dict[str, Any] = {"status": "fallback", "reason": "unreachable", "deployment": "", "in_budget": total_s <= 1}
    if how == "answered":
        fate = {"attempts": (replace(FAILED, outcome="ok", reason=""),), "deployment": "first"}
    elif how == "second":
        fate = {"attempts": (FAILED, SECOND)}
    elif how == "left":
        fate |= {"status": "cancelled", "reason": "client_gone", "attempts": (replace(FAILED, outcome="cancelled"),)}
        fate |= {"total_s": draw(st.floats(0, 5))}
    else:
        walked = (replace(SECOND, outcome="timeout", reason="deadline"),) if draw(st.booleans()) else ()
        walked += (NOT_KEPT,) if how != "cached" and draw(st.booleans()) else ()
        fate |= {"attempts": (FAILED, *walked, noted(how)), "region": "eu" if how == "segment" else ""}
    return record(number, **({"total_s": total_s} | fate))


def many() -> st.SearchStrategy[list[Prediction]]:
    return st.integers(1, 12).flatmap(lambda count: st.tuples(*map(obedient, range(count))).map(list))


@given(many())
def test_whoever_obeys_held(records: list[Prediction]) -> None:
    """Every walk of the chain that ends in time and says why is no breach."""
    found = judged(*records)
    assert found.verdict == "held", found.why
    assert found.touched == len(records)


@given(many(), st.integers(0, 5))
def test_requests_and_money_are_conserved(records: list[Prediction], spared: int) -> None:
    """Endings and use cases each sum to the touched requests; money is theirs; nothing of other times counts."""
    others = [record(100 + number, drill="", attempts=(), cost_pico_usd=7) for number in range(spared)]
    elsewhere = [replace(others[0], request_id=f"at {at_s}", time_s=at_s) for at_s in (99.0, 130.0) if others]
    found = judged(*records, *others, *elsewhere)
    assert sum(one.requests for one in found.endings) == found.touched == len(records)
    assert sum(one.requests for one in found.cases) == found.touched
    assert (found.beside, found.cost_pico_usd) == (spared, 5 * len(records))
    assert found.tries == sum(bool(one.deployment) for each in records for one in each.attempts)


@given(many(), st.randoms())
def test_order_does_not_matter(records: list[Prediction], random: Any) -> None:
    """Records come from several workers and files."""
    shuffled = list(records)
    random.shuffle(shuffled)
    assert judged(*shuffled) == judged(*records)


@given(many(), st.floats(MARGIN_S * 1.01, 100))
def test_a_late_one_is_found(records: list[Prediction], over_s: float) -> None:
    """One request past its budget and the margin breaks the promise, by as much as is said."""
    late = record(99, total_s=1.0 + over_s)
    found = judged(*records, late)
    assert broken(found) == ["in_time"]
    assert max(one.overrun_s or 0.0 for one in found.cases) == pytest.approx(over_s)
    assert found.promises[0].breaches == ("p99",)


@given(many())
def test_a_record_twice_or_none_is_found(records: list[Prediction]) -> None:
    """Exactly one record each: a second one, a missing one and a lost number are told apart."""
    first = records[0]
    assert broken(judged(*records, replace(first, sequence=99))) == ["recorded"]
    assert broken(judged(*records, answered=("p0", "gone"))) == ["recorded"]
    assert broken(judged(*records, lost=1)) == ["recorded"]
    assert broken(judged(*records, answered=tuple(one.prediction_id for one in records))) == []


def test_an_end_without_a_reason_is_found() -> None:
    """What did not go as asked says why."""
    assert broken(judged(record(status="fallback", attempts=(FAILED, noted("default")), reason=""))) == ["recorded"]
    assert broken(judged(record(attempts=(replace(FAILED, reason=""), SECOND)))) == ["recorded"]


def test_several_subjects_are_one_request() -> None:
    """A request for three subjects has three records and is no duplicate; its money is all of them."""
    found = judged(*(record(0, prediction_id=f"p{at}", sequence=at) for at in range(3)))
    assert (found.verdict, found.touched, found.cost_pico_usd) == ("held", 1, 15)


REFUSED = {"status": "failed", "reason": "unreachable", "deployment": "", "http_status": 502}


@pytest.mark.parametrize(
    ("chain", "changes", "obeyed"),
    [
        (CHAIN, {"attempts": (FAILED, NOT_KEPT)}, False),
        (("deployment:second", "error"), {"attempts": (FAILED,)}, True),
        (("segment", "error"), {"attempts": (FAILED,), "region": "us"}, True),
        (("segment", "error"), {"attempts": (FAILED,), "region": "eu"}, False),
        (("rules", "error"), {"attempts": (FAILED,), "channel": "app"}, False),
        (("rules", "error"), {"attempts": (FAILED,), "channel": "web"}, True),
        (CHAIN, {"attempts": (FAILED,), "status": "refused", "reason": "budget_exhausted"}, True),
        (CHAIN, {"attempts": (FAILED,), "status": "refused", "reason": "upstream_400"}, True),
        (CHAIN, {"attempts": (FAILED,), "stream": True, "http_status": 200}, True),
        (("error",), {"attempts": (FAILED,), "reason": "internal"}, False),
        (("default", "error"), {"attempts": (FAILED, SECOND)}, False),
        (("default", "deployment:second"), {"attempts": (FAILED, SECOND, noted("default"))}, False),
        (("error", "default"), {"attempts": (FAILED,)}, True),
    ],
)
def test_failing_is_right_only_where_no_step_was_sure_to_answer(
    chain: tuple[str, ...], changes: dict[str, Any], obeyed: bool
) -> None:
    """A prepared answer answers always; deployments and kept answers may not. Steps come from the chain, in order."""
    found = judged(record(**(REFUSED | changes)), case=replace(CASE, failure=chain))
    assert broken(found) == ([] if obeyed else ["chain"])


@given(st.integers(1, 60), st.integers(0, 200))
def test_retries_are_bounded_by_what_was_sent(sent: int, retried: int) -> None:
    """Held up to a tenth of the requests and what a worker may have saved up; then broken. Hedges do not count."""
    retry = Attempt(deployment="first", kind="retry", outcome="error", reason="upstream_503")
    hedge = Attempt(deployment="second", kind="hedge", outcome="ok")
    several = [retried // sent + (number < retried % sent) for number in range(sent)]
    found = judged(*(record(at, attempts=(FAILED, *[retry] * count, hedge)) for at, count in enumerate(several)))
    assert broken(found) == ([] if retried <= 0.1 * sent + SAVED_RETRIES else ["amplification"])
    assert (found.retries, found.hedges) == (retried, sent)
    assert found.amplification == pytest.approx(1 + retried / sent)


def test_spared_requests_pay_for_retries_of_touched_ones() -> None:
    """A small share is drilled: the allowance is that of all requests sent, not of the touched ones."""
    retry = Attempt(deployment="second", kind="retry", outcome="ok")
    touched = [record(at, attempts=(FAILED, retry)) for at in range(SAVED_RETRIES + 5)]
    well = replace(FAILED, outcome="ok", reason="")
    spared = [record(100 + at, drill="", deployment="first", attempts=(well,)) for at in range(60)]
    assert broken(judged(*touched)) == ["amplification"]
    assert broken(judged(*touched, *spared)) == []


def test_without_a_touched_request_nothing_is_claimed() -> None:
    """No evidence is no success."""
    found = judged(record(drill="another"))
    assert (found.verdict, found.promises, found.touched) == ("not_enough_evidence", (), 0)


def test_what_has_no_budget_cannot_be_late() -> None:
    """The promise is said to be unjudged rather than kept."""
    found = judged(record(budget_s=None, total_s=99.0))
    assert found.verdict == "held"
    assert found.promises[0].kept is None
