"""Requests like a profile's: the rate it saw, with new chance; for what-ifs, when there is no trace of the future."""

from __future__ import annotations

import numpy as np

from breakeven.errors import UsageError
from breakeven.schema.demand import Profile
from breakeven.schema.workload import Trace
from breakeven.workload.arrivals import Vector
from breakeven.workload.campaign import Campaign, factors
from breakeven.workload.cascade import Whole, place
from breakeven.workload.prefix import blocks
from breakeven.workload.season import DAY_S, WEEK_S
from breakeven.workload.season import factors as hours

MOST = 20_000_000
"""Requests of one sample at most: each takes 24 bytes, and its line 60."""
TELLING = 5.0
"""A window of fewer requests may be empty by chance; with more, its zero is kept."""
EDITED = 0.05
"""Lengths whose stated mean is further than this from their pairs' were edited: the pairs follow."""


def intensities(profile: Profile) -> Vector:
    """Requests expected per `step_s` over one cycle: what was counted, less the part of its spread that is chance.

    Counts vary as the rate does and by chance; the variance that is left for the rate is the counts' less their mean.
    A window without any, where many were due, keeps none. Missing windows are filled by the hour of day. The mean is
    the profile's.
    """
    counts = np.array([np.nan if one is None else one for one in profile.counts], dtype=np.float64)
    if profile.basis == "assumed":
        return np.asarray(counts * (profile.rate_mean_rps * profile.step_s / counts.mean()))
    filled = np.where(np.isnan(counts), _usual(profile, counts), counts)
    mean, variance = float(filled.mean()), float(filled.var())
    kept = np.sqrt(max(0.0, 1 - mean / variance)) if variance > 0 else 0.0
    drawn = mean + (filled - mean) * kept
    if mean >= TELLING:
        drawn = np.where(filled == 0, 0.0, drawn)
    total = float(drawn.mean())
    return np.asarray(drawn * (profile.rate_mean_rps * profile.step_s / total))


def _usual(profile: Profile, counts: Vector) -> Vector:
    expected = hours(profile.daily, len(counts), profile.step_s, profile.start_s or 0.0)
    there = ~np.isnan(counts)
    return np.asarray(expected * float(np.median(counts[there] / np.maximum(expected[there], 1e-9))))


def cycle(profile: Profile) -> Vector:
    """The intensities that repeat: whole weeks, or whole days, where the profile has them, so that hours stay hours."""
    found = intensities(profile)
    for length in (WEEK_S, DAY_S):
        whole = int(len(found) * profile.step_s // length)
        steps = round(length / profile.step_s) * whole
        if whole and 0 < steps <= len(found):
            return np.asarray(found[:steps] * (found.mean() / found[:steps].mean()))
    return found


def path(profile: Profile, seconds: float, start_s: float | None = None) -> Vector:
    """Requests expected in each `step_s` of so many seconds; the last step whole, the mean that of the profile.

    As long as the profile or longer: its cycle again and again. Shorter: the stretch that is most like all of it in
    how its steps spread, at whole days where it holds one; or from `start_s` into the profile on, as it was then.
    """
    steps = max(1, int(np.ceil(seconds / profile.step_s - 1e-9)))
    known = intensities(profile)
    if start_s is not None or steps > len(known):
        found = known if start_s is not None and steps <= len(known) else cycle(profile)
        first = 0 if start_s is None else round(start_s / profile.step_s)
        chosen = found[(np.arange(steps) + first) % len(found)]
    else:
        chosen = _typical(known, steps, round(DAY_S / profile.step_s))
    if start_s is not None or chosen.mean() <= 0:
        return np.asarray(chosen)
    return np.asarray(chosen * (profile.rate_mean_rps * profile.step_s / chosen.mean()))


def _typical(known: Vector, steps: int, day: int) -> Vector:
    """The stretch whose mean and relative deviation are nearest to those of the whole; the first of equals."""
    sums, squares = (np.concatenate([[0.0], np.cumsum(part)]) for part in (known, known**2))
    starts = np.arange(0, len(known) - steps + 1, day if steps >= day else 1)
    mean = (sums[starts + steps] - sums[starts]) / steps
    spread = np.sqrt(np.maximum((squares[starts + steps] - squares[starts]) / steps - mean**2, 0.0))
    whole = float(known.mean())
    off = np.abs(mean / whole - 1) + np.abs(spread - float(known.std())) / whole
    first = int(starts[int(np.argmin(np.round(off, 9)))])
    return known[first : first + steps]


def rates(profile: Profile, window_s: float, seconds: float, *, rng: np.random.Generator | None = None) -> Vector:
    """Requests per second in consecutive windows: the load curve of a plan.

    Expected rates; with a generator, what so many random requests come to. Inside a step the rate is level.
    """
    steps = path(profile, seconds)
    if rng is not None:
        steps = _chance(profile, steps, rng).astype(np.float64)
    ends = np.arange(len(steps) + 1) * profile.step_s
    bounds = np.append(np.arange(0, seconds - 1e-9, window_s), seconds)
    sums = np.diff(np.interp(bounds, ends, np.concatenate([[0.0], np.cumsum(steps)])))
    return np.asarray(sums / np.diff(bounds))


def draw(
    profile: Profile,
    seconds: float,
    rng: np.random.Generator,
    *,
    start_s: float | None = None,
    campaign: Campaign | None = None,
) -> Trace:
    """A trace of so many seconds; a campaign counts its times from its beginning.

    Counts per step are Poisson around the profile's rate, and fall inside it by its splits. Lengths are drawn from its
    pairs; blocks such that as many of them came before. The same generator state gives the same bytes.

    Raises:
        UsageError: fewer than two requests would come, or more than 20 million, or lengths are unknown.
    """
    _check(profile, profile.rate_mean_rps * seconds, seconds)
    expected = path(profile, seconds, start_s)
    if campaign is not None:
        expected = expected * factors(campaign, profile.step_s, len(expected))
        _check(profile, float(expected.sum()) * seconds / (len(expected) * profile.step_s), seconds)
    arrivals = place(_chance(profile, expected, rng), profile.step_s, profile.splits, rng)
    arrivals = arrivals[arrivals < seconds]
    if len(arrivals) < 2:  # noqa: PLR2004 - a rate needs two
        arrivals = np.sort(rng.random(2) * seconds)
    prompt, output, seen = _lengths(profile, len(arrivals), rng)
    offsets, hashes = blocks(prompt, seen, profile.block_tokens, rng) if profile.block_tokens else ([], [])
    return Trace(
        name=f"{profile.name}-sample",
        arrival_s=(arrivals - arrivals[0]).tobytes(),
        input_tokens=prompt.tobytes(),
        output_tokens=output.tobytes(),
        source=f"drawn from the profile of {profile.name} ({profile.source})",
        block_offsets=np.array(offsets, dtype="<i8").tobytes(),
        block_hashes=np.array(hashes, dtype="<i8").tobytes(),
        hash_block_tokens=profile.block_tokens,
    )


def _chance(profile: Profile, expected: Vector, rng: np.random.Generator) -> Whole:
    """Poisson counts; of a stated process that clumps, with its clumping, which measured counts hold already."""
    clump = profile.splits[0].concentration if profile.basis == "assumed" and profile.splits else None
    if clump is not None:
        expected = expected * rng.standard_gamma(clump, len(expected)) / clump
    return np.asarray(rng.poisson(expected))


def _check(profile: Profile, total: float, seconds: float) -> None:
    if profile.mix is None:
        message = f"{profile.name}: the source has no lengths of requests"
        raise UsageError(
            message,
            "`breakeven workload fit FILE --out LOAD.yaml`, then state input_tokens and output_tokens in LOAD.yaml",
        )
    if total < 2 or total > MOST:  # noqa: PLR2004 - a rate needs two
        message = f"{profile.name}: {seconds:g} s at its rate are {total:,.0f} requests, and 2 to {MOST:,} can be drawn"
        raise UsageError(message, f"ask for about {seconds * min(max(1000 / total, 1e-6), 1e6):,.3g} seconds")


def _lengths(profile: Profile, n: int, rng: np.random.Generator) -> tuple[Vector, Vector, Vector]:
    """Each pair as often as the next, in random order; scaled where the means were changed by hand."""
    assert profile.mix is not None  # noqa: S101 - checked before
    pairs = np.array(profile.mix.pairs, dtype=np.float64)
    rows = rng.permutation(((np.arange(n) + rng.random()) * (len(pairs) / n)).astype(int) % len(pairs))
    drawn = pairs[rows]
    first = _scale(profile.mix.input.mean, float(pairs[:, 0].mean()))
    second = _scale(profile.mix.output.mean, float(pairs[:, 1].mean()))
    prompt, output = np.round(drawn[:, 0] * first), np.round(drawn[:, 1] * second)
    return np.ascontiguousarray(prompt), np.ascontiguousarray(output), np.ascontiguousarray(drawn[:, 2] * first)


def _scale(stated: float, own: float) -> float:
    return stated / own if own > 0 and abs(stated / own - 1) > EDITED else 1.0
