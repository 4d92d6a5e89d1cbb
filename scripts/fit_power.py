"""Fit the law of power and write `src/breakeven/perf/power/prior.py`.

    python scripts/fit_power.py [--data perf_model.csv] [--print]

The data are splitwise-sim's measured batches (MIT; see bench/data/NOTICE.md), of which only the A100's state power.
Bandwidth and peak of the board come from the catalog.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import msgspec

from breakeven.catalog.load import load
from breakeven.perf.power.law import PowerLaw
from breakeven.perf.power_fit import fit, judged, points

ROOT = Path(__file__).parent.parent
DATA, OUTPUT = ROOT / "bench/data/splitwise_sim_perf_model.csv", ROOT / "src/breakeven/perf/power/prior.py"
BOARDS = {"a100-80gb": "a100-sxm-80gb"}
MEASURED = ("a100-", "a800-")
"""Beginnings of the ids of the measured boards; an A800 is an A100 with slower links."""
SOURCE = "splitwise-sim data/perf_model.csv, Copyright (c) 2024 Pratyush Patel"
AS_OF = "2026-11-27"


def main() -> None:
    """Fit, judge on what was left out, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--print", action="store_true", help="print the law and write nothing")
    arguments = parser.parse_args()
    with arguments.data.open(newline="", encoding="utf-8") as lines:
        found, refused = points(csv.DictReader(lines), {name: load().accelerator(key) for name, key in BOARDS.items()})
    law = msgspec.structs.replace(
        judged(fit(found), found), boards=MEASURED, source=SOURCE, licence="MIT", as_of=AS_OF,
    )  # fmt: skip
    for name, why in refused:
        print(f"refused {name}: {why}")
    print(law)
    if not arguments.print:
        OUTPUT.write_text(_literal(law), encoding="utf-8")


def _literal(law: PowerLaw) -> str:
    numbers = ("mape", "median", "p90", "log_low", "log_high")
    errors = "".join(f"        {name}={getattr(law.errors, name):.4f},\n" for name in numbers)
    return f'''"""The shipped law of power. Written by scripts/fit_power.py; do not edit."""

from __future__ import annotations

from breakeven.perf.coefficients import Residuals
from breakeven.perf.power.law import PowerLaw

PRIOR = PowerLaw(
    idle={law.idle:.4g},
    memory={law.memory:.4g},
    compute={law.compute:.4g},
    errors=Residuals(
        n={law.errors.n},
{errors}        how="{law.errors.how}",
    ),
    coverage80={law.coverage80:.2f},
    boards=({", ".join(f'"{name}"' for name in law.boards)}),
    n={law.n},
    source="{law.source}",
    licence="{law.licence}",
    as_of="{law.as_of}",
)
'''


if __name__ == "__main__":
    main()
