"""The memo of a plan."""

from __future__ import annotations

from pathlib import Path

from breakeven.assembly import files
from breakeven.report import memo as memo_report
from breakeven.report.document import Document


def of_plan(plan: str | None, folder: Path) -> tuple[Document, str]:
    """The memo of a plan by its id (the latest without one), and the day of its prices."""
    kept = files.find_plan(folder, plan)
    return memo_report.memo(kept), kept.as_of
