"""Verify: may these numbers be believed, and what did the experiments show?"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.console import words
from breakeven.console.overview import known_use_cases
from breakeven.console.query import Query
from breakeven.console.source import Source, Trusted
from breakeven.console.view import (
    Cell,
    Column,
    Labelled,
    Passage,
    Row,
    Table,
    Tone,
    View,
    Words,
    basis_of,
    count,
    number,
)
from breakeven.quantity import format_count, usd_from_pico
from breakeven.schema.close import Standing
from breakeven.schema.drift import Drift, DriftVerdict
from breakeven.schema.experiment import Effect, Lift
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Statement

TITLE = "Verify"
METRICS = {
    "cost_per_useful": "Cost per useful prediction",
    "conversion": "Conversion of subjects",
    "revenue_per_subject": "Revenue per subject",
    "useful_share": "Useful share of predictions",
    "cost_per_subject": "Cost per subject",
    "return_on_spend": "Revenue per USD of inference",
}
DRIFTS: dict[DriftVerdict, tuple[str, Tone]] = {
    "worse": ("worse", "bad"),
    "better": ("better", "good"),
    "changed": ("changed", "warn"),
    "steady": ("steady", "good"),
    "not_enough_evidence": ("not enough evidence", "plain"),
}
EFFECTS: dict[str, Tone] = {"better": "good", "worse": "bad"}


def build(source: Source, query: Query) -> View:
    """The view of what supports the numbers."""
    statement = source.statement(use_case=query.use_case or None, hours=query.hours_back)
    known = known_use_cases(source, query)
    if not statement.predictions:
        empty = words.nothing("traffic", query)
        return View(page="verify", title=TITLE, verdict="Nothing to verify yet.", empty=empty, use_cases=known)
    found = source.trusted()
    lifts = [(case, one) for case, one in found.lifts if query.use_case in {"", case}]
    return View(
        page="verify",
        title=TITLE,
        verdict=verdict_of(statement, found.closes),
        tone="good" if _sound(statement, found.closes) else "bad",
        reason="Drift and arms are looked at over the whole ledger, whatever period is chosen.",
        numbers=_numbers(statement, found),
        tables=(*(_arms(case, one) for case, one in lifts), *_drift(found.drifts), *_closes(found.closes)),
        passages=_absent(found, lifts),
        emulated=words.emulated(statement.total),
        period=words.span(statement),
        start_s=statement.start_s,
        end_s=statement.end_s,
        use_cases=known,
    )


def _sound(statement: Statement, closes: Sequence[Standing]) -> bool:
    return statement.conserved and not statement.lost and all(one.sound for one in closes)


def verdict_of(statement: Statement, closes: Sequence[Standing]) -> str:
    """One sentence: what holds, or first of all what does not."""
    if not statement.conserved:
        return "The breakdowns do not add up to the total: do not rely on these numbers."
    broken = [one for one in closes if not one.sound]
    if broken:
        return f"The close of {broken[0].close.month} does not hold: {broken[0].wrong}."
    if statement.lost:
        return f"The sums add up, and {format_count(statement.lost)} records are missing from their node's sequence."
    months = f", and the chain of {len(closes)} closed {'month' if len(closes) == 1 else 'months'} holds"
    joined = f", no record is lost{months}" if closes else " and no record is lost"
    return f"Every sum adds up exactly{joined}."


def _absent(found: Trusted, lifts: Sequence[object]) -> tuple[Passage, ...]:
    """What is not shown, and what would change that."""
    lacking = []
    if not lifts:
        lacking.append("Arms: a route with two arms, x-breakeven-subject on its requests; or ask breakeven lift.")
    if all(one.verdict == "not_enough_evidence" for one in found.drifts):
        lacking.append("Drift: two weeks of whole days.")
    if not found.closes:
        lacking.append("Closed months: breakeven reconcile close YYYY-MM freezes one for good.")
    return (Passage(title="Not here yet", items=tuple(lacking)),) if lacking else ()


def _numbers(statement: Statement, found: Trusted) -> tuple[Labelled, ...]:
    judged = [one for one in found.drifts if one.verdict != "not_enough_evidence"]
    worse = sum(one.verdict == "worse" for one in judged)
    return (
        Labelled(
            key="apart",
            label="Breakdowns less total",
            number=number(_apart(statement)),
            detail="every step of the waterfall, summed",
        ),
        Labelled(key="lost", label="Records lost", number=count(statement.lost, "sequence numbers without a record")),
        Labelled(
            key="worse",
            label="Series that got worse",
            number=count(worse if judged else None, "last whole days against those before", unknown="too few days"),
            detail=f"of {format_count(len(judged))} that can be judged" if judged else "whole days are compared",
        ),
        Labelled(
            key="closed",
            label="Closed months",
            number=count(len(found.closes), "statements frozen in a chain of hashes"),
            detail="each holds the hash of the one before",
        ),
    )


def _apart(statement: Statement) -> Figure:
    pico = sum(step.cost_pico_usd for step in statement.waterfall) - statement.cost_total_pico_usd
    return Figure(value=usd_from_pico(pico), unit="USD", basis="derived", how="sum of the steps - total cost")


def _arms(use_case: str, found: Lift) -> Table:
    columns = (
        Column(key="metric", title="Metric", numeric=False),
        Column(key="control", title=found.control.capitalize()),
        Column(key="treatment", title=found.treatment.capitalize()),
        Column(key="difference", title="Difference", interval=True),
        Column(key="verdict", title="Verdict", numeric=False),
    )
    told = [one for one in found.effects if one.estimate is not None and (one.control or one.treatment)]
    subjects = f"{format_count(found.subjects)} subjects, {format_count(found.rows)} predictions"
    blocked = f" {found.verdict.capitalize()}: {found.why}." if found.why else ""
    more = f"breakeven lift --use-case {use_case} --control {found.control} --treatment {found.treatment}"
    return Table(
        key=f"arms_{use_case}",
        title=f"{use_case}: {found.treatment} against {found.control}",
        columns=columns,
        rows=tuple(Row(cells=_effect(one), strong=one.metric == found.metric) for one in told),
        note=f"{subjects}. The interval holds at every look.{blocked} More: {more}",
    )


def _effect(one: Effect) -> tuple[Cell, ...]:
    made = {name: getattr(one, name) for name in ("control", "treatment", "estimate")}
    how = "sum over subjects of this arm"
    sides = [
        Figure(value=made[name], unit=one.unit, basis=basis_of(made[name], "measured"), how=how)
        for name in ("control", "treatment")
    ]
    change = Figure(
        value=one.estimate,
        unit=one.unit,
        basis=basis_of(one.estimate, "measured"),
        low=one.low,
        high=one.high,
        how="treatment - control, with an interval that holds at every look",
    )
    verdict = Words(text="", badge=one.verdict, tone=EFFECTS.get(one.verdict, "plain"))
    name = Words(text=METRICS.get(one.metric, one.metric))
    return (name, *(number(side, "-") for side in (*sides, change)), verdict)


def _drift(drifts: Sequence[Drift]) -> tuple[Table, ...]:
    rows = [one for one in drifts if one.verdict != "not_enough_evidence"]
    if not rows:
        return ()
    columns = (
        Column(key="series", title="Series", numeric=False),
        Column(key="baseline", title="Before"),
        Column(key="recent", title="Recent"),
        Column(key="change", title="Change", interval=True),
        Column(key="since", title="Since", numeric=False),
        Column(key="verdict", title="Verdict", numeric=False),
    )
    moved = sorted(rows, key=lambda one: list(DRIFTS).index(one.verdict))
    note = "The last whole days against those before, corrected for how many series are looked at."
    made = tuple(Row(cells=_drifted(one)) for one in moved)
    return (Table(key="drift", title="What changed", columns=columns, rows=made, note=note, folded=len(made) > 12),)  # noqa: PLR2004 - a page


def _drifted(one: Drift) -> tuple[Cell, ...]:
    sides = [
        Figure(value=value, unit=one.unit, basis=basis_of(value, "measured"), how=f"{what} of daily values")
        for value, what in ((one.baseline, "level before"), (one.recent, "recent level"))
    ]
    change = Figure(
        value=one.change,
        unit="share",
        basis=basis_of(one.change, "measured"),
        low=one.low,
        high=one.high,
        how="recent against before, with its 95 % interval",
    )
    said, tone = DRIFTS[one.verdict]
    name = Words(text=f"{one.metric.replace('_', ' ')}, {one.key}")
    cells = (number(side, "-") for side in (*sides, change))
    return (name, *cells, Words(text=one.since or "-"), Words(text="", badge=said, tone=tone))


def _closes(closes: Sequence[Standing]) -> tuple[Table, ...]:
    if not closes:
        return ()
    columns = (
        Column(key="month", title="Month", numeric=False),
        Column(key="predictions", title="Predictions"),
        Column(key="cost", title="Cost"),
        Column(key="adjustment", title="Since then"),
        Column(key="hash", title="Hash", numeric=False),
        Column(key="holds", title="Holds", numeric=False),
    )
    rows = tuple(Row(cells=_close(one)) for one in closes)
    note = "A closed month is never written again; what arrives later stands beside it as an adjustment."
    return (Table(key="closes", title="Closed months", columns=columns, rows=rows, note=note),)


def _close(one: Standing) -> tuple[Cell, ...]:
    frozen, since = one.close.statement, one.adjustment
    how = "what the ledger says now - what was frozen"
    moved = 0.0 if since is None else usd_from_pico(since.cost_pico_usd)
    cost = Figure(value=usd_from_pico(frozen.cost_pico_usd), unit="USD", basis="derived", how="as it was closed")
    return (
        Words(text=one.close.month),
        count(frozen.predictions, "as they were closed"),
        number(cost),
        number(Figure(value=moved, unit="USD", basis="derived", how=how)),
        Words(text=one.close.hash[:12]),
        Words(text=one.wrong, badge="holds" if one.sound else "broken", tone="good" if one.sound else "bad"),
    )
