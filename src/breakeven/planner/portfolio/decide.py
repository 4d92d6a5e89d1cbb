"""From a plan's options and its load to the portfolio, its regret over scenarios, its schedule, and the front."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from breakeven.errors import InfeasibleError, UsageError
from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.load import Duration, duration, duration_of_arrivals
from breakeven.planner.portfolio.pareto import entries_of, pareto
from breakeven.planner.portfolio.scenario import regret_of, scenarios_of
from breakeven.planner.portfolio.schedule import Course, schedule
from breakeven.planner.portfolio.tiers import Tiers
from breakeven.planner.portfolio.units import Left, Terms, shortlist, units_of
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer
from breakeven.schema.plan import Option
from breakeven.schema.portfolio import Commitment, ParetoEntry, Portfolio, RegretTable, Unit
from breakeven.schema.workload import Trace, Workload

Made = TypeVar("Made")
WINDOWS = 24
"""A trace shorter than a day is cut into so many windows at most; a longer one into hours."""
LEVELS: Mapping[str, tuple[float, float]] = {"low": (0.5, 0.25), "medium": (1.0, 0.5), "peak": (2.0, 0.25)}
"""Factors of the observed load, and probabilities. Assumed."""


class Decided(Noun, frozen=True, kw_only=True):
    """What `decide` found; a part that could not be made is None, and `missing` says why. `assumed` are sentences."""

    pareto: tuple[ParetoEntry, ...]
    portfolio: Portfolio | None = None
    regret: RegretTable | None = None
    commitments: tuple[tuple[str, Commitment], ...] = ()
    assumed: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Facets(Noun, frozen=True, kw_only=True):
    """What the front needs beyond the options; see `entries_of`. What is not given stays unknown."""

    quality: Mapping[str, float] = {}
    tracking: Mapping[str, float] = {}
    grid_gco2_per_kwh: Mapping[str, float] = {}
    power_overhead: float | None = None


def load_of(trace: Trace, workload: Workload, *, window_s: float | None = None) -> Duration:
    """The load-duration curve of a trace, scaled to the workload's mean rate; hours, or a 24th of a shorter span.

    No window is shorter than those of the workload's own rates: what comes in a second is chance. Bursts inside a
    window are not in it: a replica's goodput is found on the trace, and has them.

    Raises:
        ValueError: the trace spans less than a window.
    """
    arrivals = np.asarray(trace.column("arrival_s"), dtype=np.float64)
    span = float(arrivals[-1] - arrivals[0]) if arrivals.size > 1 else 0.0
    found = duration_of_arrivals(arrivals, window_s=window_s or _window_s(span, workload))
    return found.scaled(workload.rate_mean_rps / found.mean_rps) if found.mean_rps > 0 else found


def load_of_rates(rates_rps: Sequence[float], rates_s: float, workload: Workload) -> Duration:
    """The load-duration curve of a demand known by windows of `rates_s`, joined to those that `load_of` would take."""
    rates = np.asarray(rates_rps, dtype=np.float64)
    per = max(1, round(_window_s(rates.size * rates_s, workload) / rates_s))
    whole = max(1, rates.size // per)
    joined = rates[: whole * per].reshape(whole, -1).mean(axis=1)
    found = duration(joined, window_s=rates_s * per)
    return found.scaled(workload.rate_mean_rps / found.mean_rps) if found.mean_rps > 0 else found


def _window_s(span_s: float, workload: Workload) -> float:
    return min(SECONDS_PER_HOUR, max(span_s / WINDOWS, min(workload.window_s, span_s)))


def decide(  # noqa: PLR0913 - one call for everything that a plan says beyond its options
    options: Sequence[Option],
    *,
    offers: Mapping[str, Offer],
    load: Duration,
    requests: float,
    terms: Terms,
    tiers: Tiers | None = None,
    levels: Mapping[str, tuple[float, float]] = LEVELS,
    courses: Sequence[Course] = (),
    months: int = 36,
    facets: Facets | None = None,
    keep: Collection[str] = (),
) -> Decided:
    """The portfolio of a plan's options on a load, its regret at levels of it, a schedule for each course, the front.

    `offers` are by id, `requests` the month's that the options' bills are for. Nothing is raised for a part that cannot
    be made from these options: its reason is in `missing`. Options in `keep` are weighed in the mix whatever they cost.
    """
    found, left = units_of(options, offers, requests=requests, terms=terms)
    units, dear = shortlist(found, keep=keep)
    placed = tiers or Tiers()
    missing: list[str] = []
    out: Left = (*left, *dear)
    portfolio = _tried("portfolio", partial(best_portfolio, load, units, tiers=placed, left_out=out), missing)
    regret = _tried("regret", partial(regret_of, units, scenarios_of(load, levels), tiers=placed), missing)
    makers = ((one.name, partial(schedule, load, units, months=months, course=one)) for one in courses)
    planned = [(name, _tried(f"schedule, {name}", make, missing)) for name, make in makers]
    seen = facets or Facets()
    entries = entries_of(
        options,
        rate_rps=load.mean_rps,
        quality=seen.quality,
        tracking=seen.tracking,
        grid_gco2_per_kwh=seen.grid_gco2_per_kwh,
        power_overhead=seen.power_overhead,
    )
    return Decided(
        pareto=pareto(entries),
        portfolio=portfolio,
        regret=regret,
        commitments=tuple((name, one) for name, one in planned if one is not None),
        assumed=assumed(units, load, terms, placed, levels),
        missing=tuple(missing),
    )


def _tried(what: str, make: Callable[[], Made], missing: list[str]) -> Made | None:
    """What was made, or None and a sentence why not."""
    try:
        return make()
    except (InfeasibleError, UsageError) as error:
        missing.append(f"{what}: {error.message}")
        return None


def assumed(
    units: Sequence[Unit], load: Duration, terms: Terms, tiers: Tiers, levels: Mapping[str, tuple[float, float]]
) -> tuple[str, ...]:
    """What the portfolio takes as given, in sentences."""
    at_once = sorted({unit.kind for unit in units if not unit.committed and not unit.lead_s})
    shares = ", ".join(f"{tiers.share(tier):.0%} {tier}" for tier in tiers.present)
    chances = ", ".join(f"{name} ({factor:g} x the load) {chance:.0%}" for name, (factor, chance) in levels.items())
    words = [
        f"Tiers of the load: {shares}.",
        f"Probabilities of the scenarios: {chances}.",
        f"An idle machine draws {terms.idle_power_ratio:.0%} of a busy one's power.",
    ]
    if at_once:
        words.append(f"{', '.join(at_once)} follow windows of {load.window_s:g} s without a delay.")
    if terms.spot_share is not None:
        words.append(f"Spot serves at most {terms.spot_share:.0%} of the need of any window.")
    return tuple(words)
