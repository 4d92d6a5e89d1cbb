"""Engines and accelerators read into the ledger: scrapes on a clock, loads into a journal that the sealer seals."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from breakeven.config.settings import ScrapeSettings, TelemetrySettings
from breakeven.errors import BackendError, ConfigError
from breakeven.ledger.meter import Writer
from breakeven.measure.scraped import nvml
from breakeven.measure.scraped.load import Target, loads
from breakeven.measure.scraped.reading import Scope
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.journal import frame
from breakeven.schema.record import EngineLoad
from breakeven.wire import prometheus_text as prometheus
from breakeven.wire.client import Client
from breakeven.wire.prometheus_text import Scrape

NODE = "scraper"
ROTATE_S = 600.0
TIMEOUT_S = 5.0
LARGEST_BYTES = 16 * 1024 * 1024
_log = logging.getLogger(__name__)

Read = Callable[[], Awaitable[Scrape]]


class Watched:
    """One target and its scrapes since the last row. A failed scrape ends the interval: nothing is guessed over it."""

    def __init__(self, target: Target, read: Read) -> None:
        self.target = target
        self.trouble = ""
        self._read = read
        self._scrapes: list[Scrape] = []

    async def sample(self) -> None:
        """Scrape once; trouble is kept, and logged when it begins and when it ends."""
        try:
            self._scrapes.append(await self._read())
            trouble = ""
        except (BackendError, ConfigError) as error:
            self._scrapes.clear()
            trouble = str(error).split("\n", 1)[0]
        if trouble != self.trouble:
            _log.warning("telemetry of %s: %s", self.target.name, trouble or "it answers again")
        self.trouble = trouble

    def due(self, interval_s: float, wall_s: Callable[[float], float]) -> bool:
        """Whether a row is full: it is long enough, or an hour ended."""
        if len(self._scrapes) < 2:  # noqa: PLR2004 - an interval has two ends
            return False
        first_s, last_s = self._scrapes[0].at_s, self._scrapes[-1].at_s
        hours = {int(wall_s(at_s) // SECONDS_PER_HOUR) for at_s in (first_s, last_s)}
        return last_s - first_s >= interval_s or len(hours) > 1

    def take(self, wall_s: Callable[[float], float]) -> tuple[EngineLoad, ...]:
        """The loads since the last row; the next interval begins where this one ended."""
        scrapes, self._scrapes = self._scrapes, self._scrapes[-1:]
        return loads(self.target, scrapes, wall_s)


def watched(settings: TelemetrySettings, client: Client) -> tuple[Watched, ...]:
    """What the configuration names.

    Raises:
        ConfigError: `nvml` is wanted and cannot be had, or a target is neither a url nor nvml.
    """
    return tuple(_watched(one, client) for one in settings.scrape)


def _watched(one: ScrapeSettings, client: Client) -> Watched:
    if (one.url is None) == (not one.nvml):
        message = f"the scrape of {one.deployment} names {'both url and nvml' if one.nvml else 'neither url nor nvml'}"
        raise ConfigError(message, "give it `url:` of a server's metrics, or `nvml: true`")
    name = one.name or (urlsplit(one.url).netloc.rpartition("@")[2] if one.url else f"nvml@{os.uname().nodename}")
    scope = Scope(where=dict(one.where), accelerators=one.accelerators)
    target = Target(name=name, deployment=one.deployment, scope=scope)
    return Watched(target, _of_url(one.url, client) if one.url else _of_machine())


def _of_url(url: str, client: Client) -> Read:
    async def read() -> Scrape:
        async with asyncio.timeout(TIMEOUT_S):
            return await _fetched(url, client)

    async def bounded() -> Scrape:
        try:
            return await read()
        except TimeoutError:
            message = f"{url} did not answer within {TIMEOUT_S:g} s"
            raise BackendError(message, "see whether the server is up") from None

    return bounded


async def _fetched(url: str, client: Client) -> Scrape:
    response = await client.request("GET", url, timeout_s=TIMEOUT_S)
    data = await response.read()
    if response.status != 200:  # noqa: PLR2004 - HTTP's OK
        message = f"{url} answered {response.status}"
        raise BackendError(message, "point `url` at the server's or exporter's /metrics")
    if len(data) > LARGEST_BYTES:
        message = f"{url} sent {len(data)} bytes of metrics, more than {LARGEST_BYTES}"
        raise BackendError(message, "scrape a narrower path")
    return prometheus.scrape(data.decode(errors="replace"), time.monotonic(), url)


def _of_machine() -> Read:
    library = nvml.library()

    async def read() -> Scrape:
        return nvml.scrape(library, time.monotonic())

    return read


class Scraper:
    """Every target on one clock, and the journal of what they said."""

    def __init__(self, data_dir: Path, targets: Sequence[Watched], interval_s: float) -> None:
        self._data_dir, self._targets, self._interval_s = data_dir, targets, interval_s
        self._node = f"{NODE}-{os.getpid()}-{time.time_ns() // 1_000_000}"
        self._writer: Writer | None = None
        self._opened_s = 0.0
        self._files = 0

    async def tick(self, *, last: bool = False) -> tuple[EngineLoad, ...]:
        """Sample every target, and write the rows that are full; at the `last`, whatever there is."""
        await asyncio.gather(*(one.sample() for one in self._targets))
        offset_s = time.time() - time.monotonic()
        made: list[EngineLoad] = []
        for one in self._targets:
            if one.due(0.0 if last else self._interval_s, offset_s.__add__):
                made += self._taken(one, offset_s.__add__)
        if made:
            self._append(b"".join(map(frame, made)))
        return tuple(made)

    def close(self) -> None:
        """Close the journal, so that the sealer takes it."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    @staticmethod
    def _taken(one: Watched, wall_s: Callable[[float], float]) -> tuple[EngineLoad, ...]:
        try:
            return one.take(wall_s)
        except ConfigError as error:
            _log.warning("telemetry: %s", error)
            return ()

    def _append(self, data: bytes) -> None:
        now_s = time.monotonic()
        if self._writer is not None and now_s - self._opened_s >= ROTATE_S:
            self.close()
        if self._writer is None:
            self._files += 1
            self._opened_s = now_s
            self._writer = Writer(self._data_dir, self._node, self._files)
        self._writer.write(data)


async def follow(
    data_dir: Path,
    settings: TelemetrySettings,
    *,
    stop: asyncio.Event,
    once: bool = False,
    told: Callable[[tuple[EngineLoad, ...]], None] = lambda _: None,
) -> tuple[str, ...]:
    """Read every target until `stop`, or for one interval; returns the troubles that stand at the end.

    Raises:
        ConfigError: nothing is configured, or a target cannot be meant.
    """
    if not settings.scrape:
        message = "nothing to read: breakeven.yaml names no `telemetry: scrape:`"
        raise ConfigError(message, "add a deployment with the url of its metrics; docs/telemetry.md shows how")
    async with Client() as client:
        targets = watched(settings, client)
        scraper = Scraper(data_dir, targets, settings.interval_s)
        end_s = time.monotonic() + settings.interval_s if once else float("inf")
        try:
            while not stop.is_set() and time.monotonic() < end_s:
                told(await scraper.tick())
                await _pause(stop, min(settings.sample_s, max(0.0, end_s - time.monotonic())))
            told(await scraper.tick(last=True))
        finally:
            scraper.close()
        return tuple(f"{one.target.name}: {one.trouble}" for one in targets if one.trouble)


async def until_stopped(
    data_dir: Path,
    settings: TelemetrySettings,
    *,
    once: bool = False,
    told: Callable[[tuple[EngineLoad, ...]], None] = lambda _: None,
) -> tuple[str, ...]:
    """As `follow`, until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return await follow(data_dir, settings, stop=stop, once=once, told=told)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
