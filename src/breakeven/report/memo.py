"""The decision memo: one page that a non-engineer can read and that names the source and date of every number."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_MONTH, format_count, format_usd
from breakeven.report import number
from breakeven.report.citation import Citations, citations
from breakeven.report.document import (
    Align,
    Assumption,
    Block,
    Document,
    Items,
    Provenance,
    Risk,
    Section,
    Table,
    Verdict,
)
from breakeven.report.document import Text as Paragraph
from breakeven.report.drawing import break_even_chart, options_chart
from breakeven.report.finding import RULE, finding_table, finding_verdict
from breakeven.report.latency import latency_table
from breakeven.report.level import level_table
from breakeven.report.memo_parts import (
    apart_sentence,
    flip_blocks,
    lever_sections,
    mix_sections,
    mix_sentence,
    placed_sentence,
    premature_blocks,
    ruled_out_sections,
    sure_sections,
)
from breakeven.report.mix import Enacts
from breakeven.report.shown import shown_options
from breakeven.report.words import review
from breakeven.schema.bill import Line
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Option, Plan
from breakeven.schema.workload import Workload

LEFT: Align = "left"
RIGHT: Align = "right"


def memo(plan: Plan, findings: Sequence[Finding] = (), *, enacts: Enacts = "") -> Document:
    """The memo of a plan; with findings it also says what came true. `enacts` is what files beside it enact.

    Raises:
        FactError: a number of the plan rests on a fact that the plan does not carry.
    """
    known = citations(plan)
    sections = (
        Section(
            title="Decision",
            blocks=(
                _decision(plan),
                *premature_blocks(plan),
                *placed_sentence(plan),
                *apart_sentence(plan),
                *mix_sentence(plan, enacts),
                options_chart(plan),
            ),
        ),
        Section(title="Options", blocks=_options(plan, known)),
        *_levels(plan, known),
        *mix_sections(plan, known, enacts),
        Section(title="What the chosen option costs", blocks=(bill_table(_chosen(plan), known),)),
        Section(title="Break-even", blocks=_break_even(plan, known)),
        *sure_sections(plan, known),
        Section(title="Latency", blocks=(latency_table(_chosen(plan), plan.objective, known),)),
        Section(title="Demand", blocks=(demand_table(plan, known),)),
        Section(title="What would change the decision", blocks=_flips(plan)),
        *lever_sections(plan),
        *ruled_out_sections(plan),
        Section(title="Assumptions", blocks=_assumptions(plan)),
        Section(title="How it will be verified", blocks=_promises(plan, known)),
        *_came_true(findings),
        Section(title="Sources", blocks=(Provenance(sources=known.sources),)),
    )
    title = f"Where {plan.use_case} should run"
    return Document(
        title=title, subtitle=f"Decision memo, prices as of {plan.as_of}", sections=sections, meta=_meta(plan)
    )


def _meta(plan: Plan) -> tuple[tuple[str, str], ...]:
    return (("plan", plan.id), ("seed", str(plan.seed)), ("prices as of", plan.as_of), ("format", str(plan.version)))


def _chosen(plan: Plan) -> Option:
    return next(option for option in plan.options if option.name == plan.chosen)


def headline(plan: Plan) -> Figure | None:
    """The promised unit cost: per useful prediction where use is measured, else per 1,000 in budget."""
    promised = {promise.metric: promise.predicted for promise in plan.promises}
    return promised.get("cost_per_useful_prediction_usd") or promised.get("cost_per_1000_in_budget_usd")


def _unit(plan: Plan) -> str:
    measured = any(promise.metric == "cost_per_useful_prediction_usd" for promise in plan.promises)
    return "useful prediction" if measured else "1,000 predictions in budget"


def _decision(plan: Plan) -> Verdict:
    figure = headline(plan)
    early = "Premature: " if plan.premature else ""
    if figure is None or figure.value is None or _chosen(plan).placement == "edge":
        return Verdict(sentence=early + plan.reason, tone="warn")
    bounds = number.interval(figure.low, figure.high, "USD")
    return Verdict(
        sentence=early + plan.reason,
        figure=f"{format_usd(figure.value)} per {_unit(plan)}, as the ledger charges it",
        interval=f"{number.level(figure)} {bounds}" if bounds else "",
        tone="warn" if plan.premature else "good",
    )


def _options(plan: Plan, known: Citations) -> tuple[Block, ...]:
    columns = ("option", "where", "replicas", "a month", "per 1,000 useful", "in budget", "excluded by", "rests on")
    note = (
        "A cost per useful prediction exists only where the objective is met and the speed is known. "
        f"Useful is counted as {_unit(plan).removeprefix('1,000 ')}. A month has {HOURS_PER_MONTH:g} hours."
    )
    shown = shown_options(plan)
    rows = tuple(_option_row(option, known) for option in shown)
    if len(shown) < len(plan.options):
        note += f" {len(plan.options) - len(shown)} more options are in the plan's file."
    align = (LEFT, LEFT, RIGHT, RIGHT, RIGHT, RIGHT, LEFT, LEFT)
    return (
        Table(
            caption="Options weighed", columns=columns, rows=rows, align=align, note=known.cite(note, ["convention"])
        ),
    )


def _option_row(option: Option, known: Citations) -> tuple[str, ...]:
    unit, speed = option.cost_per_useful_prediction_usd, option.performance
    return (
        option.name,
        option.placement,
        "-" if option.placement == "api" else str(option.deployment.replicas),
        format_usd(option.monthly_cost_usd),
        "-" if unit is None else format_usd(unit * 1000),
        "unknown" if speed is None else number.share(speed.goodput_share.value),
        option.binding or "-",
        known.marks((*known.keys_of(option), "workload")),
    )


def bill_table(option: Option, known: Citations) -> Table:
    """The chosen option's month, line by line, with formula and sources."""
    rows: list[tuple[str, ...]] = [_line(line, known) for line in option.bill.lines]
    rows.append(("total", format_usd(option.bill.total_usd), "sum of the lines", "derived", ""))
    return Table(
        caption=f"{option.name}, a month",
        columns=("line", "USD a month", "formula", "basis", "rests on"),
        rows=tuple(rows),
        align=(LEFT, RIGHT, LEFT, LEFT, LEFT),
        note=_capital(option),
    )


def _line(line: Line, known: Citations) -> tuple[str, ...]:
    return (line.name, format_usd(line.amount_usd), line.formula, line.basis, known.marks((*line.facts, "workload")))


def _capital(option: Option) -> str:
    if not option.bill.capex_usd:
        return ""
    return f"Purchase {format_usd(option.bill.capex_usd)}, residual {format_usd(option.bill.residual_usd)}."


def _break_even(plan: Plan, known: Citations) -> tuple[Block, ...]:
    owned = [option for option in plan.options if option.bill.capex_usd > 0]
    rented = [o for o in plan.options if o.bill.capex_usd == 0 and o.feasible and o.monthly_cost_usd is not None]
    if not owned:
        return (Paragraph(text="No option is bought, so nothing has to pay back."),)
    rival = min(rented, key=lambda o: (o.monthly_cost_usd or 0.0, o.name), default=None)
    if rival is None:
        return (
            Paragraph(text="No rented option or API meets the objective, so there is nothing to pay back against."),
        )
    rows = tuple(_pay_back(option, known) for option in owned)
    columns = ("option", "purchase", "pays back in", "break-even volume a month", "rests on")
    table = Table(
        caption=f"Owning against {rival.name}", columns=columns, rows=rows, align=(LEFT, RIGHT, RIGHT, RIGHT, LEFT)
    )
    best = min(owned, key=lambda o: (not o.feasible, o.monthly_cost_usd or 0.0, o.name))
    return (table, break_even_chart(best, rival, plan.objective.horizon_months))


def _pay_back(option: Option, known: Citations) -> tuple[str, ...]:
    volume = option.break_even_volume_per_month
    return (
        option.name,
        format_usd(option.bill.capex_usd),
        number.months(option.break_even_months) if option.feasible else f"not weighed: {option.binding}",
        "not within its capacity" if volume is None else f"{format_count(volume)} requests",
        known.marks(known.keys_of(option)),
    )


def _asked(load: Workload, mark: str) -> tuple[tuple[str, ...], ...]:
    """What a request asks for: tokens, or rows to score."""
    if not load.input_tokens_mean:
        return (("rows a request scores", f"{load.rows_scored_mean:.4g}", "-", mark),)
    return (
        ("input tokens", f"{load.input_tokens_mean:.4g}", f"{load.input_tokens_p95:.4g}", mark),
        ("output tokens", f"{load.output_tokens_mean:.4g}", f"{load.output_tokens_p95:.4g}", mark),
    )


def demand_table(plan: Plan, known: Citations) -> Table:
    """The workload the plan is made for, mean and p95."""
    load = plan.workload
    mark = known.marks(["workload"])
    rows = (
        ("requests a second", f"{load.rate_mean_rps:.3g}", f"{load.rate_p95_rps:.3g}", mark),
        ("requests a month", format_count(load.rate_mean_rps * SECONDS_PER_MONTH), "-", mark),
        *_asked(load, mark),
    )
    note = f"Shape: {load.shape}. " + "; ".join(load.evidence)
    columns = ("demand", "mean", "p95", "rests on")
    return Table(caption="Workload", columns=columns, rows=rows, align=(LEFT, RIGHT, RIGHT, LEFT), note=note.strip())


def _assumptions(plan: Plan) -> tuple[Block, ...]:
    assumed = [fact for fact in plan.facts if fact.basis == "assumption"]
    blocks: list[Block] = [
        Assumption(
            name=fact.key,
            value=number.number(fact.value, fact.unit),
            source=fact.source,
            as_of=fact.as_of,
            note=f"range {number.interval(fact.low, fact.high, fact.unit)}" if fact.low != fact.high else "",
        )
        for fact in assumed
    ]
    if plan.assumptions:
        blocks.append(Items(items=plan.assumptions))
    return tuple(blocks) or (Paragraph(text="None beyond the facts under Sources."),)


def _levels(plan: Plan, known: Citations) -> tuple[Section, ...]:
    if not plan.levels:
        return ()
    return (Section(title="Low, medium and peak load", blocks=(level_table(plan, known),)),)


def _flips(plan: Plan) -> tuple[Block, ...]:
    drawn = plan.doubt.flips_if if plan.doubt is not None else ()
    said = (Risk(text=text) for text in plan.flips_if if text not in drawn)
    return (*flip_blocks(plan), *said) or (Paragraph(text="Nothing that was weighed."),)


def _promises(plan: Plan, known: Citations) -> tuple[Block, ...]:
    rows = tuple(
        (
            promise.metric,
            number.figure(promise.predicted),
            promise.predicted.basis,
            promise.predicted.how or promise.predicted.note,
            known.marks((*promise.predicted.facts, "workload")),
        )
        for promise in plan.promises
    )
    table = Table(
        caption=f"Promises of {plan.chosen}",
        columns=("metric", "promised (80 % interval)", "basis", "how", "rests on"),
        rows=rows,
        align=(LEFT, RIGHT, LEFT, LEFT, LEFT),
    )
    rule = Paragraph(text=f"breakeven verify compares each with the ledger. {RULE}")
    return table, rule, Paragraph(text=review(plan.as_of))


def _came_true(findings: Sequence[Finding]) -> tuple[Section, ...]:
    if not findings:
        return ()
    return (Section(title="Did it come true?", blocks=(finding_verdict(findings), finding_table(findings))),)
