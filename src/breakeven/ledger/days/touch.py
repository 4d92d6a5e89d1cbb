# ruff: noqa: S608 - every part of these texts is our own; files are quoted
"""Which days newly come rows change: their own, those in reach of an attribution window, those they link."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import duckdb
import msgspec

from breakeven.ledger import duck
from breakeven.ledger.days import span
from breakeven.ledger.days.fresh import Facts, Link
from breakeven.ledger.days.shelf import Shelf

_WORDS: dict[str, str] = {"predictions": "late predictions", "outcomes": "late outcomes", "capacity": "late capacity"}


def days(facts: Facts, shelf: Shelf, window_s: float) -> dict[int, str]:
    """The days whose answers the rows of `facts` (links complete) may change, each with why."""
    found: dict[int, str] = {}
    for one in facts.stretches:
        if one.table not in _WORDS:
            continue  # no roll-up says anything of its rows
        reach_s = 0.0 if one.table == "capacity" else window_s
        for day in span.days_within(one.low_s - reach_s, one.high_s + reach_s):
            found.setdefault(day, _WORDS[one.table])
    for outcome, prediction in facts.links:
        found.setdefault(prediction // 24, _WORDS["outcomes"])
        found.setdefault(outcome // 24, _WORDS["predictions"])
    found |= {day: "corrections" for day in facts.amended if day not in found}
    for outcome, _ in _waiting(facts, shelf):
        found.setdefault(outcome // 24, _WORDS["predictions"])
    return found


def _waiting(facts: Facts, shelf: Shelf) -> Iterable[Link]:
    """Links of outcomes that came before the predictions they name."""
    for one in facts.stretches:
        if one.table == "predictions":
            yield from shelf.links_of_predictions(span.hour_of(one.low_s), span.hour_of(one.high_s))


def completed(
    facts: Facts, cursor: duckdb.DuckDBPyConnection, outcomes: Sequence[str], predictions: Sequence[str]
) -> Facts:
    """`facts` with the links, and the days corrected, of ids that do not tell their time.

    `outcomes` are the files of all outcomes, `predictions` those of the days on which some id does not tell.
    """
    links = set(facts.links)
    links |= _joined(facts.named, facts.odd)
    links |= _joined(_naming(cursor, outcomes, [name for name, _ in facts.odd]), facts.odd)
    links |= _joined(facts.named, _naming(cursor, predictions, [name for name, _ in facts.named], table="predictions"))
    amended = {hour // 24 for _, hour in _naming(cursor, predictions, facts.amends, table="predictions")}
    return msgspec.structs.replace(facts, links=frozenset(links), amended=facts.amended | amended)


def _joined(outcomes: Iterable[tuple[str, int]], predictions: Iterable[tuple[str, int]]) -> set[Link]:
    hours: dict[str, set[int]] = defaultdict(set)
    for name, hour in predictions:
        hours[name].add(hour)
    return {(hour, predicted) for name, hour in outcomes for predicted in hours.get(name, ())}


def _naming(
    cursor: duckdb.DuckDBPyConnection, files: Sequence[str], names: Sequence[str], *, table: str = "outcomes"
) -> list[tuple[str, int]]:
    """Rows of a table with one of these prediction ids: the id and the row's hour."""
    if not files or not names:
        return []
    rows = duck.segments("outcomes" if table == "outcomes" else "predictions", files)
    hour = f"floor(least(greatest(time_s, {span.FIRST_S}::DOUBLE), {span.LAST_S}::DOUBLE) / {span.HOUR_S})::BIGINT"
    text = f"SELECT DISTINCT prediction_id, {hour} FROM ({rows}) WHERE prediction_id IN (SELECT unnest($names))"
    return cursor.execute(text, {"names": list(set(names))}).fetchall()
