"""Fit the shipped coefficients of the performance model and write `src/breakeven/perf/prior.py`.

    python scripts/fit_coefficients.py measured_calibration.csv [--print]

Columns are those of `breakeven.measure.rows`. Used are rows of the TensorRT-LLM performance overview (offline
throughput) and of aiconfigurator's measured sample (closed-loop TPOT and TTFT), both Apache-2.0; specifications come
from the catalog. The spreads are errors of rows left out: one by one, by version, by model, by accelerator, by engine.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from breakeven.assembly.judged import GROUPS, fit_all, left_out, spread_of, spreads
from breakeven.assembly.measured import Case, Names, cases, fit_rows
from breakeven.assembly.predicted import open_errors
from breakeven.catalog.load import load
from breakeven.perf.calibrate import Row, log_errors, medians
from breakeven.perf.coefficients import FIELDS, START
from breakeven.perf.effects import Place, Unseen
from breakeven.schema.calibration import Calibration, Spread
from breakeven.schema.measurement import read_rows

OUTPUT = Path(__file__).parent.parent / "src/breakeven/perf/prior.py"
SOURCES = ("trtllm_perf_overview", "trtllm_online", "aiconfigurator_silicon_sample:agg")
CUTS = ("2026-02", "2026-03", "2026-04")
PER_LINE = 4
LEAST = 0.004
"""A smaller effect, in log units, is left out of the file."""


def main() -> None:
    """Fit, leave out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--as-of", required=True, help="ISO date of the fit")
    parser.add_argument("--print", action="store_true", help="print the errors and write nothing")
    arguments = parser.parse_args()
    dates, everything = _cases(arguments.rows)
    found_cases = [case for case in everything if not _odd(case.at)]
    rows = medians(fit_rows(found_cases))
    found = msgspec.structs.replace(fit_all(rows), progress=round(_progress(found_cases, dates), 3))
    print(f"later versions take exp({found.progress}) of the time predicted from earlier ones")
    opened = open_errors(found_cases, lambda some: fit_all(fit_rows(some)))
    judged = [spread_of(metric, "open", "model", np.array(errors)) for metric, errors in opened.items()]
    judged += [one for unseen, group in GROUPS.items() for one in _judge(rows, unseen, group)]
    for one in judged:
        print(f"{one.metric:10} {one.load:8} {one.unseen:11} n {one.n:5} MAPE {one.mape:.1%} median {one.median:.1%}"
              f" p90 {one.p90:.1%} ln {one.low:+.2f}..{one.high:+.2f}")  # fmt: skip
    if not arguments.print:
        OUTPUT.write_text(_literal(_described(found, judged, arguments.as_of)), encoding="utf-8")


def _cases(path: Path) -> tuple[list[str], list[Case]]:
    measured = [row for row in read_rows(path.read_text(encoding="utf-8"), path.name) if row.source in SOURCES]
    found, refused = cases(measured, Names(load()))
    print(f"{len(found)} rows used, {sum(one.supported for one in refused)} of a supported kind refused")
    return [row.date or "" for row in measured], found


def _progress(found: Sequence[Case], dates: Sequence[str]) -> float:
    """Mean over cuts in time of the median ln(measured / predicted) of later TPOT rows by a fit of the earlier ones.

    Only deployments whose engine, accelerator and model were measured before the cut tell progress from the unknown.
    """
    gains = []
    for cut in CUTS:
        after = [
            case for case in found if dates[case.number] >= cut and case.metric == "tpot" and case.load == "closed"
        ]
        apart = {case.number for case in after}
        before = [case for case in found if case.number not in apart and dates[case.number] < cut]
        seen = {(case.at.family, case.at.accelerator, case.at.model) for case in before}
        known = [case for case in after if (case.at.family, case.at.accelerator, case.at.model) in seen]
        errors = log_errors(
            medians(fit_rows(known)), fit_all([row for row in fit_rows(before) if row.outcome != "ttft"])
        )
        relative = np.abs(np.exp(-errors) - 1)
        print(
            f"rows from {cut} by earlier ones: n {len(errors)}, median ln {np.median(errors):+.3f}, MAPE"
            f" {relative.mean():.1%}, median {np.median(relative):.1%}"
        )
        gains.append(float(np.median(errors)))
    return float(np.mean(gains))


def _odd(at: Place) -> bool:
    """Series that contradict their siblings several times over, whatever the model: see docs/accuracy.md."""
    return (at.accelerator == "gb200" and at.engine == "trtllm") or at.version == "1.3.0rc1"


def _judge(rows: Sequence[Row], unseen: Unseen, group: Callable[[Row], str]) -> list[Spread]:
    print(f"leaving out by {unseen}", flush=True)
    return list(spreads(rows, unseen, left_out(rows, group)))


def _described(found: Calibration, judged: list[Spread], as_of: str) -> Calibration:
    effects = {
        kind: {
            level: {name: round(gain, 4) for name, gain in by_name.items() if abs(gain) >= LEAST}
            for level, by_name in levels.items()
        }
        for kind, levels in found.effects.items()
    }
    return msgspec.structs.replace(
        found,
        name=f"shipped-{as_of}",
        base={name: float(f"{found.base.get(name, getattr(START, name)):.6g}") for name in FIELDS},
        effects=effects,
        spreads=tuple(msgspec.structs.replace(one, low=round(one.low, 4), high=round(one.high, 4),
                      mape=round(one.mape, 4), median=round(one.median, 4), p90=round(one.p90, 4)) for one in judged),
        source="TensorRT-LLM v0.17 manual (performance overview); aiconfigurator silicon_sample.csv",
        licence="Apache-2.0",
        as_of=as_of,
    )  # fmt: skip


def _literal(found: Calibration) -> str:
    """The calibration as a module of long lines, which nobody edits."""
    lines = [
        '"""The shipped coefficients. Written by scripts/fit_coefficients.py; do not edit."""', "",
        "# ruff: noqa: E501", "# fmt: off", "",
        "from __future__ import annotations", "",
        "from breakeven.schema.calibration import Calibration, Spread", "",
        "PRIOR = Calibration(",
        f"    name={found.name!r}, n={found.n}, licence={found.licence!r}, as_of={found.as_of!r},",
        f"    progress={found.progress!r},",
        f"    source={found.source!r},",
        f"    base={found.base!r},",
        "    effects={",
    ]  # fmt: skip
    for kind, levels in found.effects.items():
        each = [f"{level!r}: {gains!r}," for level, gains in levels.items()]
        rows = [" ".join(each[first : first + PER_LINE]) for first in range(0, len(each), PER_LINE)]
        lines += [f"        {kind!r}: {{", *(f"            {row}" for row in rows), "        },"]
    lines += ["    },", "    spreads=(", *(f"        {one!r}," for one in found.spreads), "    ),", ")", ""]
    return "\n".join(lines).replace("'", '"')


if __name__ == "__main__":
    main()
