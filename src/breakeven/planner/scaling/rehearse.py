"""The rule on a part of a series that it was not fitted to, beside what it would replace, at the same attainment."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError
from breakeven.planner.scaling.ahead import DAY_S, fit_ahead, quantiles_rps
from breakeven.planner.scaling.play import Control, Fleet, by_rule, fixed, least_static, play, reactive
from breakeven.schema.scaling import Played, Rehearsal

Vector = NDArray[np.float64]

Forecast = Callable[[Vector, int], Vector]
"""The rule's quantile of the rate one lead after each window from that place on, told by windows up to each only."""

FITTED = 0.5
"""The share of a series that is history when the rehearsal begins."""
TRIES = 24
"""Halvings of the utilisation of a reactive rule; its hours then differ by less than a replica."""
LOWEST, HIGHEST = 0.01, 2.0


def refitted(step_s: float, lead_s: float, quantile: float, every_s: float = DAY_S) -> Forecast:
    """The formula of `ahead`, fitted anew every day to all windows before."""

    def forecast(rates_rps: Vector, first: int) -> Vector:
        told = np.zeros(len(rates_rps))
        stride = max(1, round(every_s / step_s))
        for start in range(first, len(rates_rps), stride):
            end = min(len(rates_rps), start + stride)
            fitted = fit_ahead(rates_rps[:start], step_s, lead_s, quantile)
            told[start:end] = quantiles_rps(fitted, rates_rps[:end])[start:]
        return told[first:]

    return forecast


def rehearse(
    name: str, rates_rps: Vector, step_s: float, fleet: Fleet, quantile: float, *, forecast: Forecast | None = None
) -> Rehearsal:
    """Play the second half of a series: the rule by `forecast` (`refitted` by default), static and reactive scaling.

    The lead is cold start + one window, which is also how often one looks.

    Raises:
        EvidenceError: fewer than eight windows.
    """
    if len(rates_rps) < 8:  # noqa: PLR2004 - a half of four can be fitted and played
        message = f"{name} has {len(rates_rps)} windows, too few to fit one half and play the other"
        raise EvidenceError(message, "give a longer series, best two weeks")
    first, lead_s = int(len(rates_rps) * FITTED), fleet.cold_start_s + step_s
    forecast = forecast or refitted(step_s, lead_s, quantile)
    told = np.concatenate([np.zeros(first - 1), forecast(rates_rps, first - 1)])
    control = by_rule(told, rates_rps, fleet.goodput_rps)
    rule = play("rule", rates_rps, step_s, fleet, control, first=first)
    played = rates_rps[first:]
    peak, static, tuned = _others(rates_rps, step_s, fleet, first, rule.attainment)
    return Rehearsal(
        series=name,
        step_s=step_s,
        windows=len(played),
        quantile=quantile,
        coverage=_coverage(told[first - 1 :], played, math.ceil(lead_s / step_s - 1e-9)),
        rule=rule,
        peak_static=peak,
        static=static,
        reactive=tuned,
        saving_vs_peak_static=_saving(rule, peak),
        saving_vs_static=_saving(rule, static),
        saving_vs_reactive=_saving(rule, tuned),
    )


def _coverage(told: Vector, played: Vector, steps: int) -> float:
    """`told[i]` was said as the window before `played[i]` ended, of `played[i + steps - 1]`."""
    due = played[steps - 1 :]
    return float((due <= told[: len(due)]).mean()) if len(due) else 1.0


def _others(
    rates_rps: Vector, step_s: float, fleet: Fleet, first: int, attainment: float
) -> tuple[Played, Played, Played]:
    """Replicas for the earlier peak; the fewest, and the reactive rule, that attain as much."""
    played = rates_rps[first:]
    peak = math.ceil(float(rates_rps[:first].max()) / fleet.goodput_rps - 1e-9)
    least = least_static(played, step_s, fleet, attainment)
    return (
        _tuned("peak static", rates_rps, step_s, fleet, first, fixed(peak), peak),
        _tuned("static", rates_rps, step_s, fleet, first, fixed(least), least),
        _reactive(rates_rps, step_s, fleet, first, attainment),
    )


def _saving(rule: Played, other: Played) -> float:
    return 1 - rule.replica_hours / other.replica_hours if other.replica_hours > 0 else 0.0


def _tuned(
    name: str, rates_rps: Vector, step_s: float, fleet: Fleet, first: int, control: Control, target: float
) -> Played:
    found = play(name, rates_rps, step_s, fleet, control, first=first)
    return msgspec.structs.replace(found, target=target)


def _reactive(rates_rps: Vector, step_s: float, fleet: Fleet, first: int, attainment: float) -> Played:
    """The highest utilisation that attains as much."""

    def at(utilisation: float) -> Played:
        control = reactive(rates_rps, fleet.goodput_rps, utilisation)
        return _tuned("reactive", rates_rps, step_s, fleet, first, control, utilisation)

    low, high = LOWEST, HIGHEST
    for _ in range(TRIES):
        middle = (low + high) / 2
        low, high = (middle, high) if at(middle).attainment >= attainment else (low, middle)
    return at(low)
