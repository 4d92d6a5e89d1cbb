"""The checklist: each question is open until it is instrumented, and premature names what to do first."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.audit.readiness.judge import case_readiness, premature, readiness
from breakeven.schema.drilled import CaseDrilled, Drilled
from breakeven.schema.guard import Followed
from breakeven.schema.noun import Figure
from breakeven.schema.policy import Drill, Route, UseCase
from breakeven.schema.readiness import QUESTIONS, AnswerState, Checked, Peak, QuestionName, Sight, Views
from breakeven.schema.statement import Cut, Latency

replace = msgspec.structs.replace
NONE = Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)
UNKNOWN = Figure(value=None, unit="")
COST = Figure(value=0.002, unit="USD", basis="measured")

CASE = UseCase(
    name="rank",
    route=Route(strategy="fixed", targets=()),
    budget_s=0.1,
    stages={"render": 0.02},
    used_when="exposure",
    failure=("default", "error"),
)
CUT = Cut(
    dimension="use_case",
    key="rank",
    predictions=1000,
    answered=1000,
    in_budget=900,
    used=600,
    converted=10,
    useful=500,
    unobserved=0,
    unpriced=0,
    cost_pico_usd=10**12,
    served_cost_pico_usd=10**12,
    idle_pico_usd=0,
    unobserved_cost_pico_usd=0,
    cost_per_useful_prediction_usd=COST,
    conversion_rate=UNKNOWN,
    revenue=0.0,
    ttft=NONE,
    tpot=NONE,
    total=NONE,
    goodput_rps=UNKNOWN,
    input_tokens=0,
    output_tokens=0,
    emulated=0,
    energy_kwh=UNKNOWN,
    gco2=UNKNOWN,
)


def followed(late: bool, tracked: int, delivered: int) -> Followed:
    return Followed(
        use_case="rank", deployment="gpu", late=late, delivered=delivered, exposed=tracked, touched=0, tracked=tracked
    )


def drilled(verdict: str, ended_s: float = 100.0, use_case: str = "rank") -> Drilled:
    plain = {
        "drill": Drill(id=f"drill-{ended_s:g}", deployment="gpu", fault="absent", from_s=0, until_s=ended_s),
        "ended_s": ended_s,
        "verdict": verdict,
        "touched": 30,
        "why": "one did not end in time" if verdict == "broken" else "",
        "cases": [CaseDrilled(use_case=use_case, requests=30, in_budget=30, p50_s=0.1, p99_s=0.2)],
    }
    return msgspec.convert({**dict.fromkeys(MANY, 0), **msgspec.to_builtins(plain)}, Drilled)


MANY = [one.name for one in msgspec.structs.fields(Drilled) if one.required and one.type is int]

READY = Sight(
    use_case=CASE,
    cut=CUT,
    peak=Peak(start_s=0, width_s=60, rate_rps=9, mean_rate_rps=3, useful=100, cost=COST),
    followed=(followed(True, 20, 100), followed(False, 700, 900)),
    drills=(drilled("held"),),
    views=Views(console_url="http://127.0.0.1:8081", console_reachable=True),
)


def check(sight: Sight, question: QuestionName) -> Checked:
    return next(one for one in case_readiness(sight).checks if one.question == question)


def test_everything_instrumented_is_ready() -> None:
    """All questions answered, each once, in their order; nothing is premature."""
    found = readiness("pol-1", [READY])
    assert found.ready
    assert [one.question for one in found.cases[0].checks] == list(QUESTIONS)
    assert premature(found) == premature(found, "rank") == ()


@pytest.mark.parametrize(
    ("question", "changes", "said"),
    [
        ("latency_budget", {"use_case": replace(CASE, budget_s=None)}, "no budget"),
        ("cost_mean", {"cut": None}, "nothing was recorded"),
        ("cost_mean", {"cut": replace(CUT, useful=None)}, "what is useful is not measured"),
        ("cost_mean", {"cut": replace(CUT, unpriced=7)}, "7 of 1,000 predictions have no price"),
        ("cost_mean", {"cut": replace(CUT, useful=19)}, "19 useful predictions; a cost is judged from 20"),
        ("cost_peak", {"peak": Peak(missing="50 s were recorded")}, "50 s were recorded"),
        ("cost_peak", {"peak": replace(READY.peak, useful=3)}, "3 useful predictions"),
        ("late_tracking", {"followed": (followed(True, 1, 19), followed(False, 700, 900))}, "19 late and 900 in time"),
        ("late_tracking", {"followed": (followed(False, 0, 900),)}, "no exposure and no outcome"),
        ("late_tracking", {"followed": ()}, "nothing was delivered"),
        ("fallback", {"use_case": replace(CASE, failure=("error",))}, "reaches the caller as an error"),
        ("drill", {"drills": ()}, "never walked on purpose"),
        ("drill", {"drills": (drilled("held", use_case="other"),)}, "never walked on purpose"),
        ("drill", {"drills": (drilled("held", 50.0), drilled("broken", 60.0))}, "one did not end in time"),
        ("visible", {"views": Views(console_url="http://127.0.0.1:8081")}, "no console answers"),
    ],
)
def test_each_gap_leaves_its_question_open(question: QuestionName, changes: dict, said: str) -> None:
    """The question says why it is open, and premature holds what to do about it."""
    sight = replace(READY, **changes)
    found = check(sight, question)
    assert found.state == "unanswered"
    assert said in found.said
    assert found.instrument in premature(readiness("pol-1", [sight]), "rank")


def test_what_is_instrumented_first_comes_first() -> None:
    """A bare use case: a budget before what can be late, traffic before a peak; each thing is named once."""
    bare = Sight(use_case=UseCase(name="rank", route=Route(strategy="fixed", targets=())))
    first = premature(readiness("pol-1", [bare]))
    assert first[0].startswith("state `latency:")
    assert "through the gateway" in first[1]
    assert first[-1].startswith("start `breakeven console`")
    assert len(set(first)) == len(first)


def test_tracking_that_breaks_with_lateness_is_shown_with_its_interval() -> None:
    """80 of 100 late ones silent, 200 of 900 in time: a difference of about 58 points, with bounds around it."""
    found = check(READY, "late_tracking")
    assert found.said.endswith("tracking breaks with lateness")
    assert found.figure.value == pytest.approx(700 / 900 - 0.2)
    assert 0.5 < found.figure.low < found.figure.value < found.figure.high < 0.7
    even = check(replace(READY, followed=(followed(True, 78, 100), followed(False, 700, 900))), "late_tracking")
    assert even.said.endswith("no difference is shown")


@pytest.mark.parametrize(("used_when", "state"), [("delivered", "not_applicable"), ("outcome", "unanswered")])
def test_no_event_is_missed_where_none_is_waited_for(used_when: str, state: AnswerState) -> None:
    """Use that is counted at delivery has no tracking to break."""
    case = replace(CASE, used_when=used_when)
    assert check(replace(READY, use_case=case, followed=(followed(False, 0, 900),)), "late_tracking").state == state


def test_a_use_case_of_no_policy_is_premature() -> None:
    """Asked for by name, and not there; and a policy without use cases is not ready."""
    assert premature(readiness("pol-1", [READY]), "other") == ("give use case other its place in the policy",)
    assert not readiness("pol-1", []).ready
