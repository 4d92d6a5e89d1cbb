"""Answers from the rows of a query, for every engine that asks in SQL: integers out of decimals, columns by place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias, TypeVar

import numpy as np

from breakeven.ledger import layout
from breakeven.ledger.engine.port import (
    METRICS,
    NANO,
    Audit,
    Cell,
    Columns,
    Loaded,
    Samples,
    Slice,
    Spread,
    Standby,
    Useful,
)
from breakeven.schema.statement import Latency

Row: TypeAlias = Sequence[object]
_Vector: TypeAlias = Any
"""Anything that numpy makes an array of."""
_A = TypeVar("_A", Cell, Loaded, Slice, Standby, Useful)


def answers(kind: type[_A], rows: Sequence[Row], names: Sequence[str]) -> tuple[_A, ...]:
    """Rows as answers; a column that is NULL is what the answer says by default."""
    made = []
    for row in rows:
        fields: dict[str, Any] = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        made.append(kind(**{name: value for name, value in fields.items() if value is not None or name == "useful"}))
    return tuple(made)


def _plain(value: object) -> object:
    return int(value) if isinstance(value, Decimal) else value


def spreads(dimension: str, rows: Sequence[Row]) -> tuple[Spread, ...]:
    """Rows of one dimension: the key, then count, percentiles and sum of each metric."""
    found = []
    for key, *values in rows:
        name = layout.date(int(str(key))) if dimension == "day" else str(key)
        for at, metric in enumerate(METRICS):
            latency = _latency(*values[3 * at : 3 * at + 3])
            found.append(Spread(dimension=dimension, key=name, metric=metric, latency=latency))
    return tuple(found)


def _latency(n: object, shares: object, total_ns: object) -> Latency:
    count = int(str(n))
    if not count or not isinstance(shares, list):
        return Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)
    p50_s, p95_s, p99_s = shares
    return Latency(n=count, p50_s=p50_s, p95_s=p95_s, p99_s=p99_s, mean_s=int(str(total_ns)) / count / NANO)


def arrivals(time_s: _Vector, input_tokens: _Vector, output_tokens: _Vector) -> Columns:
    """Columns of arrivals in ascending order of time."""
    times = np.asarray(time_s, dtype=np.float64)
    return Columns(
        arrival_s=(times - times[:1]).tobytes() if len(times) else b"",
        input_tokens=np.asarray(input_tokens, dtype=np.float64).tobytes(),
        output_tokens=np.asarray(output_tokens, dtype=np.float64).tobytes(),
    )


def audit(unused: Sequence[Row], kinds: Sequence[Row], lost: Sequence[Row], policies: Sequence[Row]) -> Audit:
    """The rows of the four questions of an audit."""
    unattributed, denied, foreign = (int(str(count or 0)) for count in unused[0])
    return Audit(
        kinds=tuple((str(kind), int(str(count))) for kind, count in kinds),
        unattributed=unattributed,
        denied=denied,
        foreign=foreign,
        lost=int(str(lost[0][0])),
        policies=tuple(str(name) for (name,) in policies),
    )


def samples(rows: Mapping[str, Sequence[Row]]) -> Samples:
    """The rows of each metric."""
    return Samples(**{metric: tuple(float(str(value)) for (value,) in found) for metric, found in rows.items()})
