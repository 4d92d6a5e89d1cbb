"""Histograms over records that only grow, and that can be written down and taken up again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from breakeven.schema.noun import Noun
from breakeven.schema.record import Prediction
from breakeven.telemetry import names
from breakeven.telemetry.span import Value, error_of, genai_of

MAX_POINTS = 2000
Key = tuple[str, tuple[tuple[str, Value], ...]]


class Point(Noun, frozen=True, kw_only=True):
    """One histogram: its metric, attributes sorted by name, counts by bucket (the last is above all bounds), sum."""

    metric: str
    attributes: tuple[tuple[str, Value], ...]
    counts: tuple[int, ...]
    sum: float


class Tally:
    """Cumulative since it began; `points` is what to send and what to write down."""

    def __init__(self, points: Iterable[Point] = ()) -> None:
        self._cells: dict[Key, list[float]] = {
            (one.metric, one.attributes): [*one.counts, one.sum] for one in points if _fits(one)
        }

    def add(self, record: Prediction) -> None:
        """Count one record; tokens are the billable ones where the deployment bills any, as the convention asks."""
        told = genai_of(record)
        if not told:
            return
        wrong = error_of(record)
        self._observe(names.DURATION, told | ({names.ERROR_TYPE: wrong} if wrong else {}), record.total_s)
        used = record.billable if record.billable.input or record.billable.output else record.consumed
        if used.input or used.output:
            self._observe(names.TOKENS, told | {names.TOKEN_TYPE: "input"}, used.input)
            self._observe(names.TOKENS, told | {names.TOKEN_TYPE: "output"}, used.output)
        if record.status == "answered":
            if record.ttft_s is not None:
                self._observe(names.TTFT, told, record.ttft_s)
            if record.tpot_s is not None:
                self._observe(names.TPOT, told, record.tpot_s)

    def points(self) -> tuple[Point, ...]:
        """Every histogram as it stands."""
        return tuple(
            Point(metric=metric, attributes=attributes, counts=tuple(map(int, counts)), sum=total)
            for (metric, attributes), (*counts, total) in self._cells.items()
        )

    def _observe(self, metric: str, told: dict[str, Value], value: float) -> None:
        bounds = names.METRICS[metric][2]
        cell = self._cells.get(key := (metric, tuple(sorted(told.items()))))
        if cell is None:
            cell = self._made(key, len(bounds) + 2)
        cell[bisect_left(bounds, value)] += 1
        cell[-1] += value

    def _made(self, key: Key, size: int) -> list[float]:
        if len(self._cells) >= MAX_POINTS:
            key = key[0], (("otel.metric.overflow", True),)
        return self._cells.setdefault(key, [0] * size)


def _fits(one: Point) -> bool:
    return one.metric in names.METRICS and len(one.counts) == len(names.METRICS[one.metric][2]) + 1
