"""Files of other tools into a data directory: what to read, and the rules that came with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from breakeven.assembly import files
from breakeven.errors import LedgerError
from breakeven.ledger import importer, intake
from breakeven.ledger.source.formats import open_source
from breakeven.ledger.source.mapping import Mapping
from breakeven.ledger.source.opened import suffix_of
from breakeven.ledger.source.table import SOURCES


def import_files(
    paths: Iterable[Path],
    data_dir: Path,
    *,
    mapping: Mapping | None,
    form: str,
    dry_run: bool,
    progress: Callable[[str, int], None],
) -> Iterator[intake.Intake]:
    """What became of each file, one after another; a folder stands for the files in it.

    Raises:
        LedgerError: see `intake.take`; what was imported before stays.
    """
    for path in _each(paths):
        source = open_source(path, mapping, form)
        told = intake.take(data_dir, path, source, dry_run=dry_run, progress=partial(progress, path.name))
        rules = source.mapping
        if rules is not None and not dry_run and told.use_cases and _states(rules):
            files.keep_use_cases([importer.use_case(name, rules) for name in told.use_cases], data_dir)
        yield told


def _states(rules: Mapping) -> bool:
    """Whether a mapping says anything of its use cases."""
    limits = (rules.budget_s, rules.ttft_target_s, rules.tpot_target_s)
    return rules.measured_when != "unmeasured" or any(limit is not None for limit in limits)


def _each(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        found = sorted(one for one in path.rglob("*") if one.is_file() and suffix_of(one) in SOURCES)
        if not found:
            message = f"{path}: no file in it has an ending that is read"
            raise LedgerError(message, f"name files with {', '.join(sorted(SOURCES))}")
        yield from found
