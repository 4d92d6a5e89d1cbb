"""Series of demand made to order, and rules on them."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from breakeven.planner.scaling.rule import Ask, Demand, make_rule
from breakeven.schema.noun import Figure
from breakeven.schema.scaling import ScalingRule
from breakeven.schema.workload import pack

STEP_S = 600.0
PER_DAY = 144
MONDAY = 1_767_571_200.0
"""2026-01-05T00:00Z, a Monday."""


def usd(value: float | None) -> Figure:
    return Figure(value=value, unit="USD/replica/h", basis="derived", facts=("fact/price",))


def daily(days: int, *, mean: float = 100.0, depth: float = 0.6, noise: float = 0.05, seed: int = 1) -> NDArray:
    """Days alike, highest at hour 15, with lognormal noise."""
    hour = np.arange(days * PER_DAY) * STEP_S / 3600
    shape = 1 + depth * np.sin(2 * np.pi * (hour - 9) / 24)
    return np.asarray(mean * shape * np.random.default_rng(seed).lognormal(0, noise, len(hour)))


def demand(rates: NDArray, start_s: float | None = MONDAY, step_s: float = STEP_S) -> Demand:
    return Demand(rates_rps=pack(rates.tolist()), step_s=step_s, start_s=start_s)


def ask(**more: object) -> Ask:
    plain = {
        "use_case": "chat",
        "deployment": "own",
        "goodput_rps": Figure(value=10.0, unit="requests/s", basis="fitted", facts=("fact/speed",)),
        "idle_usd_per_hour": usd(2.0),
        "miss_usd_per_hour": usd(38.0),
        "target_in_flight": Figure(value=25.0, unit="requests", basis="derived"),
        "cold_start_s": Figure(value=300.0, unit="s", basis="measured"),
        "most": 100,
    }
    return Ask(**(plain | more))  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def world() -> SimpleNamespace:
    """The pieces of such a world."""
    return SimpleNamespace(STEP_S=STEP_S, PER_DAY=PER_DAY, MONDAY=MONDAY, usd=usd, daily=daily, demand=demand, ask=ask)


@pytest.fixture
def rule() -> Callable[..., ScalingRule]:
    """A rule on four such days; what is given replaces parts of the question."""

    def made(rates: NDArray | None = None, **more: object) -> ScalingRule:
        series = daily(4) if rates is None else rates
        return make_rule(ask(**more), demand(series), mean_rps=float(series.mean()), p95_rps=float(series.max()))

    return made
