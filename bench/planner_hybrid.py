"""Whether mixes equal brute force on small cases: the plain loops of the tests, on cases that no test draws.

`portfolio`: owned, committed, spot, on-demand and API units on a short load-duration curve, against every whole choice.
`mix`: types and terms over two periods with a limit and spot, against every number of machines.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from breakeven.cost.hybrid.mix import best_mix
from breakeven.cost.hybrid.offers import Commitment, Spot
from breakeven.planner.portfolio.best import best_portfolio
from breakeven.planner.portfolio.load import duration
from breakeven.schema.portfolio import Unit

TESTS = Path(__file__).parents[1] / "tests"
SAME = 1e-6
"""Relative; a program proves its cost to a millionth."""
SIZES = (1.0, 2.0, 2.5, 4.0)


def module(file: str) -> ModuleType:
    """A test file, for the brute force in it."""
    path = TESTS / file
    found = importlib.util.spec_from_file_location(path.stem, path)
    assert found is not None
    assert found.loader is not None
    made = importlib.util.module_from_spec(found)
    sys.modules[path.stem] = made
    found.loader.exec_module(made)
    return made


def units(rng: np.random.Generator) -> list[Unit]:
    """An API, and each of two commitments, spot and on-demand more often than not."""

    def price(low: float, high: float) -> float:
        return round(float(rng.uniform(low, high)), 2)

    def share() -> float:
        return float(rng.choice([1.0, 0.9, 0.5]))

    found = [
        Unit(
            name=name, kind=kind, goodput_rps=float(rng.choice(SIZES)), fixed_usd_per_h=price(0.1, 5.0),
            variable_usd_per_busy_h=float(rng.choice([0.0, 0.3])), spare=int(rng.integers(0, 2)),
            least=int(rng.integers(0, 2)), useful_share=share(),
        )
        for name, kind in (("a", "owned"), ("b", "reserved_1y"))
        if rng.random() < 0.7
    ]  # fmt: skip
    found += [
        Unit(
            name=kind, kind=kind, goodput_rps=float(rng.choice(SIZES)), fixed_usd_per_h=price(0.1, 5.0),
            most_share=float(rng.choice([0.3, 0.8])) if kind == "spot" else 1.0, useful_share=share(),
        )
        for kind in ("spot", "on_demand")
        if rng.random() < 0.7
    ]  # fmt: skip
    return [*found, Unit(name="api", kind="api", usd_per_request=price(0.1, 5.0) / 3600)]


def portfolio(brute: ModuleType, seed: int) -> float:
    """Relative difference of a portfolio's cost to the least of all."""
    rng = np.random.default_rng(seed)
    load = duration(rng.integers(0, 10, int(rng.integers(1, 7))).tolist(), window_s=3600)
    offered = units(rng)
    found, least = best_portfolio(load, offered), brute.brute(load, offered)
    each = found.cost_per_useful_prediction_usd
    mine = found.monthly_usd if each is None else each
    return abs(mine - least) / max(least, 1e-12) if least or mine else 0.0


def mix(brute: ModuleType, seed: int) -> float:
    """Relative difference of a mix's cost to the least of all."""
    rng = np.random.default_rng(seed)
    load = np.concatenate([rng.uniform(0, 4, 5), rng.uniform(0, 7, 5)])
    offers = [
        Commitment(name="own", usd_per_machine_h=2.5 * rng.uniform(0.6, 1.4), units_per_machine=2.5, most=2),
        Commitment(name="year", usd_per_machine_h=rng.uniform(1, 3), term_periods=1),
    ]
    spot = Spot(usd_per_unit_h=rng.uniform(1, 5), most_share=0.3) if seed % 2 else None
    found = best_mix(load, offers, on_demand_usd_per_unit_h=brute.ON_DEMAND, spot=spot, periods=2)
    return abs(found.cost_usd / brute.enumerated(load, offers, spot, 2) - 1)


def measure(*, cases: int = 200) -> dict[str, object]:
    """How many cases are equal, and the largest difference."""
    kinds = {
        "portfolio": (portfolio, module("planner/portfolio/test_best.py"), cases),
        "mix": (mix, module("cost/test_hybrid_mix.py"), cases // 4),
    }
    told: dict[str, object] = {}
    equal = number = 0
    for name, (difference, brute, many) in kinds.items():
        apart = []
        for seed in range(many):
            apart.append(difference(brute, 10_000 + seed))
            print(f"\rhybrid: {name} {seed + 1} of {many}", end="", file=sys.stderr)
        told[name] = {
            "cases": many,
            "equal": int(sum(one <= SAME for one in apart)),
            "largest_difference": float(max(apart)),
        }
        equal, number = equal + int(sum(one <= SAME for one in apart)), number + many
    print(file=sys.stderr)
    return {"hybrid_equal_share": equal / number, "hybrid_cases": number, **told}
