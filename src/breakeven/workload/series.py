"""Counts per window: from arrivals or from a series, wider windows of them, and what is missing."""

from __future__ import annotations

import numpy as np

from breakeven.schema.demand import Series, Stretch
from breakeven.workload.arrivals import Vector, counts

SCALES_S = (1.0, 10.0, 60.0, 600.0, 3600.0)
"""Scales at which dispersion is stated."""
FEWEST = 10
"""Windows below which a dispersion says nothing."""
MOST = 2100
"""Windows that a profile keeps: two weeks of ten minutes, and some."""
FEW = 20
STEPS_S = (1.0, 10.0, 60.0, 600.0, 3600.0, 21_600.0, 86_400.0)


def step_of(span_s: float) -> float:
    """The window in which a span is kept: a minute or more, less where it has fewer than 20 of them."""
    enough = [step for step in STEPS_S if span_s / step >= FEW] or [STEPS_S[0]]
    coarse = [step for step in enough if step <= 60 or span_s / (step / 10) > MOST]  # noqa: PLR2004 - a minute
    fits = [step for step in coarse if span_s / step <= MOST]
    return fits[-1] if fits else coarse[-1]


def series_of(arrivals: Vector, step_s: float, name: str, source: str = "") -> Series:
    """Counts of ascending arrivals in whole windows from the first."""
    return Series(name=name, step_s=step_s, counts=counts(arrivals, step_s).tobytes(), source=source)


def values(series: Series) -> Vector:
    """The counts, NaN where missing."""
    return np.frombuffer(series.counts, dtype="<f8")


def wider(found: Vector, times: int) -> Vector:
    """Sums over so many windows each; NaN where one of them is missing. What is left at the end is cut off."""
    whole = len(found) // times
    return np.asarray(found[: whole * times].reshape(whole, times).sum(axis=1)) if whole else np.array([found.sum()])


def steps_above(step_s: float) -> list[tuple[float, int]]:
    """Scales of which `step_s` is a whole part, with how many steps they take; the step itself is the first."""
    found = [(step_s, 1)]
    for scale in SCALES_S:
        times = round(scale / step_s)
        if times > 1 and abs(times * step_s - scale) < 1e-9 * scale:
            found.append((scale, times))
    return found


def dispersions(found: Vector, step_s: float) -> tuple[tuple[float, float], ...]:
    """(window_s, variance / mean) at the step and at the scales above it that hold ten windows."""
    stated = []
    for scale, times in steps_above(step_s):
        sums = wider(found, times)
        sums = sums[~np.isnan(sums)]
        if len(sums) >= FEWEST and sums.mean() > 0:
            stated.append((scale, float(sums.var() / sums.mean())))
    return tuple(stated)


def autocorrelation(found: Vector, lag: int) -> float | None:
    """Of counts that are `lag` windows apart, over those that are there; None with fewer than ten such pairs."""
    if lag < 1 or len(found) - lag < FEWEST:
        return None
    centred = found - np.nanmean(found)
    products = centred[lag:] * centred[:-lag]
    spread = float(np.nanmean(centred**2))
    if spread <= 0 or np.count_nonzero(~np.isnan(products)) < FEWEST:
        return None
    return float(np.nanmean(products) / spread)


def autocorrelations(found: Vector, step_s: float) -> tuple[tuple[float, float], ...]:
    """(lag_s, autocorrelation) 1, 5 and 30 windows on, an hour, a day and a week, as the span allows."""
    lags = sorted({1, 5, 30, *(round(lag / step_s) for lag in (3600.0, 86_400.0, 604_800.0) if lag >= step_s)})
    stated = [(lag * step_s, autocorrelation(found, lag)) for lag in lags if lag * 2 <= len(found)]
    return tuple((lag_s, value) for lag_s, value in stated if value is not None)


def missing(found: Vector, step_s: float) -> tuple[Stretch, ...]:
    """Stretches without a value."""
    gone = np.concatenate([[False], np.isnan(found), [False]])
    edges = np.flatnonzero(gone[1:] != gone[:-1])
    return tuple(
        Stretch(start_s=float(start * step_s), end_s=float(end * step_s))
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    )
