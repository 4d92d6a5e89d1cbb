"""The health of tracking in a data directory, judged against the time before."""

from __future__ import annotations

import math
import time
from pathlib import Path

from breakeven.assembly import files
from breakeven.audit.tracking import health
from breakeven.ledger.anew import anew
from breakeven.ledger.snapshot import Snapshot, of_folder
from breakeven.ledger.tracking.health import seen
from breakeven.ledger.tracking.rows import Asked, counts
from breakeven.schema.tracking import BadCount
from breakeven.schema.tracking_health import TrackingHealth

HOUR_S = 3600
HOURS, BASELINE_HOURS = 24.0, 168.0


@anew
def of_data(data_dir: Path, *, hours: float = HOURS, baseline_hours: float = BASELINE_HOURS) -> TrackingHealth:
    """The last `hours`, against the `baseline_hours` before them; whole UTC hours."""
    now = math.floor(time.time() / HOUR_S)
    first = now - max(1, math.ceil(hours)) + 1
    found = seen(
        of_folder(data_dir) if data_dir.exists() else Snapshot(),
        {name: case.window_s for name, case in files.use_cases(data_dir).items()},
        (first - math.ceil(baseline_hours)) * HOUR_S,
    )
    return health(found.coverage, found.arrivals, lost=found.lost, from_hour=first, to_hour=now)


@anew
def bad_counts(data_dir: Path, *, hours: float | None = None) -> tuple[BadCount, ...]:
    """Bad events that were not mended, received in the last `hours` (None: ever)."""
    since_s = None if hours is None else time.time() - hours * HOUR_S
    return counts(of_folder(data_dir), Asked(since_s=since_s)) if data_dir.exists() else ()
