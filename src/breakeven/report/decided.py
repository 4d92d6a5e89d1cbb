"""Decisions for people and for a regulator: the log as a table, one decision with all it rests on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from breakeven.quantity import format_usd
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Items, Section, Table, Text, Tone, Verdict
from breakeven.report.finding import finding_table
from breakeven.report.words import instant
from breakeven.schema.decision import Alternative, Decision, DecisionKind, LogCheck
from breakeven.schema.guard import Guard, GuardVerdict
from breakeven.schema.plan import Promise

LEFT: Align = "left"
RIGHT: Align = "right"
KINDS: dict[DecisionKind, str] = {
    "plan": "planned",
    "apply": "applied",
    "stage": "next stage",
    "rollback": "taken back",
    "verify": "verified",
}
GUARDED: dict[GuardVerdict, str] = {
    "no_harm": "no harm",
    "harm": "harm",
    "not_enough_evidence": "not enough evidence",
    "not_measurable": "not measurable",
}
HOW = (
    "Every entry holds the SHA-256 of the entry before it, so that changing, removing or inserting one shows. "
    "Inputs are given by their SHA-256."
)


def log_document(entries: Sequence[Decision], check: LogCheck, *, whole: bool = False) -> Document:
    """The log as a table; with `whole`, followed by each decision in full."""
    sections = [Section(title="Answer", blocks=(_answer(check),))]
    if entries:
        sections.append(Section(title="What was decided", blocks=(_table(entries), Text(text=HOW))))
    if whole:
        sections += [Section(title=_title(entry), blocks=tuple(_blocks(entry))) for entry in entries]
    return Document(title="Decision log", sections=tuple(sections), meta=(("last line", check.head or "none"),))


def decision_document(entry: Decision) -> Document:
    """One decision: its inputs, alternatives, promises, and what became of them."""
    sections = (Section(title="Decision", blocks=tuple(_blocks(entry))),)
    return Document(title=_title(entry), sections=sections, meta=(("decision", entry.id), ("plan", entry.plan_id)))


def guard_text(found: Guard) -> str:
    """Every measure with its verdict, in a sentence."""
    return "; ".join(f"{one.measure}: {GUARDED[one.verdict]} ({one.said})" for one in found.measures)


def _answer(check: LogCheck) -> Verdict:
    if check.problems:
        said = (
            f"The log was changed after it was written: {check.problems[0]}. {check.entries} entries before it stand."
        )
        return Verdict(sentence=said, tone="bad")
    torn = (
        f" An append of {check.torn_bytes} bytes was cut off and is set aside by the next." if check.torn_bytes else ""
    )
    tone: Tone = "warn" if torn else "good"
    return Verdict(sentence=f"{check.entries} decisions, each chained to the one before it.{torn}", tone=tone)


def _table(entries: Sequence[Decision]) -> Table:
    return Table(
        caption="Oldest first",
        columns=("decision", "when", "what", "use case", "chosen", "promised", "owner", "review"),
        rows=tuple(_row(entry) for entry in entries),
        align=(LEFT, LEFT, LEFT, LEFT, LEFT, RIGHT, LEFT, LEFT),
    )


def _row(entry: Decision) -> tuple[str, ...]:
    stage = "" if entry.rollout is None else f" ({number.share(entry.rollout.share)} of the traffic)"
    return (
        entry.id,
        instant(entry.time_s),
        KINDS[entry.kind] + stage + (", forced" if entry.forced else ""),
        entry.use_case,
        entry.chosen or "-",
        _promised(entry.predicted),
        entry.owner or "-",
        entry.review_on or "-",
    )


def named(promise: Promise, among: Sequence[Promise]) -> str:
    """The metric, and of which deployment where promises are about several."""
    several = len({one.deployment for one in among}) > 1
    return f"{promise.metric} of {promise.deployment}" if several else promise.metric


def _promised(promises: Sequence[Promise]) -> str:
    costs = [one for one in promises if one.metric.startswith("cost_per_")]
    return number.figure(costs[-1].predicted) if costs else "-"


def _title(entry: Decision) -> str:
    return f"{entry.id}: {KINDS[entry.kind]}, {instant(entry.time_s)}"


def _blocks(entry: Decision) -> Iterator[Block]:
    yield Verdict(sentence=entry.reason or "No reason was given.")
    yield Items(items=tuple(_facts(entry)))
    if entry.alternatives:
        yield _alternatives(entry)
    if entry.predicted:
        yield _predicted(entry.predicted)
    if entry.actual:
        yield finding_table(entry.actual)
    yield _inputs(entry)


def _facts(entry: Decision) -> Iterator[str]:
    yield f"plan: {entry.plan_id}, use case: {entry.use_case}, prices as of {entry.facts_as_of or 'no date'}"
    yield f"policy: {entry.policy_before or 'none'} before, {entry.policy_after or 'unchanged'} after"
    yield f"owner: {entry.owner or 'not stated'}, review: {entry.review_on or 'no date set'}"
    if entry.rollout is not None:
        stages = ", ".join(number.share(one) for one in entry.rollout.stages)
        at = f"stage {entry.rollout.at + 1} of {len(entry.rollout.stages)} ({stages})"
        yield f"{at}, holdout {entry.rollout.holdout:g}"
    if entry.undoes:
        yield f"takes back: {entry.undoes}"
    if entry.forced:
        yield "forced: a guard was passed over"


def _alternatives(entry: Decision) -> Table:
    return Table(
        caption="What was weighed",
        columns=("option", "where", "a month", "per 1,000 useful", "excluded by"),
        rows=tuple(_alternative(one, entry.chosen) for one in entry.alternatives),
        align=(LEFT, LEFT, RIGHT, RIGHT, LEFT),
    )


def _alternative(one: Alternative, chosen: str) -> tuple[str, ...]:
    unit = one.cost_per_useful_prediction_usd
    name = f"{one.option} (chosen)" if one.option == chosen else one.option
    cost = "-" if unit is None else format_usd(unit * 1000)
    return name, one.placement, format_usd(one.monthly_cost_usd), cost, one.binding or "-"


def _predicted(promises: Sequence[Promise]) -> Table:
    return Table(
        caption="What was promised",
        columns=("metric", "promised (80 % interval)", "basis"),
        rows=tuple((named(one, promises), number.figure(one.predicted), one.predicted.basis) for one in promises),
        align=(LEFT, RIGHT, LEFT),
    )


def _inputs(entry: Decision) -> Table:
    rows = [(name, entry.inputs[name]) for name in sorted(entry.inputs)]
    rows += [(f"{one.path} before", one.before_sha256) for one in entry.files]
    rows += [(f"{one.path} after", one.after_sha256) for one in entry.files]
    rows.append(("entry before this one", entry.previous or "none: this is the first"))
    return Table(caption="Inputs and files", columns=("what", "SHA-256"), rows=tuple(rows), detail=True)
