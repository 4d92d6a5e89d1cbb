"""CPU time of portfolios, schedules and regret tables: `python bench/portfolio.py [--runs 3]`.

One JSON line a measurement: the best CPU time of several runs (time.process_time) and what was found, so that a fast
wrong answer shows. scipy is loaded before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
import scipy.optimize
import scipy.sparse  # noqa: F401

from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.load import Duration, duration
from breakeven.planner.portfolio.scenario import regret_of, scenarios_of
from breakeven.planner.portfolio.schedule import Course, schedule
from breakeven.planner.portfolio.tiers import Tiers
from breakeven.schema.portfolio import Commitment, Portfolio, RegretTable, Unit

FALL = {"owned": 0.15, "reserved_1y": 0.15, "reserved_3y": 0.15, "on_demand": 0.15, "api": 0.4}
UNITS = (
    Unit(name="owned, 8", kind="owned", goodput_rps=8, fixed_usd_per_h=8.8, variable_usd_per_busy_h=2.0),
    Unit(name="owned, 1", kind="owned", goodput_rps=1, fixed_usd_per_h=1.25, variable_usd_per_busy_h=0.25),
    Unit(name="3 years", kind="reserved_3y", goodput_rps=1, fixed_usd_per_h=1.7, term_months=36),
    Unit(name="1 year", kind="reserved_1y", goodput_rps=1, fixed_usd_per_h=2.2, term_months=12),
    Unit(name="1 year, 8", kind="reserved_1y", goodput_rps=8, fixed_usd_per_h=16.0, term_months=12),
    Unit(name="on demand", kind="on_demand", goodput_rps=1, fixed_usd_per_h=3.9),
    Unit(name="spot", kind="spot", goodput_rps=1, fixed_usd_per_h=1.4, most_share=0.2),
    Unit(name="API", kind="api", usd_per_request=4.2 / 3600),
)
LEVELS = {"low": (0.5, 0.25), "medium": (1.0, 0.5), "peak": (2.0, 0.25)}


def year(noise: float) -> Duration:
    """Days, weeks and noise: 8,760 hours around 57 requests/s."""
    hour = np.arange(8760)
    daily = 50 + 35 * np.sin(2 * np.pi * (hour % 24 - 9) / 24)
    rate = daily + 10 * (hour // 24 % 7 < 5) + 60 * (hour % 168 == 60)
    return duration(rate * np.random.default_rng(1).lognormal(0, noise, 8760), window_s=3600)


def measured(name: str, runs: int, work: Callable[[], Portfolio | Commitment | RegretTable]) -> dict[str, object]:
    times = []
    for _ in range(runs):
        before = time.process_time()
        found = work()
        times.append(time.process_time() - before)
    return {"bench": name, "cpu_ms": round(min(times) * 1e3, 1), **told(found)}


def told(found: Portfolio | Commitment | RegretTable) -> dict[str, object]:
    if isinstance(found, Portfolio):
        return {"monthly_usd": round(found.monthly_usd, 2), "gap": found.gap}
    if isinstance(found, Commitment):
        static = round(1 - found.cost_usd / found.best_static_usd, 4)
        return {"cost_usd": round(found.cost_usd, 2), "saved_on_static": static, "gap": found.gap}
    return {"least_expected": found.least_expected, "perfect_information_usd": found.perfect_information_usd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_known_args()[0].runs
    load, few = year(0.15), (UNITS[0], *UNITS[5:])
    grows = Course(growth_per_year=0.5, decay_per_year=FALL)
    tiers = Tiers(critical=0.3, important=0.4, opportunistic=0.3, may_wait=True)
    works: dict[str, Callable[[], Portfolio | Commitment | RegretTable]] = {
        "portfolio, 1 year of hours, 4 units": lambda: best_portfolio(load, few),
        "portfolio, 1 year of hours, 8 units": lambda: best_portfolio(load, UNITS),
        "portfolio, the same in three tiers": lambda: best_portfolio(load, UNITS, tiers=tiers),
        "schedule, 3 years in quarters, 5 commitments": lambda: schedule(load, UNITS, course=grows),
        "schedule, 5 years in quarters, 5 commitments": lambda: schedule(load, UNITS, months=60, course=grows),
        "regret, 3 levels, 4 units": lambda: regret_of(few, scenarios_of(load, LEVELS)),
    }
    for name, work in works.items():
        print(json.dumps(measured(name, runs, work)), flush=True)


if __name__ == "__main__":
    main()
