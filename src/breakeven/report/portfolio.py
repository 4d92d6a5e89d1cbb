"""A portfolio in a document: the mix, its month line by line, tiers, regret, schedule and front."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_count, format_seconds, format_usd
from breakeven.report import number
from breakeven.report.chart import duration
from breakeven.report.citation import Citations
from breakeven.report.document import Align, Block, Chart, Items, Table
from breakeven.report.document import Text as Paragraph
from breakeven.schema.portfolio import BY_USE, Commitment, ParetoEntry, Part, Portfolio, Regret, RegretTable

LEFT: Align = "left"
RIGHT: Align = "right"
MOST_LEFT = 3
"""What was not weighed is named as far as this."""
MOST_ALONE = 4
"""Units that could carry the load alone are named as far as this, the cheapest first."""
MOST_BEATEN = 12
"""Options that lost are shown as far as this, the cheapest first; the front is shown whole."""


def portfolio_blocks(portfolio: Portfolio, known: Citations | None = None) -> tuple[Block, ...]:
    """The mix and why, the curve it carries, its month line by line, and what was left out.

    Raises:
        FactError: a line rests on a fact that has no footnote in `known`; without `known` there are no marks.
    """
    tiers = (tier_table(portfolio),) if len(portfolio.tiers) > 1 else ()
    left = tuple(f"{name}: {reason}" for name, reason in portfolio.left_out[:MOST_LEFT])
    if len(portfolio.left_out) > MOST_LEFT:
        left = (*left, f"and {len(portfolio.left_out) - MOST_LEFT} more")
    return (
        Paragraph(text=_sentence(portfolio)),
        load_chart(portfolio),
        mix_table(portfolio),
        *tiers,
        line_table(portfolio, known),
        *((Paragraph(text="Not weighed in the mix:"), Items(items=left)) if left else ()),
    )


def _sentence(portfolio: Portfolio) -> str:
    each = portfolio.cost_per_useful_prediction_usd
    per = "" if each is None else f" That is {format_usd(each * 1000)} per 1,000 useful predictions."
    gap = portfolio.gap
    sure = "Not every mix was weighed, and nothing bounds what another would save."
    if gap is not None:
        sure = f"No mix of these units saves more than {gap:.2%}." if gap else "No mix of these units costs less."
    return f"{portfolio.reason[:1].upper()}{portfolio.reason[1:]}{per} {sure}"


def load_chart(portfolio: Portfolio) -> Chart:
    """The load-duration curve, stacked by what carries it."""
    title = "What carries the load, hour by hour of a month"
    layers = [
        duration.Layer(name=part.name, carried=tuple(one.carried_rps[at] for one in portfolio.curve))
        for at, part in enumerate(portfolio.parts)
    ]
    shares = ", ".join(f"{part.name} {number.share(part.share)}" for part in portfolio.parts)
    waits = " Work that may wait is not drawn." if portfolio.placing == "deferred" else ""
    words = f"of {portfolio.mean_rps:.3g} requests/s on average and {portfolio.peak_rps:.3g} at most: {shares}.{waits}"
    hours = [one.hours for one in portfolio.curve]
    svg = duration.duration(hours, layers, unit="requests/s", title=title, description=words)
    return Chart(title=title, summary=words, svg=svg)


def mix_table(portfolio: Portfolio) -> Table:
    """One row a part: how many, what it serves and costs, and what one more or less would cost."""
    rows = [_part(part) for part in portfolio.parts]
    total = format_usd(portfolio.monthly_usd)
    rows.append(("together", "", "", "100 %", "", total, "", "", ""))
    alone = ", ".join(f"{name} {format_usd(cost)}" for name, cost in portfolio.alone[:MOST_ALONE])
    apart = ""
    if portfolio.placing != "together":
        apart = f" Tiers are placed apart ({portfolio.placing}); as one they cost {format_usd(portfolio.together_usd)}."
    return Table(
        caption="The mix, a month",
        columns=("part", "how", "units", "requests", "idle", "USD", "per 1,000", "one less", "one more"),
        rows=tuple(rows),
        align=(LEFT, LEFT, *(RIGHT for _ in range(7))),
        note="Units of what follows the load are the most at a time. One less, one more: USD a month beyond this mix. "
        f"Inside the targets: {number.share(portfolio.attainment)}. Alone: {alone or 'none carries the load'}.{apart}",
    )


def _part(part: Part) -> tuple[str, ...]:
    units = "-" if part.unit_hours is None else f"{part.units}"
    if part.replicas > part.units:
        units += f" ({part.replicas} replicas)"
    return (
        part.name,
        part.kind.replace("_", " ") + (", held" if part.committed and part.kind in BY_USE else ""),
        units,
        number.share(part.share),
        "-" if part.idle_share is None or not part.committed else number.share(max(0.0, part.idle_share)),
        format_usd(part.monthly_usd),
        "-" if part.usd_per_request is None else format_usd(part.usd_per_request * 1000),
        _more(part.regret_less_usd),
        _more(part.regret_more_usd),
    )


def _more(regret_usd: float | None) -> str:
    return "-" if regret_usd is None else f"+{format_usd(regret_usd)}"


def line_table(portfolio: Portfolio, known: Citations | None = None) -> Table:
    """Every line of the month, with its formula."""
    rows = [
        (line.name, format_usd(line.amount_usd), line.formula, known.marks(line.facts) if known else "")
        for line in portfolio.bill.lines
    ]
    rows.append(("total", format_usd(portfolio.bill.total_usd), "sum of the lines", ""))
    columns = ("line", "USD a month", "formula", "rests on")
    cut = len(columns) if known else -1
    return Table(
        caption="What the mix costs, line by line",
        columns=columns[:cut],
        rows=tuple(row[:cut] for row in rows),
        align=(LEFT, RIGHT, LEFT, LEFT)[:cut],
        detail=True,
    )


def tier_table(portfolio: Portfolio) -> Table:
    """Where the requests of each tier go."""
    rows = tuple(
        (
            one.tier,
            number.share(one.share),
            ", ".join(f"{name} {number.share(share)}" for name, share in one.shares),
        )
        for one in portfolio.tiers
    )
    note = "Critical requests go to spot only where on-demand stands behind it, important ones up to spot's share."
    return Table(
        caption=f"Tiers, placed {portfolio.placing}",
        columns=("tier", "of the requests", "served by"),
        rows=rows,
        align=(LEFT, RIGHT, LEFT),
        note=note,
    )


def regret_block(table: RegretTable) -> Table:
    """Each commitment in each scenario: its month, and in brackets what it costs beyond the best there."""
    heads = (f"{name} ({chance:.0%})" for name, chance in zip(table.scenarios, table.probabilities, strict=True))
    saved = table.perfect_information_usd
    knows = "" if saved is None else f" Knowing the scenario would save {format_usd(saved)} a month on average."
    return Table(
        caption="Commitments in each scenario, USD a month",
        columns=("commitment", *heads, "expected", "most regret", f"dearest {table.tail_share:.0%}"),
        rows=tuple(_regret(row) for row in table.rows),
        align=(LEFT, *(RIGHT for _ in range(len(table.scenarios) + 3))),
        note=f"In brackets: beyond the best choice there. Least expected cost: {table.least_expected or 'none'}; least "
        f"regret: {table.least_regret or 'none'}; least in the dearest {table.tail_share:.0%}: "
        f"{table.least_tail or 'none'}.{knows}",
    )


def _regret(row: Regret) -> tuple[str, ...]:
    cells = tuple(
        "not carried" if cost is None else format_usd(cost) + (f" (+{format_usd(lost)})" if lost else "")
        for cost, lost in zip(row.cost_usd, row.regret_usd, strict=True)
    )
    figures = (row.expected_cost_usd, row.max_regret_usd, row.tail_cost_usd)
    return (row.option, *cells, *("-" if figure is None else format_usd(figure) for figure in figures))


def commitment_blocks(name: str, plan: Commitment) -> tuple[Block, ...]:
    """When to buy, commit, renew and let go on one course of events."""
    rows = tuple(
        (f"{step.month}", step.act, f"{step.units} {step.name}", format_usd(step.usd_per_unit_h)) for step in plan.steps
    )
    spared = plan.best_static_usd - plan.cost_usd
    against = f"{format_usd(spared)} less than" if spared > 1e-6 * plan.cost_usd else "as much as"
    table = Table(
        caption=f"What to do when: {name}",
        columns=("month", "act", "what", "USD per unit and hour"),
        rows=rows or (("0", "commit to nothing", "-", "-"),),
        align=(RIGHT, LEFT, LEFT, RIGHT),
        note=f"The horizon costs {format_usd(plan.cost_usd)}, {against} the best choice that never changes and "
        f"{format_usd(plan.all_burst_usd - plan.cost_usd)} less than no commitment. Gap: {plan.gap:.2%}.",
    )
    return (table, *((Items(items=plan.notes),) if plan.notes else ()))


def pareto_table(entries: Sequence[ParetoEntry]) -> Table:
    """The front first, then what lost and to which option; unknown figures are said."""
    ordered = sorted(entries, key=lambda one: (not one.on_front, one.cost_per_useful_prediction_usd or 0.0, one.name))
    shown = ordered[: sum(one.on_front for one in ordered) + MOST_BEATEN]
    return Table(
        caption="What nothing beats, and why the rest lost",
        detail=True,
        columns=("option", "per 1,000 useful", "p95", "deviation", "quality", "g CO2 per 1,000", "tracked", "verdict"),
        rows=tuple(_entry(one) for one in shown),
        align=(LEFT, *(RIGHT for _ in range(6)), LEFT),
        note="An option is beaten by one that is nowhere worse and somewhere better, on every figure known of it."
        + (f" {len(ordered) - len(shown)} more lost." if len(shown) < len(ordered) else ""),
    )


def _entry(one: ParetoEntry) -> tuple[str, ...]:
    cost, quality, carbon = one.cost_per_useful_prediction_usd, one.quality, one.carbon_g_per_1000
    return (
        one.name,
        "unknown" if cost is None else format_usd(cost * 1000),
        format_seconds(one.latency_p95_s),
        format_seconds(one.latency_sd_s),
        "unknown" if quality is None else f"{quality:.3g}",
        "unknown" if carbon is None else format_count(carbon) if carbon >= 100 else f"{carbon:.3g}",  # noqa: PLR2004
        number.share(one.tracking_share),
        one.reason or "on the front",
    )
