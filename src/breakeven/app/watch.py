"""Drift, spending and alerts of a ledger."""

from __future__ import annotations

import asyncio
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import msgspec

from breakeven.app import observed, speed
from breakeven.assembly import project, telling, watching
from breakeven.assembly.watching import Watch, watch
from breakeven.audit.drift.judge import Limits
from breakeven.config.settings import AlertSettings
from breakeven.errors import BreakevenError
from breakeven.ledger.engine.port import Engine, Query
from breakeven.ledger.trends import DAY_S
from breakeven.report.document import Document
from breakeven.report.drift import alerts_document, drift_document, spending_document
from breakeven.schema.drift import Alert, Day, Series
from breakeven.supervisor.pipe import exit_when_closed

__all__ = ["Limits", "Watch", "alerts_document", "documents", "drift_document", "look", "spending_document"]


def look(config: Path, data_dir: str | None, *, limits: Limits | None = None) -> Watch:
    """One look at the ledger as it is now; with a configuration, the performance model's calibration too."""
    loaded = project.load(config) if config.exists() else None
    folder = _folder(loaded, data_dir)
    settings = AlertSettings() if loaded is None else loaded.settings.alerts
    return watch(folder, time.time(), limits=limits, settings=settings, more=_calibration(loaded, folder))


def expose(found: Watch) -> str:
    """The alerts as Prometheus text."""
    return telling.exposed(found.alerts)


def tell(config: Path, data_dir: str | None, found: Watch) -> telling.News | None:
    """Post what is new to the configured webhook."""
    loaded = project.load(config)
    return asyncio.run(telling.tell(_folder(loaded, data_dir), found.alerts, loaded.settings.alerts, time.time()))


def follow(
    config: Path, data_dir: str | None, told: Callable[[tuple[Alert, ...]], None], parent_fd: int | None = None
) -> None:
    """Look and tell again and again, until stopped or the parent's pipe closes; a look that fails is tried again."""
    if parent_fd is not None:
        exit_when_closed(parent_fd)
    asyncio.run(_follow(config, data_dir, told))


async def _follow(config: Path, data_dir: str | None, told: Callable[[tuple[Alert, ...]], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    loaded = project.load(config)
    folder, settings = _folder(loaded, data_dir), loaded.settings.alerts
    while not stop.is_set():
        try:
            found = await asyncio.to_thread(look, config, data_dir)
            news = await telling.tell(folder, found.alerts, settings, time.time())
            told(() if news is None else (*news.began, *news.ended))
        except (BreakevenError, OSError) as error:
            watching_failed(error)
        try:
            async with asyncio.timeout(settings.every_s):
                await stop.wait()
        except TimeoutError:
            continue


def watching_failed(error: Exception) -> None:
    """A look that failed is in the log; the next one may not."""
    telling.log(f"alerts: {error}")


def documents(found: Watch) -> tuple[Document, Document, Document]:
    """Alerts, drift and spending for people."""
    return alerts_document(found.alerts), drift_document(found.drifts), spending_document(found.spending)


def _folder(loaded: project.Project | None, data_dir: str | None) -> Path:
    if data_dir:
        return Path(data_dir)
    return Path(".breakeven") if loaded is None else loaded.data_dir


def _calibration(loaded: project.Project | None, folder: Path) -> watching.Extra:
    """The performance model's calibration by day: measured over predicted, of deployments on accelerators."""
    if loaded is None or not any(one.accelerator for one in loaded.settings.deployments):
        return lambda *_: ()

    def of(_: Engine, first: int, end: int) -> tuple[Series, ...]:
        days: dict[str, list[Day]] = defaultdict(list)
        for day in range(first, end):
            query = Query(start_s=day * DAY_S, end_s=(day + 1) * DAY_S)
            for key, ratios in _ratios(loaded, folder, query).items():
                days[key].append(Day(day=day, value=statistics.median(ratios), n=len(ratios)))
        return tuple(
            Series(metric="measured_over_predicted", key=key, unit="ratio", days=tuple(found), bad="either")
            for key, found in sorted(days.items())
        )

    return of


def _ratios(loaded: project.Project, folder: Path, query: Query) -> dict[str, list[float]]:
    rows = observed.of_ledger(loaded, folder=folder, query=query).rows
    plain = [msgspec.structs.replace(row, value=None) for row in rows]
    found: dict[str, list[float]] = defaultdict(list)
    for row, one in zip(rows, speed.predict_rows(plain), strict=True):
        if row.value and one.predicted:
            found[f"{row.metric} of {row.model} on {row.gpu}"].append(row.value / one.predicted)
    return found
