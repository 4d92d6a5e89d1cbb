"""The readiness checklist for people: one screen."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.document import Block, Document, Items, Section, Table, Verdict
from breakeven.schema.readiness import AnswerState, CaseReadiness, Checked, Readiness

STATES: dict[AnswerState, str] = {
    "answered": "yes",
    "unanswered": "OPEN",
    "not_applicable": "not applicable",
}


def readiness_document(found: Readiness, first: Sequence[str]) -> Document:
    """What `readiness` prints; `first` is what to instrument, in order."""
    blocks: list[Block] = [_answer(found, first)]
    if first:
        blocks.append(Items(items=tuple(f"{at}. {one}" for at, one in enumerate(first, start=1))))
    sections = (
        Section(title="Answer", blocks=tuple(blocks)),
        *(Section(title=case.use_case, blocks=(_table(case),)) for case in found.cases),
    )
    return Document(title="Ready to decide?", subtitle=found.policy_id, sections=sections)


def _answer(found: Readiness, first: Sequence[str]) -> Verdict:
    if found.ready:
        return Verdict(sentence="Ready: every question can be answered.", tone="good")
    open_ = sum(one.state == "unanswered" for case in found.cases for one in case.checks)
    of = found.cases[0].use_case if len(found.cases) == 1 else f"{len(found.cases)} use cases"
    said = f"Premature: {open_} of the questions about {of} {'is' if open_ == 1 else 'are'} open. Instrument first:"
    return Verdict(sentence=said if first else "Premature: the policy has no use case.", tone="warn")


def _table(case: CaseReadiness) -> Table:
    return Table(
        caption="Can it be answered?",
        columns=("question", "answered", "answer", "evidence"),
        rows=tuple(_row(one) for one in case.checks),
    )


def _row(one: Checked) -> tuple[str, ...]:
    return one.asked, STATES[one.state], one.said, "; ".join(one.evidence) or "-"
