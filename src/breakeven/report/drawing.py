"""Charts of the nouns: which numbers go into which drawing, and the same in words."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.quantity import format_usd, usd_from_pico
from breakeven.report import number
from breakeven.report.chart import bars, break_even, theme, waterfall
from breakeven.report.document import Chart
from breakeven.report.shown import shown_options
from breakeven.report.words import STEPS
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Statement

TONES: dict[str, theme.Tone] = {
    "idle": "idle",
    "over_attributed": "warn",
    "not_served": "bad",
    "late": "warn",
    "unobserved": "muted",
    "unidentified": "warn",
    "not_used": "idle",
    "used": "good",
    "converted": "good",
}
"""Colours of the waterfall's steps."""


def waterfall_chart(statement: Statement) -> Chart:
    """The waterfall's steps, ending at the total."""
    title = "Where the money went"
    steps = [
        waterfall.Bar(
            name=STEPS.get(step.name, step.name),
            value=usd_from_pico(step.cost_pico_usd),
            tone=TONES.get(step.name, "accent"),
        )
        for step in statement.waterfall
    ]
    total = usd_from_pico(sum(step.cost_pico_usd for step in statement.waterfall))
    steps.append(waterfall.Bar(name="total", value=total, kind="total", tone="muted"))
    summary = ", ".join(
        f"{STEPS.get(step.name, step.name)} {number.money(step.cost_pico_usd)}" for step in statement.waterfall
    )
    text = f"{summary or 'no cost'}; total {format_usd(total)}"
    return Chart(title=title, summary=text, svg=waterfall.waterfall(steps, unit="USD", title=title, description=text))


def options_chart(plan: Plan) -> Chart:
    """Monthly cost of each priced option; those that miss the objective are muted and say why."""
    title = "Monthly cost of each option"
    rows = [
        bars.Row(
            name=option.name,
            value=option.monthly_cost_usd,
            tone=_option_tone(option, plan.chosen),
            note=_note(option),
            strong=option.name == plan.chosen,
        )
        for option in shown_options(plan)
    ]
    chosen = next(option for option in plan.options if option.name == plan.chosen)
    words = f"{chosen.name} {format_usd(chosen.monthly_cost_usd)}, chosen among {len(plan.options)} options"
    return Chart(title=title, summary=words, svg=bars.bars(rows, unit="USD", title=title, description=words))


def _note(option: Option) -> str:
    """Why an option is excluded, in a word or two; that it is unpriced stands where its cost would."""
    word = option.binding.partition(":")[0]
    return "" if option.feasible or (option.monthly_cost_usd is None and word == "unpriced") else word


def _option_tone(option: Option, chosen: str) -> theme.Tone:
    if option.name == chosen:
        return "good"
    return "accent" if option.feasible else "muted"


def break_even_chart(own: Option, rent: Option, horizon_months: int) -> Chart:
    """Cumulative cash of owning and of renting over the horizon, with the month they cross."""
    title = f"{own.name} against {rent.name}, cumulative cost"
    rent_usd, cash_usd = rent.monthly_cost_usd or 0.0, own.bill.cash_opex_usd
    months = float(horizon_months)
    owned = break_even.straight(own.name, upfront_usd=own.bill.capex_usd, monthly_usd=cash_usd, months=months)
    rented = break_even.straight(rent.name, upfront_usd=0.0, monthly_usd=rent_usd, months=months, dashed=True)
    month = own.break_even_months
    crossing = None if month is None else break_even.Crossing(month=month, cost_usd=rent_usd * month)
    words = (
        f"owning costs {format_usd(own.bill.capex_usd)} at once and {format_usd(cash_usd)} a month, "
        f"renting {format_usd(rent_usd)} a month; they cross: {number.months(month)}"
    )
    lines: Sequence[break_even.Curve] = (owned, rented)
    svg = break_even.curve(lines, title=title, description=words, crossing=crossing)
    return Chart(title=title, summary=words, svg=svg)
