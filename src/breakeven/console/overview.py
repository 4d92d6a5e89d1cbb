"""Overview: are we getting what we pay for?"""

from __future__ import annotations

from msgspec import UnsetType

from breakeven.console import charts, figures, words
from breakeven.console.query import Query
from breakeven.console.source import Source, Trusted
from breakeven.console.view import Cell, Column, Labelled, Row, Table, Tone, View, Words, count, number
from breakeven.quantity import format_count, format_usd, usd_from_pico
from breakeven.report.chart import axis
from breakeven.schema.drift import Severity
from breakeven.schema.noun import Figure
from breakeven.schema.policy import Policy, UseCase
from breakeven.schema.statement import Cut, Statement

TITLE = "Overview"
NOT_MEASURABLE = "not measurable"
_GOOD_SHARE = 0.95
_SMALL_USD = 0.001

COLUMNS = (
    Column(key="use_case", title="Use case", numeric=False),
    Column(key="predictions", title="Predictions"),
    Column(key="in_budget", title="In budget"),
    Column(key="p95", title="p95"),
    Column(key="goodput", title="Goodput"),
    Column(key="cost", title="Cost"),
    Column(key="useful", title="Useful"),
    Column(key="per_useful", title="Per useful"),
)


def build(source: Source, query: Query) -> View:
    """The view of the overview."""
    statement = source.statement(use_case=query.use_case or None, hours=query.hours_back)
    known = known_use_cases(source, query)
    if not statement.predictions:
        verdict = "Nothing to judge yet."
        empty = words.nothing("traffic", query)
        return View(page="overview", title=TITLE, verdict=verdict, empty=empty, use_cases=known)
    policy, trusted = source.policy(), source.trusted()
    rules = {rule.name: rule for rule in policy.use_cases} if policy else {}
    cuts = [cut for cut in statement.cuts if cut.dimension == "use_case"]
    drawn = (charts.latencies(cuts, rules), charts.costs(cuts))
    return View(
        page="overview",
        title=TITLE,
        verdict=verdict_of(statement),
        tone=tone_of(statement),
        numbers=(*headline(statement), *_month(trusted)),
        charts=tuple(chart for chart in drawn if chart is not None),
        tables=(*_alerts(trusted), _table(cuts, rules, query), *_policy_table(policy)),
        warnings=warnings(statement),
        emulated=words.emulated(statement.total),
        period=words.span(statement),
        start_s=statement.start_s,
        end_s=statement.end_s,
        use_cases=known,
    )


def known_use_cases(source: Source, query: Query) -> tuple[str, ...]:
    """The use cases the selector offers: those of the ledger, of the policy, and the one asked for."""
    policy = source.policy()
    ruled = {rule.name for rule in policy.use_cases} if policy else set()
    seen = {cut.key for cut in source.statement(hours=query.hours_back).cuts if cut.dimension == "use_case"}
    return tuple(sorted((seen | ruled | {query.use_case}) - {""}))


def verdict_of(statement: Statement) -> str:
    """One sentence: what a useful prediction costs, what is lost, and whether the promise on latency holds."""
    cut = statement.total
    inside = axis.percent(figures.in_budget_share(cut).value or 0.0)
    idle = figures.idle_share(cut).value or 0.0
    each = statement.cost_per_useful_prediction_usd.value
    wasted = f", {axis.percent(idle)} of the money paid for idle capacity" if idle >= 0.01 else ""  # noqa: PLR2004 - below 1 % it is no news
    if each is not None:
        costs = f"One useful prediction costs {format_usd(each)}"
        return f"{costs}{wasted}, and {inside} of all predictions were in budget."
    money = format_usd(usd_from_pico(statement.cost_total_pico_usd))
    made = f"{format_count(statement.predictions)} predictions cost {money}"
    if statement.useful_predictions == 0:
        return f"{made}{wasted}, and none of them is known to be useful yet."
    return f"{made}{wasted}, {inside} were in budget, and whether they were useful is not measurable downstream."


def per_million(each: Figure) -> str:
    """A small cost in a size that can be read, or why there is none."""
    if each.value is None or each.value >= _SMALL_USD:
        return "" if each.value is not None else each.note
    return f"{format_usd(each.value * 10**6)} per million"


def tone_of(statement: Statement) -> Tone:
    """Bad when the sums do not add up, good when the latency promise holds."""
    if not statement.conserved:
        return "bad"
    share = figures.in_budget_share(statement.total).value or 0.0
    return "good" if share >= _GOOD_SHARE else "warn"


def headline(statement: Statement) -> tuple[Labelled, ...]:
    """The numbers on top."""
    cut = statement.total
    useful = statement.cost_per_useful_prediction_usd
    inside, idle = figures.in_budget_share(cut), figures.idle_share(cut)
    total = Figure(
        value=usd_from_pico(statement.cost_total_pico_usd),
        unit="USD",
        basis="derived",
        how="capacity for the seconds it was up + charges per token or request",
        note=f"{cut.unpriced} predictions are unpriced and not in this sum" if cut.unpriced else "",
    )
    used = statement.useful_predictions
    detail = "useful is not measurable" if used is None else f"{format_count(used)} useful"
    return (
        Labelled(
            key="cost_per_useful_prediction",
            label="Cost per useful prediction",
            number=number(useful, NOT_MEASURABLE),
            detail=per_million(useful),
        ),
        Labelled(key="cost_total", label="Total cost", number=number(total)),
        Labelled(
            key="predictions",
            label="Predictions",
            number=count(statement.predictions, "one record for each prediction that arrived"),
            detail=detail,
        ),
        Labelled(
            key="in_budget", label="In budget", number=number(inside), detail=f"{format_count(cut.in_budget)} of all"
        ),
        Labelled(key="idle", label="Idle capacity", number=number(idle), detail=format_usd(figures.idle(cut).value)),
    )


def _month(found: Trusted) -> tuple[Labelled, ...]:
    """This month's money and what it will come to."""
    if not found.spending:
        return ()
    whole = found.spending[0]
    figure = Figure(
        value=whole.spent_usd,
        unit="USD",
        basis="derived",
        how=f"charges and work in {whole.month} (UTC); idle capacity is not in it",
        note=whole.note,
    )
    forecast = f"{format_usd(whole.p50_usd)} expected" if whole.p50_usd is not None else "too few days to forecast"
    if whole.p5_usd is not None and whole.p95_usd is not None:
        forecast += f" ({format_usd(whole.p5_usd)} to {format_usd(whole.p95_usd)})"
    return (Labelled(key="month", label="This month", number=number(figure), detail=forecast),)


SEVERITIES: dict[Severity, Tone] = {"critical": "bad", "warning": "warn", "info": "plain"}


def _alerts(found: Trusted) -> tuple[Table, ...]:
    if not found.alerts:
        return ()
    columns = (Column(key="what", title="What", numeric=False), Column(key="severity", title="Severity", numeric=False))
    rows = tuple(
        Row(cells=(Words(text=one.message), Words(text="", badge=one.severity, tone=SEVERITIES[one.severity])))
        for one in sorted(found.alerts, key=lambda one: list(SEVERITIES).index(one.severity))
    )
    return (Table(key="alerts", title="Alerts that stand", columns=columns, rows=rows),)


def warnings(statement: Statement) -> tuple[str, ...]:
    """The statement's own, and what a reader must know before believing it."""
    broken = "The breakdowns do not add up to the total: do not rely on these numbers, and report it."
    # The page's own notice says what is emulated, and what that means.
    others = (_sentence(text) for text in statement.warnings if "answered by the emulator" not in text)
    return (*(() if statement.conserved else (broken,)), *others)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def _table(cuts: list[Cut], rules: dict[str, UseCase], query: Query) -> Table:
    rows = tuple(Row(cells=_cells(cut, rules.get(cut.key), query)) for cut in cuts)
    return Table(key="use_cases", title="Use cases", columns=COLUMNS, rows=rows)


def _cells(cut: Cut, rule: UseCase | None, query: Query) -> tuple[Cell, ...]:
    name = Words(
        text=cut.key,
        badge=badge(cut),
        tone="warn" if cut.emulated else "plain",
        href=query.url("/unit-cost", use_case=cut.key),
    )
    ttft = rule is not None and rule.ttft_s is not None and rule.budget_s is None
    p95 = figures.percentile(cut.ttft if ttft else cut.total, "p95_s")
    return (
        name,
        count(cut.predictions, "records of this use case"),
        number(figures.in_budget_share(cut), "-"),
        number(p95, "-"),
        number(cut.goodput_rps, "-"),
        number(figures.cost(cut)),
        count(cut.useful, "in budget, identified and used", unknown=NOT_MEASURABLE),
        number(cut.cost_per_useful_prediction_usd, NOT_MEASURABLE),
    )


def badge(cut: Cut) -> str:
    """A mark for what was emulated, in whole or in part."""
    if not cut.emulated:
        return ""
    return "emulated" if cut.emulated == cut.predictions else "partly emulated"


def _policy_table(policy: Policy | None) -> tuple[Table, ...]:
    if policy is None:
        return ()
    columns = (
        Column(key="use_case", title="Use case", numeric=False),
        Column(key="tier", title="Tier", numeric=False),
        Column(key="route", title="Goes to", numeric=False),
        Column(key="failure", title="When that fails", numeric=False),
    )
    rows = tuple(
        Row(
            cells=(
                Words(text=rule.name),
                Words(text=rule.tier),
                Words(text=_route(rule)),
                Words(text=", then ".join(rule.failure)),
            )
        )
        for rule in policy.use_cases
    )
    plan = f", from plan {policy.plan_id}" if policy.plan_id else ""
    return (Table(key="policy", title="Policy in force", columns=columns, rows=rows, note=f"Policy {policy.id}{plan}"),)


def _route(rule: UseCase) -> str:
    router = rule.route.router
    if not isinstance(router, UnsetType):
        return f"{', '.join(router.strong)} from score {router.threshold:.3g} on, else {', '.join(router.weak)}"
    whole = sum(target.weight for target in rule.route.targets)
    if len(rule.route.targets) == 1 or not whole:
        return ", ".join(target.deployment for target in rule.route.targets)
    return ", ".join(f"{target.deployment} {axis.percent(target.weight / whole)}" for target in rule.route.targets)
