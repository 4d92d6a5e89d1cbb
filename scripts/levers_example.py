"""Writes examples/levers: a question of every lever, and outcomes of two models on generated prompts.

    python scripts/levers_example.py

The cheaper model is right as often as the dearer one on look-ups, seldom on reasoning: what a router can learn.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from breakeven.config.lever import example

FOLDER = Path(__file__).parents[1] / "examples/levers"
ROWS = 2000
KINDS = {
    "lookup": ("what is the opening hour of the {} shop in {}", 0.90, 0.89),
    "rewrite": ("rewrite this sentence about {} politely for {}", 0.88, 0.85),
    "compare": ("compare the {} with the {} and say which is cheaper over two years", 0.80, 0.62),
    "plan": ("plan a trip by {} to {} step by step with a budget and explain each step", 0.74, 0.38),
}
THINGS = ("garden", "kitchen", "book", "bicycle", "camera", "winter", "travel", "music", "office", "running")
PLACES = ("Lisbon", "Oslo", "Graz", "Turin", "Ghent", "Malmo", "Porto", "Brno", "Leeds", "Nantes")


def main() -> None:
    """Write both files."""
    random = np.random.default_rng(8)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "levers.yaml").write_text(example.text())
    with (FOLDER / "outcomes.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", "group", "prompt", "large", "small"])
        for number in range(ROWS):
            group = str(random.choice(list(KINDS)))
            prompt, large, small = KINDS[group]
            words = prompt.format(random.choice(THINGS), random.choice(PLACES))
            right = (random.random(2) < (large, small)).astype(int).tolist()
            writer.writerow([number, group, words, *right])


if __name__ == "__main__":
    main()
