"""What telemetry measured of a deployment's hours: its work in money, and its energy.

An hour's work is what its capacity cost x the share of it in which the accelerators were busy. It counts only where
they were watched for most of the time that the capacity was up; an hour seen in part stays derived.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from breakeven.ledger.engine.port import Loaded, Standby
from breakeven.schema.noun import Noun

ENOUGH_PERCENT = 80
"""Of the time that capacity was up, how much must have been watched for an hour to count as measured."""
BUSY_SOURCES = ("dcgm", "vllm", "llama.cpp")
"""Whose word counts for how busy a deployment was, the best first."""
ENERGY_SOURCES = ("dcgm", "kepler")
"""Whose word counts for its energy, the best first."""

_Place = tuple[str, int]


class Measured(Noun, frozen=True, kw_only=True):
    """By deployment and UTC hour: work in pico-USD, and energy in 1e-15 kWh with idle in it."""

    work_pico_usd: Mapping[_Place, int] = MappingProxyType({})
    energy_atto_kwh: Mapping[_Place, int] = MappingProxyType({})


NOTHING_MEASURED = Measured()


def of(loads: Iterable[Loaded], standby: Iterable[Standby]) -> Measured:
    """What the loads say about the hours in which capacity stood by."""
    hours: dict[_Place, list[Loaded]] = defaultdict(list)
    for row in loads:
        hours[row.deployment, row.hour].append(row)
    work, energy = {}, {}
    for one in standby:
        place = (one.deployment, one.hour)
        busy = _best(hours.get(place, ()), BUSY_SOURCES, "known_ns", one.up_ns)
        if busy:
            known = sum(row.known_ns for row in busy)
            work[place] = one.cost_pico_usd * min(known, sum(row.busy_ns for row in busy)) // known
        told = _best(hours.get(place, ()), ENERGY_SOURCES, "seen_ns", one.up_ns)
        if told and all(row.energy_rows == row.intervals for row in told):
            energy[place] = sum(row.energy_atto_kwh for row in told)
    return Measured(work_pico_usd=work, energy_atto_kwh=energy)


def _best(rows: Sequence[Loaded], sources: Sequence[str], watched: str, up_ns: int) -> list[Loaded]:
    """The rows of the best source each of whose targets was watched for long enough; none, when there is none."""
    for source in sources:
        found = [one for one in rows if one.source == source and getattr(one, watched)]
        if found and all(100 * getattr(one, watched) >= ENOUGH_PERCENT * up_ns for one in found):
            return found
    return []
