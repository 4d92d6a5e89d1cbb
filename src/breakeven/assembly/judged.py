"""How far off the performance model is on rows it has not seen: groups left out of the fit, errors by what was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.perf.calibrate import (
    FIRST_TOKEN_WIDTHS,
    OWN_FIRST_TOKEN_WIDTHS,
    OWN_WIDTHS,
    Row,
    fit,
    log_errors,
    medians,
)
from breakeven.perf.effects import Unseen
from breakeven.schema.calibration import Calibration, Spread

Group = Callable[[Row], str]

GROUPS: dict[Unseen, Group] = {
    "nothing": lambda row: f"{row}",
    "version": lambda row: f"{row.at.family}/{row.at.accelerator}/{row.at.version}",
    "model": lambda row: f"{row.at.family}/{row.at.accelerator}/{row.at.model}",
    "accelerator": lambda row: row.at.accelerator,
    "engine": lambda row: row.at.family,
}
"""What is left out together, by what is then unseen."""

FOLDS = 6
MOST_FOLDS = 10
OWN_SPREAD = 0.05
FIRST_TOKEN_SPREAD = 0.3
"""Log error of a good TTFT row: what a burst adds no column says."""
FIRST_TOKEN_BASE = {"request_s": 0.5, "queue_share": 1.0}
LEAST_ERRORS = 4
LOWEST, HIGHEST = 0.1, 0.9


def fit_all(rows: Sequence[Row]) -> Calibration:
    """Steps from throughput and TPOT rows, then what TTFT needs beside them, equal deployments and loads merged.

    Raises:
        EvidenceError: no row says anything of steps.
    """
    steps, first = _halves(rows)
    found = fit(steps)
    if not first:
        return found
    return fit(first, start=found, base=FIRST_TOKEN_BASE, widths=FIRST_TOKEN_WIDTHS, spread=FIRST_TOKEN_SPREAD)


def _halves(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Rows of steps and rows of first tokens, medians of equal ones."""
    merged = medians(rows)
    return [row for row in merged if row.outcome != "ttft"], [row for row in merged if row.outcome == "ttft"]


def folds_of(rows: Sequence[Row], group: Group, *, folds: int = FOLDS) -> NDArray[np.intp]:
    """Which fold each row is in: groups are dealt out in a fixed random order."""
    names = sorted({group(row) for row in rows})
    order = np.random.default_rng(0).permutation(len(names))
    fold = {names[place]: number % folds for number, place in enumerate(order)}
    return np.array([fold[group(row)] for row in rows])


def left_out(rows: Sequence[Row], group: Group, *, folds: int = FOLDS) -> NDArray[np.float64]:
    """ln(measured / predicted) of every row by a fit that saw nothing of its group; groups are dealt into folds."""
    which = folds_of(rows, group, folds=folds)
    errors = np.zeros(len(rows))
    for number in sorted(set(which.tolist())):
        apart = [row for row, mine in zip(rows, which, strict=True) if mine == number]
        rest = [row for row, mine in zip(rows, which, strict=True) if mine != number]
        errors[which == number] = log_errors(apart, fit_all(rest))
    return errors


def coverage(errors: NDArray[np.float64], which: NDArray[np.intp]) -> float:
    """Share of errors inside the 80 % bounds that the other folds give."""
    inside = np.zeros(len(errors), dtype=bool)
    for number in sorted(set(which.tolist())):
        mine = which == number
        low, high = np.quantile(errors[~mine] if (~mine).any() else errors, [LOWEST, HIGHEST])
        inside[mine] = (low <= errors[mine]) & (errors[mine] <= high)
    return float(inside.mean())


def spread_of(metric: str, load: str, unseen: str, errors: NDArray[np.float64]) -> Spread:
    """The figures of a list of log errors; relative errors are |predicted / measured - 1|."""
    relative = np.abs(np.exp(-errors) - 1)
    low, high = np.quantile(errors, [LOWEST, HIGHEST])
    return Spread(
        metric=metric, load=load, unseen=unseen, low=float(low), high=float(high), n=len(errors),
        mape=float(relative.mean()), median=float(np.median(relative)), p90=float(np.quantile(relative, HIGHEST)),
    )  # fmt: skip


def spreads(rows: Sequence[Row], unseen: Unseen, errors: NDArray[np.float64]) -> Iterable[Spread]:
    """One spread for each quantity, offline and in a closed loop; what stands for an open loop is judged by itself."""
    kinds = np.array([f"{row.outcome}/{'offline' if row.at.offline else 'closed'}" for row in rows])
    for kind in sorted(set(kinds.tolist())):
        metric, load = kind.split("/")
        if load == "offline" and metric != "throughput":
            continue
        yield spread_of(metric, load, unseen, errors[kinds == kind])


def fit_own(rows: Sequence[Row], start: Calibration) -> Calibration:
    """One's own rows on top of `start`, whose base stays: only the levels that the rows have move."""
    steps, first = _halves(rows)
    found = fit(steps, start=start, base={}, widths=OWN_WIDTHS, spread=OWN_SPREAD) if steps else start
    if not first:
        return found
    return fit(first, start=found, base={}, widths=OWN_FIRST_TOKEN_WIDTHS, spread=OWN_SPREAD)


def own_spreads(rows: Sequence[Row], start: Calibration) -> list[Spread]:
    """Errors of each load predicted from one's other rows, as what is unseen nowhere; at least 4 of a quantity."""
    merged = medians(rows)
    loads = sorted({(row.prompt, row.output, row.in_flight) for row in merged})
    errors = np.zeros(len(merged))
    for number in range(min(len(loads), MOST_FOLDS)):
        apart = set(loads[number::MOST_FOLDS])
        mine = np.array([(row.prompt, row.output, row.in_flight) in apart for row in merged])
        rest = [row for row, out in zip(merged, mine, strict=True) if not out]
        by = fit_own(rest, start) if rest else start
        errors[mine] = log_errors([row for row, out in zip(merged, mine, strict=True) if out], by)
    return [one for one in spreads(merged, "nothing", errors) if one.n >= LEAST_ERRORS]
