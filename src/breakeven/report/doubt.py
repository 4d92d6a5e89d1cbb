"""How sure a plan is, for people: the range of each option, who is best how often, what turns it, what to find out.

Everything here is drawn from one `Doubt`; `doubt_blocks` is all of it in the order a reader wants it.
"""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_count, format_usd
from breakeven.report import number
from breakeven.report.chart import bars, strip
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Block, Chart, Items, Risk, Table, Text, Verdict
from breakeven.schema.doubt import Doubt, Fate, Flip, Inquiry, Uncertain, Wait
from breakeven.schema.outlook import Band

LEFT: Align = "left"
RIGHT: Align = "right"
SHOWN = 8
ASKED = 5
SURE, LIKELY = 0.9, 0.5
"""How often an option is best, from which the choice is called sure, or likely."""
PER = 1000.0
"""Costs are shown per so many useful predictions."""


def doubt_blocks(doubt: Doubt, known: Citations) -> tuple[Block, ...]:
    """Verdict, ranges, chances, sensitivity, what to find out next, whether to wait, what is taken as given.

    Raises:
        FactError: an input rests on a fact that is not among the sources.
    """
    return (
        sureness(doubt),
        interval_chart(doubt),
        fate_table(doubt, known),
        best_chart(doubt),
        input_table(doubt, known),
        *inquiry_blocks(doubt),
        wait_block(doubt),
        Items(items=doubt.assumptions),
    )


def fate_of(doubt: Doubt, option: str) -> Fate:
    """How an option fares.

    Raises:
        KeyError: it was not drawn.
    """
    return {one.option: one for one in doubt.fates}[option]


def sureness(doubt: Doubt) -> Verdict:
    """How often the choice is the best one, and what the others would be."""
    own, often = fate_of(doubt, doubt.chosen), doubt.p_best
    word = "almost always" if often >= SURE else "usually" if often >= LIKELY else "only sometimes"
    sentence = (
        f"{doubt.chosen} is {word} the best choice: in {number.share(often)} of {format_count(doubt.draws)} draws"
    )
    if doubt.likeliest != doubt.chosen:
        rival = fate_of(doubt, doubt.likeliest)
        sentence += f"; {rival.option} is best in {number.share(rival.p_best)}"
    sentence += f". To choose it risks {format_usd(own.expected_regret_usd)} over {_months(doubt.horizon_months)}"
    sentence += " against the best choice of each draw."
    return Verdict(
        sentence=sentence,
        figure=f"{_cost(doubt.interval.p50)} per 1,000 useful predictions over the horizon",
        interval=f"90 % interval {_range(doubt.interval)}",
        tone="good" if often >= SURE else "neutral" if often >= LIKELY else "warn",
    )


def _cost(value: float | None) -> str:
    return "-" if value is None else format_usd(value * PER)


def _range(band: Band) -> str:
    return f"{_cost(band.p5)} to {_cost(band.p95)}" if band.p5 is not None else "unknown: the targets are never kept"


def interval_chart(doubt: Doubt) -> Chart:
    """The cost per 1,000 useful predictions of each option, from its 5th to its 95th percentile, on one scale."""
    title = "Cost per 1,000 useful predictions over the horizon"
    rows = [row for one in doubt.fates[:SHOWN] if (row := _strip(one, doubt.chosen)) is not None]
    words = "; ".join(f"{one.option} {_range(one.cost_per_useful_usd)}" for one in doubt.fates[:3])
    words = f"5th to 95th percentile, dot at the median, dotted line as planned: {words}"
    svg = strip.strips(rows, unit="USD", title=title, description=words)
    return Chart(title=title, summary=words, svg=svg)


def _strip(one: Fate, chosen: str) -> strip.Strip | None:
    band = one.cost_per_useful_usd
    if band.p5 is None or band.p50 is None or band.p95 is None or band.p5 <= 0:
        return None
    return strip.Strip(
        name=one.option,
        low=band.p5 * PER,
        middle=band.p50 * PER,
        high=band.p95 * PER,
        mark=None if one.base_usd is None else one.base_usd * PER,
        tone="good" if one.option == chosen else "accent",
        strong=one.option == chosen,
    )


def fate_table(doubt: Doubt, known: Citations) -> Table:
    """Every option over the draws: costs, how often it is best, how often it falls short, what choosing it risks."""
    columns = (
        "option", "5th percentile", "median", "95th percentile", "first month", "best in", "too few replicas",
        "enough for 90 %", "misses targets", "expected regret",
    )  # fmt: skip
    keys = dict.fromkeys(("workload", *(key for one in doubt.inputs for key in one.facts)))
    note = (
        "USD per 1,000 useful predictions, on average over the horizon, replicas following the demand; the first month "
        "(5th to 95th percentile) with the planned replicas at today's prices. Too few: the planned replicas fall "
        "short from the start. Misses: no number of replicas keeps the targets, or a fixed number falls short."
    )
    return Table(
        caption=f"Options over {format_count(doubt.draws)} draws, seed {doubt.seed}",
        columns=columns,
        rows=tuple(_fate(one) for one in doubt.fates),
        align=(LEFT, *(RIGHT for _ in columns[1:])),
        note=known.cite(note, keys),
    )


def _fate(one: Fate) -> tuple[str, ...]:
    band = one.cost_per_useful_usd
    return (
        one.option,
        *(_cost(value) for value in (band.p5, band.p50, band.p95)),
        _range(one.now_usd),
        number.share(one.p_best),
        number.share(one.p_short_now) if one.replicas_sure else "-",
        str(one.replicas_sure) if one.replicas_sure else "-",
        number.share(one.p_misses_slo),
        format_usd(one.expected_regret_usd),
    )


def best_chart(doubt: Doubt) -> Chart:
    """How often each option is the best one."""
    title = "Best choice in"
    ordered = sorted(doubt.fates, key=lambda one: (-one.p_best, one.option))[:SHOWN]
    rows = [
        bars.Row(
            name=one.option,
            value=one.p_best,
            tone="good" if one.option == doubt.chosen else "accent",
            strong=one.option == doubt.chosen,
        )
        for one in ordered
    ]
    words = ", ".join(f"{one.option} {number.share(one.p_best)}" for one in ordered if one.p_best > 0)
    return Chart(title=title, summary=words, svg=bars.bars(rows, unit="share", title=title, description=words))


def input_table(doubt: Doubt, known: Citations) -> Table:
    """What was drawn, what explains most first."""
    shown = doubt.inputs[:SHOWN]
    left = len(doubt.inputs) - len(shown)
    against = (
        f"what {doubt.runner_up} costs more than {doubt.chosen}" if doubt.runner_up else f"what {doubt.chosen} costs"
    )
    more = f" {left} more inputs were drawn." if left else ""
    return Table(
        caption="What is uncertain",
        columns=("input", "low", "base", "high", "explains alone", "range from", "rests on"),
        rows=tuple(_input(one, known) for one in shown),
        align=(LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT),
        note=f"Explains alone: the input's share of the variance of {against} (first-order Sobol index).{more}",
        detail=True,
    )


def _input(one: Uncertain, known: Citations) -> tuple[str, ...]:
    ends = (written(value, one.unit) for value in (one.low, one.base, one.high))
    return (one.name, *ends, number.share(one.share), one.source, known.marks(one.facts))


def written(value: float, unit: str) -> str:
    """A value of an input with its unit; shares and changes in per cent."""
    if unit.startswith("of "):
        return f"{value * 100:,.0f} % {unit}"
    if unit in {"per year", "change per year"}:
        return f"{value * 100:{'+' if value and unit.startswith('change') else ''},.0f} % a year"
    return number.number(value, unit)


def flip_table(doubt: Doubt) -> Table | None:
    """Flip points as rows, the likeliest first; None where nothing that was turned changes the choice."""
    if not doubt.flips:
        return None
    return Table(
        caption=f"What would turn the choice of {doubt.chosen}",
        columns=("input", "now", "turns at", "change", "then best", "draws beyond"),
        rows=tuple(_flip(one) for one in doubt.flips[:SHOWN]),
        align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT, RIGHT),
        note="One input at a time, the others as planned. Draws beyond: how likely it is; a dash where the value is "
        "known today. At the turn both cost the same, except where a replica is added or a target is missed.",
    )


def _flip(one: Flip) -> tuple[str, ...]:
    winner = f"{one.winner} (targets missed)" if one.misses else one.winner
    chance = "-" if one.chance is None else number.share(one.chance)
    moved = number.change(one.base, one.at)
    return one.name, written(one.base, one.unit), written(one.at, one.unit), moved or "-", winner, chance


def flip_risks(doubt: Doubt) -> tuple[Risk, ...]:
    """The same as sentences."""
    return tuple(Risk(text=text) for text in doubt.flips_if)


def inquiry_blocks(doubt: Doubt) -> tuple[Block, ...]:
    """What to measure next, and what knowing everything would be worth."""
    worth = format_usd(doubt.evpi_usd)
    head = f"To know every input exactly would be worth {worth} over {_months(doubt.horizon_months)} at most"
    paying = [one for one in doubt.inquiries if (one.net_usd or 0.0) > 0]
    if not paying:
        return (Text(text=f"{head}; nothing that can be measured before the decision is worth its cost."),)
    first = paying[0]
    text = f"{head}. What to find out next: {first.name}, worth up to {format_usd(first.worth_usd)}: {first.how}."
    return Text(text=text), inquiry_table(paying[:ASKED])


def inquiry_table(inquiries: Sequence[Inquiry]) -> Table:
    """Each with what knowing it is worth and what finding it out costs."""
    return Table(
        caption="What to measure next",
        columns=("what", "worth at most", "costs", "leaves", "how"),
        rows=tuple(
            (one.name, format_usd(one.worth_usd), format_usd(one.cost_usd), format_usd(one.net_usd), one.how)
            for one in inquiries
        ),
        align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT),
        note="Worth: expected value of knowing it exactly before choosing (EVPPI). What several have in common is "
        "learnt with the first; a measurement that is less than exact is worth less.",
    )


def wait_block(doubt: Doubt) -> Block:
    """Whether to decide later: a sentence, and a table where several waits were weighed."""
    if not doubt.waits:
        return Text(text=doubt.wait_verdict)
    return Table(
        caption="Deciding later",
        columns=("wait", "served meanwhile by", "teaches", "costs", "gains"),
        rows=tuple(_wait(one) for one in doubt.waits),
        align=(LEFT, LEFT, RIGHT, RIGHT, RIGHT),
        note=doubt.wait_verdict,
    )


def _wait(one: Wait) -> tuple[str, ...]:
    amounts = (format_usd(value) for value in (one.worth_usd, one.cost_usd, one.net_usd))
    return (number.months(float(one.months)), one.meanwhile, *amounts)


def _months(number: int) -> str:
    return f"{number} month" if number == 1 else f"{number} months"
