"""What a reader takes from the change between two scrapes."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from breakeven.measure.change import Change
from breakeven.schema.noun import Noun
from breakeven.wire.prometheus_text import Scrape


class Reading(Noun, frozen=True, kw_only=True):
    """One interval of one target; the fields are those of `EngineLoad`."""

    busy: float | None = None
    running: float | None = None
    waiting: float | None = None
    finished: int | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    kv_cache_use: float | None = None
    accelerators: int | None = None
    power_w: float | None = None
    energy_kwh: float | None = None


class Scope(Noun, frozen=True, kw_only=True):
    """Which samples are the deployment's: those with these labels, of these accelerators (all, when none is named)."""

    where: dict[str, str] = {}
    accelerators: tuple[str, ...] = ()


Reader: TypeAlias = Callable[[Sequence[Scrape], Scope], Reading]

JOULES_PER_KWH = 3.6e6


def gauge(change: Change, *names: str) -> float | None:
    """The mean reading of the sum of these gauges; None without any."""
    read = change.gauge(*names)
    return statistics.fmean(read) if read else None


def first_gauge(change: Change, *names: str) -> float | None:
    """The mean reading of the first of these gauges that there is."""
    return next((found for name in names if (found := gauge(change, name)) is not None), None)


def count(change: Change, *names: str) -> int | None:
    """By how much a counter rose; None without it, or when it fell because the server was started anew."""
    before = len(change.fell)
    rose = change.counted(*names)
    return None if rose is None or len(change.fell) > before else round(rose)


def rise(change: Change, *names: str, **labels: str) -> float | None:
    """As `count`, of a counter of anything but whole things."""
    before = len(change.fell)
    rose = change.counted(*names, **labels)
    return None if len(change.fell) > before else rose


def capped(share: float | None) -> float | None:
    """A share held between 0 and 1."""
    return None if share is None else min(1.0, max(0.0, share))


def has(scrapes: Sequence[Scrape], names: Mapping[str, object] | Sequence[str]) -> bool:
    """Whether the last scrape has any metric of these names."""
    return any(name in scrapes[-1].samples for name in names)
