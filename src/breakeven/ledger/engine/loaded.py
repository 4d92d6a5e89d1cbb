"""What engines and accelerators said of themselves, by hour, defined in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from breakeven.ledger.engine.port import ATTO_KWH, NANO, Loaded
from breakeven.quantity import SECONDS_PER_HOUR
from breakeven.schema.record import EngineLoad

_COUNTS = ("finished", "input_tokens", "cached_input_tokens", "output_tokens")


def loads(rows: Iterable[EngineLoad]) -> tuple[Loaded, ...]:
    """The answer of `Engine.loads` over distinct rows."""
    groups: dict[tuple[str, int, str, str], list[EngineLoad]] = defaultdict(list)
    for one in rows:
        hour = int(one.start_s // SECONDS_PER_HOUR)
        groups[one.deployment, hour, one.source, one.target].append(one)
    return tuple(_loaded(key, groups[key]) for key in sorted(groups))


def _loaded(key: tuple[str, int, str, str], rows: Sequence[EngineLoad]) -> Loaded:
    deployment, hour, source, target = key
    energy = [one.energy_kwh for one in rows if one.energy_kwh is not None]
    return Loaded(
        deployment=deployment,
        hour=hour,
        source=source,
        target=target,
        intervals=len(rows),
        seen_ns=sum(_ns(one) for one in rows),
        known_ns=sum(_ns(one) for one in rows if one.busy is not None),
        busy_ns=sum(_ns(one, one.busy) for one in rows if one.busy is not None),
        running_ns=sum(_ns(one, one.running) for one in rows if one.running is not None),
        **{name: sum(getattr(one, name) or 0 for one in rows) for name in _COUNTS},
        energy_rows=len(energy),
        energy_atto_kwh=sum(round(kwh * ATTO_KWH) for kwh in energy),
    )


def _ns(one: EngineLoad, share: float = 1.0) -> int:
    return round((one.end_s - one.start_s) * share * NANO)
