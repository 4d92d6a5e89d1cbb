"""The statement of a data directory: final days from their roll-ups, all others from their rows."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from breakeven.assembly import files
from breakeven.ledger.anew import anew
from breakeven.ledger.days.answers import open_days
from breakeven.ledger.engine.port import Opener, Query
from breakeven.ledger.statement import build, measures
from breakeven.ledger.store import opener
from breakeven.schema.statement import Statement

SECONDS_PER_HOUR = 3600.0


@anew
def statement(
    data_dir: Path,
    *,
    use_case: str | None = None,
    policy_id: str | None = None,
    hours: float | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    engine: str | Opener = "duckdb",
) -> Statement:
    """The statement of a data directory over the last `hours`, or `start_s` <= time < `end_s` (Unix seconds), or all.

    Final days are read from their roll-ups, all others from their rows.
    """
    if hours is not None:
        start_s = time.time() - hours * SECONDS_PER_HOUR
    rules = files.use_cases(data_dir)
    about = Query(measures=measures(rules), start_s=start_s, end_s=end_s)
    answers = open_days(data_dir, about, opener(engine))
    found = build(
        answers,
        rules,
        start_s=start_s,
        end_s=end_s,
        policy_id=policy_id,
        use_case=use_case,
        grid_gco2_per_kwh=files.grids(data_dir),
    )
    days = tuple(answers.state(cut.key) for cut in found.cuts if cut.dimension == "day")
    exact = answers.percentiles if policy_id is None else "exact"
    return msgspec.structs.replace(found, days=days, percentiles=exact)
