"""What processes that were killed left behind, and nobody will ask for again."""

from __future__ import annotations

from pathlib import Path

from breakeven.ledger import layout
from breakeven.ledger.disk import abandoned

_YOUNG_S = 60.0
"""A draft may be of a writer that has not locked it yet: such are left alone for a minute."""


def sweep(data_dir: Path, now_s: float) -> int:
    """Remove drafts that no process holds; how many. Only the process that holds the sealer's lock calls it."""
    mine = [*data_dir.glob("tmp/*.ndjson"), *data_dir.glob("segments/*/*/*.tmp")]
    theirs = [path for suffix in ("new", "probe") for path in layout.journals(data_dir).glob(f"*.{suffix}")]
    gone = mine + [path for path in theirs if _old(path, now_s) and abandoned(path)]
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)


def _old(path: Path, now_s: float) -> bool:
    try:
        return now_s - path.stat().st_mtime > _YOUNG_S
    except FileNotFoundError:
        return False
