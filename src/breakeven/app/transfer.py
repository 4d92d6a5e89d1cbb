"""In and out of a ledger: `breakeven import` and `breakeven export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from breakeven.assembly import enact, importing
from breakeven.config import mapping
from breakeven.ledger.intake import Intake


def import_files(
    paths: Sequence[Path],
    data_dir: Path,
    *,
    mapping_file: Path | None = None,
    form: str = "",
    dry_run: bool = False,
    progress: Callable[[str, int], None] = lambda _name, _rows: None,
) -> list[Intake]:
    """Files of other tools into the ledger of a data directory; importing them again changes nothing."""
    named = None if mapping_file is None else enact.log_mapping(mapping.read(mapping_file))
    taken = importing.import_files(paths, data_dir, mapping=named, form=form, dry_run=dry_run, progress=progress)
    return list(taken)
