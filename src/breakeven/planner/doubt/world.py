"""Options at many values of all inputs at once: replicas, targets kept or missed, costs. One engine for all questions.

What is rented by the hour follows the demand, month by month. What is bought or reserved is paid for as planned even
where fewer replicas would do, and what is short is added at the price of the day. A deployment with a fixed number
answers late what it cannot carry.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.planner.doubt.belief import Z80, Array
from breakeven.planner.doubt.month import Inputs, Months, cost_usd, filled
from breakeven.planner.doubt.placed import Units
from breakeven.planner.doubt.terms import Capacity, Terms
from breakeven.planner.evaluate import MOST_REPLICAS
from breakeven.planner.promise import LEAST_SHARE
from breakeven.planner.question import Question
from breakeven.schema.doubt import DemandPath
from breakeven.schema.noun import Noun

Flags = NDArray[np.bool_]
SLACK = 1e-9
NOTHING: Array = np.zeros((1, 1))


class World(Noun, frozen=True, kw_only=True):
    """The options, the question, and every input at base; `scales` make each option's month at base the plan's."""

    options: tuple[Terms, ...]
    question: Question
    base: Mapping[str, float]
    scales: tuple[float, ...]
    path: DemandPath | None = None

    @property
    def horizon(self) -> int:
        """Months looked at."""
        return self.question.objective.horizon_months


def world_of(
    options: tuple[Terms, ...], question: Question, base: Mapping[str, float], path: DemandPath | None
) -> World:
    """The world of options whose inputs are at these bases."""
    today = Months({key: np.full(1, value) for key, value in base.items()}, np.ones((1, 1)), 0, 1)
    world = World(options=options, question=question, base=base, scales=(1.0,) * len(options), path=path)
    costs = [_planned_usd(one, world, today) for one in options]
    scales = tuple(one.monthly_usd / cost if cost else 1.0 for one, cost in zip(options, costs, strict=True))
    return msgspec.structs.replace(world, scales=scales)


def _planned_usd(one: Terms, world: World, today: Months) -> float:
    """The month at base, as planned."""
    if one.units is not None or one.devices is not None:
        served = _placed(one, world, today, 1)
        return float((cost_usd(one, today, served.planned[None, :]) + served.beside)[0, 0])
    number = np.full((1, 1), 1.0 if one.capacity is None else float(one.capacity.planned))
    return float(cost_usd(one, today, number)[0, 0])


class Table(NamedTuple):
    """Options by rows.

    `monthly`: mean USD a month; `unit`: USD per useful prediction, `now`: that of the first month with the replicas
    that are planned, whatever comes in time counting; `meets`: whether
    targets are kept, `reached`: the share of requests in target; `short`: whether the planned number is too small in
    the first month, `more`: at any time, `needed`: how many it
    takes then (0 where answers are bought). `useful` (rows,) are useful predictions a month if all came in time,
    `demand_rps` (rows,) the mean demand; `months` how many were looked at.
    """

    monthly: Array
    unit: Array
    now: Array
    meets: Flags
    reached: Array
    short: Flags
    more: Flags
    needed: Array
    useful: Array
    demand_rps: Array
    months: int


class _Fate(NamedTuple):
    monthly: Array
    unit: Array
    now: Array
    meets: Flags
    reached: Array
    short: Flags
    more: Flags
    needed: Array


def evaluate(world: World, values: Mapping[str, Array], *, start: int = 0, end: int | None = None) -> Table:
    """Every option from month `start` to before `end`, chosen when it starts; inputs not among `values` are at base."""
    rows = max((len(one) for one in values.values()), default=1)
    inputs = {key: values.get(key, np.full(1, base)) for key, base in world.base.items()}
    until = world.horizon if end is None else end
    months = Months(inputs, _level(world, inputs, start, until, rows), start, until)
    found = [_fate(one, scale, world, months, rows) for one, scale in zip(world.options, world.scales, strict=True)]
    demand = np.broadcast_to(months.level.mean(axis=0), (rows,))
    useful = world.question.monthly_predictions * demand * inputs["useful"]
    stacked = _Fate(*(np.stack(column) for column in zip(*found, strict=True)))
    return Table(*stacked, useful, demand * world.question.workload.rate_mean_rps, len(months))


def _level(world: World, inputs: Inputs, start: int, end: int, rows: int) -> Array:
    """(months, rows) demand against the observed rate."""
    at = np.arange(start, end, dtype=np.float64)[:, None]
    observed = inputs["demand"] / world.question.workload.rate_mean_rps
    grown = np.exp(np.log1p(inputs["growth"]) * (at / 12.0)) if world.path is None else _along(world.path, inputs, at)
    return np.asarray(np.broadcast_to(observed * grown, (end - start, rows)))


def _along(path: DemandPath, inputs: Inputs, at: Array) -> Array:
    """The path at a normal score: between its quantiles in ratios, as far beyond them as a normal goes."""
    score = inputs["path"]
    last = len(path.middle) - 1
    place = np.minimum(at.astype(np.intp), last)
    low, middle, high = (np.array(part)[place] for part in (path.low, path.middle, path.high))
    width = np.where(score > 0, np.log(high / middle), np.log(middle / low)) / Z80
    return np.asarray(middle * np.exp(score * width))


def _fate(one: Terms, scale: float, world: World, months: Months, rows: int) -> _Fate:
    served = _served(one, world, months, rows)
    cost = (cost_usd(one, months, served.replicas) + served.beside) * scale
    monthly = np.broadcast_to(cost.mean(axis=0), (rows,))
    volume = months.level
    reached = (served.share * volume).mean(axis=0) / volume.mean(axis=0)
    worth = world.question.monthly_predictions * months.inputs["useful"] * _quality(one, months)
    unit = monthly / (worth * volume.mean(axis=0) * np.maximum(reached, LEAST_SHARE))
    first = (cost_usd(one, months, served.planned[None, :])[0] + served.beside[0]) * scale
    now = first / (worth * volume[0] * np.maximum(served.first, LEAST_SHARE))
    meets = served.possible
    if one.rest is not None or one.units or one.devices or (one.capacity is not None and one.capacity.fixed):
        meets = meets & (reached >= one.attainment - SLACK)
    found = (monthly, unit, now, meets, reached, served.short, served.more, served.needed)
    return _Fate(*(np.broadcast_to(part, (rows,)) for part in found))


def _quality(one: Terms, months: Months) -> Array:
    return months.inputs[one.quality] if one.quality else np.ones(1)


class _Served(NamedTuple):
    """`replicas`, `share` in target (months, rows); the number planned first, what it reaches, and what is needed.

    `beside` is what the rest costs that somebody else answers.
    """

    replicas: Array
    share: Array
    possible: Flags
    short: Flags
    more: Flags
    planned: Array
    first: Array
    needed: Array
    beside: Array = NOTHING


def _served(one: Terms, world: World, months: Months, rows: int) -> _Served:
    held, load = one.capacity, world.question.workload
    if one.units is not None or one.devices is not None:
        return _placed(one, world, months, rows)
    if held is None:
        flat, never = np.ones((len(months), rows)), np.zeros(rows, dtype=np.bool_)
        return _Served(flat, flat * one.share, ~never, never, never, np.ones(1), flat[0] * one.share, np.zeros(rows))
    slower = -np.log(months.inputs[held.speed]) * np.ones(rows)
    ratio = np.maximum(held.response.ratio(slower), 1e-12)
    least = np.minimum(held.response.idle_share(slower), one.attainment)
    kept = _sized(held, one, months, ratio, world.question)
    each = load.rate_mean_rps * months.level / (held.sustained_rps * ratio)
    usage, first = each / kept.replicas, each[0] / kept.planned
    usual = load.rate_mean_rps / (held.planned * held.sustained_rps)
    share = np.where(kept.possible, _in_target(one, usage, usual), least)
    beyond: Flags = np.asarray(usage > 1 + SLACK) if held.fixed else kept.beyond
    reached = np.where(kept.possible, _in_target(one, first, usual), least)
    return _Served(
        kept.replicas,
        share,
        kept.possible,
        beyond[0],
        np.asarray(beyond.any(axis=0)),
        kept.planned,
        reached,
        kept.needed,
    )


def _placed(one: Terms, world: World, months: Months, rows: int) -> _Served:
    """Units with what overflows, or devices with who answers the rest."""
    speed = months.inputs[one.speed.key] if one.speed is not None else np.ones(1)
    if one.units is not None:
        count, part = _units(one, one.units, months, np.asarray(months.level / speed))
        own = np.full_like(part, one.share)
    else:
        held, flat = one.devices, np.ones((len(months), rows))
        count, part = flat, flat * (1.0 - held.share if held is not None else 0.0)
        own = flat * (held.reached(-np.log(speed)) if held is not None else 1.0)
    never = np.zeros(rows, dtype=np.bool_)
    share, possible, beside = own, ~never, NOTHING
    if one.rest is not None:
        rest = _served(one.rest, world, months, rows)
        cost = cost_usd(one.rest, months, rest.replicas)
        share, possible = (1.0 - part) * own + part * rest.share, rest.possible
        beside = np.asarray(cost * part if one.units is not None else cost)
    else:
        share = (1.0 - part) * own
    planned = np.full(1, float(one.units.planned)) if one.units is not None else np.ones(1)
    more = np.asarray((count > planned).any(axis=0)) if one.units is not None else never
    first = np.broadcast_to(share[0], (rows,))
    needed = count[0] if one.units is not None else np.zeros(rows)
    return _Served(count, share, possible, never, more, planned, first, needed, beside)


def _units(one: Terms, held: Units, months: Months, level: Array) -> tuple[Array, Array]:
    """Units by month, and the share that overflows: by the month, or for a term as its first month asks."""
    needed = held.needed(level)
    if one.term_months:
        first = np.arange(len(months)) // one.term_months * one.term_months
        needed = needed[first]
        if not months.start:
            needed[: one.term_months] = held.planned
        if held.shape is None:
            needed = np.maximum.accumulate(np.maximum(needed, held.needed(level)), axis=0)
    return needed, held.overflow(needed, level)


class _Sized(NamedTuple):
    """Replicas by month and row, whether any number would do, where the planned one does not, and that one."""

    replicas: Array
    possible: Flags
    beyond: Flags
    planned: Array
    needed: Array


def _sized(held: Capacity, one: Terms, months: Months, ratio: Array, question: Question) -> _Sized:
    """In time by the hour, in steps up where capacity is committed, always the same where it is fixed.

    Replicas follow the demand with its margin; too few are those that do not carry the demand alone. What starts later
    is planned for the demand of that day, at the speed that is predicted.
    """
    load = months.level / (held.carries_rps * ratio)
    raw, bare = (np.ceil(rps * load - 1e-9) for rps in (question.sized_rps, question.workload.rate_p95_rps))
    possible = np.asarray(raw <= MOST_REPLICAS).all(axis=0) | np.full(len(ratio), held.fixed)
    raw, bare = np.clip(raw, 1.0, MOST_REPLICAS), np.clip(bare, 1.0, MOST_REPLICAS)
    needed = np.minimum(raw + held.extra, filled(one, raw)) if held.extra else raw
    planned = np.full(1, float(held.planned))
    if months.start and not held.fixed:
        foreseen = np.ceil(question.sized_rps * months.level[0] / held.carries_rps - 1e-9)
        planned = np.clip(foreseen, 1.0, MOST_REPLICAS)
    beyond = np.asarray(bare > planned) | ~possible
    if held.fixed:
        return _Sized(np.full_like(needed, float(held.planned)), possible, beyond, planned, bare[0])
    kept = np.where(possible, needed, planned)
    if one.committed:
        kept = np.maximum.accumulate(np.maximum(kept, planned), axis=0)
    return _Sized(kept, possible, beyond, planned, bare[0])


def _in_target(one: Terms, usage: Array, usual: float) -> Array:
    """As predicted up to the usual load, down to the attainment at the sustained one, and what is simulated beyond."""
    if usual >= 1.0:
        inside = np.full_like(usage, one.share)
    else:
        beyond = np.clip((usage - usual) / (1.0 - usual), 0.0, 1.0)
        inside = one.share + (min(one.attainment, one.share) - one.share) * beyond
    if one.capacity is None:
        return inside
    return np.where(usage > 1.0, inside * one.capacity.response.overloaded(np.maximum(usage, 1.0)), inside)


def names(options: Sequence[Terms]) -> tuple[str, ...]:
    """Their names."""
    return tuple(one.name for one in options)
