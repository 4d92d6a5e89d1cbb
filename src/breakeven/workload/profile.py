"""A profile of demand from a trace or from counts."""

from __future__ import annotations

import numpy as np

from breakeven.errors import EvidenceError
from breakeven.schema.demand import Change, Profile, Series, Stretch
from breakeven.schema.noun import Noun
from breakeven.schema.workload import Trace
from breakeven.workload import cascade, quirk, season
from breakeven.workload.arrivals import Vector, dispersion, variation
from breakeven.workload.change import changes
from breakeven.workload.mix import mix, prefix_share
from breakeven.workload.seen import seen
from breakeven.workload.series import (
    MOST,
    SCALES_S,
    STEPS_S,
    autocorrelations,
    dispersions,
    missing,
    series_of,
    step_of,
    steps_above,
    values,
    wider,
)
from breakeven.workload.shape import classify, classify_counts

WINDOW_S = 60.0
QUIET, NIGHTLY = 0.1, 0.9
"""An hour below this part of the mean is quiet; silences are nightly when this share of them lies in such hours."""


def profile(trace: Trace, name: str, *, start_s: float | None = None, source: str = "") -> Profile:
    """The profile of a trace; arrivals of a clock that ticks are spread over their tick first, and it says so.

    Raises:
        EvidenceError: fewer than two requests, or all at one instant.
    """
    came = seen(trace, name, WINDOW_S)
    arrivals, tick_s, span = came.arrivals, came.tick_s, came.span_s
    step = max(step_of(span), _above(tick_s))
    prompt, output = (np.frombuffer(column, dtype="<f8") for column in (trace.input_tokens, trace.output_tokens))
    ticks = quirk.clock(tick_s, len(np.unique(came.stamped)), trace.n)
    found = values(series_of(arrivals, step, name))
    drift = _drift(found, step, start_s)
    shape, evidence = classify(arrivals, nightly=_nightly(found, _due(found, drift.daily, step, start_s)))
    return Profile(
        name=name,
        shape=shape,
        n=trace.n,
        span_s=span,
        rate_mean_rps=came.mean_rps,
        rate_p95_rps=came.p95_rps,
        rate_max_rps=came.max_rps,
        window_s=came.window_s,
        step_s=step,
        counts=tuple(float(one) for one in found),
        start_s=start_s,
        splits=cascade.splits(arrivals, step),
        dispersion=_idc(arrivals, tick_s),
        autocorrelation=autocorrelations(found, step),
        gap_variation=variation(arrivals),
        quirks=(*ticks, *quirk.clipped(prompt, "input"), *quirk.clipped(output, "output")),
        mix=mix(trace),
        prefix_share=prefix_share(trace),
        block_tokens=trace.hash_block_tokens,
        evidence=(*ticks, *evidence, *drift.evidence),
        warnings=(*quirk.units(arrivals, prompt), *_short(span)),
        source=source or trace.source,
        daily=drift.daily,
        weekly=drift.weekly,
        changes=drift.changes,
    )


def profile_of_series(series: Series, *, source: str = "") -> Profile:
    """The profile of counts per window, of which nothing finer is known than the source states.

    Raises:
        EvidenceError: fewer than two windows with a count, or no request.
    """
    given = values(series)
    there = given[~np.isnan(given)]
    if len(there) < 2 or there.sum() <= 0:  # noqa: PLR2004 - a rate needs two windows
        message = f"{series.name}: {len(there)} windows with {there.sum():g} requests"
        raise EvidenceError(message, "give at least two windows, and a request in one of them")
    found, step = given, series.step_s
    while len(found) > MOST:
        times = next(times for _, times in (*steps_above(step), (0, 2)) if times > 1)
        found, step = wider(found, times), step * times
    rate, within = float(there.mean()) / series.step_s, series.within_idc
    drift = _drift(given, series.step_s, series.start_s)
    due = _due(given, drift.daily, series.step_s, series.start_s)
    shape, evidence = classify_counts(given, series.step_s, due)
    gone = missing(given, series.step_s)
    return Profile(
        name=series.name,
        shape=shape,
        n=round(float(there.sum())),
        span_s=len(given) * series.step_s,
        rate_mean_rps=rate,
        rate_p95_rps=float(np.percentile(there, 95)) / series.step_s,
        rate_max_rps=float(there.max()) / series.step_s,
        window_s=series.step_s,
        step_s=step,
        counts=tuple(None if np.isnan(one) else float(one) for one in found),
        start_s=series.start_s,
        splits=cascade.gamma_splits(step, rate, within) if within else (),
        dispersion=dispersions(given, series.step_s),
        autocorrelation=autocorrelations(given, series.step_s),
        missing=gone,
        quirks=(f"Aggregated per {series.step_s:.0f} s: bursts inside a window cannot be seen.",),
        evidence=(*evidence, *_within(within), *drift.evidence, *_gone(gone, series.step_s)),
        warnings=(*quirk.not_counts(given), *_short(len(given) * series.step_s)),
        source=source or series.source,
        daily=drift.daily,
        weekly=drift.weekly,
        changes=drift.changes,
    )


def _due(counts: Vector, hours: tuple[float, ...], step_s: float, start_s: float | None) -> Vector | None:
    """What each window has at its hour of the day; None without a daily shape."""
    if not hours:
        return None
    factors = season.factors(hours, len(counts), step_s, start_s or 0.0)
    return np.asarray(factors * float(np.nanmean(counts)))


def _nightly(counts: Vector, due: Vector | None) -> bool:
    """Whether nearly all empty windows stand where hardly anything is due."""
    empty = counts == 0
    if due is None or not empty.any():
        return False
    return bool(np.mean(due[empty] < QUIET * float(np.nanmean(counts))) >= NIGHTLY)


class _Drift(Noun, frozen=True, kw_only=True):
    """What changes slowly: by the hour, by the day, for good; with the evidence."""

    daily: tuple[float, ...]
    weekly: tuple[float, ...]
    changes: tuple[Change, ...]
    evidence: tuple[str, ...]


def _drift(counts: Vector, step_s: float, start_s: float | None) -> _Drift:
    begun = start_s or 0.0
    hours, days = season.daily(counts, step_s, begun), season.weekly(counts, step_s, begun)
    explained = season.explained(counts, hours, step_s, begun)
    shown = explained >= season.EXPLAINED
    while len(counts) > MOST:
        counts, step_s = wider(counts, 2), 2 * step_s
    lasting = changes(counts, step_s, season.factors(hours if shown else (), len(counts), step_s, begun))
    return _Drift(
        daily=hours, weekly=days, changes=lasting,
        evidence=(
            *_told_hours(hours, explained, known=start_s is not None), *_told_days(days), *_told_changes(lasting)),
    )  # fmt: skip


def _told_hours(hours: tuple[float, ...], explained: float, *, known: bool) -> tuple[str, ...]:
    if not hours:
        return ()
    high, low = int(np.argmax(hours)), int(np.argmin(hours))
    clock = "of the day" if known else "after the start (the source does not say what time it was)"
    said = (
        f"By medians, hour {high} {clock} has {hours[high]:.2f} times the mean and hour {low} {hours[low]:.2f}; "
        f"the hours explain {explained:.0%} of how windows deviate."
    )
    return (said,)


def _told_days(days: tuple[float, ...]) -> tuple[str, ...]:
    if not days:
        return ()
    return (f"By medians, days of the week have {min(days):.2f} to {max(days):.2f} times the mean.",)


def _told_changes(found: tuple[Change, ...]) -> tuple[str, ...]:
    if not found:
        return ()
    one = max(found, key=lambda change: abs(np.log((change.after_rps + 1e-9) / (change.before_rps + 1e-9))))
    said = (
        f"The rate changed for good {len(found)} times, most at {one.at_s:,.0f} s: from {one.before_rps:.3g} to "
        f"{one.after_rps:.3g} requests/s."
    )
    return (said,)


def _short(span_s: float) -> tuple[str, ...]:
    if span_s >= 2 * season.DAY_S:
        return ()
    more = (2 * season.DAY_S - span_s) / season.DAY_S
    said = (
        f"The span is {span_s / 3600:.1f} hours, under two days: no hour of day can be told; "
        f"record {more:.1f} days more."
    )
    return (said,)


def _above(tick_s: float) -> float:
    """The first of the usual windows that a tick of the clock does not fill."""
    return next((step for step in STEPS_S if step >= 2 * tick_s), STEPS_S[-1]) if tick_s else 0.0


def _idc(arrivals: Vector, tick_s: float) -> tuple[tuple[float, float], ...]:
    """At every scale that holds ten windows; not below the tick of the clock, where nothing is known."""
    found = ((scale, dispersion(arrivals, scale)) for scale in SCALES_S if scale >= tick_s)
    return tuple((scale, value) for scale, value in found if value is not None)


def _within(within: float | None) -> tuple[str, ...]:
    if within is None:
        return ()
    said = f"Inside a window its clients' stated variations come to a variance over mean of {within:.1f} (Poisson: 1)."
    return (said,)


def _gone(gone: tuple[Stretch, ...], step_s: float) -> tuple[str, ...]:
    if not gone:
        return ()
    windows = sum(round((one.end_s - one.start_s) / step_s) for one in gone)
    said = (
        f"{windows} windows in {len(gone)} stretches have no value from anybody: taken as missing in the collection, "
        "not as zero demand."
    )
    return (said,)
