"""Reading engines and accelerators into the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from breakeven.assembly import project, scraping
from breakeven.schema.record import EngineLoad


def read(
    config: Path, data_dir: str | None, told: Callable[[tuple[EngineLoad, ...]], None], *, once: bool = False
) -> tuple[str, ...]:
    """Read what the configuration names until stopped (or for one interval); the troubles that stand at the end."""
    loaded = project.load(config)
    folder = Path(data_dir) if data_dir else loaded.data_dir
    return asyncio.run(scraping.until_stopped(folder, loaded.settings.telemetry, once=once, told=told))
