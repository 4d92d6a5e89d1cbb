"""What it costs: studies, vendors, and the memos of both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import files, studies, vendors
from breakeven.report import compare as compare_report
from breakeven.report import memo as memo_report
from breakeven.report import tco as tco_report
from breakeven.report.document import Document
from breakeven.report.plain_study import tco_json
from breakeven.schema.check import CheckReport
from breakeven.schema.comparison import Comparison
from breakeven.schema.tco import Tco

__all__ = ["tco_json"]


def tco(path: Path, *, facts: Sequence[Path] = (), draws: int | None = None, seed: int | None = None) -> Tco:
    """A study of a file, computed."""
    return studies.computed(path, facts=facts, draws=draws, seed=seed)


def tco_check(paths: Sequence[Path]) -> CheckReport:
    """Published values against computed ones, for every study under the paths."""
    return studies.checked(paths)


def tco_document(found: Tco) -> Document:
    """A study, for people."""
    return tco_report.tco_document(found)


def compare(paths: Sequence[Path], workload: Path, *, facts: Sequence[Path] = ()) -> Comparison:
    """Vendors' proposals on one workload: costed, timed, tracked, flagged, questioned and ranked."""
    return vendors.compared(paths, workload, facts=facts)


def compare_document(found: Comparison) -> Document:
    """A comparison, for people."""
    return compare_report.comparison_document(found)


def memo_for(plan: str | None, folder: Path) -> tuple[Document, str]:
    """The memo of a plan by its id (the latest without one), or of a study by its file; and the day of its prices."""
    if plan is not None and (Path(plan).suffix.lower() in {".yaml", ".yml"} or Path(plan).exists()):
        found = studies.computed(Path(plan))
        return tco_report.memo_of_tco(found), found.as_of
    kept = files.find_plan(folder, plan)
    return memo_report.memo(kept), kept.as_of
