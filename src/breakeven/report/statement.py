"""The statement as a document: what a period cost, what it was good for, and what cannot be said."""

from __future__ import annotations

from breakeven.quantity import format_count
from breakeven.report import number
from breakeven.report.document import Align, Block, Document, Risk, Section, Table, Text, Tone, Verdict
from breakeven.report.drawing import waterfall_chart
from breakeven.report.words import NOT_MEASURABLE, STEPS, conversion, period, useful_cost
from breakeven.schema.statement import Cut, Statement

RIGHT: Align = "right"
LEFT: Align = "left"
CONSERVED = Text(text="Every breakdown sums to the total, idle and overlap included.")
NOT_CONSERVED = Risk(text="A breakdown does not sum to the total: do not use these numbers.", tone="bad")

DIMENSIONS = (("tenant", "By tenant"), ("model", "By model"), ("deployment", "By deployment"), ("day", "By day"))
"""Breakdowns printed after the use cases, in this order, when the statement has them."""


HISTOGRAM = "Of merged histograms, for there are many: within 2.6 % of the exact percentiles."
_READABLE_USD = 1e-4


def statement_document(statement: Statement) -> Document:
    """Everything the report prints."""
    sections = [
        Section(title="Answer", blocks=_answer(statement)),
        Section(title="Where the money went", blocks=(waterfall_chart(statement), waterfall_table(statement))),
        Section(title="By use case", blocks=(use_case_table(statement), *_statuses(statement))),
        Section(title="Latency", blocks=(latency_table(statement),)),
        *(_breakdown(statement, key, title) for key, title in DIMENSIONS if _cuts(statement, key)),
        Section(title="Can these numbers be trusted?", blocks=_integrity(statement)),
    ]
    return Document(title="Statement", subtitle=period(statement), sections=tuple(sections), meta=_meta(statement))


def _meta(statement: Statement) -> tuple[tuple[str, str], ...]:
    return tuple(("policy", policy) for policy in statement.policies)


def _cuts(statement: Statement, dimension: str) -> tuple[Cut, ...]:
    return tuple(cut for cut in statement.cuts if cut.dimension == dimension)


def _answer(statement: Statement) -> tuple[Block, ...]:
    total = _total(statement)
    figure = statement.cost_per_useful_prediction_usd
    if not statement.predictions:
        return (Verdict(sentence="Nothing was predicted in this period.", tone="neutral"),)
    if figure.value is None:
        sentence = f"{format_count(statement.predictions)} predictions cost {total}; what a useful one cost is unknown."
        return (Verdict(sentence=sentence, figure=figure.note or NOT_MEASURABLE, tone="warn"),)
    measured = [cut for cut in _cuts(statement, "use_case") if cut.useful is not None]
    observed = sum(cut.predictions - cut.unobserved for cut in measured) if measured else statement.predictions
    sentence = (
        f"A useful prediction cost {_readable(figure.value)}: of {format_count(observed)} predictions whose "
        f"use can be observed, {format_count(statement.useful_predictions)} were useful. All "
        f"{format_count(statement.predictions)} predictions together, idle included, cost {total}."
    )
    bounds = number.interval(figure.low, figure.high, "USD")
    bounds = f"{number.level(figure)} {bounds}" if bounds else ""
    return (
        Verdict(sentence=sentence, figure=number.number(figure.value, "USD"), interval=bounds, tone=_tone(statement)),
    )


def _total(statement: Statement) -> str:
    """What all of it cost: at least so much where some of it has no price, which is not nothing."""
    known, unpriced = (
        number.money(statement.cost_total_pico_usd),
        sum(cut.unpriced for cut in _cuts(statement, "use_case")),
    )
    if not unpriced:
        return known
    least = f"at least {known}" if statement.cost_total_pico_usd else "an unknown amount"
    return f"{least} ({format_count(unpriced)} of them have no price)"


def _readable(cost_usd: float) -> str:
    """Small money once more per million, where people can read it."""
    each = number.number(cost_usd, "USD")
    return f"{each} ({number.number(cost_usd * 1e6, 'USD')} per million)" if cost_usd < _READABLE_USD else each


def _tone(statement: Statement) -> Tone:
    return "neutral" if statement.conserved else "bad"


def waterfall_table(statement: Statement) -> Table:
    """The waterfall, every row of it, and their sum."""
    total = statement.cost_total_pico_usd
    rows: list[tuple[str, ...]] = [
        (
            STEPS.get(step.name, step.name),
            number.money(step.cost_pico_usd),
            number.part(step.cost_pico_usd, total),
            _count(step.predictions),
            step.basis,
        )
        for step in statement.waterfall
    ]
    rows.append(("total", number.money(total), number.part(total, total), format_count(statement.predictions), ""))
    return Table(
        caption="Cost, from total to converted",
        columns=("step", "cost", "share", "predictions", "basis"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT),
    )


def _count(count: int | None) -> str:
    return "-" if count is None else format_count(count)


def use_case_table(statement: Statement) -> Table:
    """Predictions, usefulness, cost and goodput of each use case; their sums are the totals."""
    columns = (
        "use case",
        "predictions",
        "in budget",
        "useful",
        "unobserved",
        "cost",
        "idle in it",
        "per useful",
        "converted",
        "goodput",
    )
    return Table(
        caption="Use cases",
        columns=columns,
        rows=tuple(_use_case(cut) for cut in (*_cuts(statement, "use_case"), statement.total)),
        align=(LEFT, *(RIGHT,) * 6, LEFT, LEFT, RIGHT),
        note="Idle follows work. Unobserved rows leave numerator and denominator of the cost per useful prediction.",
    )


def _use_case(cut: Cut) -> tuple[str, ...]:
    return (
        cut.key or cut.dimension,
        format_count(cut.predictions),
        format_count(cut.in_budget),
        NOT_MEASURABLE if cut.useful is None else format_count(cut.useful),
        format_count(cut.unobserved),
        number.money(cut.cost_pico_usd),
        number.money(cut.idle_pico_usd),
        useful_cost(cut),
        conversion(cut),
        number.figure(cut.goodput_rps),
    )


def _statuses(statement: Statement) -> tuple[Block, ...]:
    if not statement.total.statuses:
        return ()
    text = ", ".join(f"{status} {format_count(n)}" for status, n in sorted(statement.total.statuses.items()))
    return (Text(text=f"How predictions ended: {text}."),)


def latency_table(statement: Statement) -> Table:
    """Percentiles of TTFT, TPOT and the whole answer, with mean and p95 of each use case."""
    rows = [
        (cut.key or cut.dimension, name, *number.percentiles(latency))
        for cut in (*_cuts(statement, "use_case"), statement.total)
        for name, latency in (("TTFT", cut.ttft), ("TPOT", cut.tpot), ("whole answer", cut.total))
        if latency.n
    ]
    return Table(
        caption="Percentiles of answered predictions",
        columns=("use case", "metric", "n", "p50", "p95", "p99"),
        rows=tuple(rows),
        align=(LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT),
        note=HISTOGRAM if statement.percentiles == "histogram" else "",
    )


def _breakdown(statement: Statement, dimension: str, title: str) -> Section:
    rows = tuple(
        (
            _name(statement, cut),
            format_count(cut.predictions),
            format_count(cut.in_budget),
            NOT_MEASURABLE if cut.useful is None else format_count(cut.useful),
            number.money(cut.cost_pico_usd),
            number.part(cut.cost_pico_usd, statement.cost_total_pico_usd),
            useful_cost(cut),
        )
        for cut in _cuts(statement, dimension)
    )
    table = Table(
        caption=title,
        columns=(dimension, "predictions", "in budget", "useful", "cost", "share", "per useful"),
        rows=rows,
        align=(LEFT, *(RIGHT,) * 5, LEFT),
    )
    return Section(title=title, blocks=(table,))


def _name(statement: Statement, cut: Cut) -> str:
    """A day says whether it is final."""
    days = {one.day: one for one in statement.days} if cut.dimension == "day" else {}
    if cut.key not in days:
        return cut.key or "(none)"
    found = days[cut.key]
    return f"{cut.key} (final, version {found.version})" if found.state == "final" else f"{cut.key} (provisional)"


def _integrity(statement: Statement) -> tuple[Block, ...]:
    lost, emulated = statement.lost, statement.total.emulated
    return (
        CONSERVED if statement.conserved else NOT_CONSERVED,
        Text(text=_money(statement)),
        *_over(statement),
        *((Risk(text=f"{format_count(lost)} records are missing from their sequence."),) if lost else ()),
        *((Text(text=_emulated(statement)),) if emulated else ()),
        *(Risk(text=warning) for warning in statement.warnings),
        *((Text(text=_events(statement)),) if statement.events else ()),
    )


def _money(statement: Statement) -> str:
    direct, capacity, idle = (
        number.money(amount)
        for amount in (statement.direct_pico_usd, statement.capacity_pico_usd, statement.idle_pico_usd)
    )
    return f"Charged per request: {direct}. Capacity that was up: {capacity}, of which idle: {idle}."


def _over(statement: Statement) -> tuple[Block, ...]:
    if not statement.over_attributed_pico_usd:
        return ()
    amount = number.money(statement.over_attributed_pico_usd)
    return (Risk(text=f"Work exceeded capacity by {amount}: the deployment's coefficients need calibration."),)


def _emulated(statement: Statement) -> str:
    count = format_count(statement.total.emulated)
    return f"{count} predictions were answered by an emulated deployment: their timing is our model's, not a device's."


def _events(statement: Statement) -> str:
    return "Events: " + ", ".join(f"{name} {format_count(n)}" for name, n in sorted(statement.events.items())) + "."
