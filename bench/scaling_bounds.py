"""What a rule of scaling could save at most against the reactive one: `python bench/scaling_bounds.py`.

With foresight, and with formulas in hindsight, on the series and with the figures of `bench/scaling.py`.

Foresight knows every rate to come and the rule does not; it bounds any rule. A formula in hindsight is linear in the
logarithms of the last six windows and of the hours of one, two, three and seven days before (20 weights), its interval
as wide as the last swings say, all fitted to the very half that it is then played on: what is left beyond it is not
in what those rates say of the next ones. Both are held against the reactive rule tuned to attain as much as they do.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import scaling
from numpy.typing import NDArray

from breakeven.planner.scaling.play import Control, Fleet, by_rule, play, reactive
from breakeven.planner.scaling.rehearse import FITTED, HIGHEST, LOWEST, TRIES

Vector = NDArray[np.float64]
DAY_S = 86400.0
LAGS, DAYS = 6, (1, 2, 3, 7)


def bounds(rates: Vector, step_s: float, fleet: Fleet, attainment: float, quantile: float) -> dict[str, float]:
    """Shares of the reactive rule's replica-hours saved: by foresight that attains as much, and in hindsight."""
    first = int(len(rates) * FITTED)

    def played(control: Control) -> tuple[float, float]:
        found = play("bound", rates, step_s, fleet, control, first=first)
        return found.attainment, found.replica_hours

    def saved(control: Control) -> float:
        reached, hours = played(control)
        used = _least(lambda one: played(reactive(rates, fleet.goodput_rps, 1 / one)), reached)
        return round(1 - hours / used[1], 4)

    share = _highest(lambda one: played(foresight(rates, fleet, one)), attainment)
    hindsight = [by_rule(told, rates, fleet.goodput_rps) for told in _in_hindsight(rates, step_s, first, quantile)]
    return {"foresight": saved(foresight(rates, fleet, share)), "hindsight": max(map(saved, hindsight))}


def foresight(rates: Vector, fleet: Fleet, share: float) -> Control:
    """Replicas for that share of this window and of the next, ordered in time for both."""
    wishes = np.maximum(1, np.ceil(rates * share / fleet.goodput_rps - 1e-9)).astype(int)
    both = np.maximum(wishes, np.append(wishes[1:], wishes[-1]))
    return lambda place, _have: int(both[place])


def _highest(at: Callable[[float], tuple[float, float]], attainment: float) -> float:
    """The least share that attains as much."""
    low, high = 0.0, 2.0
    for _ in range(TRIES):
        middle = (low + high) / 2
        low, high = (low, middle) if at(middle)[0] >= attainment else (middle, high)
    return high


def _least(at: Callable[[float], tuple[float, float]], attainment: float) -> tuple[float, float]:
    """Attainment and hours of the highest utilisation (1 / headroom) that attains as much, as `rehearse` finds it."""
    low, high = LOWEST, HIGHEST
    for _ in range(TRIES):
        middle = (low + high) / 2
        low, high = (middle, high) if at(1 / middle)[0] >= attainment else (low, middle)
    return at(1 / low)


def _in_hindsight(rates: Vector, step_s: float, first: int, quantile: float) -> list[Vector]:
    """The quantile told as each window ends, of one and of two windows later; flat intervals, and as swings say."""
    logs = np.log(np.maximum(rates, rates.mean() / 100))
    told = []
    for ahead in (1, 2):
        columns = _columns(logs, round(DAY_S / step_s), ahead)
        fine = np.flatnonzero(np.isfinite(columns).all(axis=1)[:-ahead])
        fine = fine[fine >= first - ahead]
        came = logs[fine + ahead]
        middle = columns @ np.linalg.lstsq(columns[fine], came, rcond=None)[0]
        missed = came - middle[fine]
        near = columns[:, : LAGS + 2]
        swings = near @ np.linalg.lstsq(near[fine], np.abs(missed), rcond=None)[0]
        for spread in (np.ones(len(logs)), np.maximum(1e-3, swings)):
            headroom = np.quantile(missed / spread[fine], quantile)
            told.append(np.exp(np.nan_to_num(middle + headroom * spread, nan=0.0)))
    return told


def _columns(logs: Vector, day: int, ahead: int) -> Vector:
    """Of every window as it ends: 1, the last windows, the swing of the last hour, and earlier days' same hours."""
    width = max(1, LAGS)
    swing = np.convolve(np.abs(np.diff(logs, prepend=logs[:1])), np.ones(width) / width)[: len(logs)]
    days = [_late(logs, back * day - ahead + beside) for back in DAYS for beside in (-1, 0, 1)]
    return np.stack([np.ones(len(logs)), *(_late(logs, lag) for lag in range(LAGS)), swing, *days], axis=1)


def _late(values: Vector, by: int) -> Vector:
    return np.concatenate([np.full(by, np.nan), values[: len(values) - by]]) if by else values


def main() -> None:
    quantile, cold_start_s = 0.95, 300.0
    for name in scaling.SERIES:
        demand, fleet = scaling.played(name, cold_start_s)
        found = scaling.rehearsed(name, quantile, cold_start_s)
        most = bounds(demand.rates, demand.step_s, fleet, found.rule.attainment, quantile)
        print(json.dumps({"series": name, "rule": round(found.saving_vs_reactive, 4), **most}))


if __name__ == "__main__":
    main()
