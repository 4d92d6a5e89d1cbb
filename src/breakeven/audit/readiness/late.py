"""Where does tracking break when the model is late? Late predictions against those in time, as heard of afterwards."""

from __future__ import annotations

from collections.abc import Iterable

from breakeven.audit.actual import ENOUGH
from breakeven.audit.guard import newcombe
from breakeven.schema.guard import Followed
from breakeven.schema.noun import Figure
from breakeven.schema.readiness import AnswerState, Sight

Counts = tuple[int, int]
Answer = tuple[AnswerState, str, Figure | None, str]
"""State, what is said, the figure, and what to instrument."""


def late_tracking(sight: Sight) -> Answer:
    """How much rarer an exposure or outcome is after a late answer than after one in time."""
    case = sight.use_case
    late, in_time = (_counts(sight.followed, late=late) for late in (True, False))
    if not late[1] and not in_time[1]:
        how = f"send traffic of {case.name} through the gateway, or import its log"
        return "unanswered", "nothing was delivered", None, how
    if not late[0] and not in_time[0]:
        return _silent(sight)
    if case.budget_s is None and case.ttft_s is None and case.tpot_s is None:
        how = f"state `latency: {{budget_ms: ...}}` of use case {case.name} in policy.yaml"
        return "unanswered", "nothing can be late without a budget", None, how
    if min(late[1], in_time[1]) < ENOUGH:
        said = f"{late[1]:,} late and {in_time[1]:,} in time; each needs {ENOUGH}"
        how = f"make {case.name} late on purpose: `breakeven drill --fault slow` while there is traffic"
        return "unanswered", said, None, how
    return "answered", _said(late, in_time), _lost(late, in_time), ""


def _silent(sight: Sight) -> Answer:
    if sight.use_case.used_when == "delivered":
        return "not_applicable", "use is counted at delivery: no event is waited for", None, ""
    name = sight.use_case.name
    how = f"send exposures and outcomes of {name} to /events with the prediction's id"
    return "unanswered", "no exposure and no outcome was ever heard of", None, how


def _counts(rows: Iterable[Followed], *, late: bool) -> Counts:
    mine = [row for row in rows if row.late == late]
    return sum(row.tracked for row in mine), sum(row.delivered for row in mine)


def _said(late: Counts, in_time: Counts) -> str:
    silent, usual = 1 - late[0] / late[1], 1 - in_time[0] / in_time[1]
    low, high = newcombe(in_time, late)
    verdict = (
        "tracking breaks with lateness"
        if low > 0
        else "lateness loses no more than punctuality"
        if high <= 0
        else "no difference is shown"
    )
    return (
        f"{silent:.1%} of {late[1]:,} late ones were never heard of, {usual:.1%} of {in_time[1]:,} in time: {verdict}"
    )


def _lost(late: Counts, in_time: Counts) -> Figure:
    low, high = newcombe(in_time, late)
    return Figure(
        value=in_time[0] / in_time[1] - late[0] / late[1],
        low=low,
        high=high,
        unit="share",
        basis="measured",
        how="share heard of in time less share heard of late",
    )
