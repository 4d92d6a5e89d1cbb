"""Figures the pages derive from a statement, each saying how."""

from __future__ import annotations

from breakeven.console.view import basis_of
from breakeven.metric.goodput import goodput_share
from breakeven.metric.unit_cost import cost_per_useful_usd
from breakeven.quantity import usd_from_pico
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Cut, Latency


def cost(cut: Cut) -> Figure:
    """Direct and work cost with the idle capacity that follows the work."""
    note = f"{cut.unpriced} predictions are unpriced and not in this sum" if cut.unpriced else ""
    how = "price x tokens + capacity price x work + idle capacity in proportion to work"
    return Figure(value=usd_from_pico(cut.cost_pico_usd), unit="USD", basis="derived", how=how, note=note)


def idle(cut: Cut) -> Figure:
    """Idle capacity in USD."""
    how = "capacity up - work done, shared out in proportion to work"
    return Figure(value=usd_from_pico(cut.idle_pico_usd), unit="USD", basis="derived", how=how)


def idle_share(cut: Cut) -> Figure:
    """Idle capacity as a share of the cost."""
    share = cut.idle_pico_usd / cut.cost_pico_usd if cut.cost_pico_usd else None
    return Figure(value=share, unit="share", basis=basis_of(share, "derived"), how="idle / cost")


def in_budget_share(cut: Cut) -> Figure:
    """Goodput as a share: answered inside every latency target / arrived."""
    share = goodput_share(cut.in_budget, cut.predictions)
    how = "predictions answered inside all their latency targets / predictions arrived"
    return Figure(value=share, unit="share", basis=basis_of(share, "measured"), how=how)


def each(cut: Cut, count: int | None, what: str, *, per: int = 1, usage: bool = False) -> Figure:
    """Cost of one (or of `per`) of something, on reservation basis (with idle) or on usage basis (without)."""
    pico = cut.served_cost_pico_usd if usage else cut.cost_pico_usd
    value = cost_per_useful_usd(pico, 0, count)
    how = f"{'cost without idle capacity' if usage else 'cost'} / {what}{f' x {per:,}' if per > 1 else ''}"
    value = None if value is None else value * per
    return Figure(value=value, unit="USD", basis=basis_of(value, "derived"), how=how)


def percentile(latency: Latency, name: str) -> Figure:
    """One percentile of a cut's latency, such as `p95_s`."""
    value = getattr(latency, name)
    return Figure(value=value, unit="s", basis=basis_of(value, "measured"), how=f"{name[:3]} of {latency.n} answers")
