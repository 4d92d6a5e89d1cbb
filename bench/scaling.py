"""The scaling rule on halves of real series that it was not fitted to: `python bench/scaling.py --json`.

Accelerator-hours against replicas for the peak of the earlier half, against the fewest fixed replicas, and against a
reactive rule (Kubernetes' on requests/s), the last two tuned on the very half in hindsight so that they attain as much.
A replica serves a twentieth of the earlier mean and takes five minutes to start; the quantile is 0.95 unless said.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from breakeven.assembly.scaling import read_rates
from breakeven.planner.scaling.play import Fleet
from breakeven.planner.scaling.rehearse import FITTED, rehearse
from breakeven.planner.scaling.rule import Demand
from breakeven.schema.scaling import Rehearsal

DATA = Path(__file__).parent / "data"
SERIES = {
    "ServeGen m-small": "servegen_m_small_rates.csv.xz",
    "NAB Twitter AMZN": "nab_twitter_amzn_rates.csv.xz",
    "NAB elb": "nab_elb_rates.csv.xz",
}
REPLICAS = 20
"""For the mean of the earlier half."""


def played(name: str, cold_start_s: float) -> tuple[Demand, Fleet]:
    demand, _ = read_rates(DATA / SERIES[name])
    earlier = demand.rates[: int(len(demand.rates) * FITTED)]
    return demand, Fleet(goodput_rps=float(earlier.mean()) / REPLICAS, cold_start_s=cold_start_s)


def rehearsed(name: str, quantile: float, cold_start_s: float) -> Rehearsal:
    demand, fleet = played(name, cold_start_s)
    return rehearse(name, demand.rates, demand.step_s, fleet, quantile)


def row(found: Rehearsal) -> dict[str, object]:
    """What is printed of one series."""
    return {
        "series": found.series,
        "saving_vs_static": round(found.saving_vs_peak_static, 4),
        "saving_vs_least_static": round(found.saving_vs_static, 4),
        "saving_vs_reactive": round(found.saving_vs_reactive, 4),
        "attainment": round(found.rule.attainment, 4),
        "attainment_static": round(found.peak_static.attainment, 4),
        "attainment_least_static": round(found.static.attainment, 4),
        "attainment_reactive": round(found.reactive.attainment, 4),
        "coverage_gap_points": round(100 * (found.coverage - found.quantile), 2),
        "replica_hours": round(found.rule.replica_hours, 1),
        "utilisation_reactive": round(found.reactive.target or 0.0, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--quantile", type=float, default=0.95)
    parser.add_argument("--cold-start-s", type=float, default=300.0)
    parser.add_argument("--series", choices=SERIES, action="append", help="only these")
    asked = parser.parse_args()
    before = time.process_time()
    rows = [row(rehearsed(name, asked.quantile, asked.cold_start_s)) for name in asked.series or SERIES]
    means = {
        name: round(sum(float(str(one[name])) for one in rows) / len(rows), 4)
        for name in ("saving_vs_static", "saving_vs_least_static", "saving_vs_reactive", "attainment")
    }
    whole = {**means, "series": rows, "quantile": asked.quantile, "cpu_s": round(time.process_time() - before, 1)}
    for line in [whole] if asked.json else rows:
        print(json.dumps(line, indent=1 if asked.json else None))


if __name__ == "__main__":
    main()
