"""An engine over days: roll-ups for the final ones, rows for the rest; the same integers as a scan of everything.

Percentiles are exact while the period holds at most `EXACT_ROWS` predictions; beyond it they come from histograms, with
the error of `histogram.ERROR`. Questions by policy or plan, which roll-ups do not know, go to the rows.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from breakeven.errors import LedgerError
from breakeven.ledger import layout
from breakeven.ledger.days import compute, histogram, period, span, tally
from breakeven.ledger.days.histogram import Histogram
from breakeven.ledger.days.period import Found, Part
from breakeven.ledger.days.rollup import Rollup
from breakeven.ledger.engine.port import (
    DIMENSIONS,
    METRICS,
    Audit,
    Cell,
    Columns,
    Engine,
    Loaded,
    Metric,
    Opener,
    Query,
    Samples,
    Slice,
    Spread,
    Standby,
    Useful,
)
from breakeven.ledger.identity import time_of
from breakeven.schema.noun import Noun
from breakeven.schema.statement import Day

_N = TypeVar("_N", bound=Noun)


def open_days(data_dir: Path, about: Query, opener: Opener) -> Answers:
    """Answers about a period by these measures, from what the ledger holds now.

    Raises:
        LedgerError: there is no ledger there.
    """
    return Answers(about, period.find(data_dir, about), opener)


class Answers:
    """Answers about the period it was opened for; a question about another one is a mistake of the caller's."""

    def __init__(self, about: Query, found: Found, opener: Opener) -> None:
        self._about, self._found, self._opener = about, found, opener
        self.warnings = found.warnings
        self.final = tuple(one.day for one in found.rollups)

    @cached_property
    def _engines(self) -> list[tuple[Part, Engine]]:
        """What is answered from rows, opened by the first question that needs it."""
        return [(one, self._opener(one.snapshot)) for one in self._found.parts]

    @cached_property
    def _whole(self) -> Engine:
        """Everything in rows."""
        return self._opener(self._found.whole())

    @property
    def percentiles(self) -> Literal["exact", "histogram"]:
        """How percentiles are made."""
        return "exact" if self._found.rows <= period.EXACT_ROWS else "histogram"

    def state(self, date: str) -> Day:
        """Whether a day is final, and of which version."""
        version = next((one for day, one in self._found.versions.items() if layout.date(day) == date), None)
        if version is not None and version.day in self.final:
            return Day(day=date, state="final", version=version.version, reason=version.reason)
        if version is None:
            return Day(day=date, state="provisional", reason="not finalised yet: outcomes may still come")
        why = self._found.reopened.get(version.day, "something changed since, or the period cuts through it")
        return Day(day=date, state="provisional", version=version.version, reason=why)

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""
        if self._in_rows(query):
            return self._whole.cells(query)
        kept = [cell for one in self._found.rollups for cell in one.cells if _asked(cell, query)]
        kept += [cell for part, engine in self._engines for cell in engine.cells(_within(query, part))]
        return _merged(kept, _CELL_KEY)

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""
        if self._in_rows(query):
            return compute.standby(self._whole, query)
        kept = [one for found in self._found.rollups for one in found.standby]
        kept += [one for part, engine in self._engines for one in compute.standby(engine, _within(query, part))]
        return _merged(kept, ("deployment", "hour"))

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""
        if self._in_rows(query) or self.percentiles == "exact" or query.deployment is not None:
            return self._whole.spreads(query)
        days = [(layout.date(one.day), one.histograms) for one in self._found.rollups]
        days += [part for one in self._found.parts for part in _counted(one)]
        return tuple(_spreads(days, query))

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""
        if self._in_rows(query):
            return msgspec.structs.replace(self._whole.audit(query), lost=self._found.lost)
        parts = [engine.audit(_within(query, part)) for part, engine in self._engines]
        parts += [_of_day(one, query) for one in self._found.rollups]
        kinds: Counter[str] = Counter()
        for one in parts:
            kinds.update(dict(one.kinds))
        return Audit(
            kinds=tuple(sorted(kinds.items())),
            unattributed=sum(one.unattributed for one in parts),
            denied=sum(one.denied for one in parts),
            foreign=sum(one.foreign for one in parts),
            lost=self._found.lost,
            policies=tuple(sorted({name for one in parts for name in one.policies})),
        )

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""
        return self._whole.arrivals(query)

    def samples(self, query: Query) -> Samples:
        """Latencies of delivered predictions, sorted."""
        return self._whole.samples(query)

    def useful(self, query: Query) -> tuple[Useful, ...]:
        """What useful predictions cost, by use case and day."""
        return self._whole.useful(query)

    def loads(self, query: Query) -> tuple[Loaded, ...]:
        """What engines and accelerators said of themselves: a few rows an hour, never rolled up."""
        return self._whole.loads(query)

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of time."""
        return self._whole.slices(query, width_s)

    def _in_rows(self, query: Query) -> bool:
        """Whether roll-ups cannot answer; nobody may ask about another period than was opened."""
        if (query.start_s, query.end_s) != (self._about.start_s, self._about.end_s):
            message = f"days were opened for {self._about.start_s} to {self._about.end_s}"
            raise LedgerError(message, f"open them for {query.start_s} to {query.end_s}")
        return query.policy_id is not None or query.plan_id is not None


def _asked(cell: Cell, query: Query) -> bool:
    return query.use_case in (None, cell.use_case) and query.deployment in (None, cell.deployment)


def _within(query: Query, part: Part) -> Query:
    low_s = None if math.isinf(part.low_s) else part.low_s
    high_s = None if math.isinf(part.high_s) else part.high_s
    return msgspec.structs.replace(query, start_s=low_s, end_s=high_s)


_CELL_KEY = ("deployment", "hour", "day", "use_case", "tenant", "model", "arm", "fate")
_LARGEST = frozenset({"basis", "energy_basis", "last_s", "model", "measurable"})


def _merged(rows: Sequence[_N], key: tuple[str, ...]) -> tuple[_N, ...]:
    """Rows of one key as one row, sorted: sums, but for what is a largest or a smallest."""
    place = attrgetter(*key)
    ordered = sorted(rows, key=place)
    if all(place(one) != place(two) for one, two in pairwise(ordered)):
        return tuple(ordered)
    groups: dict[tuple[Any, ...], list[_N]] = defaultdict(list)
    for row in ordered:
        groups[place(row)].append(row)
    return tuple(_sum(groups[place], key) for place in sorted(groups))


def _sum(rows: Sequence[_N], key: tuple[str, ...]) -> _N:
    first = rows[0]
    if len(rows) == 1:
        return first
    names = [name for name in first.__struct_fields__ if name not in key]
    return msgspec.structs.replace(first, **{name: _together(name, rows) for name in names})


def _together(name: str, rows: Sequence[Noun]) -> object:
    values = [getattr(row, name) for row in rows]
    return min(values) if name == "first_s" else max(values) if name in _LARGEST else sum(values)


def _of_day(one: Rollup, query: Query) -> Audit:
    policies = {
        found.policy_id
        for found in one.standing
        if found.policy_id and query.use_case in (None, found.use_case) and query.deployment in (None, found.deployment)
    }
    return msgspec.structs.replace(one.audit, policies=tuple(sorted(policies)))


_Counted = tuple[str, dict[tally.Group, Histogram]]


def _counted(part: Part) -> list[_Counted]:
    """The histograms of a range of rows, day by day."""
    times = [(one.min_time_s, one.max_time_s) for one in part.snapshot.segments if one.table == "predictions"]
    times += [(time_s, time_s) for time_s in map(time_of, part.snapshot.records)]
    days = {day for low, high in times for day in span.days_within(max(low, part.low_s), min(high, part.high_s))}
    found = []
    for day in sorted(days):
        low_s, high_s = compute.bounds(day)
        with tally.over(part.snapshot, max(low_s, part.low_s), min(high_s, part.high_s)) as counted:
            found.append((layout.date(layout.day_of(low_s)), counted.histograms()))
    return [one for one in found if one[1]]


def _spreads(days: Sequence[_Counted], query: Query) -> Iterable[Spread]:
    for dimension in ("", *DIMENSIONS):
        groups: dict[tuple[str, Metric], list[Histogram]] = defaultdict(list)
        for day, found in days:
            name = "" if dimension == "day" else dimension
            for (key, metric), parts in tally.folded(found, name, query.use_case).items():
                groups[day if dimension == "day" else key, metric].extend(parts)
        for key in sorted({key for key, _ in groups}):
            for metric in METRICS:
                merged = histogram.latency(histogram.merged(groups.get((key, metric), [])))
                yield Spread(dimension=dimension, key=key, metric=metric, latency=merged)
