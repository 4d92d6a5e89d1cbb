"""A drill as a document: whether the failure policy held, promise by promise, and how the touched requests ended."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.quantity import format_count, format_seconds
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Items, Section, Table, Tone, Verdict
from breakeven.report.words import NO_EVIDENCE, instant
from breakeven.schema.drilled import CaseDrilled, Drilled, DrillVerdict, Kept
from breakeven.schema.policy import Drill

LEFT: Align = "left"
RIGHT: Align = "right"
WORDS: dict[DrillVerdict, str] = {"held": "held", "broken": "broken", "not_enough_evidence": NO_EVIDENCE}
_TONES: dict[DrillVerdict, Tone] = {"held": "good", "broken": "bad", "not_enough_evidence": "warn"}
_PLAYED = {
    "slow": "was {delay} late",
    "fail": "answered 503",
    "garble": "answered garbled",
    "absent": "was absent",
}
_PROMISES = {
    "in_time": "ended in time",
    "recorded": "one record, with a reason",
    "chain": "walked the failure chain",
    "amplification": "few retries",
}


def drilled_document(found: Drilled) -> Document:
    """What `drill` prints."""
    sections = [Section(title="Answer", blocks=(_answer(found),))]
    if found.touched:
        sections.append(Section(title="Promise by promise", blocks=(_promise_table(found),)))
        sections.append(Section(title="What the requests met", blocks=tuple(_figures(found))))
    if found.notes:
        sections.append(Section(title="What to know about it", blocks=(Items(items=found.notes),)))
    return Document(
        title=f"Drill: {found.drill.deployment} {played(found.drill)}",
        subtitle=f"{instant(found.drill.from_s)}, for {format_seconds(found.ended_s - found.drill.from_s)}",
        sections=tuple(sections),
        meta=(("drill", found.drill.id),),
    )


def played(drill: Drill) -> str:
    """What a deployment did under a drill, for which share of its requests."""
    said = _PLAYED[drill.fault].format(delay=format_seconds(drill.delay_s))
    return said if drill.share >= 1 else f"{said} for {number.share(drill.share)} of its requests"


def drill_line(found: Drilled) -> str:
    """A drill in one line."""
    ends = ", ".join(f"{format_count(one.requests)} {one.how}" for one in found.endings)
    said = f"{found.drill.deployment} {played(found.drill)}: {WORDS[found.verdict]}"
    return f"{said}: {found.why}" if found.why else f"{said}; of {format_count(found.touched)} requests {ends}"


def _answer(found: Drilled) -> Verdict:
    tone = _TONES[found.verdict]
    if found.verdict == "not_enough_evidence":
        sentence = (
            "Not enough evidence: no request was touched. Drill while there is traffic, or send some with --send."
        )
        return Verdict(sentence=sentence, tone=tone)
    share = number.share(found.in_budget / found.touched)
    figure = f"{share} of {format_count(found.touched)} touched requests within their targets"
    if found.verdict == "broken":
        return Verdict(sentence=f"Broken: {found.why}.", figure=figure, tone=tone)
    return Verdict(sentence="The failure policy held.", figure=figure, tone=tone)


def _promise_table(found: Drilled) -> Table:
    return Table(
        caption="What the gateway promises of every request",
        columns=("promise", "verdict", "because", "such as"),
        rows=tuple(_promise(one) for one in found.promises),
    )


def _promise(one: Kept) -> tuple[str, ...]:
    verdict = {True: "held", False: "broken", None: "not judged"}[one.kept]
    return _PROMISES[one.promise], verdict, one.said, ", ".join(one.breaches)


def _figures(found: Drilled) -> Iterator[Block]:
    yield Table(
        caption="How they ended",
        columns=("ending", "requests", "share"),
        rows=tuple(
            (one.how, format_count(one.requests), number.share(one.requests / found.touched)) for one in found.endings
        ),
        align=(LEFT, RIGHT, RIGHT),
    )
    yield Table(
        caption="How long they took",
        columns=("use case", "requests", "within targets", "p50", "p99", "budget", "worst overrun"),
        rows=tuple(_case(one) for one in found.cases),
        align=(LEFT, *[RIGHT] * 6),
    )
    yield Items(items=tuple(_said(found)))


def _case(one: CaseDrilled) -> tuple[str, ...]:
    return (
        one.use_case,
        format_count(one.requests),
        number.share(one.in_budget / one.requests),
        format_seconds(one.p50_s),
        format_seconds(one.p99_s),
        "none" if one.budget_s is None else format_seconds(one.budget_s),
        "-" if one.overrun_s is None else "none" if one.overrun_s <= 0 else format_seconds(one.overrun_s),
    )


def _said(found: Drilled) -> Iterator[str]:
    yield (
        f"tries at deployments: {format_count(found.tries)}, of them {_several(found.retries, 'retry', 'retries')}, "
        f"{_several(found.hedges, 'hedge', 'hedges')}, "
        f"{_several(found.fallbacks, 'step of the failure chain', 'steps of the failure chain')}"
    )
    if found.amplification is not None:
        yield f"{found.amplification:.3g} first tries and retries per request sent"
    unpriced = f"; {format_count(found.unpriced)} of them have no price" if found.unpriced else ""
    yield f"they cost {number.money(found.cost_pico_usd)}{unpriced}"
    if found.beside:
        share = number.share(found.beside_in_budget / found.beside)
        yield (
            f"other requests of these use cases, not touched (the share, a breaker, the moment until workers know): "
            f"{format_count(found.beside)}, {share} of them within their targets"
        )
    if found.sent:
        yield f"sent by the drill itself: {format_count(found.sent)}, of which {format_count(found.answers)} came back"


def _several(count: int, one: str, many: str) -> str:
    return f"{format_count(count)} {one if count == 1 else many}"
