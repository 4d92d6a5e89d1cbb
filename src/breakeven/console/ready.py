"""The readiness checklist as a table of the Decide page: what can be answered before a decision, and what cannot."""

from __future__ import annotations

from breakeven.console.view import Column, Row, Table, Tone, Words
from breakeven.schema.readiness import AnswerState, CaseReadiness, Checked, Readiness

COLUMNS = (
    Column(key="use_case", title="Use case", numeric=False),
    Column(key="question", title="Question", numeric=False),
    Column(key="answer", title="Answer", numeric=False),
)
STATES: dict[AnswerState, tuple[str, Tone]] = {
    "answered": ("answered", "good"),
    "unanswered": ("open", "warn"),
    "not_applicable": ("not applicable", "plain"),
}


def tables(found: Readiness | None, use_case: str) -> tuple[Table, ...]:
    """One table over the use cases asked for; none before there is a policy."""
    cases = [] if found is None else [case for case in found.cases if use_case in {"", case.use_case}]
    rows = tuple(_row(case, one) for case in cases for one in case.checks)
    if not rows:
        return ()
    title = "Ready to decide?"
    return (Table(key="readiness", title=title, columns=COLUMNS, rows=rows, note=_note(cases), folded=True),)


def _row(case: CaseReadiness, one: Checked) -> Row:
    badge, tone = STATES[one.state]
    answer = Words(text=one.said, badge=badge, tone=tone)
    return Row(cells=(Words(text=case.use_case), Words(text=one.asked), answer))


def _note(cases: list[CaseReadiness]) -> str:
    open_ = sum(one.state == "unanswered" for case in cases for one in case.checks)
    if not open_:
        return "Every question can be answered."
    return f"{open_} open: a decision is premature. `breakeven readiness` says what to instrument first."
