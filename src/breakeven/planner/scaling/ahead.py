"""The demand one lead ahead as a formula of what a metrics server knows: fitted, and computed.

Linear in logarithms, by least squares; its residuals are measured in units of the recent swing, so that a calm hour has
a narrow interval and a restless one a wide one. The quantile of those scores is the headroom: conformal prediction with
a scale (Lei et al. 2018, section 5.2), on the fitted part itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import EvidenceError
from breakeven.schema.scaling import Ahead

Vector = NDArray[np.float64]

DAY_S = 86400.0
FEWEST = 48
"""Steps with everything known, below which nothing is fitted."""
SPREADS = (0.25, 1.0, 4.0, 100.0)
"""What is added to the swing, in usual swings: from intervals that follow it to intervals that do not care.

The one with the least pinball loss is taken: where swings say nothing of the next hour, following them costs.
"""
CALM = 1e-3
"""A series that never moved still has so much spread, in logarithms."""


def fit_ahead(rates_rps: Vector, step_s: float, lead_s: float, quantile: float, *, recent_s: float = 3600.0) -> Ahead:
    """The formula of the `quantile` of the rate `lead_s` ahead, from a series of windows of `step_s`, gaps filled.

    Without a day and `FEWEST` steps before the end, the rate of now is taken, and headroom from its own changes.

    Raises:
        EvidenceError: fewer than three windows beyond the lead.
    """
    steps = max(1, math.ceil(lead_s / step_s - 1e-9))
    known = len(rates_rps) - steps
    if known < 3:  # noqa: PLR2004 - two changes are the fewest with a spread
        message = f"{len(rates_rps)} windows of {step_s:g} s do not show how demand changes in {lead_s:g} s"
        raise EvidenceError(message, f"give at least {steps + 3} windows, better two days of them")
    plain = Ahead(step_s=step_s, lead_s=lead_s, recent_s=max(recent_s, step_s), least_rps=_least(rates_rps))
    columns, swing = features(plain, rates_rps)
    first = min(np.flatnonzero(np.isfinite(columns[:, 3])), default=len(columns))
    if known - first < FEWEST:
        columns, first = columns.copy(), min(int(plain.recent_s // step_s), known - 2)
        columns[:, 3] = columns[:, 2]
        weights = np.array([0.0, 1.0, 0.0, 0.0])
    else:
        weights = np.linalg.lstsq(columns[first:known], columns[first + steps :, 1], rcond=None)[0]
    return _with_headroom(plain, columns[first:], swing[first:], weights, steps, quantile)


def _least(rates_rps: Vector) -> float:
    """A hundredth of the mean: silence is not an infinite fall."""
    return max(1e-6, float(rates_rps.mean()) / 100)


def _with_headroom(plain: Ahead, columns: Vector, swing: Vector, weights: Vector, steps: int, quantile: float) -> Ahead:
    known = len(columns) - steps
    missed = columns[steps:, 1] - columns[:known] @ weights
    usual = float(swing[:known].mean())
    tried = [_headroom(missed, swing[:known], usual * factor + CALM, quantile) for factor in SPREADS]
    _, headroom, spread = min(tried)
    constant, now, recent, day = (float(weight) for weight in weights)
    return Ahead(
        step_s=plain.step_s, lead_s=plain.lead_s, recent_s=plain.recent_s, least_rps=plain.least_rps,
        constant=constant, now=now, recent=recent, day=day,
        headroom=headroom, spread=spread, n=known,
    )  # fmt: skip


def _headroom(missed: Vector, swing: Vector, spread: float, quantile: float) -> tuple[float, float, float]:
    """The pinball loss of a spread, with the headroom that covers the quantile of the scores, and the spread."""
    scores = np.sort(missed / (spread + swing))
    place = min(len(scores), math.ceil((len(scores) + 1) * quantile)) - 1
    headroom = float(scores[max(0, place)])
    over = missed - headroom * (spread + swing)
    return float(np.maximum(quantile * over, (quantile - 1) * over).mean()), headroom, spread


def features(ahead: Ahead, rates_rps: Vector) -> tuple[Vector, Vector]:
    """Of every window as it ends: 1, ln a, ln b, ln c (NaN without a day before), and the swing."""
    width = max(1, round(ahead.recent_s / ahead.step_s))
    clipped = np.maximum(rates_rps, ahead.least_rps)
    now, recent = np.log(clipped), np.log(np.maximum(_trailing(rates_rps, width), ahead.least_rps))
    swing = _trailing(np.abs(np.diff(now, prepend=now[:1])), width)
    back = round((DAY_S - ahead.lead_s - ahead.recent_s / 2) / ahead.step_s)
    day = np.full(len(now), np.nan)
    if 0 < back < len(now):
        day[back + width - 1 :] = recent[width - 1 : len(now) - back]
    return np.stack([np.ones(len(now)), now, recent, day], axis=1), swing


def _trailing(values: Vector, width: int) -> Vector:
    """The mean of the last `width` values at each place, of fewer at the start."""
    summed = np.concatenate([[0.0], np.cumsum(values)])
    last = np.arange(1, len(values) + 1)
    first = np.maximum(0, last - width)
    return np.asarray((summed[last] - summed[first]) / (last - first))


def quantiles_rps(ahead: Ahead, rates_rps: Vector) -> Vector:
    """The quantile one lead after the end of each window, in requests/s."""
    columns, swing = features(ahead, rates_rps)
    day = np.where(np.isfinite(columns[:, 3]), columns[:, 3], columns[:, 2])
    told = ahead.constant + ahead.now * columns[:, 1] + ahead.recent * columns[:, 2] + ahead.day * day
    return np.asarray(np.exp(told + ahead.headroom * (ahead.spread + swing)))


def quantile_rps(ahead: Ahead, rates_rps: Vector) -> float:
    """The quantile one lead after the last window, in requests/s."""
    return float(quantiles_rps(ahead, rates_rps)[-1])
