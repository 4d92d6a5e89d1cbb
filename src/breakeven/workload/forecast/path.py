"""Quantile paths of demand."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import msgspec
import numpy as np

from breakeven.errors import UsageError
from breakeven.schema.demand import Foreseen
from breakeven.workload.arrivals import Vector
from breakeven.workload.campaign import Campaign, factors
from breakeven.workload.forecast.point import DAY_S, SEASONAL_FROM, WEEKLY_FROM, day_of, logs, middles, seasonal
from breakeven.workload.forecast.track import enough, track

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
FEWEST = 10
"""Windows of a history at least."""
MOST = 100_000
GROWTH = 1.6
"""From one lead whose errors are followed to the next; between them quantiles are interpolated."""


def forecast(counts: Vector, step_s: float, horizon: int, quantiles: Sequence[float] = LEVELS) -> Foreseen:
    """Requests per second of the `horizon` windows after a history of counts per window (NaN: missing).

    From a day of history on: the hour of day (from three days) moved by the current level, with quantiles of past
    errors at each lead held to their coverage. Below a day: the mean, with a gamma law of the counts' own variance.

    Raises:
        UsageError: under ten windows, no request in them, a level that is no probability, or too many windows asked.
    """
    levels = np.array(sorted(set(quantiles)))
    _check(counts, horizon, levels)
    if len(counts) * step_s < DAY_S:
        return _level(counts, step_s, horizon, levels)
    scale, day = logs(counts), day_of(step_s)
    scaled = scale.of(counts)
    leads = _leads(horizon, len(counts))
    found = middles(scaled, leads, day)
    tried = [(one, errors) for one in found if enough(errors := np.frombuffer(one.errors))]
    if not tried:
        return _level(counts, step_s, horizon, levels)
    followed = track([errors for _, errors in tried], [one.lead for one, _ in tried], levels)
    every = np.arange(1, horizon + 1)
    known = [one.lead for one, _ in tried]
    spread = np.stack([np.interp(every, known, column) for column in zip(*followed.rows, strict=True)])
    ahead = _ahead(scaled, horizon, day, known, [one.ahead for one, _ in tried])
    paths = scale.back(np.maximum.accumulate(ahead[None, :] + spread, axis=0)) / step_s
    return Foreseen(
        step_s=step_s,
        start_s=len(counts) * step_s,
        quantiles=_paths(levels, paths),
        method=_method(len(counts), day),
        coverage=tuple((float(a), b) for a, b in zip(levels, followed.under, strict=True)) if followed.under else (),
        tested=followed.tested,
        warnings=_warnings(len(counts), day, step_s, horizon, known[-1]),
    )


def lifted(found: Foreseen, campaign: Campaign) -> Foreseen:
    """The forecast with a campaign on it, whose times count from where the forecast begins."""
    horizon = len(found.quantiles[0][1])
    times = factors(campaign, found.step_s, horizon)
    paths = np.array([path for _, path in found.quantiles]) * times[None, :]
    levels = np.array([level for level, _ in found.quantiles])
    said = (
        f"A campaign of {campaign.lift:g} times the base on top ({campaign.shape}) is laid on the forecast: how well "
        "it will draw is stated, not measured, and is not in the interval."
    )
    return msgspec.structs.replace(found, quantiles=_paths(levels, paths), warnings=(*found.warnings, said))


def _paths(levels: Vector, paths: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> tuple[
    tuple[float, tuple[float, ...]], ...
]:  # fmt: skip
    return tuple((float(one), tuple(float(value) for value in path)) for one, path in zip(levels, paths, strict=True))


def _check(counts: Vector, horizon: int, levels: Vector) -> None:
    there = counts[~np.isnan(counts)]
    if len(there) < FEWEST or there.sum() <= 0:
        message = f"a history of {len(there)} windows with {there.sum():g} requests has no future"
        raise UsageError(message, f"give at least {FEWEST} windows, and a request in one of them")
    if not 1 <= horizon <= MOST:
        message = f"a horizon of {horizon:,} windows was asked for, and 1 to {MOST:,} are answered"
        raise UsageError(message, "ask for a shorter horizon, or for wider windows with --step")
    if not len(levels) or levels[0] <= 0 or levels[-1] >= 1:
        message = f"quantiles {', '.join(f'{one:g}' for one in levels) or '(none)'} were asked for"
        raise UsageError(message, "give one or more between 0 and 1, such as 0.05,0.5,0.95")


def _leads(horizon: int, n: int) -> list[int]:
    """1, 2, 4, 7, ... up to the horizon, or as far as the history can be tried."""
    last, found = max(1, min(horizon, n // 2)), [1]
    while found[-1] < last:
        found.append(min(last, max(found[-1] + 1, int(found[-1] * GROWTH))))
    return found


def _ahead(scaled: Vector, horizon: int, day: int, known: list[int], values: list[float]) -> Vector:
    """The middle of every lead: its own hour, moved as at the leads around it that are known."""
    every = np.arange(1, horizon + 1)
    if len(scaled) < SEASONAL_FROM * day:
        return np.asarray(np.interp(every, known, values))
    now = np.full(horizon, len(scaled) - 1)
    expected = np.concatenate([
        seasonal(scaled, now[: len(part)] + part, now[: len(part)], day)
        for part in np.array_split(every, range(day, horizon, day)) if len(part)
    ])  # fmt: skip
    middle = float(np.nanmedian(scaled))
    expected = np.where(np.isnan(expected), middle, expected)
    moves = [value - expected[lead - 1] for lead, value in zip(known, values, strict=True)]
    return np.asarray(expected + np.interp(every, known, moves))


def _level(counts: Vector, step_s: float, horizon: int, levels: Vector) -> Foreseen:
    """The mean, with the quantiles of a gamma law of the counts' mean and variance (Wilson and Hilferty 1931)."""
    there = counts[~np.isnan(counts)]
    mean, variance = float(there.mean()), max(float(there.var()), float(there.mean()))
    shape = mean**2 / variance
    normal = np.array([NormalDist().inv_cdf(float(one)) for one in levels])
    rates = mean * np.maximum(1 - 1 / (9 * shape) + normal / (3 * np.sqrt(shape)), 0.0) ** 3 / step_s
    hours = len(counts) * step_s / 3600
    said = (
        f"The history is {hours:.1f} hours: the forecast is flat, and its interval is the dispersion of counts per "
        f"{step_s:g} s ({variance / mean:.1f} times a Poisson process's); neither the hour of day nor growth is in it. "
        f"Record {max(SEASONAL_FROM * 24 - hours, 0) / 24:.1f} days more."
    )
    return Foreseen(
        step_s=step_s, start_s=len(counts) * step_s,
        quantiles=_paths(levels, np.repeat(rates[:, None], horizon, axis=1)),
        method="mean and dispersion", warnings=(said,),
    )  # fmt: skip


def _method(n: int, day: int) -> str:
    if n < SEASONAL_FROM * day:
        season = "current level"
    elif n < WEEKLY_FROM * day:
        season = "hour of day of the last four days, moved by the current level"
    else:
        season = "hour of day of the last two days and of the same day of two weeks, moved by the current level"
    return f"{season}; adaptive conformal quantiles of past errors by lead"


def _warnings(n: int, day: int, step_s: float, horizon: int, last: int) -> tuple[str, ...]:
    said = []
    if n < SEASONAL_FROM * day:
        said.append(
            f"The history is {n / day:.1f} days: no hour of day is used below {SEASONAL_FROM}; record "
            f"{SEASONAL_FROM - n / day:.1f} days more."
        )
    if horizon > last:
        said.append(
            f"Beyond {last * step_s / 3600:.1f} hours nothing like it was tried in this history: the interval is that "
            "of this lead, and growth is not in it."
        )
    return tuple(said)
