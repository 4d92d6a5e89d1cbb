"""How the counters and histograms of a server changed between two scrapes, and what its gauges read meanwhile."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from itertools import pairwise

from breakeven.metric.steadiness import variation
from breakeven.wire.prometheus_text import Scrape

GROUPS = 5
"""Samples whose mean is one slice, when steadiness is judged: the count of one instant moves more than the load."""


class Change:
    """What happened to one server (the samples whose labels have the values of `where`) from first to last scrape.

    `fell` are the counters that were asked for and went down: the server was started anew in between.
    """

    def __init__(self, scrapes: Sequence[Scrape], where: Mapping[str, str]) -> None:
        self.scrapes, self._where = scrapes, where
        self.seconds = scrapes[-1].at_s - scrapes[0].at_s
        self.fell: list[str] = []

    def counted(self, *names: str, **labels: str) -> float | None:
        """By how much the first known of these counters rose; None where the server has none of them."""
        where = {**self._where, **labels}
        for name in names:
            values = [one.total(name, where) for one in self.scrapes]
            known = [value for value in values if value is not None]
            if known:
                # A labelled counter appears with its first event: before that it was 0.
                steps = [0.0 if value is None else value for value in values]
                self._watch(name, steps)
                return steps[-1] - steps[0]
        return None

    def mean(self, *names: str) -> float | None:
        """Mean of what a histogram took in; None where there is none, or it took in nothing."""
        for name in names:
            count, total = self.counted(f"{name}_count"), self.counted(f"{name}_sum")
            if count is not None and total is not None:
                return total / count if count > 0 else None
        return None

    def gauge(self, *names: str) -> list[float]:
        """What the sum of these gauges read in each scrape that has one of them."""
        read = [[one.total(name, self._where) for name in names] for one in self.scrapes]
        known = [[value for value in values if value is not None] for values in read]
        return [sum(values) for values in known if values]

    def _watch(self, name: str, steps: Sequence[float]) -> None:
        drop = next(((a, b) for a, b in pairwise(steps) if b < a), None)
        if drop is not None:
            self.fell.append(f"{name} fell from {drop[0]:g} to {drop[1]:g}: the server was started anew")


def moved(readings: Sequence[float]) -> float:
    """Coefficient of variation of a gauge, of the means of `GROUPS` readings in a row."""
    starts = range(0, len(readings) - GROUPS + 1, GROUPS)
    return variation([statistics.fmean(readings[start : start + GROUPS]) for start in starts])
