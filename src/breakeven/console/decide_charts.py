"""The charts of the decision: monthly cost, and the month when owning overtakes renting."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.console.charts import both
from breakeven.console.view import Chart
from breakeven.quantity import format_usd
from breakeven.report.chart import axis, bars, break_even, theme
from breakeven.schema.plan import Option, Plan

_HORIZONS = (12, 24, 36, 60, 120)
_SHOWN = 8


def build(plan: Plan) -> tuple[Chart, ...]:
    """Those that the plan's options allow."""
    drawn = (_monthly(plan), _curve(plan))
    return tuple(chart for chart in drawn if chart is not None)


def _monthly(plan: Plan) -> Chart | None:
    priced = [option for option in plan.options if option.monthly_cost_usd is not None]
    if not priced:
        return None
    ordered = sorted(priced, key=lambda option: (not option.feasible, option.monthly_cost_usd, option.name))
    rows = [_row(option, plan) for option in ordered[:_SHOWN]]
    title = "Monthly cost"
    description = "; ".join(f"{row.name}: {axis.write(row.value, 'USD')} {row.note}".strip() for row in rows)

    def draw(width: float) -> str:
        return bars.bars(rows, unit="USD", title=title, description=description, width=width)

    left = len(ordered) - len(rows)
    caption = f"{left} dearer or infeasible options are in the table." if left else ""
    return both(draw, key="monthly", title=title, caption=caption)


def _row(option: Option, plan: Plan) -> bars.Row:
    picked = option.name == plan.chosen
    tone: theme.Tone = "accent" if picked else "muted" if option.feasible else "idle"
    note = "chosen" if picked else "" if option.feasible else "misses a target"
    return bars.Row(name=option.name, value=option.monthly_cost_usd, tone=tone, note=note, strong=picked)


def _curve(plan: Plan) -> Chart | None:
    owned, rented = pair(plan)
    if owned is None or rented is None:
        return None
    months = _horizon(owned.break_even_months)
    lines = [
        break_even.straight(
            owned.name,
            upfront_usd=owned.bill.capex_usd,
            monthly_usd=owned.bill.cash_opex_usd,
            months=months,
            tone="accent",
        ),
        break_even.straight(
            rented.name,
            upfront_usd=0.0,
            monthly_usd=rented.monthly_cost_usd or 0.0,
            months=months,
            tone="warn",
            dashed=True,
        ),
    ]
    crossing = _crossing(owned)
    title = "Cash paid by month"
    description = f"{owned.name} costs {format_usd(owned.bill.capex_usd)} upfront. {_sentence(owned, rented)}"

    def draw(width: float) -> str:
        height = 300.0 if width > 400 else 240.0  # noqa: PLR2004 - a phone's chart is lower
        return break_even.curve(
            lines, crossing=crossing, title=title, description=description, width=width, height=height
        )

    return both(draw, key="break_even", title=title, caption=_sentence(owned, rented))


def _sentence(owned: Option, rented: Option) -> str:
    if owned.break_even_months is None:
        return f"At this demand {owned.name} never overtakes {rented.name} within the plan's horizon."
    return f"{owned.name} has cost less than {rented.name} from month {owned.break_even_months:.3g} on."


def pair(plan: Plan) -> tuple[Option | None, Option | None]:
    """The owned option (the chosen one, else the cheapest) and the cheapest rented one, which break-even is against."""
    priced = [option for option in plan.options if option.feasible and option.monthly_cost_usd is not None]
    owned = [option for option in priced if option.bill.capex_usd > 0]
    rented = [option for option in priced if option.bill.capex_usd == 0]
    return _pick(owned, plan.chosen), _pick(rented, "")


def _pick(options: Sequence[Option], name: str) -> Option | None:
    return min(options, key=lambda option: (option.name != name, option.monthly_cost_usd, option.name), default=None)


def _horizon(month: float | None) -> int:
    wished = 36 if month is None else month * 1.6
    return next((horizon for horizon in _HORIZONS if horizon >= max(wished, 24)), _HORIZONS[-1])


def _crossing(owned: Option) -> break_even.Crossing | None:
    if owned.break_even_months is None:
        return None
    month = owned.break_even_months
    return break_even.Crossing(month=month, cost_usd=owned.bill.capex_usd + owned.bill.cash_opex_usd * month)
