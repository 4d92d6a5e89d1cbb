"""In and out of a ledger: `breakeven import` and `breakeven export`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from breakeven.assembly import enact, exporting, importing
from breakeven.assembly.exporting import EXPORTS as EXPORTS
from breakeven.assembly.exporting import Asked, Exported
from breakeven.config import mapping
from breakeven.errors import UsageError
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


def export(
    form: str,
    data_dir: Path,
    out: Path,
    *,
    since: str | None = None,
    until: str | None = None,
    partitioned: bool = False,
) -> Exported:
    """The ledger of a data directory in another tool's format; `since` <= time < `until` are ISO dates or times."""
    start_s, end_s = _instant("--since", since), _instant("--until", until)
    asked = Asked(data_dir=data_dir, out=out, start_s=start_s, end_s=end_s, partitioned=partitioned)
    return exporting.export(form, asked)


def _instant(option: str, text: str | None) -> float | None:
    """Unix seconds of an ISO date or time, UTC where it names no zone.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} {text!r} is no date or time"
        raise UsageError(message, "write 2026-11-27 or 2026-11-27T10:00:00Z") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
