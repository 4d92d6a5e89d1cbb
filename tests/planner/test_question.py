"""What share of in-budget predictions is used, as the ledger measured it."""

from __future__ import annotations

import msgspec
import pytest

from breakeven.planner.question import used_share
from breakeven.schema.noun import Figure
from breakeven.schema.statement import Cut, Latency, Statement, Step

NONE = Figure(value=None, unit="")
LATENCY = Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)
COUNTS = ("predictions", "answered", "in_budget", "unobserved", "unpriced", "input_tokens", "output_tokens", "emulated")
MONEY = ("cost_pico_usd", "served_cost_pico_usd", "idle_pico_usd", "unobserved_cost_pico_usd")
FIGURES = ("cost_per_useful_prediction_usd", "conversion_rate", "goodput_rps", "energy_kwh", "gco2")


def cut(useful: int | None, **steps: int) -> Cut:
    empty = {**dict.fromkeys((*COUNTS, *MONEY), 0), **dict.fromkeys(FIGURES, NONE), "revenue": 0.0}
    latencies = dict.fromkeys(("ttft", "tpot", "total"), LATENCY)
    waterfall = tuple(Step(name=n, cost_pico_usd=1, predictions=count, basis="measured") for n, count in steps.items())
    about = {"dimension": "use_case", "key": "home", "used": useful, "converted": None, "useful": useful}
    return Cut(**about, **empty, **latencies, waterfall=waterfall)


def statement(one: Cut) -> Statement:
    blank = {"start_s": None, "end_s": None, "predictions": 0, "useful_predictions": None}
    names = ("cost_total", "capacity", "direct", "idle", "over_attributed")
    money = {f"{name}_pico_usd": 0 for name in names}
    rest = {"cost_per_useful_prediction_usd": NONE, "total": one, "cuts": (one,), "waterfall": (), "conserved": True}
    return Statement(**blank, **money, **rest)


def test_used_over_what_was_in_budget_and_observed() -> None:
    """Late, unserved and unobserved rows count neither way."""
    seen = cut(30, idle=0, unobserved=600, not_served=7, late=9, unidentified=10, not_used=80, used=20, converted=10)
    assert used_share(statement(seen), "home") == pytest.approx(30 / 120)


def test_what_is_not_measured_has_no_share() -> None:
    """No outcomes, another use case, or nothing in budget: None, never zero or one."""
    assert used_share(statement(cut(None, not_measurable=50)), "home") is None
    assert used_share(statement(cut(3, used=3)), "elsewhere") is None
    assert used_share(statement(cut(0, late=5)), "home") is None
    nothing = msgspec.structs.replace(statement(cut(3, used=3)), cuts=())
    assert used_share(nothing, "home") is None
