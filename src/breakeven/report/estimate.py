"""An estimate as a document: the answer, the three choices with their ranges, and what they rest on."""

from __future__ import annotations

from breakeven.quantity import format_count, format_usd
from breakeven.report import number
from breakeven.report.chart import bars
from breakeven.report.citation import Citations, fact_source
from breakeven.report.document import Align, Chart, Document, Items, Provenance, Section, Source, Table, Verdict
from breakeven.schema.estimate import Choice, Estimate
from breakeven.schema.noun import Figure

LEFT: Align = "left"
RIGHT: Align = "right"
WORDS = {"api": "the API", "rent": "renting", "own": "owning"}


def estimate_document(estimate: Estimate) -> Document:
    """What `estimate` prints."""
    ask = estimate.ask
    known = Citations(sources=_sources(estimate))
    asked = (
        f"{ask.model}, {format_count(ask.requests_per_month)} requests a month of {ask.input_tokens:g} input and "
        f"{ask.output_tokens:g} output tokens, prices as of {ask.as_of}"
    )
    sections = (
        Section(title="Answer", blocks=(_verdict(estimate), _chart(estimate))),
        Section(title="A month", blocks=(_choices(estimate, known),)),
        Section(title="Where they cross", blocks=(_crossings(estimate),)),
        Section(title="What it rests on", blocks=(Items(items=estimate.assumptions), Items(items=estimate.caveats))),
        Section(title="Sources", blocks=(Provenance(sources=known.sources),)),
    )
    return Document(title="API, rent or own?", subtitle=asked, sections=sections)


def _sources(estimate: Estimate) -> tuple[Source, ...]:
    return tuple(fact_source(fact, mark) for mark, fact in enumerate(estimate.facts, 1))


def _verdict(estimate: Estimate) -> Verdict:
    priced = [choice for choice in estimate.choices if choice.monthly_usd.value is not None]
    best = next((choice for choice in priced if choice.kind == estimate.cheapest), None)
    if best is None:
        return Verdict(sentence="Nothing that was asked for has a price.", tone="warn")
    others = ", ".join(
        f"{WORDS[choice.kind]} {format_usd(choice.monthly_usd.value)}" for choice in priced if choice is not best
    )
    sentence = f"{WORDS[best.kind].capitalize()} is cheapest at this volume, with {best.name}" + (
        f"; {others}." if others else "; nothing else is priced."
    )
    monthly = best.monthly_usd
    bounds = number.interval(monthly.low, monthly.high, "USD")
    overlap = any(_overlap(monthly, choice.monthly_usd) for choice in priced if choice is not best)
    unsure = " and overlaps with another choice's: the ranking may change" if overlap else ""
    return Verdict(
        sentence=sentence,
        figure=f"{format_usd(monthly.value)} a month",
        interval=f"range {bounds}{unsure}" if bounds else "",
        tone="warn" if overlap else "good",
    )


def _overlap(one: Figure, other: Figure) -> bool:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.low <= other.high and other.low <= one.high


def _chart(estimate: Estimate) -> Chart:
    title = "Cost of a month"
    rows = [
        bars.Row(
            name=f"{choice.kind}: {choice.name or 'none'}",
            value=choice.monthly_usd.value,
            low=choice.monthly_usd.low,
            high=choice.monthly_usd.high,
            tone="good" if choice.kind == estimate.cheapest else "accent",
        )
        for choice in estimate.choices
    ]
    words = ", ".join(f"{choice.kind} {number.figure(choice.monthly_usd)}" for choice in estimate.choices)
    return Chart(title=title, summary=words, svg=bars.bars(rows, unit="USD", title=title, description=words))


def _choices(estimate: Estimate, known: Citations) -> Table:
    return Table(
        caption="Low, base and high cost",
        columns=("choice", "with", "replicas", "a month", "low to high", "per 1,000 requests", "rests on"),
        rows=tuple(_choice(choice, known) for choice in estimate.choices),
        align=(LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT),
    )


def _choice(choice: Choice, known: Citations) -> tuple[str, ...]:
    monthly = choice.monthly_usd
    return (
        choice.kind,
        choice.name or monthly.note,
        "-" if choice.replicas is None else str(choice.replicas),
        format_usd(monthly.value),
        number.interval(monthly.low, monthly.high, "USD") or "-",
        format_usd(choice.per_1000_usd.value),
        known.marks(monthly.facts),
    )


def _crossings(estimate: Estimate) -> Table:
    rows = (
        ("renting beats the API from", *crossing(estimate.rent_volume)),
        ("owning beats the API from", *crossing(estimate.own_volume)),
        ("owning pays back against renting in", *crossing(estimate.own_against_rent_months)),
        ("owning pays back against the API in", *crossing(estimate.own_against_api_months)),
    )
    columns = ("crossing", "base cost", "low cost", "high cost", "how")
    note = "Volumes are requests a month; never is an answer."
    align = (LEFT, RIGHT, RIGHT, RIGHT, LEFT)
    return Table(caption="Break-even", columns=columns, rows=rows, align=align, note=note)


def crossing(figure: Figure) -> tuple[str, str, str, str]:
    """Base, low and high of a crossing, each a number or "never", and how it was found."""
    values = (figure.value, figure.low, figure.high)
    unpriced = figure.note.startswith("not both")
    shown = ("unknown" if unpriced else "never" if value is None else _round(value, figure.unit) for value in values)
    base, low, high = shown
    return base, low, high, figure.note or figure.how


def _round(value: float, unit: str) -> str:
    return f"{format_count(value)} {unit}" if unit == "requests" else f"{value:.3g} {unit}"
