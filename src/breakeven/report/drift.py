"""Drift, spending and alerts for people."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_count
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Section, Table, Text, Tone, Verdict
from breakeven.schema.drift import Alert, Drift, DriftVerdict, Spending

LEFT: Align = "left"
RIGHT: Align = "right"
WORDS: dict[DriftVerdict, str] = {
    "worse": "worse",
    "better": "better",
    "changed": "changed",
    "steady": "steady",
    "not_enough_evidence": "not enough evidence",
}


def drift_document(drifts: Sequence[Drift]) -> Document:
    """What `drift` prints: what changed first, then what is steady, then what cannot be said."""
    moved = [one for one in drifts if one.verdict in {"worse", "changed", "better"}]
    steady = [one for one in drifts if one.verdict == "steady"]
    silent = [one for one in drifts if one.verdict == "not_enough_evidence"]
    blocks: tuple[Block, ...] = (_answer(drifts, moved), *((_table("What changed", moved),) if moved else ()))
    sections = [Section(title="Answer", blocks=blocks)]
    if steady:
        sections.append(Section(title="Steady", blocks=(_table("Within what days differ by", steady),)))
    if silent:
        said = sorted({f"{one.metric} of {one.key}: {one.note}" for one in silent})
        sections.append(Section(title="Not enough evidence", blocks=tuple(Text(text=f"{one}.") for one in said)))
    return Document(title="Drift", subtitle="the last whole days against those before", sections=tuple(sections))


def _answer(drifts: Sequence[Drift], moved: Sequence[Drift]) -> Verdict:
    worse = sum(one.verdict == "worse" for one in moved)
    judged = sum(one.verdict != "not_enough_evidence" for one in drifts)
    if not judged:
        return Verdict(sentence="There are too few days to say whether anything changed.", tone="warn")
    if not moved:
        return Verdict(sentence=f"Nothing changed: {format_count(judged)} series are steady.", tone="good")
    tone: Tone = "bad" if worse else "neutral"
    said = f"{format_count(len(moved))} of {format_count(judged)} series changed, {format_count(worse)} for the worse."
    return Verdict(sentence=said, tone=tone)


def _table(caption: str, drifts: Sequence[Drift]) -> Table:
    return Table(
        caption=caption,
        columns=("metric", "of", "before", "recent", "change", "95 % interval", "since", "verdict"),
        rows=tuple(_row(one) for one in drifts),
        align=(LEFT, LEFT, *(RIGHT,) * 4, LEFT, LEFT),
    )


def _row(one: Drift) -> tuple[str, ...]:
    bounds = "-" if one.low is None or one.high is None else f"{one.low:+.1%} to {one.high:+.1%}"
    return (
        one.metric,
        one.key,
        number.number(one.baseline, one.unit),
        number.number(one.recent, one.unit),
        "-" if one.change is None else f"{one.change:+.1%}",
        bounds,
        one.since or "-",
        WORDS[one.verdict],
    )


def spending_document(spending: Sequence[Spending]) -> Document:
    """What `spend` prints: this month's money, and what it will come to."""
    table = Table(
        caption="This month's money",
        columns=("budget", "of", "spent", "limit", "expected at month's end", "5 % to 95 %", "over", "passed on"),
        rows=tuple(_spent(one) for one in spending),
        align=(LEFT, LEFT, *(RIGHT,) * 5, LEFT),
        note="Charges and work; idle capacity is not in it. Whole days like those of the last four weeks are drawn.",
    )
    notes = tuple(Text(text=f"{one.budget or 'Everything'}: {one.note}.") for one in spending if one.note)
    month = spending[0].month if spending else ""
    return Document(title="Spending", subtitle=month, sections=(Section(title="Budgets", blocks=(table, *notes)),))


def _spent(one: Spending) -> tuple[str, ...]:
    bounds = number.interval(one.p5_usd, one.p95_usd, "USD")
    return (
        one.budget or "(everything)",
        one.scope or "all",
        number.number(one.spent_usd, "USD"),
        "-" if one.limit_usd is None else number.number(one.limit_usd, "USD"),
        number.number(one.p50_usd, "USD"),
        bounds or "-",
        "-" if one.over is None else number.share(one.over),
        one.day_reached or "-",
    )


def alerts_document(alerts: Sequence[Alert]) -> Document:
    """What `alerts` prints."""
    critical = sum(one.severity == "critical" for one in alerts)
    if not alerts:
        answer = Verdict(sentence="Nothing is wrong that this looks for.", tone="good")
        return Document(title="Alerts", subtitle="", sections=(Section(title="Answer", blocks=(answer,)),))
    said = f"{format_count(len(alerts))} alerts stand, {format_count(critical)} of them critical."
    table = Table(
        caption="What stands",
        columns=("severity", "what"),
        rows=tuple((one.severity, one.message) for one in alerts),
        align=(LEFT, LEFT),
    )
    verdict = Verdict(sentence=said, tone="bad" if critical else "warn")
    return Document(title="Alerts", subtitle="", sections=(Section(title="Answer", blocks=(verdict, table)),))
