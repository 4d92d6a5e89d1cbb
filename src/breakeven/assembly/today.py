"""The only clock that prices are asked by."""

from __future__ import annotations

from datetime import UTC, datetime


def today() -> str:
    """The current day in UTC, ISO."""
    return datetime.now(UTC).date().isoformat()
