"""A plan with one promise each, and observations made to order."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.plan import Plan, Promise
from breakeven.schema.statement import Observation
from breakeven.schema.workload import Workload

ABOUT = {"use_case": "assistant", "deployment": "h100"}


def workload() -> Workload:
    tokens = dict.fromkeys(("input_tokens_mean", "input_tokens_p50", "input_tokens_p95"), 1000.0)
    answers = dict.fromkeys(("output_tokens_mean", "output_tokens_p50", "output_tokens_p95"), 200.0)
    rates = {"rate_mean_rps": 2.0, "rate_p95_rps": 3.0, "rate_max_rps": 4.0, "window_s": 1.0, "iat_cv": 1.0, "idc": 1.0}
    shape = {"use_case": "assistant", "n": 200, "span_s": 100.0, "shape": "steady"}
    return msgspec.convert({**tokens, **answers, **rates, **shape}, Workload)


@pytest.fixture
def planned() -> Callable[..., Plan]:
    """`planned(metric=Figure, ...)`: a plan that promises those figures of assistant on h100."""

    def make(**figures: Figure) -> Plan:
        promises = tuple(Promise(metric=metric, predicted=figure, **ABOUT) for metric, figure in figures.items())
        return Plan(
            id="plan-0123456789abcdef",
            use_case="assistant",
            as_of="2026-11-24",
            seed=0,
            objective=Objective(use_case="assistant"),
            workload=workload(),
            options=(),
            chosen="h100",
            reason="",
            promises=promises,
            facts=(),
        )

    return make


@pytest.fixture
def seen() -> Callable[..., Observation]:
    """`seen(**changes)`: 200 requests in 100 s, 180 in budget, on capacity of 3.6 USD an hour up for 100 s."""

    def make(**changes: object) -> Observation:
        latencies = tuple(at / 100 for at in range(1, 201))
        base = Observation(
            **ABOUT,
            plan_id="plan-0123456789abcdef",
            n=200,
            answered=198,
            in_budget=180,
            useful=None,
            span_s=100.0,
            up_s=100.0,
            cost_pico_usd=10**11,
            capacity_pico_usd=10**11,
            ttft_s=latencies,
            tpot_s=latencies,
            total_s=latencies,
            emulated=False,
        )
        return msgspec.structs.replace(base, **changes)

    return make
