"""A profile from three numbers: what nobody measured is assumed, and said."""

from __future__ import annotations

import numpy as np

from breakeven.schema.demand import Lengths, Mix, Profile, Targets
from breakeven.schema.noun import Noun
from breakeven.schema.workload import Shape
from breakeven.workload.arrivals import Vector
from breakeven.workload.cascade import gamma_splits
from breakeven.workload.mix import GOLDEN
from breakeven.workload.sample import tokens
from breakeven.workload.season import DAY_S

STEP_S = 600.0
STEPS = round(DAY_S / STEP_S)
BURSTY_DISPERSION = 16.0
"""Variance / mean of counts of gaps that vary four times as much as a Poisson process's, at long scales: 4 squared."""
EVENT_PEAK = 10.0
"""Times the mean, where nobody says how high the rate is during an event."""
PAIRS = 512


class Stated(Noun, frozen=True, kw_only=True):
    """What a person says of a workload. Lengths are None where unknown; `daily` are 24 factors or none."""

    name: str
    rate_rps: float
    rate_p95_rps: float | None = None
    shape: Shape = "steady"
    input: Lengths | None = None
    output: Lengths | None = None
    daily: tuple[float, ...] = ()
    prefix_share: float | None = None
    targets: Targets = Targets()
    tiers: tuple[tuple[str, float], ...] = ()


def assumed(stated: Stated) -> Profile:
    """The profile of what was said.

    steady: independent requests. bursty: variance / mean of counts of 16 from one second to ten minutes. event_driven:
    ten-minute events at 10 times the mean (or at `rate_p95_rps`), evenly spread over the day, and nothing between.
    """
    levels, told = _levels(stated)
    counts = levels * (stated.rate_rps * STEP_S / levels.mean())
    dispersion = BURSTY_DISPERSION if stated.shape == "bursty" else 1.0
    p95 = float(np.percentile(counts, 95)) / STEP_S if stated.rate_p95_rps is None else stated.rate_p95_rps
    return Profile(
        name=stated.name,
        shape=stated.shape,
        rate_mean_rps=stated.rate_rps,
        rate_p95_rps=p95,
        rate_max_rps=max(p95, float(counts.max()) / STEP_S),
        window_s=STEP_S,
        step_s=STEP_S,
        counts=tuple(float(one) for one in counts),
        start_s=0.0,
        span_s=DAY_S,
        splits=gamma_splits(STEP_S, stated.rate_rps, dispersion) if stated.shape == "bursty" else (),
        daily=stated.daily,
        mix=_mix(stated),
        prefix_share=stated.prefix_share,
        block_tokens=0 if stated.prefix_share is None else 16,
        tiers=stated.tiers,
        targets=stated.targets,
        evidence=(f"Stated, not measured: {told}.",),
        warnings=("Nobody measured this workload: fit one to traffic before money depends on it.",),
        source="stated",
        basis="assumed",
    )


def _levels(stated: Stated) -> tuple[Vector, str]:
    """Relative rates over a day in steps of ten minutes, and what they rest on."""
    hours = np.repeat(np.asarray(stated.daily or (1.0,) * 24), STEPS // 24)
    if stated.shape == "event_driven":
        peak = EVENT_PEAK if stated.rate_p95_rps is None else max(stated.rate_p95_rps / stated.rate_rps, 1.0)
        return hours * _events(peak), f"events of ten minutes at {peak:.3g} times the mean, nothing between them"
    if stated.rate_p95_rps is not None and not stated.daily:
        return _swinging(
            stated.rate_p95_rps / stated.rate_rps
        ), "the rate swings over the day up to its 95th percentile"
    told = "in bursts, variance over mean of counts 16" if stated.shape == "bursty" else "independent of each other"
    return hours, f"requests come {told}"


def _events(peak: float) -> Vector:
    """So many steps are on that their level over the mean is `peak`, evenly spread."""
    on = max(1, round(STEPS / peak))
    found = np.zeros(STEPS)
    found[(np.arange(on) * STEPS // on + STEPS // (2 * on)) % STEPS] = 1.0
    return found


def _swinging(ratio: float) -> Vector:
    """A day whose 95th percentile is `ratio` times its mean: a sine where that is enough, else a peak on a base."""
    wave = (1 - np.cos(2 * np.pi * (np.arange(STEPS) + 0.5) / STEPS)) / 2
    low, high = 0.0, 60.0
    for _ in range(60):
        power = (low + high) / 2
        found = wave**power
        low, high = (power, high) if np.percentile(found, 95) / found.mean() < ratio else (low, power)
    return np.asarray(wave ** ((low + high) / 2))


def _mix(stated: Stated) -> Mix | None:
    """Quantiles of each length, paired so that they have nothing to do with each other."""
    if stated.input is None or stated.output is None:
        return None
    shares = (np.arange(PAIRS) + 0.5) / PAIRS
    first, second = _drawn(stated.input, shares), _drawn(stated.output, (shares[0] + np.arange(PAIRS) * GOLDEN) % 1)
    seen = 0.0 if stated.prefix_share is None else stated.prefix_share
    return Mix(
        input=stated.input, output=stated.output, correlation=None,
        pairs=tuple((float(a), float(b), float(a) * seen) for a, b in zip(first, second, strict=True)),
    )  # fmt: skip


def _drawn(law: Lengths, shares: Vector) -> Vector:
    return tokens(law.mean, law.p50, law.p95, shares)


def single(mean: float) -> Lengths:
    """A length that every request has."""
    return Lengths(mean=mean, p50=mean, p95=mean, p99=mean, most=mean)
