"""Findings as a document: what was promised, what came true, and what cannot be judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from breakeven.quantity import format_count
from breakeven.report import number
from breakeven.report.document import Align, Document, Section, Table, Text, Tone
from breakeven.report.document import Verdict as VerdictBlock
from breakeven.schema.finding import Finding, Verdict

RULE = (
    "A promise came true when the 80 % interval of the actual figure overlaps the predicted interval. "
    "Percentiles have order-statistic intervals, shares Wilson's, costs that of the counted predictions."
)

WORDS: dict[Verdict, str] = {
    "came_true": "came true",
    "better": "better than promised",
    "worse": "worse than promised",
    "not_enough_evidence": "not enough evidence",
    "not_measurable": "not measurable downstream",
}


def finding_document(findings: Sequence[Finding]) -> Document:
    """What `verify` prints."""
    plans = sorted({finding.plan_id for finding in findings})
    sections = (
        Section(title="Answer", blocks=(finding_verdict(findings),)),
        Section(title="Promise by promise", blocks=(finding_table(findings), Text(text=RULE))),
    )
    return Document(
        title="Did it come true?",
        subtitle=", ".join(plans),
        sections=sections,
        meta=tuple(("plan", plan) for plan in plans),
    )


def finding_verdict(findings: Sequence[Finding]) -> VerdictBlock:
    """How many promises came true, in one sentence; the worst of them sets the tone."""
    if not findings:
        return VerdictBlock(sentence="Nothing was promised, so nothing can be judged.")
    counts = Counter(finding.verdict for finding in findings)
    parts = [f"{counts[verdict]} {WORDS[verdict]}" for verdict in WORDS if counts[verdict]]
    return VerdictBlock(sentence=f"Of {len(findings)} promises: {', '.join(parts)}.", tone=_tone(counts))


def _tone(counts: Counter[Verdict]) -> Tone:
    if counts["worse"]:
        return "bad"
    return "good" if counts["came_true"] or counts["better"] else "warn"


def finding_table(findings: Sequence[Finding]) -> Table:
    """One row per promise."""
    right: Align = "right"
    left: Align = "left"
    return Table(
        caption="Promised and actual",
        columns=("metric", "promised", "actual", "80 % interval", "n", "verdict", "note"),
        rows=tuple(_row(finding, of=len({one.deployment for one in findings}) > 1) for finding in findings),
        align=(left, right, right, right, right, left, left),
    )


def _row(finding: Finding, *, of: bool) -> tuple[str, ...]:
    unit = finding.unit
    bounds = number.interval(finding.predicted_low, finding.predicted_high, unit)
    promised = number.number(finding.predicted, unit) + (f" ({bounds})" if bounds else "")
    return (
        f"{finding.metric} of {finding.deployment}" if of else finding.metric,
        promised,
        number.number(finding.actual, unit, unknown="-"),
        number.interval(finding.low, finding.high, unit) or "-",
        format_count(finding.n),
        WORDS[finding.verdict],
        finding.note,
    )
