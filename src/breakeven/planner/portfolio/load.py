"""The load-duration curve: the rate that must be carried in each window, and the hours of a month it stands for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """Windows of a load, as a month of 730 hours.

    `rate_rps` is the rate that capacity must carry in each window, `fill` the mean rate / that rate (below 1 where the
    window's peak is carried), `hours` how many of the month's hours a window stands for; they sum to 730. `window_s`
    is the length of a window: what takes longer to start cannot follow it.
    """

    rate_rps: Array
    fill: Array
    hours: Array
    window_s: float

    @property
    def peak_rps(self) -> float:
        """The highest rate to carry, in requests/s."""
        return float(self.rate_rps.max())

    @property
    def requests(self) -> float:
        """Requests in the month."""
        return float(self.requests_per_rps @ self.rate_rps)

    @property
    def mean_rps(self) -> float:
        """Requests a second on average."""
        return self.requests / (HOURS_PER_MONTH * SECONDS_PER_HOUR)

    @property
    def requests_per_rps(self) -> Array:
        """Requests of the month per requests/s of each window that are carried."""
        return self.fill * self.hours * SECONDS_PER_HOUR

    def scaled(self, factor: float) -> Duration:
        """The same shape at a multiple of the rate.

        Raises:
            ValueError: the factor is negative or not finite.
        """
        if not (np.isfinite(factor) and factor >= 0):
            message = f"a load is scaled by a finite factor >= 0, got {factor}"
            raise ValueError(message)
        return Duration(rate_rps=self.rate_rps * factor, fill=self.fill, hours=self.hours, window_s=self.window_s)

    def equal(self, count: int) -> Array:
        """Mean rates to carry of `count` equally long stretches of the sorted month, ascending."""
        order = np.argsort(self.rate_rps, kind="stable")
        ends = np.append(0.0, np.cumsum(self.hours[order]))
        below = np.append(0.0, np.cumsum((self.rate_rps * self.hours)[order]))
        cuts = np.linspace(0, ends[-1], count + 1)
        return np.asarray(np.maximum(np.diff(np.interp(cuts, ends, below)) * count / ends[-1], 0.0))

    @property
    def mean_fill(self) -> float:
        """Requests / what the rates to carry would be, over the month."""
        carried = float(self.rate_rps @ self.hours) * SECONDS_PER_HOUR
        return self.requests / carried if carried > 0 else 1.0

    def levels(self, most: int) -> Duration:
        """At most so many windows: equal ones joined, then neighbours in rate, each joined to their mean rate.

        Hours and requests stay; a joined window's peak is lost, so that its cost is a bound from below, not exact.
        """
        order = np.argsort(self.rate_rps, kind="stable")
        rate, fill, hours = self.rate_rps[order], self.fill[order], self.hours[order]
        starts = np.flatnonzero((np.diff(rate, prepend=-1.0) != 0) | (np.diff(fill, prepend=-1.0) != 0))
        if starts.size > most:
            ends = np.cumsum(hours)
            cuts = np.searchsorted(ends, np.linspace(0, ends[-1], most, endpoint=False), side="right")
            starts = np.unique(np.minimum(cuts, hours.size - 1))
            starts[0] = 0
        together = np.add.reduceat(hours, starts)
        carried = np.add.reduceat(rate * hours, starts) / together
        served = np.add.reduceat(rate * fill * hours, starts) / together
        filled = np.divide(served, carried, out=np.ones_like(served), where=carried > 0)
        return Duration(rate_rps=carried, fill=filled, hours=together, window_s=self.window_s)


def duration(
    rate_rps: ArrayLike,
    *,
    window_s: float,
    weights: ArrayLike | None = None,
    mean_rps: ArrayLike | None = None,
) -> Duration:
    """The load-duration curve of rates to carry, one a window; `weights` say how often each window comes (equally).

    `mean_rps` are the windows' mean rates where `rate_rps` is a peak inside them.

    Raises:
        ValueError: no window, a rate or weight that is negative or not finite, or a mean above its peak.
    """
    rate = np.atleast_1d(np.asarray(rate_rps, dtype=np.float64))
    weight = np.ones_like(rate) if weights is None else np.asarray(weights, dtype=np.float64)
    mean = rate if mean_rps is None else np.asarray(mean_rps, dtype=np.float64)
    for name, given in (("rates", rate), ("weights", weight), ("mean rates", mean)):
        _check(name, given, rate.size)
    if not weight.sum() > 0 or not (np.isfinite(window_s) and window_s > 0):
        message = f"windows need a length > 0 s and a weight, got {window_s} s and a sum of {weight.sum():g}"
        raise ValueError(message)
    if (mean > rate * (1 + 1e-9)).any():
        worst = int(np.argmax(mean - rate))
        message = f"window {worst}: its mean rate {mean[worst]:g} is above the rate to carry, {rate[worst]:g}"
        raise ValueError(message)
    fill = np.divide(mean, rate, out=np.ones_like(rate), where=rate > 0)
    hours = weight / weight.sum() * HOURS_PER_MONTH
    return Duration(rate_rps=rate, fill=fill, hours=hours, window_s=window_s)


def duration_of_arrivals(
    arrival_s: ArrayLike, *, window_s: float, peak_s: float | None = None, scale: float = 1.0
) -> Duration:
    """The curve of arrivals in seconds: requests/s of each whole window, times `scale`.

    With `peak_s` (which divides the window) the rate to carry is the highest over stretches of that length inside each
    window: capacity that changes once a window has to carry it. An unfinished last window is left out.

    Raises:
        ValueError: arrivals span less than one window, or the lengths do not divide.
    """
    arrivals = np.asarray(arrival_s, dtype=np.float64)
    inner = window_s if peak_s is None else peak_s
    per = round(window_s / inner)
    if per < 1 or abs(per * inner - window_s) > 1e-9 * window_s:
        message = f"a window of {window_s:g} s does not divide into stretches of {inner:g} s"
        raise ValueError(message)
    first, last = (float(arrivals.min()), float(arrivals.max())) if arrivals.size else (0.0, 0.0)
    windows = int((last - first) / window_s + 1e-9)
    if windows < 1:
        message = f"{arrivals.size} arrivals span {last - first:g} s, less than one window of {window_s:g} s"
        raise ValueError(message)
    edges = first + inner * np.arange(windows * per + 1)
    counts = np.histogram(arrivals, edges)[0].reshape(windows, per) / inner * scale
    return duration(counts.max(axis=1), window_s=window_s, mean_rps=counts.mean(axis=1))


def _check(name: str, given: Array, size: int) -> None:
    if given.ndim != 1 or given.size != size or size == 0 or not np.isfinite(given).all() or given.min() < 0:
        message = f"the {name} of a load are one finite figure >= 0 a window, got shape {given.shape} for {size}"
        raise ValueError(message)
