"""The scaling rule on halves of real series that it was not fitted to: `python bench/scaling.py [--bounds] --json`.

Accelerator-hours against replicas for the peak of the earlier half, against the fewest fixed replicas, and against a
reactive rule (Kubernetes' on requests/s), the last two tuned on the very half in hindsight so that they attain as much.
A replica serves a twentieth of the earlier mean and takes five minutes to start; the quantile is 0.95 unless said.
`--bounds` says what could be saved against the same reactive rule: by one who knows the rates to come, and by formulas
of more terms than the rule's that are fitted to the very half they are played on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from scaling_bounds import bounds

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


def _played(name: str, cold_start_s: float) -> tuple[Demand, Fleet]:
    demand, _ = read_rates(DATA / SERIES[name])
    earlier = demand.rates[: int(len(demand.rates) * FITTED)]
    return demand, Fleet(goodput_rps=float(earlier.mean()) / REPLICAS, cold_start_s=cold_start_s)


def rehearsed(name: str, quantile: float, cold_start_s: float) -> Rehearsal:
    demand, fleet = _played(name, cold_start_s)
    return rehearse(name, demand.rates, demand.step_s, fleet, quantile)


def bounded(name: str, quantile: float, cold_start_s: float) -> dict[str, object]:
    """What could be saved against the reactive rule, with foresight and in hindsight, beside what the rule saves."""
    demand, fleet = _played(name, cold_start_s)
    found = rehearsed(name, quantile, cold_start_s)
    most = bounds(demand.rates, demand.step_s, fleet, found.rule.attainment, quantile)
    return {**row(found), **{f"saving_of_{who}": share for who, share in most.items()}}


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
    parser.add_argument("--bounds", action="store_true", help="what could be saved at most")
    parser.add_argument("--series", choices=SERIES, action="append", help="only these")
    asked = parser.parse_args()
    before = time.process_time()
    rows = [
        bounded(name, asked.quantile, asked.cold_start_s)
        if asked.bounds
        else row(rehearsed(name, asked.quantile, asked.cold_start_s))
        for name in asked.series or SERIES
    ]
    means = {
        name: round(sum(float(str(one[name])) for one in rows) / len(rows), 4)
        for name in ("saving_vs_static", "saving_vs_least_static", "saving_vs_reactive", "attainment")
    }
    whole = {**means, "series": rows, "quantile": asked.quantile, "cpu_s": round(time.process_time() - before, 1)}
    for line in [whole] if asked.json else rows:
        print(json.dumps(line, indent=1 if asked.json else None))


if __name__ == "__main__":
    main()
