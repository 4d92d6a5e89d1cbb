"""When to buy, commit, renew and let go: one mixed-integer program over the periods of a horizon.

The load of each period is the load-duration curve times its growth, in equal stretches; prices fall by their kind's
decay, and what is bought or committed keeps the price of the period it starts in. Owned units can be bought at any
period and are paid until the horizon ends (what they are worth after it is in their price by the hour); other terms
start wherever they end inside the horizon. The burst is bought by the unit-hour used, on the cheapest unit that
follows the load; spot, which may be gone, is left to the portfolio of each month, and so are spares.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from breakeven.cost.hybrid.market import Market, market
from breakeven.cost.hybrid.mix import best_of
from breakeven.cost.hybrid.offers import Commitment as Offer
from breakeven.cost.hybrid.offers import Mix
from breakeven.errors import InfeasibleError
from breakeven.planner.portfolio.load import Array, Duration
from breakeven.planner.portfolio.plant import marginal, settled, usd_per_rps_h
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR
from breakeven.schema.portfolio import Act, Commitment, Step, Unit, UnitKind

STRETCHES = 40
"""Equal stretches that a period's load is cut into."""
CLOSE = 1e-4
"""How close to the optimum a schedule is, as a share of its cost; its `gap` says how close it came."""
AT_ONCE = 0.05
"""A lead time below this share of a period is none."""
OWNED: frozenset[UnitKind] = frozenset({"owned", "colocated"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How demand and prices go on: growth and decay a year, of each kind of unit (a price that rises has one below 0).

    `month_growth` are factors of the load by month instead, where a year's growth is not the shape (a campaign).
    """

    name: str = "as observed"
    growth_per_year: float = 0.0
    decay_per_year: Mapping[UnitKind, float] = field(default_factory=dict)
    month_growth: tuple[float, ...] = ()

    def factors(self, months: Sequence[float]) -> Array:
        """The load's factor in the middle of each of these periods, which begin at these months."""
        step = months[1] - months[0] if len(months) > 1 else 1.0
        if self.month_growth:
            given = np.array(self.month_growth)
            spans = [given[int(at) : int(at + step)] for at in months]
            return np.array([float(span.mean()) if span.size else float(given[-1]) for span in spans])
        return np.asarray((1 + self.growth_per_year) ** ((np.array(months) + step / 2) / 12))

    def prices(self, kind: UnitKind, months: Sequence[float]) -> Array:
        """The price's factor at the start of each period."""
        return np.asarray((1 - self.decay_per_year.get(kind, 0.0)) ** (np.array(months) / 12))


def schedule(
    load: Duration,
    units: Sequence[Unit],
    *,
    months: int = 36,
    months_per_period: int = 3,
    course: Course | None = None,
    stretches: int = STRETCHES,
) -> Commitment:
    """The cheapest schedule of commitments for a load over a horizon.

    Raises:
        InfeasibleError: nothing follows the load (an API or on-demand is needed for what commitments leave).
        ValueError: the horizon is no whole number of periods, or a unit is impossible.
        UsageError: scipy, the extra `plan`, is not installed.
    """
    if months_per_period < 1 or months < 1 or months % months_per_period:
        message = f"a horizon of {months} months is no whole number of periods of {months_per_period} months"
        raise ValueError(message)
    units = settled(units, load)
    starts = [float(at) for at in range(0, months, months_per_period)]
    chosen = Course() if course is None else course
    offers, notes = _offers(units, load, starts, months_per_period, chosen)
    need = load.equal(stretches)[None, :] * chosen.factors(starts)[:, None]
    burst = _burst(units, load, starts, chosen)
    offered = market(offers, tuple(burst.tolist()), None, periods=len(starts), hours_per_period=stretches)
    hours = months_per_period * HOURS_PER_MONTH / stretches
    best = best_of(offered, need, stretches, CLOSE)
    static = best_of(_unchanging(offered), need, stretches, CLOSE)
    if static.cost_usd < best.cost_usd:
        best = replace(best, parts=static.parts, cost_usd=static.cost_usd)
    return Commitment(
        months_per_period=months_per_period,
        held=tuple((part.name, part.machines) for part in best.parts if part.machines),
        steps=_steps(best, offered, units, months_per_period),
        cost_usd=best.cost_usd * hours,
        best_static_usd=static.cost_usd * hours,
        all_burst_usd=best.all_on_demand_usd * hours,
        gap=best.gap,
        notes=notes,
    )


def _offers(
    units: Sequence[Unit], load: Duration, starts: Sequence[float], step: int, course: Course
) -> tuple[tuple[Offer, ...], tuple[str, ...]]:
    """Every committed unit that fits the horizon, per requests/s, and why others do not."""
    found, notes = [], []
    months = step * len(starts)
    for unit in units:
        if not unit.committed or unit.goodput_rps is None:
            continue
        term = None if unit.kind in OWNED else unit.term_months or step
        first = math.ceil(unit.lead_s / (HOURS_PER_MONTH * SECONDS_PER_HOUR * step) - AT_ONCE)
        if unit.least:
            notes.append(f"{unit.name}: the {unit.least} that stand are weighed as if they could be left")
        if term is not None and (term > months or term % step):
            notes.append(f"{unit.name}: its term of {term} months does not fit {months} months in periods of {step}")
            continue
        found.append(_offer(unit, load, starts, term, first, course))
    return tuple(found), tuple(notes)


def _offer(unit: Unit, load: Duration, starts: Sequence[float], term: int | None, first: int, course: Course) -> Offer:
    step = starts[1] - starts[0] if len(starts) > 1 else term or 1
    return Offer(
        name=unit.name,
        usd_per_machine_h=tuple((unit.fixed_usd_per_h * course.prices(unit.kind, starts)).tolist()),
        units_per_machine=unit.goodput_rps or math.inf,
        most=unit.most,
        term_periods=None if term is None else round(term / step),
        first_period=first,
        to_the_end=term is None,
        used_usd_per_unit_h=marginal(unit) * SECONDS_PER_HOUR * load.mean_fill,
    )


def _burst(units: Sequence[Unit], load: Duration, starts: Sequence[float], course: Course) -> Array:
    """USD per requests/s and hour of the cheapest unit that follows the load, in each period."""
    able = [unit for unit in units if not unit.committed and unit.kind != "spot"]
    if not able:
        message = f"none of {len(units)} units follows the load, and commitments leave its peaks"
        raise InfeasibleError(message, "offer an API, or on-demand that starts within a window", binding="lead time")
    prices = [usd_per_rps_h(unit, load.mean_fill) * course.prices(unit.kind, starts) for unit in able]
    return np.asarray(np.min(prices, axis=0))


def _unchanging(offered: Market) -> Market:
    """The same with one column an offer: held from its first period on, renewed for as long as terms fit."""
    columns = [_renewed(offered, index) for index in range(len(offered.offers))]
    kept = [index for index, column in enumerate(columns) if column]
    usd = [float(offered.term_usd[columns[index]].sum()) for index in kept]
    units = [offered.units[:, columns[index]].sum(axis=1) for index in kept]
    return replace(
        offered,
        offer=np.array(kept, dtype=np.intp),
        start=np.array([offered.start[columns[index][0]] for index in kept], dtype=np.intp),
        term_usd=np.array(usd, dtype=np.float64),
        units=np.array(units, dtype=np.float64).reshape(len(kept), offered.periods).T,
    )


def _renewed(offered: Market, index: int) -> list[int]:
    """The columns of an offer's terms, back to back from its first."""
    found: list[int] = []
    free = 0
    for column in np.flatnonzero(offered.offer == index).tolist():
        if int(offered.start[column]) >= free and not (found and int(offered.start[column]) > free):
            found.append(column)
            free = int(np.flatnonzero(offered.units[:, column] > 0)[-1]) + 1
    return found


def _steps(best: Mix, offered: Market, units: Sequence[Unit], step: int) -> tuple[Step, ...]:
    """What to do at the start of each period: what lapses and starts again is renewed."""
    kinds = {unit.name: unit for unit in units}
    found: list[Step] = []
    for part, offer in zip(best.parts, offered.offers, strict=False):
        before = 0
        for period, (running, started) in enumerate(zip(part.machines, part.started, strict=True)):
            price = np.broadcast_to(np.asarray(offer.usd_per_machine_h), (offered.periods,))[period]
            lapsed = before + started - running
            renewed = min(lapsed, started)
            new: Act = "buy" if kinds[part.name].kind in OWNED else "commit"
            acts: tuple[tuple[Act, int], ...] = (
                ("renew", renewed),
                (new, started - renewed),
                ("let go", lapsed - renewed),
            )
            found.extend(
                Step(month=period * step, act=act, name=part.name, units=count, usd_per_unit_h=float(price))
                for act, count in acts
                if count > 0
            )
            before = running
    return tuple(sorted(found, key=lambda one: (one.month, one.name, one.act)))
