"""How accurate the performance model is on measured rows it has not seen.

    python bench/accuracy.py ROWS.csv [--json] [--quick]
    python bench/accuracy.py --svg FILE.svg

Leaves out versions, models, accelerators and engines in turn, refits, and prints the errors of each; then the regret
of choosing the layout (tensor and pipeline parallel) that the model calls best, beside the smallest feasible one.
`--svg` draws the errors that ship with the coefficients. ROWS.csv is in the calibration schema; what the shipped
coefficients were fitted on is in docs/accuracy.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from breakeven.assembly import judged, measured
from breakeven.assembly.regret import LIMITS_S, Regret, regrets
from breakeven.catalog.load import load
from breakeven.perf.calibrate import medians
from breakeven.perf.effects import Unseen
from breakeven.perf.prior import PRIOR
from breakeven.report.chart.bars import Row, bars
from breakeven.schema.measurement import read_rows


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path, nargs="?")
    parser.add_argument("--svg", type=Path, help="draw the shipped errors and end")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="only what is left out by model, and regret from it")
    arguments = parser.parse_args()
    if arguments.svg:
        arguments.svg.write_text(_drawn(), encoding="utf-8")
        return
    if arguments.rows is None:
        parser.error("name a file of rows, or --svg FILE")
    rows = medians(measured.fit_rows(_cases(arguments.rows)))
    unseen: Sequence[Unseen] = ("model",) if arguments.quick else tuple(judged.GROUPS)
    errors = {kind: judged.left_out(rows, judged.GROUPS[kind]) for kind in unseen}
    spreads = [one for kind, found in errors.items() for one in judged.spreads(rows, kind, found)]
    chosen = {kind: regrets(rows, found) for kind, found in errors.items()}
    if arguments.json:
        json.dump({"spreads": [_plain(one) for one in spreads], "regret": chosen}, sys.stdout, default=_plain, indent=1)
        return
    for kind, found in errors.items():
        which = judged.folds_of(rows, judged.GROUPS[kind])
        for name in ("throughput", "tpot", "ttft"):
            mine = np.array([row.outcome == name for row in rows])
            covered = judged.coverage(found[mine], which[mine])
            print(f"{kind:11} {name:10} {covered:.1%} of rows inside 80 % bounds from the other folds")
    for one in spreads:
        print(f"{one.unseen:11} {one.load:8} {one.metric:10} n {one.n:5} mean {one.mape:6.1%} median {one.median:6.1%}"
              f" p90 {one.p90:6.1%}")  # fmt: skip
    for kind, found in chosen.items():
        _say(kind, found)


def _cases(path: Path) -> list[measured.Case]:
    found, refused = measured.cases(read_rows(path.read_text(encoding="utf-8"), path.name), measured.Names(load()))
    print(f"{len(found)} rows, {sum(one.supported for one in refused)} of a supported kind refused", file=sys.stderr)
    return found


def _say(kind: str, found: Sequence[Regret]) -> None:
    for limit in (None, *LIMITS_S):
        some = [one for one in found if one.limit_s == limit]
        if some:
            mine, least = (np.mean([getattr(one, name) for one in some]) for name in ("regret", "smallest"))
            name = "offline" if limit is None else f"TPOT <= {limit * 1e3:g} ms"
            print(f"regret, {kind} left out, {name:14} {len(some):3} groups: {mine:.1%}, smallest feasible {least:.1%}")


def _drawn() -> str:
    """Mean error of each quantity by what was left out, whiskers from the median to the 90 % quantile."""
    order = [*judged.GROUPS]
    shown = sorted(PRIOR.spreads, key=lambda one: (NAMES[one.metric, one.load], order.index(one.unseen)))
    rows = [
        Row(
            name=f"{NAMES[one.metric, one.load]}, {one.unseen}",
            value=one.mape,
            low=one.median,
            high=one.p90,
            note=f"n={one.n}",
        )
        for one in shown
        if one.metric != "ttft" or one.load == "open"
    ]
    words = "Mean absolute relative error on rows left out of the fit; whiskers from the median to 90 % of rows."
    return bars(rows, unit="share", title="Errors by what was left out", description=words)


NAMES = {
    ("throughput", "offline"): "offline tokens/s",
    ("throughput", "open"): "open tokens/s",
    ("tpot", "closed"): "closed TPOT",
    ("tpot", "open"): "open TPOT",
    ("ttft", "closed"): "closed TTFT",
    ("ttft", "open"): "open TTFT",
}


def _plain(one: object) -> object:
    fields = getattr(one, "__struct_fields__", ())
    return {name: getattr(one, name) for name in fields} if fields else str(one)


if __name__ == "__main__":
    main()
