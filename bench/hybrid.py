"""CPU time of the cheapest owned base and of the cheapest mix: `python bench/hybrid.py [--runs 20]`.

One JSON line a measurement: the best CPU time of several runs (time.process_time), so that a noisy machine changes
little, and what was found, so that a fast wrong answer shows. scipy is loaded before the clock starts; the first line
says what loading it costs.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np

from breakeven.cost.hybrid.base import Base, best_base
from breakeven.cost.hybrid.load import Load
from breakeven.cost.hybrid.mix import best_mix
from breakeven.cost.hybrid.offers import Commitment, Mix, Spot

Found = TypeVar("Found")
HOURS = 8760
OWN, ON_DEMAND = 1.38, 3.9
OFFERS = (
    Commitment(name="owned, 8 units", usd_per_machine_h=8 * 1.1, units_per_machine=8, most=10),
    Commitment(name="owned, 1 unit", usd_per_machine_h=OWN, most=40),
    Commitment(name="3 years", usd_per_machine_h=1.7),
    Commitment(name="2 years", usd_per_machine_h=(2.0, 1.9, 1.8), term_periods=2),
    Commitment(name="1 year", usd_per_machine_h=2.3, term_periods=1),
    Commitment(name="1 year, 8 units", usd_per_machine_h=8 * 2.1, units_per_machine=8, term_periods=1),
)
SPOT = Spot(usd_per_unit_h=1.2, most_share=0.2)


def year() -> Load:
    """Days, weeks and a weekly peak: 8,760 hours between 15 and 145 units."""
    hour = np.arange(HOURS)
    daily = 50 + 35 * np.sin(2 * np.pi * (hour % 24 - 9) / 24)
    return np.asarray(np.round(daily + 10 * (hour // 24 % 7 < 5) + 60 * (hour % 168 == 60), 6))


def three_years() -> Load:
    """The year growing by 1.4 and 1.5, with noise, so that no two hours are alike."""
    noise = np.random.default_rng(1).lognormal(0, 0.15, 3 * HOURS)
    return np.concatenate([year(), year() * 1.4, year() * 2.1]) * noise


def least(work: Callable[[], Found], runs: int) -> tuple[float, Found]:
    """The least CPU time of several runs in milliseconds, and what the last one found."""
    times = []
    for _ in range(runs):
        before = time.process_time()
        found = work()
        times.append(time.process_time() - before)
    return min(times) * 1e3, found


def base_line(name: str, cpu_ms: float, found: Base) -> dict[str, object]:
    return {"bench": name, "cpu_ms": round(cpu_ms, 3), "units": found.units, "cost_usd": round(found.cost_usd, 2)}


def mix_line(name: str, cpu_ms: float, found: Mix) -> dict[str, object]:
    return {
        "bench": name,
        "cpu_ms": round(cpu_ms, 1),
        "cost_usd": round(found.cost_usd, 2),
        "gap": found.gap,
        "blocks": found.blocks,
    }


def loading_scipy() -> dict[str, object]:
    before = time.process_time()
    import scipy.optimize  # noqa: PLC0415 - what is measured
    import scipy.sparse  # noqa: F401, PLC0415

    return {"bench": "loading scipy, once a process", "cpu_ms": round((time.process_time() - before) * 1e3, 1)}


def mix_lines(runs: int) -> list[dict[str, object]]:
    """One type and one year; three years and six offers, as they are, with spot, and a hundred times the load."""
    grown = three_years()
    one = (Commitment(name="owned", usd_per_machine_h=OWN),)
    cases = {
        "best_mix, 1 year x 1 offer": (year(), one, None, 1),
        "best_mix, 3 years x 6 offers": (grown, OFFERS, None, 3),
        "best_mix, 3 years x 6 offers + spot": (grown, OFFERS, SPOT, 3),
        "best_mix, 3 years x 6 offers, load x 100": (grown * 100, OFFERS, None, 3),
    }
    lines = []
    for name, (load, offers, spot, periods) in cases.items():
        work = partial(best_mix, load, offers, on_demand_usd_per_unit_h=ON_DEMAND, spot=spot, periods=periods)
        lines.append(mix_line(name, *least(work, runs)))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_known_args()[0].runs
    load = year()
    print(json.dumps(loading_scipy()))
    print(json.dumps(base_line("best_base, 8,760 h", *least(lambda: best_base(load, OWN, ON_DEMAND), runs))))
    for line in mix_lines(max(3, runs // 4)):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
