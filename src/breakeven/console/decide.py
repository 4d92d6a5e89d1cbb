"""Decide: buy, rent, API, edge? The plan's options, its choice, and whether its promises came true."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.console import decide_charts, ready, words
from breakeven.console.overview import NOT_MEASURABLE
from breakeven.console.query import Query
from breakeven.console.source import Source
from breakeven.console.view import (
    Cell,
    Column,
    Labelled,
    Number,
    Passage,
    Row,
    Table,
    Tone,
    View,
    Words,
    basis_of,
    number,
)
from breakeven.quantity import format_count, format_usd
from breakeven.schema.fact import Fact
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure
from breakeven.schema.plan import Option, Plan

TITLE = "Decide"
_PER = 1000

OPTIONS = (
    Column(key="option", title="Option", numeric=False),
    Column(key="placement", title="Where", numeric=False),
    Column(key="monthly_cost", title="Monthly cost"),
    Column(key="per_useful", title="Per 1,000 useful"),
    Column(key="p95", title="TTFT p95"),
    Column(key="break_even", title="Breaks even"),
    Column(key="verdict", title="Verdict", numeric=False),
)
FINDINGS = (
    Column(key="promise", title="Promise", numeric=False),
    Column(key="promised", title="Promised", interval=True),
    Column(key="actual", title="Actual", interval=True),
    Column(key="rows", title="Rows"),
    Column(key="verdict", title="Verdict", numeric=False),
)
FACTS = (
    Column(key="fact", title="Fact", numeric=False),
    Column(key="value", title="Value"),
    Column(key="as_of", title="As of", numeric=False),
    Column(key="source", title="Source", numeric=False),
)


def build(source: Source, query: Query) -> View:
    """The view of the decision."""
    plans = [plan for plan in source.plans() if query.use_case in {"", plan.use_case}]
    known = _known(source, query)
    plan = _asked(plans, query.plan, source)
    if plan is None:
        empty = words.nothing("plan", Query(use_case=""))
        return View(page="decide", title=TITLE, verdict="Nothing decided yet.", empty=empty, use_cases=known)
    findings = source.findings(plan.id)
    return View(
        page="decide",
        title=TITLE,
        verdict=verdict_of(plan, findings),
        tone=_tone(findings),
        reason=plan.reason,
        numbers=_numbers(plan),
        charts=decide_charts.build(plan),
        tables=(
            _options(plan),
            _findings(findings),
            *ready.tables(source.readiness(), plan.use_case),
            _facts(plan.facts),
        ),
        passages=_passages(plan),
        emulated=_emulated(findings),
        period=f"prices and facts as of {plan.as_of}",
        use_cases=known,
        plans=tuple((known_plan.id, _plan_name(known_plan)) for known_plan in plans),
    )


def _known(source: Source, query: Query) -> tuple[str, ...]:
    policy = source.policy()
    ruled = {rule.name for rule in policy.use_cases} if policy else set()
    return tuple(sorted((ruled | {plan.use_case for plan in source.plans()} | {query.use_case}) - {""}))


def _asked(plans: Sequence[Plan], plan_id: str, source: Source) -> Plan | None:
    """The plan asked for, else the one in force, else the newest."""
    policy = source.policy()
    for wanted in (plan_id, policy.plan_id if policy else ""):
        for plan in plans:
            if wanted and plan.id == wanted:
                return plan
    return plans[0] if plans else None


def _plan_name(plan: Plan) -> str:
    return f"{plan.use_case}: {plan.chosen} ({plan.id[:8]})"


def chosen(plan: Plan) -> Option | None:
    """The chosen option."""
    return next((option for option in plan.options if option.name == plan.chosen), None)


def verdict_of(plan: Plan, findings: Sequence[Finding]) -> str:
    """One sentence: what to run, what it costs, what it saves, and how much of the promise came true so far."""
    option = chosen(plan)
    if option is None:
        return f"No option meets what {plan.use_case} asks for."
    cost = f" for {format_usd(option.monthly_cost_usd)} a month" if option.monthly_cost_usd is not None else ""
    return f"Run {plan.use_case} on {option.name}{cost}{_saving(plan, option)}{_came_true(findings)}."


def _saving(plan: Plan, option: Option) -> str:
    rivals = [
        rival
        for rival in plan.options
        if rival.name != option.name and rival.feasible and rival.monthly_cost_usd is not None
    ]
    if not rivals or option.monthly_cost_usd is None:
        return ", the only option that meets the targets" if not rivals else ""
    rival = min(rivals, key=lambda found: found.monthly_cost_usd or 0.0)
    spared = (rival.monthly_cost_usd or 0.0) - option.monthly_cost_usd
    if spared <= 0:
        return ""
    return f", {format_usd(spared)} less than {rival.name}"


def _came_true(findings: Sequence[Finding]) -> str:
    judged = [finding for finding in findings if finding.verdict in {"came_true", "better", "worse"}]
    if not findings:
        return "; nothing has been measured under it yet"
    if not judged:
        return "; there is not enough evidence yet to say whether it came true"
    kept = sum(finding.verdict != "worse" for finding in judged)
    return f"; {kept} of {len(judged)} promises that can be judged came true"


def _tone(findings: Sequence[Finding]) -> Tone:
    verdicts = {finding.verdict for finding in findings}
    if "worse" in verdicts:
        return "warn"
    return "good" if verdicts & {"came_true", "better"} else "plain"


def _numbers(plan: Plan) -> tuple[Labelled, ...]:
    option = chosen(plan)
    if option is None:
        return ()
    made = [
        Labelled(key="monthly_cost", label="Monthly cost", number=_monthly(option)),
        Labelled(key="cost_per_1000_useful", label="Cost per 1,000 useful predictions", number=_useful(option)),
        Labelled(key="break_even", label="Break-even", number=_break_even(option), detail=_volume(option)),
    ]
    if option.performance is not None:
        rho = Figure(
            value=option.performance.rho, unit="share", basis="derived", how="offered load / capacity at mean demand"
        )
        made.append(Labelled(key="p95", label="TTFT p95, predicted", number=number(option.performance.ttft_p95_s)))
        made.append(Labelled(key="utilisation", label="Utilisation, predicted", number=number(rho)))
    return tuple(made)


def _monthly(option: Option) -> Number:
    how = " + ".join(line.name.replace("_", " ") for line in option.bill.lines) or "no line could be priced"
    facts = tuple(sorted({fact for line in option.bill.lines for fact in line.facts}))
    note = f"unpriced: {', '.join(option.bill.unpriced)}" if option.bill.unpriced else ""
    basis = basis_of(option.monthly_cost_usd, "derived")
    return number(Figure(value=option.monthly_cost_usd, unit="USD", basis=basis, how=how, facts=facts, note=note))


def _useful(option: Option) -> Number:
    each = option.cost_per_useful_prediction_usd
    value = None if each is None else each * _PER
    how = "1,000 x monthly cost / (predictions a month x share that is useful, or in budget where use is unknown)"
    basis = basis_of(value, "derived")
    return number(Figure(value=value, unit="USD", basis=basis, how=how, note=option.binding), "no price")


def _break_even(option: Option) -> Number:
    value = option.break_even_months
    how = "upfront payment / monthly saving against the cheapest rented or API option"
    basis = basis_of(value, "derived")
    figure = Figure(value=value, unit="months", basis=basis, how=how)
    upfront = option.bill.capex_usd > 0
    return number(figure, "never" if upfront else "nothing upfront")


def _volume(option: Option) -> str:
    if option.break_even_volume_per_month is None:
        return ""
    return f"from {format_count(option.break_even_volume_per_month)} requests a month"


def _options(plan: Plan) -> Table:
    rows = tuple(
        Row(cells=_option(option, plan), strong=option.name == plan.chosen)
        for option in sorted(plan.options, key=lambda found: _rank(found, plan))
    )
    return Table(key="options", title="Options", columns=OPTIONS, rows=rows)


def _rank(option: Option, plan: Plan) -> tuple[bool, bool, bool, float, str]:
    cost = option.monthly_cost_usd
    return option.name != plan.chosen, not option.feasible, cost is None, cost or 0.0, option.name


def _option(option: Option, plan: Plan) -> tuple[Cell, ...]:
    unknown = Figure(value=None, unit="s")
    p95 = option.performance.ttft_p95_s if option.performance else unknown
    tone: Tone = "good" if option.name == plan.chosen else "plain"
    return (
        Words(text=option.name, badge="chosen" if option.name == plan.chosen else "", tone=tone),
        Words(text=words.PLACEMENTS.get(option.placement, option.placement)),
        _monthly(option),
        _useful(option),
        number(p95, "unknown"),
        _break_even(option),
        _fitness(option),
    )


def _fitness(option: Option) -> Words:
    if option.feasible:
        return Words(text="meets the targets", tone="good")
    return Words(text=option.binding or "does not meet the targets", tone="bad")


def _findings(findings: Sequence[Finding]) -> Table:
    note = "" if findings else "Apply the plan and let traffic run; then `breakeven verify` compares promise and fact."
    rows = tuple(Row(cells=_finding(finding)) for finding in findings)
    return Table(key="findings", title="Did it come true?", columns=FINDINGS, rows=rows, note=note)


def _finding(finding: Finding) -> tuple[Cell, ...]:
    text, tone = words.VERDICTS[finding.verdict]
    promised = Figure(
        value=finding.predicted,
        unit=finding.unit,
        low=finding.predicted_low,
        high=finding.predicted_high,
        basis="derived",
        how=f"what the plan promised for {finding.deployment}" if finding.deployment else "what the plan promised",
    )
    actual = Figure(
        value=finding.actual,
        unit=finding.unit,
        low=finding.low,
        high=finding.high,
        basis=finding.basis,
        how=f"measured on {format_count(finding.n)} rows of the ledger",
        note=finding.note,
    )
    rows = Figure(value=finding.n, unit="count", basis="measured", how="rows behind the actual figure")
    name = words.METRICS.get(finding.metric, finding.metric)
    return (
        Words(text=name),
        number(promised),
        number(actual, NOT_MEASURABLE if finding.verdict == "not_measurable" else "no data"),
        number(rows),
        Words(text=text, tone=tone),
    )


def _facts(facts: Sequence[Fact]) -> Table:
    rows = tuple(
        Row(
            cells=(
                Words(text=fact.key),
                number(
                    Figure(
                        value=fact.value, unit=fact.unit, low=fact.low, high=fact.high, basis="assumed", how=fact.basis
                    )
                ),
                Words(text=fact.as_of),
                Words(text=fact.source),
            )
        )
        for fact in facts
    )
    return Table(key="facts", title="Facts it rests on", columns=FACTS, rows=rows, folded=True)


def _passages(plan: Plan) -> tuple[Passage, ...]:
    found = (("It flips if", plan.flips_if), ("It assumes", plan.assumptions))
    return tuple(Passage(title=title, items=items) for title, items in found if items)


def _emulated(findings: Sequence[Finding]) -> str:
    if not any("emulated" in finding.note for finding in findings):
        return ""
    return (
        "The actual figures come from an emulated deployment: they check the plan against our own model, not a machine."
    )
