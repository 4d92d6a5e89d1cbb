"""The shape of demand, with a sentence for every figure it rests on."""

from __future__ import annotations

import numpy as np

from breakeven.schema.workload import Shape
from breakeven.workload.arrivals import SCALES_S, Vector, counts, dispersion, silences, variation, variation_within
from breakeven.workload.surge import SPIKE, SURGE, Surges, surges

ENOUGH = 30
"""Requests below which no shape is stated; windows, where there are only counts."""

BURSTY_CV = 1.5
BURSTY_IDC = 3.0
EVEN_CV = 0.7
"""Below it gaps are nearer to a clock's than to those of independent requests."""
SILENT_SHARE = 0.10
BURSTY_NOISE = 0.5
"""Deviation of counts from their local base, over the base, that is no longer steady."""
SURGING_SHARE = 0.10
RARE = 0.15
"""Share of windows beyond which spikes are no longer isolated."""

Judged = tuple[Shape, tuple[str, ...]]


def classify(arrivals: Vector, *, nightly: bool = False) -> Judged:
    """The shape and its evidence; `nightly`: the silences are those of quiet hours of the day, and no events.

    event_driven: long silences fill 10 % of the span or more, or isolated spikes reach 10 times the local base. bursty:
    gaps within a minute vary more than 1.5 times a Poisson process's, counts per second within a minute more than 3
    times, or surges over 3 times the base hold 10 % of the requests. steady otherwise, also where the rate drifts or
    follows the day. unknown below 30 requests.
    """
    if len(arrivals) < ENOUGH:
        return "unknown", (f"{len(arrivals)} requests are too few to state a shape (at least {ENOUGH}).",)
    within, quiet = variation_within(arrivals, 60.0), silences(arrivals)
    evidence = _evidence(arrivals, within)
    if quiet.count:
        evidence += (
            f"{quiet.count} silences, the longest {quiet.longest_s:.0f} s, fill {quiet.share:.0%} of the span.",
        )
    if nightly:
        evidence += ("They are those of hours of the day in which hardly anybody comes, not events.",)
    elif quiet.share >= SILENT_SHARE:
        return "event_driven", (*evidence, f"Silences fill {SILENT_SHARE:.0%} or more: event-driven.")
    out = surges(counts(arrivals, _width(arrivals)))
    evidence += _standing_out(out)
    if _isolated(out):
        return "event_driven", (*evidence, f"Isolated spikes over {SPIKE:.0f} times the base: event-driven.")
    local = within if within is not None else variation(arrivals)
    idc = dispersion_within(arrivals)
    if (local or 0.0) > BURSTY_CV or (idc or 0.0) > BURSTY_IDC:
        return "bursty", (*evidence, f"CV above {BURSTY_CV} or IDC per second above {BURSTY_IDC:.0f}: bursty.")
    if out.surge_share >= SURGING_SHARE:
        return "bursty", (*evidence, f"Surges hold {SURGING_SHARE:.0%} or more of the requests: bursty.")
    near = "More even than" if (local or 0.0) < EVEN_CV else "Near"
    return "steady", (*evidence, f"{near} Poisson at short scales, without events: steady.")


def classify_counts(found: Vector, step_s: float, due: Vector | None = None) -> Judged:
    """The shape of counts per window, of which nothing finer is known; the same words, read off the windows.

    `due` are the counts expected at each hour of the day, where there is a daily shape: a quiet night is no event.
    """
    there = found[~np.isnan(found)]
    if len(there) < ENOUGH:
        return "unknown", (f"{len(there)} windows are too few to state a shape (at least {ENOUGH}).",)
    out = surges(found, due)
    evidence = (
        f"Counts per {step_s:.0f} s deviate from their local base by {out.noise:.0%} beyond chance.",
        *_standing_out(out),
    )
    if out.silent_share >= SILENT_SHARE:
        said = f"Nothing came in {out.silent_share:.0%} of windows where requests were due: event-driven."
        return "event_driven", (*evidence, said)
    if out.noise > BURSTY_NOISE:
        return "bursty", (*evidence, f"A deviation above {BURSTY_NOISE:.0%}: bursty.")
    if _isolated(out):
        return "event_driven", (*evidence, f"Isolated spikes over {SPIKE:.0f} times the base: event-driven.")
    if out.surge_share >= SURGING_SHARE:
        return "bursty", (*evidence, f"Surges hold {SURGING_SHARE:.0%} or more: bursty.")
    return "steady", (*evidence, "Near its local base throughout; drift and the hour of day are no bursts: steady.")


def dispersion_within(arrivals: Vector) -> float | None:
    """Median over minutes of variance / mean of counts per second: without the drift; None without a busy minute."""
    seconds = counts(arrivals, 1.0)
    minutes = seconds[: len(seconds) // 60 * 60].reshape(-1, 60)
    busy = minutes[minutes.sum(axis=1) >= ENOUGH]
    return float(np.median(busy.var(axis=1, ddof=1) / busy.mean(axis=1))) if len(busy) else None


def _width(arrivals: Vector) -> float:
    """Ten seconds where they hold some requests, else a minute."""
    rate = len(arrivals) / max(float(arrivals[-1] - arrivals[0]), 1e-9)
    return 10.0 if rate * 10 >= 5 else 60.0  # noqa: PLR2004 - fewer than five in a window are noise


def _isolated(out: Surges) -> bool:
    return 0 < out.spike_windows <= RARE * out.windows


def _standing_out(out: Surges) -> tuple[str, ...]:
    sentence = (
        f"The highest window has {out.highest:.1f} times its local base; windows over {SURGE:.0f} times hold "
        f"{out.surge_share:.1%} of the requests, {out.spike_windows} of {out.windows} are over {SPIKE:.0f} times."
    )
    return (sentence,)


def _evidence(arrivals: Vector, within: float | None) -> tuple[str, ...]:
    overall = variation(arrivals)
    sentences = []
    if overall is not None:
        sentences.append(f"Inter-arrival times have a coefficient of variation of {overall:.2f} (Poisson: 1).")
    if within is not None:
        sentences.append(f"Within a minute it is {within:.2f} in the median.")
    found = [(scale, dispersion(arrivals, scale)) for scale in SCALES_S]
    stated = ", ".join(f"{value:.1f} at {scale:.0f} s" for scale, value in found if value is not None)
    if stated:
        sentences.append(f"Counts per window have variance over mean of {stated} (Poisson: 1).")
    return tuple(sentences)
