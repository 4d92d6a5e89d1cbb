"""Quantiles of past errors that are held to their coverage: adaptive conformal intervals.

Each quantile moves up by a small step times its level when an error was above it, and down by the step times the rest
when one was not, when that error is known: so over a long time as many errors stay under it as it says, whatever the
errors do (Gibbs and Candes 2021; as a tracker of the quantile, Angelopoulos et al. 2023). A lead of l windows is
answered l windows later, so that its steps are smaller the longer it is.
"""

from __future__ import annotations

import numpy as np

from breakeven.schema.noun import Noun
from breakeven.workload.arrivals import Vector

STEP, DAMPED_FROM = 0.15, 36.0
"""The step over the mean size of errors; leads from which it falls as one over the lead."""
FIRST, FEWEST = 0.15, 60
"""Share of the errors, and how many at least, that the quantiles start from."""
WIDER = 2.0
"""The start is wider by this over the number of errors that do not overlap."""
NEVER_UNDER = 12
FORGET = 0.002
HUGE = 5.0


class Tracked(Noun, frozen=True, kw_only=True):
    """Quantiles of the errors to come, one row a lead, and how many of past errors stayed under theirs."""

    rows: tuple[tuple[float, ...], ...]
    under: tuple[float, ...]
    tested: int


def track(errors: list[Vector], leads: list[int], levels: Vector, tested_from: float = 0.5) -> Tracked:
    """Follow the errors of every lead; those after the share `tested_from` of the history are counted."""
    held = [_of_lead(found, lead, levels, tested_from) for found, lead in zip(errors, leads, strict=True)]
    tested = sum(count for _, _, count in held)
    under = sum((hits for _, hits, _ in held), np.zeros(len(levels)))
    return Tracked(
        rows=tuple(tuple(float(one) for one in row) for row, _, _ in held),
        under=tuple(float(one) for one in under / tested) if tested else (),
        tested=tested,
    )


def enough(errors: Vector) -> bool:
    """Whether there are errors to start from, and as many to follow."""
    return int(np.count_nonzero(~np.isnan(errors))) >= 2 * FEWEST


def _of_lead(errors: Vector, lead: int, levels: Vector, tested_from: float) -> tuple[Vector, Vector, int]:
    there = ~np.isnan(errors)
    first = int(np.flatnonzero(there)[0])
    start = first + max(FEWEST, int((len(errors) - first) * FIRST))
    begun = errors[first:start][there[first:start]]
    row, size = _started(begun, lead, levels).tolist(), float(np.abs(begun).mean())
    step = STEP / max(1.0, lead / DAMPED_FROM)
    wanted, hits, count, issued = levels.tolist(), np.zeros(len(levels)), 0, []
    since = max(start, int(len(errors) * tested_from))
    for at, error in enumerate(errors[start:].tolist(), start):
        issued.append(row)
        if error != error:  # noqa: PLR0124 - NaN is not itself
            continue
        under = [error <= bound for bound in issued[max(0, at - lead - start)]]
        if at >= since:
            hits, count = hits + under, count + 1
        size += FORGET * (min(abs(error), HUGE * size) - size)
        row = sorted(bound + step * size * (one - hit) for bound, one, hit in zip(row, wanted, under, strict=True))
    return np.array(row), hits, count


def _started(begun: Vector, lead: int, levels: Vector) -> Vector:
    row, middle = np.quantile(begun, levels), float(np.median(begun))
    apart = max(1.0, len(begun) / max(lead, NEVER_UNDER))
    return np.asarray(middle + (row - middle) * (1 + WIDER / apart))
