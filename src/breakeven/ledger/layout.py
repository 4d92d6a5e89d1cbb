"""Where things lie in a data directory, and which UTC day a time belongs to."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from breakeven.ledger.columns import Table

LIVE, CLOSED = ".open", ".journal"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_PER_DAY = 86_400


def journals(data_dir: Path) -> Path:
    """The folder that gateways append to."""
    return data_dir / "journal"


def quarantine(data_dir: Path) -> Path:
    """Where journals with a bad frame are kept after their good frames were sealed."""
    return data_dir / "quarantine"


def linked(data_dir: Path) -> Path:
    """A mark that stands once the ledger holds an event about persons: `identify` or `consent`.

    Such an event may change the answers of any day, so that none is final while it stands.
    """
    return data_dir / "linked"


def journal_files(data_dir: Path) -> tuple[Path, ...]:
    """Every journal file, closed or being written, by name."""
    folder = journals(data_dir)
    return tuple(sorted(path for path in folder.glob("*") if path.suffix in {LIVE, CLOSED} and path.is_file()))


def day_of(time_s: float) -> int:
    """The UTC day of a Unix time, as days since 1970; times that no calendar holds fall on day 0."""
    try:
        day = int(time_s // SECONDS_PER_DAY)
        date(day)
    except (ValueError, OverflowError):
        return 0
    return day


def date(day: int) -> str:
    """Days since 1970 as an ISO date."""
    return f"{_EPOCH + timedelta(days=day):%Y-%m-%d}".zfill(10)


def segment_path(table: Table, day: int, name: str) -> str:
    """The path of a segment, relative to the data directory."""
    return f"segments/{table}/dt={date(day)}/{name}.parquet"
