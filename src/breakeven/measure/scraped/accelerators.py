"""Loads out of the metrics of accelerators: NVIDIA's DCGM exporter, NVML in this machine, and Kepler.

Names and units: default-counters.csv of dcgm-exporter 4.6 (W, mJ, percent, and the profiling share of 0 to 1) and
docs/user/metrics.md of Kepler 0.11, with the names that Kepler had before 0.10.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from breakeven.measure.change import Change
from breakeven.measure.scraped.reading import JOULES_PER_KWH, Reading, Scope, capped, gauge, rise
from breakeven.wire.prometheus_text import Scrape

ACTIVE, UTIL = "DCGM_FI_PROF_GR_ENGINE_ACTIVE", "DCGM_FI_DEV_GPU_UTIL"
POWER, ENERGY = "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
DCGM = (ACTIVE, UTIL, POWER, ENERGY)
_MJ = 1e-3
_PERCENT = 1e-2

_CONTAINER = ("kepler_container_cpu_joules_total", "kepler_container_joules_total")
_POD = ("kepler_pod_cpu_joules_total", "kepler_pod_joules_total")
_NODE = ("kepler_node_cpu_joules_total", "kepler_node_package_joules_total")
_GPU = ("kepler_container_gpu_joules_total", "kepler_node_gpu_joules_total")
KEPLER = (*_CONTAINER, *_POD, *_NODE, *_GPU)
_WHOLE = ("psys",)
"""Zones that hold the others; where there is one, the others are not added to it."""


def dcgm(scrapes: Sequence[Scrape], scope: Scope) -> Reading:
    """The accelerators in scope: their mean activity, and the sum of their power and energy.

    Energy is the counter's, or power x time where there is none or it was set back.
    """
    changes = [Change(scrapes, {**scope.where, "gpu": name}) for name in _gpus(scrapes, scope)]
    busy = [found for one in changes if (found := _busy(one)) is not None]
    power = [found for one in changes if (found := gauge(one, POWER)) is not None]
    energy = [found for one in changes if (found := _energy_kwh(one)) is not None]
    whole = len(changes) > 0
    return Reading(
        busy=capped(statistics.fmean(busy)) if busy else None,
        accelerators=len(changes) or None,
        power_w=sum(power) if whole and len(power) == len(changes) else None,
        energy_kwh=sum(energy) if whole and len(energy) == len(changes) else None,
    )


def kepler(scrapes: Sequence[Scrape], scope: Scope) -> Reading:
    """The energy of the containers, pods or nodes in scope, the narrowest told; processors and accelerators."""
    change = Change(scrapes, scope.where)
    names = next((one for one in (_CONTAINER, _POD, _NODE) if _any(scrapes, one, scope)), ())
    joules = [found for found in (_zones_j(change, names, scope), rise(change, *_GPU)) if found is not None]
    if not joules:
        return Reading()
    return Reading(power_w=sum(joules) / change.seconds, energy_kwh=sum(joules) / JOULES_PER_KWH)


def _gpus(scrapes: Sequence[Scrape], scope: Scope) -> tuple[str, ...]:
    found = {
        one.labels.get("gpu", "")
        for name in DCGM
        for one in scrapes[-1].find(name, scope.where)
        if not scope.accelerators or one.labels.get("gpu") in scope.accelerators
    }
    return tuple(sorted(found))


def _busy(change: Change) -> float | None:
    active = gauge(change, ACTIVE)
    if active is not None:
        return active
    percent = gauge(change, UTIL)
    return None if percent is None else percent * _PERCENT


def _energy_kwh(change: Change) -> float | None:
    counted_mj = rise(change, ENERGY)
    if counted_mj is not None:
        return counted_mj * _MJ / JOULES_PER_KWH
    power_w = gauge(change, POWER)
    return None if power_w is None else power_w * change.seconds / JOULES_PER_KWH


def _any(scrapes: Sequence[Scrape], names: Iterable[str], scope: Scope) -> bool:
    return any(scrapes[-1].find(name, scope.where) for name in names)


def _zones_j(change: Change, names: Sequence[str], scope: Scope) -> float | None:
    """Joules of every zone once."""
    zones = {one.labels.get("zone", "") for name in names for one in change.scrapes[-1].find(name, scope.where)}
    counted = [zone for zone in sorted(zones) if zone in _WHOLE] or sorted(zones)
    found = [rise(change, *names, **({"zone": zone} if zone else {})) for zone in counted]
    known = [value for value in found if value is not None]
    return sum(known) if known else None
