"""How good a router of one's own is, and how often its tested threshold breaks its promise.

    python bench/levers.py [--routing FILE] [--splits 200] [--labels 0.5] [--calibration 2100] [--budget 0.03]
                           [--bound auto] [--json]

FILE is a CSV (.csv, .csv.gz, .csv.xz) of prompts with one quality column for each of two models; without it the
generated outcomes of examples/levers are taken. Every split draws anew which prompts are labelled, learns on some of
them, tests the threshold on the others, and judges on prompts that neither saw. Also: CPU microseconds of a decision in
plain Python.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np

from breakeven.assembly import outcomes_file
from breakeven.config.lever.traffic import Router as Question
from breakeven.metric.routing_score import score
from breakeven.planner.levers import frontier
from breakeven.planner.levers.learned import Outcomes, pair, penalty_of
from breakeven.planner.levers.router import Rows, fit, rows_of, weights_of
from breakeven.planner.levers.tested import TESTS, guarded

EXAMPLE = Path(__file__).parents[1] / "examples/levers/outcomes.csv"
ORDERS = 8


class Run:
    """Splits of one file of outcomes."""

    def __init__(self, outcomes: Outcomes, asked: argparse.Namespace) -> None:
        question = Question.model_validate({"outcomes": "FILE", "strong_usd": 1.0, "weak_usd": 0.1})
        self.strong, self.weak = pair(question, outcomes)
        self.better, self.worse = outcomes.quality[self.strong], outcomes.quality[self.weak]
        self.rows: Rows = rows_of(outcomes.prompts)
        self.prompts, self.asked = outcomes.prompts, asked
        self.labels = round(self.rows.size * asked.labels)
        self.calibration = min(asked.calibration, self.labels // 2)
        first = np.random.default_rng(0).permutation(self.rows.size)[: self.labels]
        self.penalty = penalty_of(self.rows.of(first), (self.better - self.worse)[first])

    def orders(self) -> dict[str, float]:
        """APGR, CPT and AIQ with all labels learned on, judged on the rest."""
        curves = []
        for seed in range(ORDERS):
            order = np.random.default_rng(seed).permutation(self.rows.size)
            learn, rest = order[: self.labels], order[self.labels :]
            model = fit(self.rows.of(learn), (self.better - self.worse)[learn], penalty=self.penalty)
            said = model.scores(self.rows.of(rest))
            curves.append(frontier.quality_by_share(said, self.better[rest], self.worse[rest]))
        return {
            "apgr": float(np.mean([frontier.apgr(curve) for curve in curves])),
            "cpt_50": float(np.mean([frontier.cpt(curve, 0.5) for curve in curves])),
            "cpt_80": float(np.mean([frontier.cpt(curve, 0.8) for curve in curves])),
            "aiq": float(np.mean([frontier.aiq(curve, 0.1, 1.0) for curve in curves])),
        }

    def promises(self) -> dict[str, float]:
        """How often the loss on unseen prompts is above the budget, and what the threshold sends down."""
        found = np.array([self._promise(seed) for seed in range(self.asked.splits)])
        sent, lost, gap = found.mean(axis=0)
        broken, level = float((found[:, 1] > self.asked.budget).mean()), self.asked.level
        return {
            "violations": broken,
            "violations_limit": level + 2 * math.sqrt(level * (1 - level) / self.asked.splits),
            "weak_share": sent,
            "loss": lost,
            "random_share_same_loss": lost / gap,
            "ratio_same_loss": sent / (lost / gap),
            "random_share_at_budget": self.asked.budget / gap,
            "ratio_at_budget": sent / (self.asked.budget / gap),
        }

    def _promise(self, seed: int) -> tuple[float, float, float]:
        order = np.random.default_rng(10_000 + seed).permutation(self.rows.size)
        learn = order[: self.labels - self.calibration]
        check, rest = order[learn.size : self.labels], order[self.labels :]
        model = fit(self.rows.of(learn), (self.better - self.worse)[learn], penalty=self.penalty)
        found = guarded(
            model.scores(self.rows.of(check)), self.better[check], self.worse[check],
            budget=self.asked.budget, level=self.asked.level, bound=self.asked.bound,
        )  # fmt: skip
        said = model.scores(self.rows.of(rest))
        down = np.zeros(rest.size, dtype=bool) if found.threshold is None else said < found.threshold
        gain = (self.better - self.worse)[rest]
        return float(down.mean()), float((down * gain).mean()), float(gain.mean())

    def decision_us(self) -> float:
        """CPU microseconds of scoring a prompt in plain Python."""
        model = fit(self.rows, self.better - self.worse, penalty=self.penalty)
        plain = weights_of(model, strong=self.strong, weak=self.weak, threshold=0.0)
        some = self.prompts[:1000]
        times = []
        for _ in range(3):
            begun = time.process_time()
            for prompt in some:
                score(plain, prompt)
            times.append((time.process_time() - begun) / len(some))
        return min(times) * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--routing", type=Path, default=EXAMPLE)
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--labels", type=float, default=0.5)
    parser.add_argument("--calibration", type=int, default=2100)
    parser.add_argument("--budget", type=float, default=0.03)
    parser.add_argument("--level", type=float, default=0.05)
    parser.add_argument("--bound", choices=["auto", *TESTS], default="auto")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    outcomes, bad = outcomes_file.read(asked.routing)
    run = Run(outcomes, asked)
    found = {
        "prompts": run.rows.size, "bad_rows": bad.count, "labels": run.labels, "calibration": run.calibration,
        "penalty": run.penalty, **run.orders(), **run.promises(), "decision_us": run.decision_us(),
        "budget": asked.budget, "level": asked.level, "bound": asked.bound, "splits": asked.splits,
    }  # fmt: skip
    if asked.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:<24}{value:.4g}" if isinstance(value, float) else f"{name:<24}{value}")


if __name__ == "__main__":
    main()
