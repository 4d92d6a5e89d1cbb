"""How records become counts, and what `/metrics` shows.

Label values come from the policy and from fixed lists; what is in neither becomes "other". Counting a record costs one
look-up for each set of labels: `Series` keeps the cells.
"""

from __future__ import annotations

import math
import os
from collections import ChainMap
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from breakeven.gateway.metric_names import ATTEMPTS, EVENTS, NAMED, PREDICTIONS, REJECTED, SHED, STAGES
from breakeven.gateway.metrics import (
    MAX_SERIES,
    Bounds,
    Cell,
    Cells,
    Counter,
    Gauge,
    Histogram,
    Labels,
    Metric,
    joined,
    observe,
    render,
)
from breakeven.gateway.snapshots import Snapshots
from breakeven.quantity import PICO_PER_USD
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import Policy
from breakeven.schema.record import Prediction

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
Read = Callable[[], Mapping[Labels, float]]
_NOTHING: Bounds = {}


class Series(dict[K, T]):
    """What belongs to a set of labels, made when it is first asked for; found again by one look-up.

    It forgets all when it is full: it remembers cells, their counter owns them.
    """

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[K], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: K) -> T:
        if len(self) >= MAX_SERIES:
            self.clear()
        made = self[key] = self._make(key)
        return made


class Meters:
    """Counts what a worker does, and shows it together with what the other workers counted.

    Args:
        readings: metrics that other objects keep, made by `gauge`.
        snapshots: where the workers of this data directory meet; None counts for this process alone.
    """

    def __init__(self, readings: Iterable[Gauge] = (), snapshots: Snapshots | None = None) -> None:
        self._snapshots = snapshots
        self._names: dict[str, Collection[str]] = {}
        self._names_before: dict[str, frozenset[str]] = {}
        self.predictions = self._counter("breakeven_predictions_total", PREDICTIONS)
        self.reasons = self._counter("breakeven_reasons_total", PREDICTIONS)
        self.rejected = self._counter("breakeven_rejected_total", REJECTED)
        self.events = self._counter("breakeven_events_total", EVENTS)
        self.in_budget = self._counter("breakeven_in_budget_total")
        self.cost = self._counter("breakeven_cost_usd_total")
        self.tokens = self._counter("breakeven_tokens_total")
        self.total = self._histogram("breakeven_request_duration_seconds")
        self.ttft = self._histogram("breakeven_time_to_first_token_seconds")
        self.tpot = self._histogram("breakeven_time_per_output_token_seconds")
        self.gap = self._histogram("breakeven_chunk_gap_seconds")
        self.stages = self._histogram("breakeven_stage_seconds")
        self.attempts = self._counter("breakeven_attempts_total", ATTEMPTS)
        self.caches = self._counter("breakeven_cache_requests_total", PREDICTIONS)
        self.shed = self._counter("breakeven_shed_total", PREDICTIONS)
        self.alerts = self._counter("breakeven_budget_alerts_total")
        counted = [one for one in vars(self).values() if isinstance(one, Counter)]
        self._all: list[Metric] = [*counted, *readings, *_process()]
        self._cases: Series[str, _Case] = Series(lambda use_case: _Case(self, use_case))
        self._tries: Series[Labels, Cell] = Series(lambda labels: self.attempts.cell(*labels))

    def know(self, policy: Policy) -> None:
        """Take the names of the policy in force as label values, beside those of the policy before it.

        What alerts watch begins at 0: a counter that begins at 1 has not increased for Prometheus.
        """
        before, self._names_before = self._names_before, _names(policy)
        for label, names in self._names_before.items():
            self._names[label] = names | before.get(label, frozenset())
        self._cases.clear()
        self._tries.clear()
        for one in policy.use_cases:
            self.shed.cell(one.name, one.tier)
        for budget in policy.budgets:
            for share in budget.alert_at:
                self.alerts.cell(budget.name, f"{share:g}")

    def count(self, record: Prediction, *, again: bool = False) -> None:
        """Count one prediction. `again`: its request was counted with another of its predictions."""
        case = self._cases[record.use_case]
        case.predictions[record.tier, record.status, record.deployment][0] += 1
        observe(case.total, record.total_s)
        for stage, seconds in record.stages.items():
            observe(case.stages[stage], seconds)
        if record.in_budget:
            case.in_budget[0] += 1
        if record.cost_pico_usd:
            case.cost[0] += record.cost_pico_usd / PICO_PER_USD
        if record.reason:
            self._count_reason(case, record)
        if record.stream:
            _count_stream(case, record)
        used = record.consumed
        if used.input or used.output:
            case.input[0] += used.input
            case.output[0] += used.output
        if not again:
            self._count_request(case, record)

    def told(self, event: Outcome) -> None:
        """Count one accepted event; a stage that a client measured joins the others."""
        self.events.add(event.kind)
        seconds = event.duration_s
        if event.kind == "stage" and seconds is not None and 0 <= seconds < math.inf:
            observe(self._cases[event.use_case].stages[event.stage], seconds)

    def save(self) -> None:
        """Let the other workers see what was counted; call it a few times a second. It costs nothing when idle."""
        if self._snapshots is not None:
            self._snapshots.save(self._read())

    def render(self) -> bytes:
        """The sum over the workers in the Prometheus text format."""
        mine = self._read()
        others = []
        if self._snapshots is not None:
            self._snapshots.save(mine)  # what is shown must outlive this process, or sums would fall
            others = [(one.alive, one.series) for one in self._snapshots.others()]
        return render(
            (metric, joined(metric, mine[metric.name], [(alive, all_.get(metric.name, {})) for alive, all_ in others]))
            for metric in self._all
        )

    def close(self) -> None:
        """Write what was counted for the workers that go on."""
        self.save()
        if self._snapshots is not None:
            self._snapshots.close()

    def _read(self) -> dict[str, Cells]:
        return {metric.name: metric.read() for metric in self._all}

    def _count_reason(self, case: _Case, record: Prediction) -> None:
        case.reasons[record.reason][0] += 1
        if record.reason == SHED:
            self.shed.add(record.use_case, record.tier)

    def _count_request(self, case: _Case, record: Prediction) -> None:
        for one in record.attempts:
            self._tries[one.deployment, one.kind, one.outcome][0] += 1
        if record.cache != "off":
            case.caches[record.cache][0] += 1

    def _counter(self, name: str, fixed: Bounds = _NOTHING) -> Counter:
        one = NAMED[name]
        return Counter(one.name, one.help, one.labels, ChainMap(self._names, dict(fixed)))

    def _histogram(self, name: str) -> Histogram:
        one = NAMED[name]
        return Histogram(one.name, one.help, one.labels, self._names)


class _Case:
    """The cells of one use case."""

    __slots__ = (
        "caches",
        "cost",
        "gap",
        "in_budget",
        "input",
        "output",
        "predictions",
        "reasons",
        "stages",
        "total",
        "tpot",
        "ttft",
    )  # fmt: skip

    def __init__(self, meters: Meters, use_case: str) -> None:
        self.cost = meters.cost.cell(use_case)
        self.in_budget = meters.in_budget.cell(use_case)
        self.input = meters.tokens.cell(use_case, "input")
        self.output = meters.tokens.cell(use_case, "output")
        self.total = meters.total.cell(use_case)
        self.ttft = meters.ttft.cell(use_case)
        self.tpot = meters.tpot.cell(use_case)
        self.gap = meters.gap.cell(use_case)
        self.predictions: Series[Labels, Cell] = Series(lambda labels: meters.predictions.cell(use_case, *labels))
        self.stages: Series[str, Cell] = Series(lambda stage: meters.stages.cell(use_case, stage))
        self.reasons: Series[str, Cell] = Series(lambda reason: meters.reasons.cell(use_case, reason))
        self.caches: Series[str, Cell] = Series(lambda result: meters.caches.cell(use_case, result))


def gauge(name: str, help_text: str, read: Read, labels: Labels = ()) -> Gauge:
    """A metric that is asked when it is read. What is known by this name says how workers' values become one."""
    known = NAMED.get(name)
    if known is None or known.kind == "histogram":
        return Gauge(name, help_text, labels, read)
    return Gauge(name, help_text, labels, read, known.kind, known.across)


def named(name: str, read: Read) -> Gauge:
    """A metric of `NAMED` and the source of its value."""
    return gauge(name, NAMED[name].help, read, NAMED[name].labels)


def _count_stream(case: _Case, record: Prediction) -> None:
    if record.ttft_s is not None:
        observe(case.ttft, record.ttft_s)
    if record.tpot_s is not None:
        observe(case.tpot, record.tpot_s)
    if record.chunk_gap_max_s is not None:
        observe(case.gap, record.chunk_gap_max_s)


def _names(policy: Policy) -> dict[str, frozenset[str]]:
    stages = {stage for one in policy.use_cases for stage in (*one.stages, *one.client_stages)}
    return {
        "use_case": frozenset(one.name for one in policy.use_cases),
        "deployment": frozenset(one.name for one in policy.deployments),
        "stage": frozenset(stages).union(STAGES),
        "budget": frozenset(one.name for one in policy.budgets),
        "share": frozenset(f"{share:g}" for one in policy.budgets for share in one.alert_at),
    }


def _process() -> list[Gauge]:
    """What this process used. Memory is known where there is a /proc."""
    return [named("process_cpu_seconds_total", _cpu_s), named("process_resident_memory_bytes", _resident_bytes)]


def _cpu_s() -> dict[Labels, float]:
    times = os.times()
    return {(): round(times.user + times.system, 2)}


def _resident_bytes() -> dict[Labels, float]:
    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    except (OSError, ValueError, IndexError):
        return {}
    return {(): float(pages * os.sysconf("SC_PAGE_SIZE"))}
