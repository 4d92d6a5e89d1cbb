"""The shape of demand, with a sentence for every figure it rests on."""

from __future__ import annotations

from breakeven.schema.workload import Shape
from breakeven.workload.arrivals import SCALES_S, Vector, dispersion, silences, variation, variation_within

ENOUGH = 30
"""Requests below which no shape is stated."""

BURSTY_CV = 1.5
BURSTY_IDC = 3.0
SILENT_SHARE = 0.10


def classify(arrivals: Vector) -> tuple[Shape, tuple[str, ...]]:
    """The shape and its evidence.

    event_driven: long silences fill 10 % of the span or more. bursty: gaps within a minute vary more than 1.5 times a
    Poisson process's, or counts per second more than 3 times. steady otherwise. unknown below 30 requests.
    """
    if len(arrivals) < ENOUGH:
        return "unknown", (f"{len(arrivals)} requests are too few to state a shape (at least {ENOUGH}).",)
    within, quiet = variation_within(arrivals, 60.0), silences(arrivals)
    evidence = _evidence(arrivals, within)
    if quiet.count:
        evidence += (
            f"{quiet.count} silences, the longest {quiet.longest_s:.0f} s, fill {quiet.share:.0%} of the span.",
        )
    if quiet.share >= SILENT_SHARE:
        return "event_driven", (*evidence, f"Silences fill {SILENT_SHARE:.0%} or more: event-driven.")
    local = within if within is not None else variation(arrivals)
    if (local or 0.0) > BURSTY_CV or (dispersion(arrivals, 1.0) or 0.0) > BURSTY_IDC:
        return "bursty", (*evidence, f"CV above {BURSTY_CV} or IDC per second above {BURSTY_IDC:.0f}: bursty.")
    return "steady", (*evidence, "Near Poisson at short scales, without long silences: steady.")


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
