"""One day answered from its rows, by an engine over what the day depends on and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.ledger.days import span, tally
from breakeven.ledger.days.fresh import Rate
from breakeven.ledger.days.rollup import Rollup
from breakeven.ledger.days.shelf import Basis
from breakeven.ledger.days.sight import NEVER_HOUR, Sight
from breakeven.ledger.days.tally import Standing
from breakeven.ledger.engine.port import Audit, Engine, Measure, Opener, Query, Standby
from breakeven.ledger.snapshot import Snapshot


def bounds(day: int) -> tuple[float, float]:
    """The first moment of a UTC day and of the next, in Unix seconds."""
    return float(day * span.DAY_S), float((day + 1) * span.DAY_S)


def answer(sight: Sight, opener: Opener, day: int, measures: Sequence[Measure], minutes: Path) -> tuple[Rollup, Basis]:
    """The roll-up of a day and what it rests on; its minutes go to a Parquet file."""
    low_s, high_s = bounds(day)
    query = Query(measures=tuple(measures), start_s=low_s, end_s=high_s)
    around = sight.snapshot(low_s, high_s, query.window_s)
    engine = opener(around)
    with tally.over(around, low_s, high_s) as counted:
        counted.write_minutes(minutes)
        found = Rollup(
            day=day,
            cells=engine.cells(query),
            standby=standby(engine, query),
            audit=without_lost(engine.audit(query)),
            standing=counted.standing(),
            histograms=counted.histograms(),
        )
    return found, basis(around, low_s, high_s, query, found.standing)


def standby(engine: Engine, query: Query) -> tuple[Standby, ...]:
    """What capacity cost, without the rows that only say a rate."""
    return tuple(one for one in engine.standby(query) if one.hour != NEVER_HOUR)


def without_lost(audit: Audit) -> Audit:
    """An audit of a part of the ledger, which cannot say what the whole lost."""
    return Audit(
        kinds=audit.kinds,
        unattributed=audit.unattributed,
        denied=audit.denied,
        foreign=audit.foreign,
        policies=audit.policies,
    )


def basis(around: Snapshot, low_s: float, high_s: float, query: Query, standing: Sequence[Standing]) -> Basis:
    """Use cases in reach of the day, whose windows compete for its outcomes; pairs that have a rate."""
    pairs: set[Rate] = {(one.deployment, one.policy_id) for one in standing}
    with tally.over(around, low_s - query.window_s, high_s + query.window_s) as near:
        use_cases = {one.use_case for one in near.standing()}
    return Basis(use_cases=tuple(sorted(use_cases)), pairs=tuple(sorted(pairs)), window_s=query.window_s)
