"""What a study costs: `breakeven tco` and its check."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from breakeven.assembly import studies
from breakeven.report import tco as tco_report
from breakeven.report.document import Document
from breakeven.report.plain_study import tco_json
from breakeven.schema.check import CheckReport
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


def tco_memo(path: Path, *, facts: Sequence[Path] = ()) -> tuple[Document, str]:
    """The decision memo of a study, and the day of its prices."""
    found = studies.computed(path, facts=facts)
    return tco_report.memo_of_tco(found), found.as_of
