"""Tables of a comparison: costs by month and level, always-on and burst, latency, tracking, leaving."""

from __future__ import annotations

import datetime as dt
import math

from breakeven.quantity import format_count, format_seconds
from breakeven.report import number
from breakeven.report.citation import Citations
from breakeven.report.currency import cash
from breakeven.report.document import Align, Table
from breakeven.schema.comparison import Assessed, Comparison, LevelCost
from breakeven.schema.noun import Figure

LEFT: Align = "left"
RIGHT: Align = "right"


# -- costs -------------------------------------------------------------------------------------------------------------


def cost_table(found: Comparison, known: Citations) -> Table:
    """A month of the mean demand, proposal by proposal."""
    columns = ("proposal", "a month", "per 1,000", "per 1,000 useful", "not priced", "prices of", "rests on")
    rows = tuple(
        (
            one.vendor,
            money(one.cost, found.currency, least=bool(one.missing)),
            money(one.per_1000, found.currency, least=bool(one.missing)),
            money(one.per_1000_useful, found.currency, "no price"),
            "; ".join(one.missing) or "-",
            _dated(one.date, found.as_of),
            known.marks(("workload", *one.cost.facts, *one.per_1000_useful.facts)),
        )
        for one in found.proposals
    )
    note = (
        f"A month of {format_count(found.requests)} predictions, one-off amounts spread level over the horizon. What "
        "lies above reserved units is counted level by level."
    )
    align = (LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT, LEFT)
    return Table(
        caption=f"A month of the mean demand, {found.currency}", columns=columns, rows=rows, align=align, note=note
    )


def _dated(date: str, today: str) -> str:
    """The date of prices with their age."""
    if not date:
        return "no date"
    days = (dt.date.fromisoformat(today) - dt.date.fromisoformat(date)).days
    return f"{date}, {days:,} days" if days > 0 else date


def level_table(found: Comparison, known: Citations) -> Table:
    """Every proposal at every level of load."""
    multiples = {load.name: load.multiple for load in found.loads}
    columns = (
        "level",
        "predictions",
        "proposal",
        "a month",
        "per 1,000",
        "budget",
        "per 1,000 useful",
        "net",
        "rests on",
    )
    rows = tuple(
        _level(one, level, multiples[name], found.currency, known)
        for name in multiples
        for one in found.proposals
        for level in one.levels
        if level.level == name
    )
    return Table(
        caption="Each level of load, as if the whole month were at it",
        columns=columns,
        rows=rows,
        align=(LEFT, RIGHT, LEFT, RIGHT, RIGHT, LEFT, RIGHT, RIGHT, LEFT),
        note="Net is the value of the useful predictions less the cost. A proposal that misses the latency budget, or "
        "is not known to keep it, has no price per useful prediction.",
    )


def _level(one: Assessed, level: LevelCost, multiple: float, currency: str, known: Citations) -> tuple[str, ...]:
    within = {True: "kept", False: "missed", None: "not known"}
    facts = (*level.cost.facts, *level.latency.facts, *level.per_1000_useful.facts, *level.net.facts)
    return (
        f"{level.level}, {multiple:g}x",
        format_count(level.requests),
        one.vendor,
        money(level.cost, currency, least=bool(one.missing)),
        money(level.per_1000, currency, least=bool(one.missing)),
        within[level.within],
        money(level.per_1000_useful, currency, "no price"),
        money(level.net, currency, "-"),
        known.marks(("workload", *facts)),
    )


def split_table(found: Comparison) -> Table:
    """What the always-on part costs, and what bursts add."""
    rows = tuple(
        (
            one.vendor,
            money(one.always_on, found.currency, one.always_on.note or "unknown", least=bool(one.missing)),
            money(one.burst, found.currency, "unknown", least=bool(one.missing)),
            _burst_share(one),
        )
        for one in found.proposals
    )
    return Table(
        caption=f"A month, {found.currency}",
        columns=("proposal", "always on", "bursts add", "burst share"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT),
        note="Always on is what the demand that is always there would cost alone, without a peak.",
    )


def _mean(found: Comparison) -> float:
    return math.fsum(load.multiple * load.hours for load in found.loads)


def _burst_share(one: Assessed) -> str:
    """What bursts are of the month; of a cost that is not whole nothing is a share."""
    if one.burst.value is None or not one.cost.value or one.missing:
        return "-"
    return number.share(one.burst.value / one.cost.value)


def parts_table(found: Comparison, known: Citations) -> Table:
    """The lines that a month is the sum of."""
    rows = [
        (one.vendor, part.name, cash(part.amount, found.currency), part.formula, known.marks(part.facts))
        for one in found.proposals
        for part in one.parts
    ]
    return Table(
        caption="The lines of a month",
        columns=("proposal", "line", "a month", "formula", "rests on"),
        rows=tuple(rows),
        align=(LEFT, LEFT, RIGHT, LEFT, LEFT),
        note=f"Formulas name the demand and the tokens as the workload states them. Amounts are of the mean of the "
        f"levels, {_mean(found):.4g} x that demand, with tokens as each vendor counts them.",
    )


# -- latency, tracking, growth -----------------------------------------------------------------------------------------


def latency_table(found: Comparison, known: Citations) -> Table:
    """Latency end to end at every level, how it is known, and its spread."""
    rows = tuple(
        (
            one.vendor,
            level.level,
            level.latency.note if level.latency.value is None else format_seconds(level.latency.value),
            level.latency.how or "-",
            ratio(level.spread),
            ratio(level.iqr, "-"),
            known.marks((*level.latency.facts, *level.spread.facts)),
        )
        for one in found.proposals
        for level in one.levels
    )
    return Table(
        caption=f"Latency, budget {found.budget or 'none'}",
        columns=("proposal", "level", "end to end", "how known", "p99 / p50", "(p75 - p25) / p50", "rests on"),
        rows=rows,
        align=(LEFT, LEFT, LEFT, LEFT, RIGHT, RIGHT, LEFT),
        note="Ranked by the widest p99 / p50 of all levels; while one level is unknown, so is that.",
    )


def tracking_table(found: Comparison) -> Table:
    """The rubric, point by point."""
    names = [point.name for point in found.proposals[0].points] if found.proposals else []
    most = [point.most for point in found.proposals[0].points] if found.proposals else []
    columns = ("proposal", *(f"{name.replace('_', ' ')} ({top:g})" for name, top in zip(names, most, strict=True)))
    rows = tuple(
        (one.vendor, *(f"{point.points:g}, {point.state}" for point in one.points), points(one.tracking))
        for one in found.proposals
    )
    return Table(
        caption="Tracking reliability, points",
        columns=(*columns, "of 100"),
        rows=rows,
        align=(LEFT, *[LEFT] * len(names), RIGHT),
        note="Proven earns all points, stated half, no and unknown none. An interval says what open answers could add.",
    )


def exit_table(found: Comparison, known: Citations) -> Table:
    """What leaving costs and what credits pay back."""
    rows = tuple(
        (
            one.vendor,
            money(one.exit, found.currency, "unknown"),
            "-" if one.exit_months.value is None else number.months(one.exit_months.value),
            money(one.credit_most, found.currency, "unknown"),
            one.exit.note or one.exit.how,
            known.marks((*one.exit.facts, *one.credit_most.facts)),
        )
        for one in found.proposals
    )
    return Table(
        caption="Leaving after a year, and what a broken promise pays back",
        columns=("proposal", "leaving", "of spend", "credits, at most", "of what", "rests on"),
        rows=rows,
        align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT, LEFT),
    )


# -- words -------------------------------------------------------------------------------------------------------------


def money(figure: Figure, currency: str, unknown: str = "unpriced", *, least: bool = False) -> str:
    """An amount, or what stands in its place; `least` says that something is missing in it."""
    if figure.value is None:
        return unknown
    return f"{'at least ' if least else ''}{cash(figure.value, currency)}"


def ratio(figure: Figure, unknown: str = "unknown") -> str:
    """A plain ratio."""
    return unknown if figure.value is None else f"{figure.value:.3g}"


def points(figure: Figure) -> str:
    """Tracking points with what the open answers could make of them."""
    if figure.value is None:
        return "unknown"
    open_to = f" ({figure.low:g} to {figure.high:g})" if figure.low is not None and figure.high is not None else ""
    return f"{figure.value:g}{open_to}"
