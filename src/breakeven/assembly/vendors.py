"""Vendors' proposals from files, compared; every error at its place in the file it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from breakeven.assembly.studies import located
from breakeven.catalog.load import load as load_catalog
from breakeven.config import reading
from breakeven.config.study import proposal as proposals
from breakeven.errors import StudyError
from breakeven.schema.comparison import Comparison
from breakeven.study.vendor.assess import assess


def compared(paths: Sequence[Path], workload: Path, *, facts: Sequence[Path] = ()) -> Comparison:
    """Proposals of files on the workload of a file.

    Raises:
        ConfigError: a file cannot be read, or is wrong in its form.
        StudyError: something cannot be computed; names file, line and column.
    """
    texts = {path: reading.read_text(path, way_out=reading.CHECK_PATH) for path in (*paths, workload)}
    offered = [(path, proposals.load_proposal(texts[path], str(path))) for path in paths]
    asked = proposals.load_workload(texts[workload], str(workload))
    try:
        return assess([one for _, one in offered], asked, load_catalog(facts))
    except StudyError as error:
        named = {one.id: path for path, one in offered}
        path, at = _origin(error, named, workload)
        raise located(error, at, texts[path], path) from error


def _origin(error: StudyError, named: Mapping[str, Path], workload: Path) -> tuple[Path, tuple[str | int, ...]]:
    """The file that an error is of, and the place in it."""
    match error.path:
        case ("proposals", str(name), *rest) if name in named:
            return named[name], tuple(rest)
        case ("workload", *rest):
            return workload, tuple(rest)
    return workload, ()
