"""Makes examples/experiments/router.csv: an experiment that is generated, so that its truth is known.

    python scripts/experiment_example.py

1,200 subjects over 14 days; the treatment's answers cost 10 % more and are useful a third more often; `covariate` is
the subject's cost in the weeks before. No row is real.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

OUT = Path(__file__).parents[1] / "examples/experiments/router.csv"
SUBJECTS, DAYS, SEED = 1_200, 14, 20261128
START = datetime(2026, 11, 1, tzinfo=UTC)
HEADER = ("subject", "arm", "cost", "useful", "converted", "revenue", "covariate", "segment", "time")


def main() -> None:
    """Write the file."""
    random = np.random.default_rng(SEED)
    rows = [row for subject in range(SUBJECTS) for row in predictions(random, subject)]
    with OUT.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(sorted(rows, key=lambda row: (row[-1], row[0])))


def predictions(random: np.random.Generator, subject: int) -> list[tuple[object, ...]]:
    """All of one subject, who comes on a day and asks once or more."""
    treated, mobile = random.random() < 0.5, random.random() < 0.4
    size, day = random.lognormal(0, 0.6), random.integers(DAYS)
    before = f"{0.002 * size * random.lognormal(0, 0.3):.6f}"
    found: list[tuple[object, ...]] = []
    for _ in range(1 + random.poisson(1.0)):
        cost = 0.002 * size * random.lognormal(0, 0.4) * (1.1 if treated else 1.0)
        useful = random.random() < (0.28 if mobile else 0.32) * (1.33 if treated else 1.0)
        bought = useful and random.random() < 0.08
        time = START + timedelta(days=int(day), seconds=int(random.integers(86_400)))
        revenue = f"{random.lognormal(0, 0.5):.2f}" if bought else "0"
        name, arm = f"u{subject:04d}", "treatment" if treated else "control"
        segment = "mobile" if mobile else "desktop"
        found.append((name, arm, f"{cost:.6f}", int(useful), int(bought), revenue, before, segment, f"{time:%FT%TZ}"))
    return found


if __name__ == "__main__":
    main()
