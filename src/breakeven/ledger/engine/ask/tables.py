"""The relations that questions read, their parameters, and functions that both dialects call by one name."""

from __future__ import annotations

from collections.abc import Mapping

import ibis

from breakeven.ledger.columns import COLUMNS, Table
from breakeven.ledger.engine.port import BASES
from breakeven.metric.usefulness import DELIVERED

_KINDS = {
    "VARCHAR": "string",
    "JSON": "string",
    "DOUBLE": "float64",
    "BIGINT": "int64",
    "UBIGINT": "uint64",
    "BOOLEAN": "boolean",
}
WHOLE = "decimal(38, 0)"
"""Sums of integers: int64 can overflow."""
_INT64_S = 9.2e18
"""Below it a double is an int64 exactly."""
DAY_S, HOUR_S = 86_400.0, 3_600.0
_CALENDAR_S = (-62_135_596_800.0, 253_402_300_800.0)

PARAMETERS = {
    "start_s": "float64",
    "end_s": "float64",
    "policy_id": "string",
    "plan_id": "string",
    "use_case": "string",
    "deployment": "string",
    "width_s": "float64",
}
"""What a question is bound to, by type; NULL is no filter."""

Values = Mapping[str, ibis.Value]


def relation(table: Table, name: str) -> ibis.Table:
    """A table of the ledger under the name that a query gives it."""
    return ibis.table({column.name: _KINDS[column.kind] for column in COLUMNS[table]}, name=name)


P, E, C = relation("predictions", "p"), relation("outcomes", "o"), relation("capacity", "c")
L = relation("engine", "e")
"""Distinct predictions, outcomes, capacity and loads of engines."""
ALL_P, ALL_E, ALL_B = relation("predictions", "all_p"), relation("outcomes", "all_o"), relation("bad", "all_b")
"""The same, repeats included."""
DROPPED = ibis.table({"node": "string", "sequence": "int64"}, name="dropped")
"""Frames that compaction left out as repeats: they were not lost."""
MEASURES = ibis.table(
    {"use_case": "string", "used_when": "string", "window_s": "float64", "touch": "string"}, name="measures"
)


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def rint(value: float) -> float:  # type: ignore[empty-body]
    """The nearest integer, halves to even, as Python rounds; DuckDB gets it as a macro."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def sequence(first: int, last: int) -> list[int]:  # type: ignore[empty-body]
    """The integers from `first` to `last`, both included; DuckDB gets it as a macro."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def json_array_length(value: str) -> int:  # type: ignore[empty-body]
    """How many elements a JSON array has."""


@ibis.udf.agg.builtin  # type: ignore[untyped-decorator]
def bit_or(value: int) -> int:  # type: ignore[empty-body]
    """Bits that any of the values has."""


def placeholders() -> Values:
    """Parameters as named ones, once `'$name'` is written as its dialect writes them."""
    return {name: ibis.literal(f"${name}").cast(kind) for name, kind in PARAMETERS.items()}


def within(t: ibis.Table, values: Values, column: str = "time_s") -> ibis.Table:
    """The rows of the query's period."""
    start_s, end_s = values["start_s"], values["end_s"]
    return t.filter(start_s.isnull() | (t[column] >= start_s), end_s.isnull() | (t[column] < end_s))


def asked(values: Values, t: ibis.Table = P) -> ibis.Table:
    """The predictions that the query is about."""
    names = ("policy_id", "plan_id", "use_case", "deployment")
    return within(t, values).filter(*(values[name].isnull() | (t[name] == values[name]) for name in names))


def delivered(t: ibis.Table) -> ibis.Value:
    """Whether the caller got an answer."""
    return t.status.isin(sorted(DELIVERED))


def day(time_s: ibis.Value) -> ibis.Value:
    """Days since 1970; 0 where no calendar reaches."""
    inside = (time_s >= _CALENDAR_S[0]) & (time_s < _CALENDAR_S[1])
    return ibis.ifelse(inside, floor(time_s / DAY_S), 0)


def floor(value: ibis.Value) -> ibis.Value:
    """The integer at or below."""
    return value.floor().cast("int64")


def whole(value: ibis.Value, unit: int = 1) -> ibis.Value:
    """A real in units of 1/unit, rounded half to even, as an integer of up to 38 digits."""
    rounded = rint(value * float(unit))
    return ibis.ifelse(rounded.abs() < _INT64_S, rounded.cast("int64").cast(WHOLE), rounded.cast(WHOLE))


def total(value: ibis.Value, where: ibis.Value | None = None) -> ibis.Value:
    """The sum of integers; 0 where there are none."""
    return value.cast(WHOLE).sum(where=where).coalesce(ibis.literal(0).cast(WHOLE))


def unique(t: ibis.Table, *names: str) -> ibis.Table:
    """Each combination of values once. Not `distinct`: for Spark, Ibis 12 lets columns of earlier filters into it."""
    return t.group_by(*names).aggregate(rows=t.count()).select(*names)


def rank(basis: ibis.Value) -> ibis.Value:
    """The index of a basis in `BASES`."""
    return basis.cases(*((name, place) for place, name in enumerate(BASES)), else_=None)
