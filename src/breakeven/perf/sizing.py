"""The smallest deployment that keeps its targets: all screened in one call, the best few simulated, the rest ruled out.

A layout is a replica: so many boards of a kind, in tensor-parallel groups and stages. The closed forms of `perf.screen`
say how many replicas each probably needs; the likeliest are simulated up and down to the fewest that do. Then every
other layout that might do with fewer boards is simulated too, unless the closed forms rule it out by far.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from breakeven.perf import attain, screen
from breakeven.perf.coefficients import Coefficients
from breakeven.perf.roofline import Column, Size, columns, stack
from breakeven.perf.simulate import Simulation, simulate
from breakeven.schema.noun import Noun
from breakeven.schema.objective import Objective
from breakeven.schema.performance import StepCurve
from breakeven.schema.serving import Serving
from breakeven.schema.workload import Trace

SIMULATED = 20
"""Layouts that are simulated before the others are ruled out."""

_SURELY_FULL = 1.15
_SURELY_SLOW = 1.3
"""Closed forms this far beyond capacity or a target rule a layout out: their own errors are smaller."""


class Layout(NamedTuple):
    """A replica as closed forms need it: boards in all, and what a stage does."""

    name: str
    boards: int
    size: Size
    coefficients: Coefficients


class Tried(Noun, frozen=True, kw_only=True):
    """A deployment that was simulated: its layout by number, boards in all, and the share of requests in target."""

    layout: int
    replicas: int
    boards: int
    share: float


class Sizing(Noun, frozen=True, kw_only=True):
    """The smallest deployment found (None: none does) and all that were simulated, by boards and then replicas."""

    best: Tried | None
    tried: tuple[Tried, ...]
    screened: int


CurveOf = Callable[[int], StepCurve]
"""The step curve of a layout by its number."""


class _Search:
    """Shares by layout and number of replicas, each simulated once."""

    def __init__(
        self, layouts: Sequence[Layout], curve: CurveOf, trace: Trace, scale: float, serving: Serving, asked: Objective
    ) -> None:
        self.layouts, self.curve, self.trace, self.scale, self.serving = layouts, curve, trace, scale, serving
        self.asked = asked
        self.tried: dict[tuple[int, int], Tried] = {}
        self.best: Tried | None = None

    def does(self, layout: int, replicas: int) -> bool:
        """Whether so many replicas keep the targets; remembers the smallest deployment that does."""
        key = layout, replicas
        if key not in self.tried:
            run = simulate(self.trace, self.curve(layout), replicas, scale=self.scale, serving=self.serving)
            share = attain.share_in_budget(run, self.asked)
            boards = self.layouts[layout].boards * replicas
            self.tried[key] = Tried(layout=layout, replicas=replicas, boards=boards, share=share)
        found = self.tried[key]
        good = found.share >= self.asked.attainment
        if good and (self.best is None or _order(found) < _order(self.best)):
            self.best = found
        return good

    def most(self, layout: int, most_boards: int) -> int:
        """The most replicas that would still be better than the best so far."""
        boards = self.layouts[layout].boards
        if self.best is None:
            return most_boards // boards
        tie = self.best.boards // boards
        return tie if tie * boards < self.best.boards or tie < self.best.replicas else tie - 1

    def fewest(self, layout: int, start: int, most: int) -> None:
        """Up from `start` in growing steps until it does, then down to the fewest that do; at most `most`."""
        low, high = 0, min(start, most)
        if high < 1:
            return
        step = 1
        while not self.does(layout, high):
            if high == most:
                return
            low, high, step = high, min(most, high + step), 2 * step
        while high - low > 1:
            middle = high - 1 if low == 0 else (low + high) // 2
            if self.does(layout, middle):
                high = middle
            else:
                low = middle


def _order(found: Tried) -> tuple[int, int, float]:
    return found.boards, found.replicas, -found.share


def size(  # noqa: PLR0913 - what is served, and what of
    layouts: Sequence[Layout],
    curve: CurveOf,
    demand: screen.Demand,
    trace: Trace,
    asked: Objective,
    *,
    scale: float = 1.0,
    serving: Serving = Serving(),  # noqa: B008 - frozen
    most_boards: int = 64,
) -> Sizing:
    """The fewest boards, ties by fewer replicas, that keep the attainment of `asked` on the trace. Deterministic.

    `demand` is that of all replicas together.
    """
    search = _Search(layouts, curve, trace, scale, serving, asked)
    counts = np.arange(1, most_boards + 1)
    found = _screened(layouts, demand, counts)
    boards = np.array([layout.boards for layout in layouts])
    possible = boards[:, None] * counts <= most_boards
    likely = _likely(found, asked, 1.0, screen.KNEE_RHO) & possible
    guess = np.where(likely.any(axis=1), likely.argmax(axis=1) + 1, 0)
    order = sorted(np.flatnonzero(guess).tolist(), key=lambda k: (boards[k] * guess[k], guess[k], k))
    for k in order[:SIMULATED]:
        search.fewest(k, int(guess[k]), most_boards // int(boards[k]))
    _rule_out(search, _likely(found, asked, _SURELY_SLOW, _SURELY_FULL) & possible, boards, most_boards)
    tried = sorted(search.tried.values(), key=lambda one: (_order(one), one.layout))
    return Sizing(best=search.best, tried=tuple(tried), screened=int(possible.sum()))


def _rule_out(search: _Search, plausible: NDArray[np.bool_], boards: NDArray[np.int64], most_boards: int) -> None:
    """Simulate whatever might still be smaller than the best, the smallest first."""
    fewest = np.where(plausible.any(axis=1), plausible.argmax(axis=1) + 1, 0)
    for k in sorted(np.flatnonzero(fewest).tolist(), key=lambda k: (boards[k] * fewest[k], fewest[k], k)):
        most = search.most(k, most_boards)
        if search.best is None:
            search.fewest(k, int(fewest[k]), most)
        elif fewest[k] <= most and search.does(k, most):
            search.fewest(k, most, most_boards)


def _screened(layouts: Sequence[Layout], demand: screen.Demand, counts: NDArray[np.int64]) -> screen.Open:
    """Every layout with every number of replicas in one call, shaped (layouts, numbers)."""
    n = len(counts)
    at = Size(*(np.repeat(column, n) for column in stack([layout.size for layout in layouts])))
    fitted = columns([layout.coefficients for layout in layouts])
    fitted = type(fitted)(*(np.repeat(column, n) for column in fitted))
    each = demand._replace(rate=np.tile(demand.rate / counts, len(layouts)))
    found = screen.bounds(at, fitted, each, 0.0, 0.0)[0]
    shaped = {name: column.reshape(len(layouts), n) for name, column in found._asdict().items()}
    return screen.Open(**shaped)


def _likely(found: screen.Open, asked: Objective, slack: float, full: float) -> NDArray[np.bool_]:
    """Where closed forms are within `slack` times the targets, and no fuller than `full`; NaN is not."""
    good: NDArray[np.bool_] = np.asarray(found.rho <= full)
    strict = slack <= 1.0
    first, token = (found.ttft_p95_s, found.tpot_p95_s) if strict else (found.ttft_s, found.tpot_s)
    for value, target in ((first, asked.ttft_s), (token, asked.tpot_s), (found.e2e_s, asked.budget_s)):
        if target is not None:
            with np.errstate(invalid="ignore"):
                good &= (value <= slack * target) | (not strict and found.rho > screen.KNEE_RHO)
    return good


def demand_of(trace: Trace, rate: float, *, sequences: int, chunk: int) -> screen.Demand:
    """What closed forms need of a trace at `rate` requests per second."""
    prompt, output, arrivals = (
        np.frombuffer(column) for column in (trace.input_tokens, trace.output_tokens, trace.arrival_s)
    )
    gaps = np.diff(arrivals)
    gap_cv2 = float(gaps.var() / gaps.mean() ** 2) if len(gaps) and gaps.mean() > 0 else 1.0
    mean = float(prompt.mean())
    figures = (rate, mean, float(output.mean()), float(np.percentile(prompt, 95)), float(prompt.var()) / mean**2)
    return screen.Demand(*(np.asarray(one) for one in (*figures, gap_cv2, float(sequences), float(chunk))))


def headroom(met: Callable[[float], bool]) -> float:
    """How many times the rate still does, to 5 %, at most 8; 1 where not even 5 % more does."""
    low, high = 1.0, 1.05
    if not met(high):
        return low
    while high < 8 and met(high):  # noqa: PLR2004 - nobody needs to know more
        low, high = high, high * 1.25
    while high / low > 1.05:  # noqa: PLR2004 - the width said above
        middle = math.sqrt(low * high)
        low, high = (middle, high) if met(middle) else (low, middle)
    return low


def reached(run: Simulation, asked: Objective) -> dict[str, float]:
    """What the share of requests that `attainment` asks for is within, of each quantity with a target; refused: inf."""
    targets = {"ttft_s": asked.ttft_s, "tpot_s": asked.tpot_s, "e2e_s": asked.budget_s}
    lost = np.isnan(run.column("e2e_s"))
    return {
        name: _quantile(run.column(name), lost, asked.attainment)
        for name, target in targets.items()
        if target is not None
    }


def _quantile(values: Column, lost: NDArray[np.bool_], share: float) -> float:
    whole = np.sort(np.where(lost, np.inf, np.where(np.isnan(values), 0.0, values)))
    place = min(len(whole) - 1, max(0, math.ceil(share * len(whole)) - 1))
    return float(whole[place])
