"""What ways of scaling would have done to a series of rates: a fluid in windows, replicas that take time to come.

A replica serves its goodput and no more; what is beyond is refused at the door or sent on (burst), so that the rest
keeps its targets: attainment is the share within capacity. Replicas are paid from the order on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from breakeven.errors import UsageError
from breakeven.schema.noun import Noun
from breakeven.schema.scaling import Played

Vector = NDArray[np.float64]

Control = Callable[[int, int], int]
"""Replicas wanted at the start of window i, where so many are on or coming; it may know windows before i only."""

TOLERANCE = 0.1
"""Within this share of its target a reactive rule leaves things as they are: the default of Kubernetes' autoscaler."""
HOUR_S = 3600.0


class Fleet(Noun, frozen=True, kw_only=True):
    """What is scaled: requests/s of one replica inside the targets, seconds to start one, and the bounds."""

    goodput_rps: float
    cold_start_s: float
    least: int = 1
    most: int = 1_000_000


def play(name: str, rates_rps: Vector, step_s: float, fleet: Fleet, control: Control, *, first: int = 0) -> Played:
    """Let `control` scale the fleet over the windows from `first` on; it begins with what it first wants, all on.

    Raises:
        UsageError: there is no window, or the fleet serves nothing.
    """
    if first >= len(rates_rps) or not fleet.goodput_rps > 0:
        message = f"{len(rates_rps) - first} windows cannot be played with replicas of {fleet.goodput_rps:g} requests/s"
        raise UsageError(message, "give a series of rates, and a goodput > 0")
    ready, coming = _bounded(fleet, control(first, 0)), list[float]()
    served = offered = paid_s = 0.0
    top = ready
    for place in range(first, len(rates_rps)):
        wish = _bounded(fleet, control(place, ready + len(coming)))
        ready, coming = _ordered(ready, coming, wish, fleet.cold_start_s)
        up_s = ready * step_s + sum(max(0.0, step_s - left) for left in coming)
        came = float(rates_rps[place]) * step_s
        served += min(came, up_s * fleet.goodput_rps)
        offered += came
        paid_s += wish * step_s
        top = max(top, wish)
        left = [one - step_s for one in coming]
        ready, coming = ready + sum(one <= 0 for one in left), [one for one in left if one > 0]
    return Played(
        name=name,
        attainment=served / offered if offered > 0 else 1.0,
        replica_hours=paid_s / HOUR_S,
        replicas_max=top,
        burst_requests=offered - served,
    )


def _bounded(fleet: Fleet, wish: int) -> int:
    return min(fleet.most, max(fleet.least, wish))


def _ordered(ready: int, coming: list[float], wish: int, cold_start_s: float) -> tuple[int, list[float]]:
    """More are ordered; of too many those that come last go first."""
    have = ready + len(coming)
    if wish >= have:
        return ready, coming + [cold_start_s] * (wish - have)
    kept = coming[: max(0, wish - ready)]
    return min(ready, wish), kept


def fixed(replicas: int) -> Control:
    """Always so many."""
    return lambda _place, _have: replicas


def by_rule(quantiles_rps: Vector, rates_rps: Vector, goodput_rps: float, hold: int = 0) -> Control:
    """The rule: the quantile told as each window ends, the demand of now at least; down after `hold` windows."""
    wishes = np.ceil(np.maximum(quantiles_rps, rates_rps) / goodput_rps - 1e-9).astype(int)
    return lambda place, have: _held(wishes[max(0, place - 1 - hold) : max(1, place)], have)


def _held(wishes: Sequence[int] | NDArray[np.int_], have: int) -> int:
    """Up at once, down to the highest wish of the time held."""
    last = int(wishes[-1])
    return last if last >= have else min(have, int(max(wishes)))


def reactive(rates_rps: Vector, goodput_rps: float, utilisation: float, hold: int = 0) -> Control:
    """As Kubernetes scales on requests/s: have x (rate of the last window / target), its tolerance, down held."""
    wishes = np.maximum(1, np.ceil(rates_rps / (goodput_rps * utilisation) - 1e-9)).astype(int)

    def control(place: int, have: int) -> int:
        last = max(0, place - 1)
        if have and abs(rates_rps[last] / (have * goodput_rps * utilisation) - 1) <= TOLERANCE:
            return have
        return _held(wishes[max(0, last - hold) : last + 1], have)

    return control


def least_static(rates_rps: Vector, step_s: float, fleet: Fleet, attainment: float) -> int:
    """The fewest replicas, always on, that attain as much."""
    low, high = 0, max(1, math.ceil(float(rates_rps.max()) / fleet.goodput_rps))
    while high - low > 1:
        middle = (low + high) // 2
        if play("", rates_rps, step_s, fleet, fixed(middle)).attainment >= attainment:
            high = middle
        else:
            low = middle
    return high
