"""From two or more scrapes of a target to one load of its deployment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from breakeven.errors import ConfigError
from breakeven.measure.scraped.accelerators import DCGM, KEPLER, dcgm, kepler
from breakeven.measure.scraped.engines import LLAMA, VLLM, llama, vllm
from breakeven.measure.scraped.reading import Reader, Scope, has
from breakeven.schema.noun import Noun
from breakeven.schema.record import EngineLoad
from breakeven.wire.prometheus_text import Scrape

READERS: dict[str, tuple[tuple[str, ...], Reader]] = {
    "vllm": ((VLLM,), vllm),
    "llama.cpp": ((LLAMA,), llama),
    "dcgm": (DCGM, dcgm),
    "kepler": (KEPLER, kepler),
}
"""Whose metrics can be read: the names that tell them, and how."""


class Target(Noun, frozen=True, kw_only=True):
    """A place to scrape: `name` is unique among them and holds no secret."""

    name: str
    deployment: str
    scope: Scope = Scope()


def sources(scrape: Scrape) -> tuple[str, ...]:
    """Whose metrics a scrape holds; an exporter may hold several."""
    return tuple(source for source, (names, _) in READERS.items() if has([scrape], names))


def loads(target: Target, scrapes: Sequence[Scrape], wall_s: Callable[[float], float]) -> tuple[EngineLoad, ...]:
    """One load for each source that both ends of the interval hold; `wall_s` turns a scrape's clock into Unix seconds.

    Raises:
        ConfigError: nothing in the last scrape is of a kind that can be read.
    """
    found = sources(scrapes[-1])
    if not found:
        message = f"{target.name}: no metric of {', '.join(READERS)} among {len(scrapes[-1].samples)} names"
        raise ConfigError(message, "point `url` at the server's or exporter's /metrics")
    start_s, end_s = wall_s(scrapes[0].at_s), wall_s(scrapes[-1].at_s)
    made = []
    for source in found:
        reading = msgspec.structs.asdict(READERS[source][1](scrapes, target.scope))
        if any(value is not None for value in reading.values()):
            name = f"{target.name}/{source}/{round(start_s * 1e6)}"
            made.append(
                EngineLoad(
                    id=name,
                    deployment=target.deployment,
                    target=target.name,
                    source=source,
                    start_s=start_s,
                    end_s=end_s,
                    **reading,
                )
            )
    return tuple(made)
