"""Names and sentences of the pages."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from breakeven.console.query import PERIODS, Query
from breakeven.console.view import Empty, Tone
from breakeven.quantity import format_count
from breakeven.report.chart import theme
from breakeven.schema.finding import Verdict
from breakeven.schema.statement import Cut, Statement

STEPS: dict[str, tuple[str, theme.Tone]] = {
    "idle": ("Idle capacity", "idle"),
    "over_attributed": ("Attributed beyond capacity", "warn"),
    "not_served": ("Refused, failed or cancelled", "bad"),
    "late": ("Answered late", "warn"),
    "unobserved": ("Unobserved by replay", "muted"),
    "unidentified": ("In budget, for nobody identified", "warn"),
    "not_measurable": ("In budget, use not measurable", "accent"),
    "not_used": ("In budget, not used", "idle"),
    "used": ("Used, not converted", "good"),
    "converted": ("Converted", "good"),
}
"""How the ledger's waterfall steps are named and coloured; unknown steps keep their name."""

VERDICTS: dict[Verdict, tuple[str, Tone]] = {
    "came_true": ("came true", "good"),
    "better": ("better than promised", "good"),
    "worse": ("worse than promised", "bad"),
    "not_enough_evidence": ("not enough evidence", "plain"),
    "not_measurable": ("not measurable", "plain"),
}

METRICS = {
    "cost_per_useful_prediction_usd": "Cost per useful prediction",
    "cost_per_1000_in_budget_usd": "Cost per 1,000 in budget",
    "monthly_cost_usd": "Monthly cost",
    "ttft_p50_s": "TTFT, p50",
    "ttft_p95_s": "TTFT, p95",
    "tpot_p50_s": "TPOT, p50",
    "tpot_p95_s": "TPOT, p95",
    "e2e_p95_s": "End to end, p95",
    "goodput_share": "Goodput (share in budget)",
    "goodput_rps": "Goodput",
}

PLACEMENTS = {
    "on_prem": "owned, on premises",
    "colocated": "owned, colocated",
    "cloud": "rented accelerator",
    "api": "API",
    "cpu": "CPU",
    "edge": "devices at the edge",
    "provisioned": "provisioned units of an API",
    "unknown": "unknown",
}

Wanted = Literal["traffic", "plan"]

START = (
    ("breakeven serve --openai-base-url URL", "puts a gateway in front of a model you already have"),
    ("breakeven demo", "shows the whole loop on logged data"),
    ("breakeven report --from FILE", "answers from a log you already have"),
)
EVENTS = (
    ("breakeven events snippet --url URL --key KEY", "the script that lets your pages tell what was seen and clicked"),
    ("breakeven serve --openai-base-url URL", "puts a gateway in front of a model you already have"),
)
PLAN = (
    ("breakeven plan", "weighs the options for the traffic in the ledger"),
    ("breakeven estimate --model M --requests N/month --input T --output T", "first answer from three numbers"),
)


def nothing(wanted: Wanted, query: Query) -> Empty:
    """What to say, and which command to name, when there is nothing to show."""
    if query.use_case or query.hours:
        scope = f" of {query.use_case}" if query.use_case else ""
        period = "" if not query.hours else f" in {period_words(query)}"
        return Empty(text=f"Nothing{scope} was recorded{period}; widen the selection above, or:", commands=START)
    if wanted == "plan":
        return Empty(text="No plan has been made yet. Once the ledger holds traffic:", commands=PLAN)
    return Empty(text="The ledger holds no predictions yet. Any of these fills it:", commands=START)


def period_words(query: Query) -> str:
    """The chosen period."""
    return dict(PERIODS).get(query.hours, f"the last {query.hours} hours")


def moment(time_s: float | None) -> str:
    """An instant in UTC."""
    if time_s is None:
        return ""
    return dt.datetime.fromtimestamp(time_s, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")


def span(statement: Statement) -> str:
    """The period a statement covers."""
    if statement.start_s is None or statement.end_s is None:
        return ""
    start, end = moment(statement.start_s), moment(statement.end_s)
    return f"{start} to {end[11:] if start[:10] == end[:10] else end} UTC"


def emulated(cut: Cut) -> str:
    """A plain label for what no real machine answered."""
    if not cut.emulated:
        return ""
    part = "All" if cut.emulated == cut.predictions else format_count(cut.emulated)
    whole = "" if cut.emulated == cut.predictions else f" of {format_count(cut.predictions)}"
    return (
        f"{part}{whole} predictions were answered by the emulator: their timing is our performance model's, "
        "their cost is at catalog prices, and neither was measured on a machine."
    )
