"""Verification for people: promise by promise, why the cost differs, and what the plan saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.quantity import format_count, format_usd
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Section, Table, Text
from breakeven.report.document import Verdict as VerdictBlock
from breakeven.report.finding import RULE, finding_table, finding_verdict
from breakeven.report.words import NO_EVIDENCE
from breakeven.schema.explained import Explained, Saving
from breakeven.schema.finding import Finding

LEFT: Align = "left"
RIGHT: Align = "right"
UNITS = {"cost_per_useful_prediction_usd": "useful prediction", "cost_per_1000_in_budget_usd": "1,000 in budget"}
DUST = 1e-6
"""Relative to the promise: prices are kept in whole pico-dollars a second."""
HOW = (
    "Each part is what its cause changes on average over all orders in which the causes can change (Shapley), so that "
    "the parts sum to the difference."
)


def verified_document(
    findings: Sequence[Finding], explained: Explained | None = None, saving: Saving | None = None
) -> Document:
    """What `verify` prints."""
    plans = sorted({finding.plan_id for finding in findings})
    sections = [
        Section(title="Answer", blocks=(finding_verdict(findings), *_saved(saving))),
        Section(title="Promise by promise", blocks=(finding_table(findings), *_held(findings), Text(text=RULE))),
    ]
    if explained is not None:
        sections.append(Section(title="Why the cost differs", blocks=tuple(_why(explained))))
    meta = tuple(("plan", plan) for plan in plans)
    return Document(title="Did it come true?", subtitle=", ".join(plans), sections=tuple(sections), meta=meta)


def _saved(saving: Saving | None) -> Iterator[Block]:
    if saving is None:
        return
    unit, promised = UNITS[saving.metric], format_usd(saving.predicted_usd)
    planned = f" The plan promised {promised}." if saving.predicted_usd is not None else ""
    if saving.actual_usd is None:
        yield VerdictBlock(sentence=f"Saving against {saving.holdout}: {NO_EVIDENCE} ({saving.missing}).", tone="warn")
        return
    bounds = number.interval(saving.low_usd, saving.high_usd, "USD")
    yield VerdictBlock(
        sentence=f"Against {saving.holdout}, which kept a part of the traffic, a {unit} costs less by this.{planned}",
        figure=format_usd(saving.actual_usd),
        interval=f"80 % interval {bounds}" if bounds else "",
        tone="good" if (saving.low_usd or 0.0) > 0 else "warn",
    )


def _held(findings: Sequence[Finding]) -> Iterator[Block]:
    held = [one for one in findings if one.holdout_n]
    if not held:
        return
    yield Table(
        caption="The holdout at the same time",
        columns=("metric", "plan", "holdout", "80 % interval of the holdout", "n"),
        rows=tuple(
            (
                one.metric,
                number.number(one.actual, one.unit, unknown="-"),
                number.number(one.holdout, one.unit, unknown="-"),
                number.interval(one.holdout_low, one.holdout_high, one.unit) or "-",
                format_count(one.holdout_n),
            )
            for one in held
        ),
        align=(LEFT, RIGHT, RIGHT, RIGHT, RIGHT),
    )


def _why(found: Explained) -> Iterator[Block]:
    if not found.parts:
        sentence = f"{NO_EVIDENCE.capitalize()}: {found.missing}."
        yield VerdictBlock(sentence=sentence, tone="warn")
        return
    rows = [("promised", format_usd(found.predicted_usd), "")]
    rows += [(one.cause, _signed(one.amount_usd, found.predicted_usd), one.said) for one in found.parts]
    rows.append(("measured", format_usd(found.actual_usd), _within(found)))
    yield Table(
        caption=f"USD per {UNITS[found.metric]}",
        columns=("", "USD", "because"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, LEFT),
    )
    yield Text(text=HOW)


def _within(found: Explained) -> str:
    if found.low_usd is None or found.high_usd is None:
        return "without an interval: too few predictions to say that it differs"
    if found.low_usd <= 0 <= found.high_usd:
        return "the measured interval holds the promise: the difference may be chance"
    return "the measured interval does not hold the promise"


def _signed(amount_usd: float, of_usd: float) -> str:
    """With its sign; what rounding leaves is nothing."""
    if abs(amount_usd) < DUST * abs(of_usd):
        return "$0"
    return format_usd(amount_usd) if amount_usd < 0 else f"+{format_usd(amount_usd)}"
