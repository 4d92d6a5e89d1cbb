# ruff: noqa: S608 - every part of these texts is our own; values are parameters
"""Latencies of a range counted into histograms by what a statement is cut by, and minutes for dashboards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from breakeven.ledger import correcting, duck
from breakeven.ledger.columns import COLUMNS
from breakeven.ledger.days import histogram
from breakeven.ledger.days.histogram import Histogram
from breakeven.ledger.engine.port import DIMENSIONS, METRICS, Metric
from breakeven.ledger.snapshot import Snapshot
from breakeven.metric.usefulness import DELIVERED
from breakeven.schema.noun import Noun
from breakeven.schema.record import Prediction

CROSSED = tuple(name for name in DIMENSIONS if name not in ("use_case", "day"))
"""What histograms are kept by, beside the use case; a day has a roll-up of its own."""

Group = tuple[str, str, str, Metric]
"""Use case, dimension, key, metric."""


class Standing(Noun, frozen=True, kw_only=True):
    """Policies that answered, with the use case and deployment, each once."""

    policy_id: str
    use_case: str
    deployment: str


_WANTED = ("prediction_id", "node", "sequence", "time_s", "use_case", "tenant", "model", "deployment", "arm")
_COLUMNS = (*_WANTED, "status", "policy_id", "in_budget", "cost_pico_usd", *METRICS)


class Tally:
    """Questions about the predictions of one snapshot within `low_s` <= time < `high_s`."""

    def __init__(self, connection: duck.Connection) -> None:
        self._connection = connection

    def histograms(self) -> dict[Group, Histogram]:
        """Latencies of delivered predictions by use case and each of `CROSSED`."""
        counts: dict[Group, dict[int, int]] = defaultdict(dict)
        total_ns: dict[Group, int] = defaultdict(int)
        for dimension in CROSSED:
            for use_case, key, metric, place, n, ns in self._connection.execute(_histogram(dimension)).fetchall():
                counts[use_case, dimension, key, metric][place] = n
                total_ns[use_case, dimension, key, metric] += ns
        return {group: Histogram(counts=found, total_ns=total_ns[group]) for group, found in counts.items()}

    def standing(self) -> tuple[Standing, ...]:
        """Which policies answered for which use case on which deployment."""
        text = "SELECT DISTINCT policy_id, use_case, deployment FROM t ORDER BY ALL"
        names = Standing.__struct_fields__
        rows = self._connection.execute(text).fetchall()
        return tuple(Standing(**dict(zip(names, row, strict=True))) for row in rows)

    def write_minutes(self, path: Path) -> None:
        """Minutes by use case, deployment and model as Parquet: counts, cost, histograms."""
        self._connection.execute(f"COPY ({_MINUTES}) TO {duck.text(path)} (FORMAT parquet, COMPRESSION zstd)")


def _bucket(value: str) -> str:
    return f"CASE WHEN {value} <= 1e-12 THEN {histogram.ZERO} ELSE floor({histogram.PER_E} * ln({value}))::BIGINT END"


_DELIVERED = ", ".join(f"'{status}'" for status in sorted(DELIVERED))


def _histogram(dimension: str) -> str:
    parts = [
        f"SELECT use_case, {dimension}, '{metric}', {_bucket(metric)} AS place, count(*), "
        f"sum(round_even({metric} * {histogram.NANO}::DOUBLE, 0)::HUGEINT)::HUGEINT "
        f"FROM t WHERE status IN ({_DELIVERED}) AND {metric} IS NOT NULL GROUP BY ALL"
        for metric in METRICS
    ]
    return " UNION ALL ".join(parts)


_BY_METRIC = ", ".join(
    f"histogram({_bucket(metric)}) FILTER (status IN ({_DELIVERED}) AND {metric} IS NOT NULL) AS {metric}"
    for metric in METRICS
)
_MINUTES = f"""
SELECT floor(time_s / 60)::BIGINT AS minute, use_case, deployment, model, count(*) AS predictions,
  count(*) FILTER (status IN ({_DELIVERED})) AS delivered, count(*) FILTER (in_budget) AS in_budget,
  count(*) FILTER (cost_pico_usd IS NULL AND status <> 'refused') AS unpriced,
  coalesce(sum(cost_pico_usd), 0)::DECIMAL(38, 0) AS cost_pico_usd, {_BY_METRIC}
FROM t GROUP BY ALL ORDER BY minute, use_case, deployment, model
"""


@contextmanager
def over(snapshot: Snapshot, low_s: float, high_s: float) -> Iterator[Tally]:
    """Count the predictions of a snapshot in a range, each once."""
    names = ", ".join(_COLUMNS)
    with duck.connect() as connection:
        duck.hold(connection, "held", "predictions", [one for one in snapshot.records if isinstance(one, Prediction)])
        parts = [f"SELECT {names} FROM held"]
        files = [
            one.path
            for one in snapshot.segments
            if one.table == "predictions" and one.max_time_s >= low_s and one.min_time_s <= high_s
        ]
        parts += [f"SELECT {names} FROM ({duck.segments('predictions', files)})"] if files else []
        source = " UNION ALL ".join(parts)
        if correcting.hold(connection, snapshot):
            source = correcting.joined(f"({source})", _COLUMNS)
        once = "" if snapshot.distinct else _ONCE
        kinds = {column.name: column.kind for column in COLUMNS["predictions"]}
        columns = ", ".join(f"{name} {kinds[name]}" for name in _COLUMNS)
        connection.execute(f"CREATE TABLE t ({columns})")
        text = f"INSERT INTO t SELECT * FROM (SELECT * FROM ({source}) {once})"
        connection.execute(f"{text} WHERE time_s >= $low AND time_s < $high", {"low": low_s, "high": high_s})
        yield Tally(connection)


_ONCE = "QUALIFY row_number() OVER (PARTITION BY prediction_id ORDER BY node, sequence) = 1"


def folded(
    found: Mapping[Group, Histogram], dimension: str, use_case: str | None
) -> dict[tuple[str, Metric], list[Histogram]]:
    """Histograms by key of one dimension ("" is everything), of one use case or all."""
    source = {"": "arm", "use_case": "arm"}.get(dimension, dimension)
    groups: dict[tuple[str, Metric], list[Histogram]] = defaultdict(list)
    for (case, crossed, key, metric), one in found.items():
        if crossed == source and use_case in (None, case):
            name = {"": "", "use_case": case}.get(dimension, key)
            groups[name, metric].append(one)
    return groups
