"""Unit cost: what does one useful prediction cost, and why?"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.console import charts, figures, overview, words
from breakeven.console.query import Query
from breakeven.console.source import Source
from breakeven.console.view import Cell, Column, Labelled, Number, Row, Table, View, Words, count, number
from breakeven.quantity import format_usd, usd_from_pico
from breakeven.report.chart import axis
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Cut, Statement, Step

TITLE = "Unit cost"
_LOSSES = {
    "idle": "paid for idle capacity",
    "unobserved": "went to answers that the replay could not observe",
    "not_served": "went to requests that were not served",
    "late": "went to late answers",
    "not_measurable": "went to answers whose use is not measurable downstream",
    "unidentified": "went to answers for nobody identified",
    "not_used": "went to answers that nobody used",
}
DIMENSIONS = {
    "use_case": "By use case",
    "tenant": "By tenant",
    "model": "By model",
    "deployment": "By deployment",
    "arm": "By experiment arm",
    "day": "By day",
}


def build(source: Source, query: Query) -> View:
    """The view of the unit cost."""
    statement = source.statement(use_case=query.use_case or None, hours=query.hours_back)
    known = overview.known_use_cases(source, query)
    if not statement.predictions:
        verdict = "No prediction, no unit cost."
        empty = words.nothing("traffic", query)
        return View(page="unit-cost", title=TITLE, verdict=verdict, empty=empty, use_cases=known)
    cut = statement.total
    drawn = (charts.money(cut, statement.waterfall), charts.reached(cut, statement.waterfall), charts.ladder(statement))
    return View(
        page="unit-cost",
        title=TITLE,
        verdict=verdict_of(statement),
        tone=overview.tone_of(statement),
        numbers=_numbers(statement),
        charts=tuple(chart for chart in drawn if chart is not None),
        tables=(*_worth(cut), _steps(statement), *_measured(statement), *_dimensions(statement)),
        warnings=overview.warnings(statement),
        emulated=words.emulated(cut),
        period=words.span(statement),
        start_s=statement.start_s,
        end_s=statement.end_s,
        use_cases=known,
    )


def verdict_of(statement: Statement) -> str:
    """One sentence: what share of the money bought useful predictions, and where most of the rest went."""
    total = statement.cost_total_pico_usd
    if not total:
        return "Nothing was charged: every prediction is unpriced or free, so there is no unit cost yet."
    spent = {step.name: step.cost_pico_usd for step in statement.waterfall}
    parts = []
    if statement.useful_predictions is not None:
        useful = sum(spent.pop(name, 0) for name in charts.USEFUL)
        parts.append(f"{axis.percent(useful / total)} bought useful predictions")
    if unknown := spent.pop("not_measurable", 0):
        parts.append(f"{axis.percent(unknown / total)} bought answers whose use cannot be measured")
    worst = max(spent, key=lambda name: spent[name], default="")
    if spent.get(worst, 0) > 0:
        parts.append(f"{axis.percent(spent[worst] / total)} {_losses(worst)}")
    return f"Of {format_usd(usd_from_pico(total))} spent, {_listed(parts)}."


def _losses(name: str) -> str:
    return _LOSSES.get(name, name.replace("_", " "))


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + (
        f" and {parts[-1]}" if len(parts) > 1 else parts[0] if parts else "nothing is known"
    )


def _numbers(statement: Statement) -> tuple[Labelled, ...]:
    cut = statement.total
    each = statement.cost_per_useful_prediction_usd
    reserved = figures.each(cut, cut.predictions, "predictions", per=1000)
    used = figures.each(cut, cut.predictions, "predictions", per=1000, usage=True)
    tokens = cut.input_tokens + cut.output_tokens
    million = figures.each(cut, tokens, "tokens in and out", per=10**6)
    made = [
        Labelled(
            key="cost_per_useful_prediction",
            label="Cost per useful prediction",
            number=number(each, overview.NOT_MEASURABLE),
            detail=overview.per_million(each),
        ),
        Labelled(
            key="cost_per_1000",
            label="Cost per 1,000 predictions",
            number=number(reserved),
            detail="reservation basis: idle included",
        ),
        Labelled(
            key="cost_per_1000_usage",
            label="Cost per 1,000 predictions",
            number=number(used),
            detail="usage basis: idle left out",
        ),
    ]
    if tokens:
        made.append(Labelled(key="cost_per_mtok", label="Cost per million tokens", number=number(million)))
    return (*made, *_energy(cut))


def _worth(cut: Cut) -> tuple[Table, ...]:
    """A useful prediction on both bases, a conversion, and what came back: only where use is measurable."""
    if cut.cost_per_useful_prediction_usd.value is None:
        return ()
    named = (
        ("A useful prediction, idle included (reserved)", cut.cost_per_useful_prediction_usd),
        ("A useful prediction, idle left out (used)", cut.worth.cost_per_useful_usage_usd),
        ("A conversion", cut.worth.cost_per_conversion_usd),
        ("Attributed revenue per USD spent", cut.worth.return_on_spend),
    )
    columns = (
        Column(key="what", title="What", numeric=False),
        Column(key="value", title="Value"),
        Column(key="bounds", title="95 % interval", numeric=False),
        Column(key="note", title="Remark", numeric=False),
    )
    rows = tuple(Row(cells=_told(name, number(figure, "not enough evidence"))) for name, figure in named)
    note = "Revenue is attributed by the ledger's rules, not caused: Verify says what an experiment showed."
    return (Table(key="worth", title="What the money was good for", columns=columns, rows=rows, note=note),)


def _told(name: str, shown: Number) -> tuple[Cell, ...]:
    note = "" if shown.interval else shown.figure.note
    return Words(text=name), shown, Words(text=shown.interval or "-"), Words(text=note or "-")


def _energy(cut: Cut) -> tuple[Labelled, ...]:
    made = []
    for key, label, figure in (("energy", "Energy", cut.energy_kwh), ("carbon", "Carbon", cut.gco2)):
        if figure.value is not None:
            made.append(Labelled(key=key, label=label, number=number(figure), detail=figure.note))
    return tuple(made)


def _steps(statement: Statement) -> Table:
    columns = (
        Column(key="step", title="Step", numeric=False),
        Column(key="predictions", title="Predictions"),
        Column(key="cost", title="Cost"),
        Column(key="share", title="Share"),
        Column(key="basis", title="Basis", numeric=False),
    )
    total = statement.cost_total_pico_usd
    rows = [Row(cells=_step(step, total)) for step in statement.waterfall]
    summed = Step(name="total", cost_pico_usd=total, predictions=statement.predictions, basis="derived")
    rows.append(Row(cells=_step(summed, total), strong=True))
    return Table(
        key="waterfall",
        title="The same, as a table",
        columns=columns,
        rows=tuple(rows),
        note="Every step is shown, idle and overlap included, and the steps sum to the total.",
    )


def _measured(statement: Statement) -> tuple[Table, ...]:
    """Work as it was derived from the performance model, and as telemetry measured it, where it did."""
    if not statement.measured_pico_usd:
        return ()
    fixed, work = statement.measured_pico_usd, statement.capacity_pico_usd - statement.idle_pico_usd
    rows = (
        ("Derived from the performance model", work - fixed, "derived"),
        ("Telemetry measured beyond it", fixed, "measured"),
        ("Work in this statement", work, "measured"),
    )
    columns = (
        Column(key="work", title="Work", numeric=False),
        Column(key="cost", title="Cost"),
        Column(key="basis", title="Basis", numeric=False),
    )
    made = tuple(
        Row(
            cells=(
                Words(text=name),
                number(Figure(value=usd_from_pico(pico), unit="USD", basis=basis, how="capacity price x work")),  # type: ignore[arg-type]
                Words(text=basis),
            ),
            strong=pico == work,
        )
        for name, pico, basis in rows
    )
    return (Table(key="measured", title="Measured against derived work", columns=columns, rows=made),)


def _step(step: Step, total: int) -> tuple[Cell, ...]:
    name, _ = words.STEPS.get(step.name, (step.name.capitalize(), "idle"))
    usd = Figure(
        value=usd_from_pico(step.cost_pico_usd), unit="USD", basis=step.basis, how="sum over the rows of this step"
    )
    share = step.cost_pico_usd / total if total else None
    part = Figure(value=share, unit="share", basis=step.basis, how="step / total cost")
    return (
        Words(text=name),
        count(step.predictions, "rows of this step", unknown="-"),
        number(usd),
        number(part, "-"),
        Words(text=step.basis),
    )


def _dimensions(statement: Statement) -> tuple[Table, ...]:
    tables = []
    for dimension, title in DIMENSIONS.items():
        cuts = [cut for cut in statement.cuts if cut.dimension == dimension]
        if len(cuts) > 1 or (cuts and dimension == "use_case"):
            tables.append(_cut_table(dimension, title, cuts, statement.total))
    return tuple(tables)


def _cut_table(dimension: str, title: str, cuts: Sequence[Cut], total: Cut) -> Table:
    columns = (
        Column(key=dimension, title=title.removeprefix("By ").capitalize(), numeric=False),
        Column(key="predictions", title="Predictions"),
        Column(key="useful", title="Useful"),
        Column(key="cost", title="Cost"),
        Column(key="idle", title="Of it idle"),
        Column(key="per_1000", title="Per 1,000"),
        Column(key="per_useful", title="Per useful"),
    )
    rows = [Row(cells=_cut(cut, cut.key or "(none)")) for cut in cuts]
    rows.append(Row(cells=_cut(total, "total"), strong=True))
    return Table(key=f"by_{dimension}", title=title, columns=columns, rows=tuple(rows))


def _cut(cut: Cut, name: str) -> tuple[Cell, ...]:
    return (
        Words(text=name, badge=overview.badge(cut), tone="warn" if cut.emulated else "plain"),
        count(cut.predictions, "records of this row"),
        count(cut.useful, "in budget, identified and used"),
        number(figures.cost(cut)),
        number(figures.idle(cut)),
        number(figures.each(cut, cut.predictions, "predictions", per=1000), "-"),
        number(cut.cost_per_useful_prediction_usd, overview.NOT_MEASURABLE),
    )
