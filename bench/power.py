"""How far off predicted power is on measured batches: `python bench/power.py [FILE] [--json]`.

Mean absolute error, median, p90 (fractions of the measured power) and coverage of the stated 80 % interval, for

- constants: 63 % of TDP, 43 % to 76 %, whatever the load, as before this law
- law: the shipped form, each (model, accelerator, tensor parallelism) left out of the fit
- law, model left out: the same, each model left out
- law, fitted: on the very points it was fitted to
- tokens and batch: a law of prompt tokens and batch alone, left out as the first, for comparison

FILE is splitwise-sim's perf_model.csv; left out, the copy in bench/data. Refused points are listed. The times of the
batches are given, so only the law of power is judged.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from breakeven.catalog.load import load
from breakeven.perf.power.law import Activity
from breakeven.perf.power_fit import Point, coverage, fit, held_out, interval, log_errors, points

DATA = Path(__file__).parent / "data/splitwise_sim_perf_model.csv"
OLD, OLD_LOW, OLD_HIGH = 0.63, 0.43, 0.76


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?", default=DATA)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with arguments.file.open(newline="", encoding="utf-8") as lines:
        found, refused = points(csv.DictReader(lines), {"a100-80gb": load().accelerator("a100-sxm-80gb")})
    result = {"points": len(found), "errors": judged(found), "groups": groups(found), "refused": refused}
    print(json.dumps(result) if arguments.json else json.dumps(result, indent=2))


def judged(found: Sequence[Point]) -> dict[str, dict[str, float]]:
    groups, models = [point.group for point in found], [point.group.split("/")[0] for point in found]
    measured = np.array([point.share for point in found])
    left_out = held_out(found)
    return {
        "constants": figures(np.log(measured / OLD), float(np.mean((measured > OLD_LOW) & (measured < OLD_HIGH)))),
        "law": figures(left_out, coverage(left_out, groups)),
        "law, model left out": figures(held_out(found, models), inside(held_out(found, models), left_out)),
        "law, fitted": figures(log_errors(found, fit(found)), None),
        "tokens and batch": figures(held_out([plain(point) for point in found]), None),
    }


def inside(errors: np.ndarray, stated: np.ndarray) -> float:
    """Share of errors in the interval that the law ships with."""
    low, high = interval(stated)
    return float(np.mean((errors >= low) & (errors <= high)))


def figures(errors: np.ndarray, coverage80: float | None) -> dict[str, float]:
    off = np.abs(np.exp(-errors) - 1)
    found = {
        "mape": off.mean(),
        "median_ape": np.median(off),
        "p90_ape": np.quantile(off, 0.9),
        "coverage80": coverage80,
    }
    return {name: round(float(value), 4) for name, value in found.items() if value is not None}


def plain(point: Point) -> Point:
    """The point with what it does replaced by how large it is, so that the same law is one of tokens and batch."""
    return msgspec.structs.replace(
        point,
        prefill=Activity(compute=math.log1p(point.tokens) / 10),
        decode=Activity(memory=0.5 + math.log1p(point.batch) / 10),
    )


def groups(found: Sequence[Point]) -> dict[str, dict[str, float]]:
    """The law's errors on each group that was left out."""
    errors, names = held_out(found), np.array([point.group for point in found])
    return {name: figures(errors[names == name], None) for name in sorted(set(names))}


if __name__ == "__main__":
    main()
