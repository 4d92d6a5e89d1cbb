"""Counters, histograms and gauges as Prometheus reads them.

A series is one `Cell`, a list of numbers that is added to in place: whoever counts often keeps the cell and pays no
look-up. Series of a metric are bounded: what comes beyond falls into one named "other".
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from logging import getLogger
from operator import add
from typing import Literal

Labels = tuple[str, ...]
Cell = list[float]
"""A counter's one number; or a histogram's counts by bucket, then above all buckets, then the sum."""
Cells = Mapping[Labels, Cell]
Bounds = Mapping[str, Collection[str]]
Across = Literal["sum", "max", "min"]
"""How a metric of several workers becomes one: of those alive, except that a sum of counters keeps the dead."""
OTHER = "other"
MAX_SERIES = 2000
SECONDS = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
_BOUNDS = tuple(f'"{bound}"}}' for bound in (*SECONDS, "+Inf"))
_UNBOUND: Bounds = {}
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_HELP_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n"})
_log = getLogger("breakeven.gateway")


class Counter:
    """A sum that only grows, by labels.

    Args:
        name: as Prometheus knows it, with its unit.
        help_text: one sentence.
        labels: the labels' names.
        bounds: by label, the values that are told as they are; a label that is missing there is bounded by number only.
        limit: series at most.
    """

    kind = "counter"
    across: Across = "sum"

    def __init__(
        self, name: str, help_text: str, labels: Labels = (), bounds: Bounds = _UNBOUND, limit: int = MAX_SERIES
    ) -> None:
        self.name, self.help, self.labels, self.limit = name, help_text, labels, limit
        self.cells: dict[Labels, Cell] = {}
        self._bounds = bounds

    def cell(self, *values: str) -> Cell:
        """The series with these label values, made if absent; add to its first number."""
        found = self.cells.get(values)
        return self._made(values) if found is None else found

    def add(self, *values: str, amount: float = 1.0) -> None:
        """Add to the series with these label values."""
        self.cell(*values)[0] += amount

    def read(self) -> Cells:
        """Every series."""
        return self.cells

    def empty(self) -> Cell:
        """A series in which nothing happened."""
        return [0]

    def lines(self, cells: Cells) -> Iterator[str]:
        """The text of series, by label values."""
        for values, cell in sorted(cells.items()):
            yield _line(self.name, _pairs(self.labels, values), cell[0])

    def _made(self, values: Labels) -> Cell:
        values = tuple(map(self._told, self.labels, values))
        if values not in self.cells and self.labels and len(self.cells) >= self.limit - 1:
            values = (OTHER,) * len(self.labels)
        return self.cells.setdefault(values, self.empty())

    def _told(self, label: str, value: str) -> str:
        known = self._bounds.get(label)
        return value if known is None or not value or value in known else OTHER


class Histogram(Counter):
    """Durations in seconds, by labels, in fixed buckets."""

    kind = "histogram"

    def observe(self, seconds: float, *values: str) -> None:
        """Count one duration."""
        observe(self.cell(*values), seconds)

    def empty(self) -> Cell:
        """No duration yet."""
        return [0] * (len(SECONDS) + 1) + [0.0]

    def lines(self, cells: Cells) -> Iterator[str]:
        """Cumulative buckets, sum and count of each series."""
        for values, (*counts, total) in sorted(cells.items()):
            told = _pairs(self.labels, values)
            start = f"{self.name}_bucket{{{told},le=" if told else f"{self.name}_bucket{{le="
            running = 0.0
            for bound, count in zip(_BOUNDS, counts, strict=True):
                running += count
                yield f"{start}{bound} {running:.0f}"
            yield _line(f"{self.name}_sum", told, total)
            yield _line(f"{self.name}_count", told, running)


def observe(cell: Cell, seconds: float) -> None:
    """Count one duration in a histogram's cell."""
    cell[bisect_left(SECONDS, seconds)] += 1
    cell[-1] += seconds


class Gauge:
    """What is asked for when it is read: a gauge, or (kind "counter") a count that another object keeps."""

    def __init__(
        self,
        name: str,
        help_text: str,
        labels: Labels,
        read: Callable[[], Mapping[Labels, float]],
        kind: Literal["gauge", "counter"] = "gauge",
        across: Across = "sum",
    ) -> None:
        self.name, self.help, self.labels, self._read = name, help_text, labels, read
        self.kind, self.across = kind, across
        self._failed = False

    def read(self) -> Cells:
        """Every series; none when its source cannot be asked, which is told once."""
        try:
            found = self._read()
        except Exception as error:  # noqa: BLE001 - a failing source must take neither the scrape nor the worker's tick along
            if not self._failed:
                _log.warning("metrics: %s cannot be read: %s", self.name, error)
            self._failed = True
            return {}
        self._failed = False
        return {values: [value] for values, value in islice(found.items(), MAX_SERIES)}

    def empty(self) -> Cell:
        """Zero."""
        return [0.0]

    def lines(self, cells: Cells) -> Iterator[str]:
        """The text of series, by label values."""
        for values, cell in sorted(cells.items()):
            yield _line(self.name, _pairs(self.labels, values), cell[0])


Metric = Counter | Gauge


def joined(metric: Metric, mine: Cells, others: Iterable[tuple[bool, Cells]]) -> Cells:
    """One metric over several workers: this one's series, and each other's with whether it is alive.

    Counters add up over the living and the dead, so that no sum falls; of gauges only the living count. Series of
    another shape (another version's) are left out.
    """
    total = {values: list(cell) for values, cell in mine.items()}
    combine, shape = _COMBINE[metric.across], (len(metric.labels), len(metric.empty()))
    for alive, cells in others:
        if alive or metric.kind != "gauge":
            for values, cell in cells.items():
                if (len(values), len(cell)) == shape:
                    before = total.get(values)
                    total[values] = cell if before is None else list(map(combine, before, cell))
    return total


def render(metrics: Iterable[tuple[Metric, Cells]]) -> bytes:
    """The text exposition format, version 0.0.4."""
    lines: list[str] = []
    for metric, cells in metrics:
        told = metric.help.translate(_HELP_ESCAPES)
        lines += [f"# HELP {metric.name} {told}", f"# TYPE {metric.name} {metric.kind}", *metric.lines(cells)]
    return ("\n".join(lines) + "\n").encode(errors="replace")


def _pairs(labels: Labels, values: Labels) -> str:
    return ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in zip(labels, values, strict=True))


def _line(name: str, told: str, value: float) -> str:
    return f"{name}{{{told}}} {_number(value)}" if told else f"{name} {_number(value)}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value)).removesuffix(".0")
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


_COMBINE: dict[str, Callable[[float, float], float]] = {"sum": add, "max": max, "min": min}
