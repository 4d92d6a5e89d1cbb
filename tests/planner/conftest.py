"""Questions and candidates made to order, weighed by a closed form that is monotone where the world is."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest

from breakeven.planner.candidate import Candidate
from breakeven.planner.question import Question
from breakeven.schema.bill import Bill, Line
from breakeven.schema.deployment import Deployment
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Figure, Placement
from breakeven.schema.objective import Objective
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance, StepCurve
from breakeven.schema.workload import Workload

CURVE = StepCurve(
    prefill_s_per_token=1e-4,
    step_base_s=0.01,
    step_per_sequence_s=1e-4,
    step_per_context_s=0.0,
    max_sequences=64,
    kv_tokens=10**6,
)
WORKLOAD = Workload(
    use_case="assistant",
    n=400,
    span_s=100.0,
    rate_mean_rps=4.0,
    rate_p95_rps=7.0,
    rate_max_rps=9.0,
    window_s=1.0,
    iat_cv=1.0,
    idc=1.0,
    shape="steady",
    input_tokens_mean=1000.0,
    input_tokens_p50=900.0,
    input_tokens_p95=2000.0,
    output_tokens_mean=200.0,
    output_tokens_p50=180.0,
    output_tokens_p95=400.0,
    source="a trace",
)


def figure(value: float | None, unit: str = "s") -> Figure:
    bounds = {} if value is None else {"low": value * 0.9, "high": value * 1.1}
    return Figure(value=value, unit=unit, basis="derived", facts=("fact/speed",), **bounds)


class World:
    """Stub scales: a replica of speed s sustains s x slack requests per second, slack growing with the TTFT target.

    `hourly` are USD per replica and hour by candidate name.
    """

    def __init__(self, question: Question, speeds: dict[str, float], hourly: dict[str, float]) -> None:
        self.question, self.speeds, self.hourly = question, speeds, hourly
        self.asked = 0

    def sustained(self, name: str) -> float:
        target = self.question.objective.ttft_s
        return self.speeds[name] * (1.0 if target is None else target / (1.0 + target))

    def predict(self, candidate: Candidate, replicas: int) -> Performance:
        self.asked += 1
        best = self.sustained(candidate.name)
        rho = self.question.workload.rate_mean_rps / (replicas * self.speeds[candidate.name])
        rate = self.question.workload.rate_mean_rps
        share = 1.0 - 0.05 * min(20.0, (rate / (replicas * best)) ** 60) if best > 0 else 0.0
        late = figure(2.0 * (self.question.objective.ttft_s or 1.0) if share < 0.95 else 0.2)
        return Performance(
            deployment=candidate.deployment.id,
            ttft_p50_s=figure(0.1),
            ttft_p95_s=late,
            tpot_p50_s=figure(0.02),
            tpot_p95_s=figure(0.03),
            e2e_p95_s=figure(5.0),
            goodput_rps=figure(rate * share, "requests/s"),
            goodput_share=figure(share, "share"),
            max_goodput_rps=figure(best, "requests/s"),
            power_w=figure(None, "W"),
            rho=rho,
            stable=rho < 0.9,
            in_flight_mean=1.0,
        )

    def price(self, candidate: Candidate, replicas: int) -> Bill:
        if candidate.name not in self.hourly:
            return Bill(option=candidate.name, lines=(), unpriced=("price per hour",))
        amount = self.hourly[candidate.name] * replicas * 730.0
        line = Line(name="rent", amount_usd=amount, formula="replicas x USD/h x 730 h", facts=("fact/price",))
        capex = 20.0 * amount if candidate.deployment.placement == "on_prem" else 0.0
        return Bill(option=candidate.name, lines=(line,), capex_usd=capex)


@pytest.fixture
def facts() -> tuple[Fact, ...]:
    """What the stubs cite."""
    keys = ("fact/price", "fact/speed", "fact/unused")
    return tuple(Fact(key=key, value=1.0, unit="USD", source="list", as_of="2026-01-01") for key in keys)


@pytest.fixture
def question() -> Callable[..., Question]:
    """`question(used_share=..., workload={...}, **objective)`."""

    def make(*, used_share: float | None = None, workload: dict[str, float] | None = None, **asked: object) -> Question:
        load = msgspec.structs.replace(WORKLOAD, **(workload or {}))
        goal = {"ttft_s": 1.0, **asked}
        return Question(workload=load, objective=Objective(use_case="assistant", **goal), used_share=used_share)

    return make


@pytest.fixture
def candidate() -> Callable[..., Candidate]:
    """`candidate(name, placement)`: with a curve unless it is an API or on CPU."""

    def make(name: str, placement: Placement = "cloud", **changes: object) -> Candidate:
        region = changes.pop("region", "")
        replicas = changes.pop("replicas", 1)
        offer = Offer(
            id=name, provider="p", kind="accelerator_hour", valid_from="2026-01-01", source="list", region=region
        )
        deployment = Deployment(id=name, model="m", placement=placement, replicas=replicas)
        base = Candidate(name=name, deployment=deployment, offer=offer, curve=CURVE)
        if placement in {"api", "cpu"}:
            base = msgspec.structs.replace(base, curve=None)
        return msgspec.structs.replace(base, **changes)

    return make


@pytest.fixture
def world() -> Callable[..., World]:
    """`world(question, speeds, hourly)`."""
    return World


@pytest.fixture
def needed() -> Callable[[float, float], int]:
    """Replicas that carry a rate, by hand."""
    return lambda rate, each: max(1, math.ceil(rate / each))
