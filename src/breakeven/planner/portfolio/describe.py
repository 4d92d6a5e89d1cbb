"""A choice as a portfolio: parts, lines that sum to the total, what one unit more or less would cost, and why."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from breakeven.planner.portfolio.dispatch import Served, Task, serve
from breakeven.planner.portfolio.load import Array, Duration
from breakeven.planner.portfolio.plant import Plant
from breakeven.planner.portfolio.search import Found
from breakeven.planner.portfolio.spread import spread
from breakeven.planner.portfolio.tiers import Tiers
from breakeven.quantity import SECONDS_PER_HOUR, format_usd
from breakeven.schema.bill import Bill, Line
from breakeven.schema.portfolio import Part, Placing, Portfolio, Slice, TierPart, Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What one unit does in a month: rate by window, units by window (None of an API), requests that waited."""

    unit: Unit
    rate_rps: Array
    units: Array | None
    waited: float


def described(  # noqa: PLR0913 - a portfolio is its choice and everything the choice was made from
    found: Found,
    plant: Plant,
    task: Task,
    *,
    load: Duration,
    tiers: Tiers,
    placing: Placing,
    together_usd: float,
    alone: tuple[tuple[str, float], ...],
    left_out: tuple[tuple[str, str], ...],
) -> Portfolio:
    """The portfolio of a choice."""
    served = serve(np.array([found.counts], dtype=np.int64), plant, found.route, task, found.worth)
    uses = _uses(found, plant, served)
    lines = tuple(line for use in uses for line in _lines(use, task.firm))
    beside = _beside(found, plant, task)
    parts = tuple(_part(use, task.firm, load.requests, beside.get(use.unit.name, (None, None))) for use in uses)
    total, right = sum(line.amount_usd for line in lines), float(served.useful[0])
    in_time = sum(part.share * use.unit.attainment for part, use in zip(parts, uses, strict=True))
    return Portfolio(
        parts=parts,
        burst=tuple(use.unit.name for use in uses if not use.unit.committed),
        bill=Bill(option="portfolio", lines=lines),
        monthly_usd=total,
        cost_per_useful_prediction_usd=total / right if right > 0 else None,
        requests=load.requests,
        useful=right,
        attainment=in_time,
        peak_rps=load.peak_rps,
        mean_rps=load.mean_rps,
        placing=placing,
        together_usd=together_usd,
        reason=reason(parts, total, alone, placing, together_usd),
        tiers=_tiers(uses, parts, tiers, placing, load),
        alone=alone,
        gap=found.gap,
        left_out=left_out,
        curve=_curve(uses, task.firm),
    )


def _tiers(
    uses: Sequence[Use], parts: Sequence[Part], tiers: Tiers, placing: Placing, load: Duration
) -> tuple[TierPart, ...]:
    if not load.requests:
        return ()
    waited = {use.unit.name: use.waited / load.requests for use in uses if use.waited > 0}
    spot = next((use.unit.most_share for use in uses if use.unit.kind == "spot"), 0.0)
    return spread(parts, tiers, placing, waited=waited, spot_share=spot)


ROUNDING = 1e-9
"""Differences below this share of a cost are rounding."""
SLICES = 48
"""Stretches that a load-duration curve is drawn with."""


def _curve(uses: Sequence[Use], firm: Duration) -> tuple[Slice, ...]:
    """Equal stretches of the month, the highest load first, with the mean rate that each part carries."""
    order = np.argsort(-firm.rate_rps, kind="stable")
    ends = np.append(0.0, np.cumsum(firm.hours[order]))
    cuts = np.linspace(0, ends[-1], SLICES + 1)
    each = ends[-1] / SLICES
    sums = [np.interp(cuts, ends, np.append(0.0, np.cumsum((use.rate_rps * firm.hours)[order]))) for use in uses]
    carried = np.maximum(np.diff(np.array(sums).reshape(len(uses), SLICES + 1), axis=1) / each, 0.0)
    return tuple(Slice(hours=float(each), carried_rps=tuple(column.tolist())) for column in carried.T)


def _uses(found: Found, plant: Plant, served: Served) -> tuple[Use, ...]:
    """The units that are had or used, what is committed first."""
    waited = {name: float(count[0]) for name, count in served.waiting}
    uses = [
        Use(unit=unit, rate_rps=rate[0], units=np.full(rate.shape[1], float(count)), waited=waited.get(unit.name, 0.0))
        for unit, rate, count in zip(plant.units, served.committed, found.counts, strict=True)
    ]
    route = found.route
    for unit, rate, units in (
        (route.spot, served.spot, served.spot_units),
        (route.on_demand, served.on_demand, served.on_demand_units),
        (route.api, served.api, None),
    ):
        if unit is not None:
            running = None if units is None else units[0]
            uses.append(Use(unit=unit, rate_rps=rate[0], units=running, waited=waited.get(unit.name, 0.0)))
    return tuple(
        use for use in uses if use.waited > 0 or use.rate_rps.any() or (use.units is not None and use.units.any())
    )


def _paid_hours(use: Use, firm: Duration) -> float | None:
    """Unit-hours of the month that are paid for, spares and busy ones for waiting work included."""
    if use.units is None:
        return None
    running = use.units + np.where(use.units > 0, use.unit.spare, 0)
    busy = 0.0 if use.unit.committed else use.waited / (SECONDS_PER_HOUR * (use.unit.goodput_rps or math.inf))
    return float(running @ firm.hours) + busy


def _requests(use: Use, firm: Duration) -> float:
    return float(use.rate_rps @ firm.requests_per_rps) + use.waited


def _lines(use: Use, firm: Duration) -> tuple[Line, ...]:
    unit, hours, requests = use.unit, _paid_hours(use, firm), _requests(use, firm)
    found = []
    if hours is not None and unit.fixed_usd_per_h:
        told = f"{hours:,.6g} unit-hours x {unit.fixed_usd_per_h:,.6g} USD"
        found.append(_line(unit, "capacity", hours * unit.fixed_usd_per_h, told, fixed=unit.committed))
    if unit.variable_usd_per_busy_h and unit.goodput_rps:
        busy = requests / (SECONDS_PER_HOUR * unit.goodput_rps)
        told = f"{busy:,.6g} busy unit-hours x {unit.variable_usd_per_busy_h:,.6g} USD"
        found.append(_line(unit, "use", busy * unit.variable_usd_per_busy_h, told, fixed=False))
    if unit.usd_per_request:
        told = f"{requests:,.0f} requests x {unit.usd_per_request:,.6g} USD"
        found.append(_line(unit, "requests", requests * unit.usd_per_request, told, fixed=False))
    return tuple(found)


def _line(unit: Unit, what: str, amount: float, formula: str, *, fixed: bool) -> Line:
    return Line(name=f"{unit.name}: {what}", amount_usd=amount, formula=formula, facts=unit.facts, fixed=fixed)


def _part(use: Use, firm: Duration, every: float, beside: tuple[float | None, float | None]) -> Part:
    unit, hours, requests = use.unit, _paid_hours(use, firm), _requests(use, firm)
    cost = sum(line.amount_usd for line in _lines(use, firm))
    count = 0 if use.units is None else int(use.units.max())
    able = None if not hours or unit.goodput_rps is None else hours * unit.goodput_rps * SECONDS_PER_HOUR
    return Part(
        name=unit.name,
        kind=unit.kind,
        committed=unit.committed,
        units=count,
        replicas=(count + unit.spare if count else 0) * unit.replicas,
        requests=requests,
        share=requests / every if every else 0.0,
        unit_hours=hours,
        idle_share=None if able is None else 1 - requests / able,
        monthly_usd=cost,
        usd_per_request=cost / requests if requests > 0 else None,
        regret_less_usd=beside[0],
        regret_more_usd=beside[1],
    )


def _beside(found: Found, plant: Plant, task: Task) -> dict[str, tuple[float | None, float | None]]:
    """What one unit less and one more of each committed unit cost a month beyond the choice."""
    if not plant.units:
        return {}
    here, one = np.array(found.counts, dtype=np.int64), np.eye(len(found.counts), dtype=np.int64)
    counts = np.concatenate([here[None, :], here - one, here + one])
    served = serve(np.maximum(counts, 0), plant, found.route, task, found.worth)
    worth = found.cost_usd / found.useful if found.useful > 0 else 0.0
    lost = served.cost_usd - worth * np.where(np.isinf(served.cost_usd), 0.0, served.useful)
    return {
        unit.name: (
            _regret(lost[1 + at] - lost[0], found.cost_usd) if here[at] > unit.least else None,
            _regret(lost[1 + len(here) + at] - lost[0], found.cost_usd)
            if unit.most is None or here[at] < unit.most
            else None,
        )
        for at, unit in enumerate(plant.units)
    }


def _regret(difference: float, cost: float) -> float | None:
    """None where the load is not carried; a difference that is rounding is none."""
    if math.isinf(difference):
        return None
    return 0.0 if abs(difference) <= ROUNDING * cost else float(difference)


def reason(
    parts: Sequence[Part],
    total: float,
    alone: tuple[tuple[str, float], ...],
    placing: Placing,
    together_usd: float,
) -> str:
    """Why this mix, in a sentence or two."""
    held = [part for part in parts if part.committed]
    burst = ", ".join(f"{part.share:.1%} to {part.name}" for part in parts if not part.committed and part.requests > 0)
    take = "takes" if sum(part.units for part in held) == 1 else "take"
    carried = f"{', '.join(f'{part.units} {part.name}' for part in held)} {take} {sum(part.share for part in held):.1%}"
    mix = f"{carried if held else 'nothing is committed to'}{f', the rest goes as it comes, {burst}' if burst else ''}"
    words = [f"{mix}: {format_usd(total)} a month"]
    others = [(name, cost) for name, cost in alone if cost > total * (1 + 1e-9)]
    if others:
        name, cost = others[0]
        words.append(f"{name} alone would cost {format_usd(cost)}, {cost / total - 1:.0%} more" if total else "")
    if placing != "together" and together_usd > total:
        words.append(f"serving the tiers as one would cost {format_usd(together_usd)}")
    return f"{'; '.join(filter(None, words))}."
