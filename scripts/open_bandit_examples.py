"""Makes examples/experiments/open_bandit_*: logs cut to four columns, and the policies to be judged from them.

    python scripts/open_bandit_examples.py FOLDER     # the small sample of the Open Bandit Dataset, as obp 0.4.1 has it

FOLDER holds `random/all/all.csv`, `bts/women/women.csv` (also .xz) and `prior_bts.yaml`. The target of the first is the
Thompson sampler of the data set's authors: 100,000 draws (20 x 5,000, RandomState 12345) of Beta(alpha, beta) for each
item; the probability of an item at a position is how often it was drawn into that place. Of the second it is uniform.
"""

from __future__ import annotations

import csv
import io
import lzma
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

OUT = Path(__file__).parents[1] / "examples/experiments"
ROUNDS, DRAWS, PLACES, SEED = 20, 5_000, 3, 12345


def thompson(alpha: list[float], beta: list[float]) -> NDArray[np.float64]:
    """P(item at position), items down, positions across."""
    random = np.random.RandomState(SEED)
    counts = np.zeros((len(alpha), PLACES))
    for _ in range(ROUNDS):
        drawn = random.beta(alpha, beta, size=(DRAWS, len(alpha)))
        places = (-drawn).argsort(axis=1)[:, :PLACES]
        for place in range(PLACES):
            counts[:, place] += np.bincount(places[:, place], minlength=len(alpha))
    found: NDArray[np.float64] = counts / (ROUNDS * DRAWS)
    return found


def log(folder: Path, policy: str, campaign: str) -> list[tuple[object, ...]]:
    """Item, position from 0, propensity and click of every row; positions are the rank of those in the file."""
    stem = folder / policy / campaign / f"{campaign}.csv"
    path = stem if stem.exists() else stem.with_suffix(".csv.xz")
    opener = lzma.open if path.suffix == ".xz" else open
    with opener(path, "rt", newline="") as handle:  # type: ignore[operator]
        rows = list(csv.DictReader(handle))
    places = {name: rank for rank, name in enumerate(sorted({int(row["position"]) for row in rows}))}
    return [(row["item_id"], places[int(row["position"])], row["propensity_score"], row["click"]) for row in rows]


def write(name: str, header: str, rows: list[tuple[object, ...]]) -> None:
    """A CSV, packed where it is long."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header.split(","))
    writer.writerows(rows)
    content = text.getvalue().encode()
    (OUT / name).write_bytes(lzma.compress(content, preset=9) if name.endswith(".xz") else content)


def target(shares: NDArray[np.float64]) -> list[tuple[object, ...]]:
    """One row for each item and position."""
    return [(item, place, f"{share:.10g}") for (item, place), share in np.ndenumerate(shares)]


def main() -> None:
    """Write all four files."""
    folder = Path(sys.argv[1])
    priors = YAML(typ="safe").load((folder / "prior_bts.yaml").read_text())
    columns, shares = "action,position,propensity,reward", "action,position,probability"
    write("open_bandit_random_all.csv.xz", columns, log(folder, "random", "all"))
    write("open_bandit_bts_target.csv", shares, target(thompson(priors["all"]["alpha"], priors["all"]["beta"])))
    write("open_bandit_bts_women.csv.xz", columns, log(folder, "bts", "women"))
    items = len(priors["women"]["alpha"])
    write("open_bandit_uniform_target.csv", shares, target(np.full((items, PLACES), 1 / items)))


if __name__ == "__main__":
    main()
