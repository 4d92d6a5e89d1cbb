"""One plan and one statement that every report test reads, and the comparison with committed texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from breakeven.planner.choose import choose
from breakeven.planner.question import Question
from breakeven.schema.bill import Bill, Line
from breakeven.schema.deployment import Deployment
from breakeven.schema.fact import Fact
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Plan
from breakeven.schema.statement import Cut, Latency, Statement, Step
from breakeven.schema.workload import Workload

GOLDEN = Path(__file__).parent / "golden"
UNKNOWN = Figure(value=None, unit="", note="not measured")


@pytest.fixture
def same_as_committed() -> Callable[[str, str], None]:
    """`same_as_committed(name, text)`; BREAKEVEN_SNAPSHOT=1 writes the text instead of comparing it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("BREAKEVEN_SNAPSHOT"):
            GOLDEN.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == text

    return compare


def fact(key: str, value: float, unit: str, low: float | None = None, high: float | None = None) -> Fact:
    url = f"https://example.org/{key}"
    return Fact(
        key=key,
        value=value,
        unit=unit,
        source="Price list",
        as_of="2026-10-01",
        url=url,
        basis="list",
        low=low,
        high=high,
    )


FACTS = (
    fact("offer/rent-h100@2026-10-01/usd_per_hour", 2.5, "USD/hour"),
    fact("offer/buy-h100@2026-10-01/purchase_usd", 36000, "USD"),
    fact("offer/api-8b@2026-10-01/output_usd_per_mtok", 0.2, "USD/Mtok"),
    fact("accelerator/h100/bandwidth_bytes_s", 3.35e12, "byte/s"),
    fact("assumption/pue", 1.4, "ratio", 1.1, 1.6),
)


def question() -> Question:
    workload = Workload(
        use_case="assistant",
        n=250,
        span_s=45.0,
        rate_mean_rps=5.5,
        rate_p95_rps=9.0,
        rate_max_rps=12.0,
        window_s=1.0,
        iat_cv=1.1,
        idc=1.3,
        shape="steady",
        input_tokens_mean=1200.0,
        input_tokens_p50=1000.0,
        input_tokens_p95=3500.0,
        output_tokens_mean=210.0,
        output_tokens_p50=180.0,
        output_tokens_p95=480.0,
        evidence=("dispersion 1.3 in windows of 1 s",),
        source="conversation trace, first half",
    )
    return Question(workload=workload, objective=Objective(use_case="assistant", ttft_s=1.0, tpot_s=0.05))


def figure(value: float, unit: str = "s") -> Figure:
    facts = ("accelerator/h100/bandwidth_bytes_s",)
    return Figure(
        value=value, unit=unit, basis="derived", low=value * 0.9, high=value * 1.1, how="roofline", facts=facts
    )


def speed(share: float = 0.97) -> Performance:
    return Performance(
        deployment="x",
        ttft_p50_s=figure(0.2),
        ttft_p95_s=figure(0.6),
        tpot_p50_s=figure(0.02),
        tpot_p95_s=figure(0.03),
        e2e_p95_s=figure(9.0),
        goodput_rps=figure(5.3, "requests/s"),
        goodput_share=Figure(value=share, unit="share", basis="derived", low=share - 0.02, high=min(1.0, share + 0.01)),
        max_goodput_rps=figure(6.0, "requests/s"),
        power_w=figure(1100.0, "W"),
        rho=0.5,
        stable=True,
        in_flight_mean=9.0,
    )


def option(name: str, placement: str, lines: tuple[Line, ...], **rest: object) -> Option:
    bill = Bill(option=name, lines=lines, capex_usd=rest.pop("capex_usd", 0.0), unpriced=rest.pop("unpriced", ()))
    feasible = not rest.get("binding")
    total = bill.total_usd
    cost = total / (question().monthly_predictions * 0.97) if feasible and total is not None else None
    return Option(
        name=name,
        use_case="assistant",
        placement=placement,
        deployment=Deployment(id=name, model="llama-8b", placement=placement, replicas=2),
        bill=bill,
        monthly_cost_usd=total,
        cost_per_useful_prediction_usd=cost,
        feasible=feasible,
        useful_share=0.97 if feasible else None,
        performance=speed() if feasible else None,
        **rest,
    )


def line(name: str, amount: float, *facts: str) -> Line:
    return Line(name=name, amount_usd=amount, formula=f"{name} x 730 h", facts=facts)


@pytest.fixture
def plan() -> Plan:
    """Rent, buy, an API of unknown latency, an option that is not priced."""
    rent = line("rent", 3650.0, "offer/rent-h100@2026-10-01/usd_per_hour")
    owned = (
        line("depreciation", 1000.0, "offer/buy-h100@2026-10-01/purchase_usd"),
        line("power", 400.0, "assumption/pue"),
    )
    tokens = line("tokens", 900.0, "offer/api-8b@2026-10-01/output_usd_per_mtok")
    options = (
        option("rent-h100", "cloud", (rent,)),
        option("own-h100", "on_prem", owned, capex_usd=36000.0),
        option("api-8b", "api", (tokens,), binding="latency unmeasured: no TTFT/TPOT fact for this offer"),
        option("own-b300", "on_prem", (), unpriced=("purchase",), binding="unpriced: purchase"),
    )
    return choose(options, question(), FACTS, as_of="2026-11-24", seed=7, assumptions=("Traffic stays as observed.",))


@pytest.fixture
def findings(plan: Plan) -> tuple[Finding, ...]:
    """One of each verdict."""

    def finding(metric: str, verdict: str, actual: float | None, n: int) -> Finding:
        low, high = (None, None) if actual is None else (actual * 0.95, actual * 1.05)
        return Finding(
            plan_id=plan.id,
            metric=metric,
            unit="s",
            predicted=0.6,
            predicted_low=0.5,
            predicted_high=0.7,
            actual=actual,
            low=low,
            high=high,
            verdict=verdict,
            n=n,
            note="the deployment is emulated" if n else "",
        )

    return (
        finding("ttft_p95_s", "came_true", 0.62, 240),
        finding("tpot_p50_s", "better", 0.2, 240),
        finding("ttft_p50_s", "worse", 1.2, 240),
        finding("e2e_p95_s", "not_enough_evidence", None, 12),
        finding("cost_per_useful_prediction_usd", "not_measurable", None, 0),
    )


def latency(n: int, p50: float) -> Latency:
    return Latency(n=n, p50_s=p50, p95_s=p50 * 2, p99_s=p50 * 3, mean_s=p50 * 1.1)


NOTHING = Latency(n=0, p50_s=None, p95_s=None, p99_s=None, mean_s=None)


def cut(dimension: str, key: str, **changes: object) -> Cut:
    base = Cut(
        dimension=dimension,
        key=key,
        predictions=1000,
        answered=990,
        in_budget=980,
        used=300,
        converted=2,
        useful=290,
        unobserved=650,
        unpriced=0,
        cost_pico_usd=3 * 10**9,
        served_cost_pico_usd=2 * 10**9,
        idle_pico_usd=10**9,
        unobserved_cost_pico_usd=10**9,
        cost_per_useful_prediction_usd=Figure(value=6.9e-6, unit="USD", basis="derived", low=6.2e-6, high=7.7e-6),
        conversion_rate=Figure(value=None, unit="share", note="2 conversions are too few"),
        revenue=0.0,
        ttft=NOTHING,
        tpot=NOTHING,
        total=latency(990, 0.012),
        goodput_rps=Figure(value=10.9, unit="requests/s", basis="measured"),
        input_tokens=0,
        output_tokens=0,
        emulated=0,
        energy_kwh=UNKNOWN,
        gco2=UNKNOWN,
        statuses={"answered": 990, "failed": 10},
    )
    return msgspec.structs.replace(base, **changes)


NO_OUTCOMES = {
    "predictions": 250,
    "answered": 250,
    "in_budget": 240,
    "used": None,
    "converted": None,
    "useful": None,
    "unobserved": 0,
    "cost_pico_usd": 10**11,
    "served_cost_pico_usd": 4 * 10**10,
    "idle_pico_usd": 6 * 10**10,
    "unobserved_cost_pico_usd": 0,
    "cost_per_useful_prediction_usd": Figure(value=None, unit="USD", note="not measurable downstream"),
    "ttft": latency(250, 0.3),
    "tpot": latency(249, 0.02),
    "total": latency(250, 4.0),
    "emulated": 250,
    "statuses": {"answered": 250},
}


@pytest.fixture
def statement() -> Statement:
    """Two use cases: one with outcomes, one whose usefulness nobody can measure."""
    homepage, assistant = cut("use_case", "homepage"), cut("use_case", "assistant", **NO_OUTCOMES)
    total = homepage.cost_pico_usd + assistant.cost_pico_usd
    idle = homepage.idle_pico_usd + assistant.idle_pico_usd
    steps = (
        Step(name="idle", cost_pico_usd=idle, predictions=None, basis="derived"),
        Step(name="late", cost_pico_usd=2 * 10**9, predictions=30, basis="derived"),
        Step(name="unobserved", cost_pico_usd=10**9, predictions=650, basis="measured"),
        Step(
            name="not_measurable",
            cost_pico_usd=total - idle - 4 * 10**9,
            predictions=240,
            basis="derived",
        ),
        Step(name="used", cost_pico_usd=10**9, predictions=290, basis="measured"),
    )
    everything = cut(
        "total", "total", predictions=1250, answered=1240, in_budget=1220, cost_pico_usd=total, idle_pico_usd=idle
    )
    days = (cut("day", "2026-11-24", predictions=1250, cost_pico_usd=total),)
    return Statement(
        start_s=1_795_500_000.0,
        end_s=1_795_500_090.0,
        predictions=1250,
        useful_predictions=290,
        cost_total_pico_usd=total,
        capacity_pico_usd=10**11,
        direct_pico_usd=3 * 10**9,
        idle_pico_usd=idle,
        over_attributed_pico_usd=0,
        cost_per_useful_prediction_usd=homepage.cost_per_useful_prediction_usd,
        total=everything,
        cuts=(homepage, assistant, *days),
        waterfall=steps,
        conserved=True,
        events={"exposure": 300, "unobserved": 650},
        warnings=("<script>alert(1)</script> | is a tenant's name",),
        policies=("policy-1",),
    )
