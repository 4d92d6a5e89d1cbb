"""What vendors propose: `breakeven compare`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import vendors
from breakeven.report import compare as compare_report
from breakeven.report.document import Document
from breakeven.schema.comparison import Comparison


def compare(paths: Sequence[Path], workload: Path, *, facts: Sequence[Path] = ()) -> Comparison:
    """Vendors' proposals on one workload: costed, timed, tracked, flagged, questioned and ranked."""
    return vendors.compared(paths, workload, facts=facts)


def compare_document(found: Comparison) -> Document:
    """A comparison, for people."""
    return compare_report.comparison_document(found)
