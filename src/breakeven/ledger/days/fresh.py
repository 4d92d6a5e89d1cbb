# ruff: noqa: S608 - every part of these texts is our own; files are quoted
"""What newly come rows say: where they lie, which hours they link, what capacity costs, which sequences they fill.

An outcome that names a prediction links two hours, for each needs the other to be judged. Where ids tell their time
(UUIDv7, as the gateway makes them) the link needs no look-up; ids that do not are looked up, both ways (`odd`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import duckdb

from breakeven.ledger import duck
from breakeven.ledger.columns import TIME, Table
from breakeven.ledger.days import span
from breakeven.ledger.days.span import Run
from breakeven.ledger.identity import table_of, time_of
from breakeven.schema.correction import Correction
from breakeven.schema.journal import Record
from breakeven.schema.noun import Noun
from breakeven.schema.outcome import Outcome
from breakeven.schema.record import Capacity, Prediction
from breakeven.schema.tracking import Bad

Link = tuple[int, int]
"""The hour of an outcome and the hour of a prediction that it may name."""
Rate = tuple[str, str]
"""Deployment and policy."""
_NUMBERED: tuple[Table, ...] = ("predictions", "outcomes", "bad")
_Ids: TypeAlias = tuple[tuple[str, int], ...]


class Stretch(Noun, frozen=True, kw_only=True):
    """First and last time of a table's rows within one UTC day."""

    table: Table
    day: int
    low_s: float
    high_s: float


class Facts(Noun, frozen=True, kw_only=True):
    """What some rows say. `odd` are predictions whose id does not tell their time, `named` the ids outcomes name.

    Both come with the hour of their own row; `named` is filled on request, since it is long. `repeats`: a prediction
    may occur twice among them. `amended` are days of predictions whose id, named by a correction, tells its time;
    `amends` are the ids that corrections name, filled as `named` is.
    """

    stretches: tuple[Stretch, ...] = ()
    links: frozenset[Link] = frozenset()
    rates: dict[Rate, int] = {}
    runs: dict[str, tuple[Run, ...]] = {}
    odd: _Ids = ()
    named: _Ids = ()
    repeats: bool = False
    amended: frozenset[int] = frozenset()
    amends: tuple[str, ...] = ()


def _clamped(column: str) -> str:
    return f"least(greatest({column}, {span.FIRST_S}::DOUBLE), {span.LAST_S}::DOUBLE)"


def _hour(column: str) -> str:
    return f"floor({_clamped(column)} / {span.HOUR_S})::BIGINT"


_TOLD = """CASE WHEN length(prediction_id) = 36 AND substr(prediction_id, 15, 1) = '7'
  THEN try_cast('0x' || substr(prediction_id, 1, 8) || substr(prediction_id, 10, 4) AS BIGINT) / 1000.0 END"""
_ODD = f"coalesce(abs({_TOLD} - time_s), 1e18) > {span.TELL_S}"


def of_segments(cursor: duckdb.DuckDBPyConnection, files: dict[Table, Sequence[str]], *, named: bool) -> Facts:
    """What the rows of some segments say."""

    def ask(table: Table, text: str) -> list[tuple[object, ...]]:
        if not files.get(table):
            return []
        return cursor.execute(text.format(rows=f"({duck.segments(table, files[table])})")).fetchall()

    return Facts(
        stretches=tuple(one for table in TIME if table != "corrections" for one in _stretches(ask, table)),
        links=frozenset((int(str(one)), int(str(two))) for one, two in ask("outcomes", _LINKS)),
        rates={(str(name), str(policy)): int(str(rate)) for name, policy, rate in ask("capacity", _RATES)},
        runs=_runs([row for table in _NUMBERED for row in ask(table, _RUNS)]),
        odd=_ids(ask("predictions", _ODD_IDS)),
        named=_ids(ask("outcomes", _NAMED)) if named else (),
        repeats=any(again for (again,) in ask("predictions", _REPEATS)),
        amended=frozenset(int(str(hour)) // 24 for (hour,) in ask("corrections", _AMENDED)),
        amends=tuple(str(name) for (name,) in ask("corrections", _AMENDS)) if named else (),
    )


def _stretches(ask: Callable[[Table, str], list[tuple[object, ...]]], table: Table) -> list[Stretch]:
    time = TIME[table]
    rows = ask(
        table,
        f"SELECT floor({_clamped(time)} / {span.DAY_S})::BIGINT AS day, min({time}), max({time}) "
        "FROM {rows} GROUP BY 1 ORDER BY 1",
    )
    return [
        Stretch(table=table, day=int(str(day)), low_s=float(str(low)), high_s=float(str(high)))
        for day, low, high in rows
    ]


_LINKS = f"""
WITH told AS (SELECT {_hour("time_s")} AS hour, {_TOLD} AS told FROM {{rows}} WHERE prediction_id <> '')
SELECT DISTINCT hour, {_hour(f"told - {span.TELL_S}")} FROM told WHERE told IS NOT NULL
UNION SELECT DISTINCT hour, {_hour(f"told + {span.TELL_S}")} FROM told WHERE told IS NOT NULL
"""
_RATES = "SELECT deployment, policy_id, max(pico_usd_per_replica_s) FROM {rows} GROUP BY ALL"
_RUNS = """
SELECT node, min(sequence), max(sequence) FROM (
  SELECT node, sequence, sequence - row_number() OVER (PARTITION BY node ORDER BY sequence) AS island
  FROM (SELECT DISTINCT node, sequence FROM {rows} WHERE sequence > 0))
GROUP BY node, island
"""
_REPEATS = """
SELECT count(*) <> count(DISTINCT prediction_id) OR coalesce(bool_or(sequence <= 0), false) FROM {rows}
"""
_ODD_IDS = f"SELECT prediction_id, {_hour('time_s')} FROM {{rows}} WHERE {_ODD}"
_AMENDED = f"""
WITH told AS (SELECT {_TOLD} AS told FROM {{rows}})
SELECT {_hour(f"told - {span.TELL_S}")} FROM told WHERE told IS NOT NULL
UNION SELECT {_hour(f"told + {span.TELL_S}")} FROM told WHERE told IS NOT NULL
"""
_AMENDS = "SELECT DISTINCT prediction_id FROM {rows}"
_NAMED = f"SELECT DISTINCT prediction_id, {_hour('time_s')} FROM {{rows}} WHERE prediction_id <> ''"


def _runs(rows: Iterable[tuple[object, ...]]) -> dict[str, tuple[Run, ...]]:
    found: dict[str, list[Run]] = defaultdict(list)
    for node, low, high in rows:
        found[str(node)].append((int(str(low)), int(str(high))))
    return {node: span.joined(parts) for node, parts in found.items()}


def _ids(rows: Iterable[tuple[object, ...]]) -> _Ids:
    return tuple((str(name), int(str(hour))) for name, hour in rows)


def of_records(records: Sequence[Record], bad: Sequence[Bad] = ()) -> Facts:
    """What records in memory say."""
    predictions = [one for one in records if isinstance(one, Prediction)]
    outcomes = [one for one in records if isinstance(one, Outcome)]
    amends = {one.prediction_id for one in records if isinstance(one, Correction)}
    named = {(one.prediction_id, span.hour_of(one.time_s)) for one in outcomes if one.prediction_id}
    return Facts(
        stretches=_lying(records),
        links=frozenset((hour, told) for name, hour in named for told in span.told_hours(name)),
        rates=_rates(one for one in records if isinstance(one, Capacity)),
        runs=_filled([*predictions, *outcomes, *bad]),
        odd=tuple((one.prediction_id, span.hour_of(one.time_s)) for one in predictions if odd(one)),
        named=tuple(sorted(named)),
        repeats=len({one.prediction_id for one in predictions}) != len(predictions)
        or any(one.sequence <= 0 for one in predictions),
        amended=frozenset(hour // 24 for name in amends for hour in span.told_hours(name)),
        amends=tuple(sorted(amends)),
    )


def odd(one: Prediction) -> bool:
    """Whether a prediction's id does not tell its time."""
    told_s = span.told_s(one.prediction_id)
    return told_s is None or abs(told_s - one.time_s) > span.TELL_S


def _lying(records: Iterable[Record]) -> tuple[Stretch, ...]:
    lying = (one for one in records if not isinstance(one, Correction))
    places = sorted((table_of(one), span.day_of(time_of(one)), time_of(one)) for one in lying)
    found = []
    for (table, day), group in groupby(places, key=itemgetter(0, 1)):
        times = [time_s for _, _, time_s in group]
        found.append(Stretch(table=table, day=day, low_s=times[0], high_s=times[-1]))
    return tuple(found)


def _rates(rows: Iterable[Capacity]) -> dict[Rate, int]:
    found: dict[Rate, int] = {}
    for row in rows:
        key = (row.deployment, row.policy_id)
        found[key] = max(found.get(key, 0), row.pico_usd_per_replica_s)
    return found


def _filled(records: Iterable[Prediction | Outcome | Bad]) -> dict[str, tuple[Run, ...]]:
    found: dict[str, set[int]] = defaultdict(set)
    for one in records:
        if one.sequence > 0:
            found[one.node].add(one.sequence)
    return {node: span.runs(numbers) for node, numbers in found.items()}


def together(parts: Sequence[Facts]) -> Facts:
    """What all of them say."""
    runs: dict[str, list[Run]] = defaultdict(list)
    rates: dict[Rate, int] = {}
    for part in parts:
        for node, found in part.runs.items():
            runs[node].extend(found)
        for key, rate in part.rates.items():
            rates[key] = max(rates.get(key, rate), rate)
    return Facts(
        stretches=tuple(one for part in parts for one in part.stretches),
        links=frozenset().union(*(part.links for part in parts)),
        rates=rates,
        runs={node: span.joined(found) for node, found in runs.items()},
        odd=tuple(one for part in parts for one in part.odd),
        named=tuple(one for part in parts for one in part.named),
        repeats=any(part.repeats for part in parts) or _meet([part.runs for part in parts]),
        amended=frozenset().union(*(part.amended for part in parts)),
        amends=tuple(one for part in parts for one in part.amends),
    )


def _meet(parts: Sequence[dict[str, tuple[Run, ...]]]) -> bool:
    """Whether one sequence number occurs in two parts."""
    nodes = {node for part in parts for node in part}
    return any(
        span.size(span.joined(run for part in parts for run in part.get(node, ())))
        < sum(span.size(part.get(node, ())) for part in parts)
        for node in nodes
    )
