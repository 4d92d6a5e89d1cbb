"""The memory engine: the definition of every question, in plain Python over the metrics' own definitions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TypeVar

from breakeven.ledger import correcting, layout
from breakeven.ledger.engine import fate, loaded
from breakeven.ledger.engine import slices as sliced
from breakeven.ledger.engine.attribute import HOME_CURRENCIES, Attribution, Flags, attribute
from breakeven.ledger.engine.port import (
    BASES,
    DIMENSIONS,
    METRICS,
    NANO,
    SAMPLE_LIMIT,
    Audit,
    Cell,
    Columns,
    Loaded,
    Metric,
    Query,
    Samples,
    Slice,
    Spread,
    Standby,
    Useful,
)
from breakeven.ledger.identity import key_of
from breakeven.ledger.people import KINDS, people_of, rows_of
from breakeven.ledger.restore import bad_rows, restore
from breakeven.ledger.snapshot import Snapshot
from breakeven.metric import latency
from breakeven.metric.usefulness import DELIVERED
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.journal import Record
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity, EngineLoad, Prediction
from breakeven.schema.statement import Latency
from breakeven.schema.workload import pack

_R = TypeVar("_R", Prediction, Outcome, Capacity, EngineLoad)


class MemoryEngine:
    """Answers over records held in memory."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.warnings = snapshot.warnings
        records = [*snapshot.records, *restore(snapshot)]
        self._predictions = _distinct(records, Prediction, lambda one: (one.node, one.sequence))
        self._outcomes = _distinct(records, Outcome, lambda one: (one.received_s, one.node, one.sequence))
        if said := correcting.latest(records):
            self._predictions = [correcting.corrected(one, said) for one in self._predictions]
        who = people_of(rows_of(self._outcomes))
        if who:
            self._predictions = [who.prediction(one) for one in self._predictions]
            self._outcomes = [who.outcome(one) for one in self._outcomes]
        self._capacity = _distinct(records, Capacity, lambda one: (one.start_s, one.end_s))
        self._loads = _distinct(records, EngineLoad, lambda one: (one.start_s, one.end_s))
        self._frames = {(one.node, one.sequence) for one in records if isinstance(one, Prediction | Outcome)}
        self._frames |= {(one.node, one.sequence) for one in bad_rows(snapshot)} | {*snapshot.dropped}

    def useful(self, query: Query) -> tuple[Useful, ...]:
        """What useful predictions cost, by use case and day."""
        groups: dict[tuple[str, int], list[fate.Row]] = defaultdict(list)
        for row in self._rows(query):
            groups[row.prediction.use_case, layout.day_of(row.prediction.time_s)].append(row)
        return tuple(_useful(*key, groups[key]) for key in sorted(groups))

    def cells(self, query: Query) -> tuple[Cell, ...]:
        """What predictions cost and what became of them."""
        groups: dict[tuple[object, ...], list[fate.Row]] = defaultdict(list)
        for row in self._rows(query):
            groups[row.key].append(row)
        return tuple(fate.cell(groups[key]) for key in sorted(groups))

    def _rows(self, query: Query) -> Iterator[fate.Row]:
        used_when = {measure.use_case: measure.used_when for measure in query.measures}
        flags, rates = self._attribution(query).flags, self._rates
        for one in self._asked(query):
            yield fate.row(
                one,
                flags.get(one.prediction_id, Flags()),
                used_when.get(one.use_case, "unmeasured"),
                rates.get((one.deployment, one.policy_id)),
            )

    def standby(self, query: Query) -> tuple[Standby, ...]:
        """What capacity cost, whether used or not."""
        groups: dict[tuple[str, int], list[Capacity]] = defaultdict(list)
        policies = {one.policy_id for one in self._predictions if one.plan_id == query.plan_id}
        for row in self._capacity:
            held = _holds(query.policy_id, row.policy_id) and (query.plan_id is None or row.policy_id in policies)
            if held and _within(row.start_s, query):
                groups[row.deployment, int(row.start_s // SECONDS_PER_HOUR)].append(row)
        return tuple(_standby(*key, groups[key]) for key in sorted(groups))

    def spreads(self, query: Query) -> tuple[Spread, ...]:
        """Percentiles of everything and of every group of every dimension."""
        rows = [one for one in self._asked(query) if one.status in DELIVERED]
        found: list[Spread] = []
        for dimension in ("", *DIMENSIONS):
            groups: dict[str, list[Prediction]] = defaultdict(list)
            for one in rows:
                groups[_key(one, dimension)].append(one)
            found += [_spread(dimension, key, metric, groups[key]) for key in sorted(groups) for metric in METRICS]
        return tuple(found)

    def audit(self, query: Query) -> Audit:
        """Events, losses and policies."""
        asked = [one for one in self._outcomes if _within(one.time_s, query)]
        keys = {key_of(one)[1:] for one in asked}
        attribution = self._attribution(query)
        kinds = [one.kind for one in asked]
        return Audit(
            kinds=tuple((kind, kinds.count(kind)) for kind in sorted(set(kinds))),
            unattributed=len(keys & attribution.unattributed),
            denied=len(keys & attribution.denied),
            foreign=sum(
                one.value is not None and one.currency.upper() not in HOME_CURRENCIES
                for one in asked
                if one.kind not in KINDS  # who somebody is has no price
            ),
            lost=_lost(self._frames),
            policies=tuple(sorted({one.policy_id for one in self._asked(query) if one.policy_id})),
        )

    def arrivals(self, query: Query) -> Columns:
        """When requests came and how large they were."""
        rows = sorted(self._asked(query), key=lambda one: (one.time_s, one.prediction_id))
        first_s = rows[0].time_s if rows else 0.0
        return Columns(
            arrival_s=pack(one.time_s - first_s for one in rows),
            input_tokens=pack(one.served.input for one in rows),
            output_tokens=pack(one.served.output for one in rows),
        )

    def samples(self, query: Query) -> Samples:
        """Latencies of delivered predictions, sorted."""
        rows = [one for one in self._asked(query) if one.status in DELIVERED]
        return Samples(**{metric: _thin(_values(rows, metric)) for metric in METRICS})

    def slices(self, query: Query, width_s: float) -> tuple[Slice, ...]:
        """What deployments did in slices of time."""
        sliced.check_width(width_s)
        return sliced.slices(self._asked(query), width_s)

    def loads(self, query: Query) -> tuple[Loaded, ...]:
        """What engines and accelerators said of themselves."""
        return loaded.loads(one for one in self._loads if _within(one.start_s, query))

    def _asked(self, query: Query) -> list[Prediction]:
        return [one for one in self._predictions if _within(one.time_s, query) and _matches(one, query)]

    def _attribution(self, query: Query) -> Attribution:
        return attribute(self._predictions, self._outcomes, query.measures)

    @cached_property
    def _rates(self) -> dict[tuple[str, str], int]:
        """Pico-USD per replica-second by (deployment, policy); without one nothing is a share of capacity."""
        rates: dict[tuple[str, str], int] = {}
        for row in self._capacity:
            key = (row.deployment, row.policy_id)
            rates[key] = max(rates.get(key, 0), row.pico_usd_per_replica_s)
        return rates


def _distinct(records: Iterable[Record], kind: type[_R], order: Callable[[_R], tuple[object, ...]]) -> list[_R]:
    """One record for each identity: the first in `order`, so that the order of arrival does not matter."""
    first: dict[tuple[str, ...], _R] = {}
    for record in records:
        if isinstance(record, kind):
            key = key_of(record)
            if key not in first or order(record) < order(first[key]):
                first[key] = record
    return list(first.values())


def _within(time_s: float, query: Query) -> bool:
    return (query.start_s is None or time_s >= query.start_s) and (query.end_s is None or time_s < query.end_s)


def _holds(asked: str | None, found: str) -> bool:
    return asked is None or asked == found


def _matches(one: Prediction, query: Query) -> bool:
    pairs = ((query.policy_id, one.policy_id), (query.plan_id, one.plan_id))
    more = ((query.use_case, one.use_case), (query.deployment, one.deployment))
    return all(_holds(asked, found) for asked, found in pairs + more)


def _key(one: Prediction, dimension: str) -> str:
    if dimension == "day":
        return layout.date(layout.day_of(one.time_s))
    return str(getattr(one, dimension)) if dimension else ""


def _values(rows: Iterable[Prediction], metric: str) -> list[float]:
    return sorted(value for one in rows if (value := getattr(one, metric)) is not None)


def _spread(dimension: str, key: str, metric: Metric, rows: Sequence[Prediction]) -> Spread:
    values = _values(rows, metric)
    n = len(values)
    p50_s, p95_s, p99_s = (latency.percentile(values, share) for share in (0.50, 0.95, 0.99))
    mean_s = sum(round(value * NANO) for value in values) / n / NANO if n else None
    found = Latency(n=n, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, mean_s=mean_s)
    return Spread(dimension=dimension, key=key, metric=metric, latency=found)


def _thin(values: Sequence[float]) -> tuple[float, ...]:
    step = max(1, -(-len(values) // SAMPLE_LIMIT))
    return tuple(values[::step])


def _useful(use_case: str, day: int, rows: Sequence[fate.Row]) -> Useful:
    seen = [row for row in rows if row.fate != "unobserved"]
    measurable = any(row.was_used is not None for row in rows)
    return Useful(
        use_case=use_case,
        day=day,
        predictions=len(rows),
        observed=len(seen),
        unpriced=sum(row.unpriced for row in seen),
        cost_pico_usd=sum(row.prediction.cost_pico_usd or 0 for row in seen),
        useful=sum(row.fate in ("used", "converted") for row in seen) if measurable else None,
    )


def _standby(deployment: str, hour: int, rows: Sequence[Capacity]) -> Standby:
    return Standby(
        deployment=deployment,
        hour=hour,
        model=max(row.model for row in rows),
        cost_pico_usd=sum(row.cost_pico_usd for row in rows),
        up_ns=sum(round((row.end_s - row.start_s) * NANO) for row in rows),
        basis=max(BASES.index(row.basis) for row in rows),
    )


def _lost(frames: Iterable[tuple[str, int]]) -> int:
    last: dict[str, int] = {}
    count: dict[str, int] = defaultdict(int)
    for node, sequence in frames:
        last[node] = max(last.get(node, 0), sequence)
        count[node] += sequence > 0
    return sum(last[node] - count[node] for node in last)
