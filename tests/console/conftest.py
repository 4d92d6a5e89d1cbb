"""Statements, plans and findings made in memory, and a caller that speaks ASGI to the console."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from breakeven.audit.readiness.judge import readiness
from breakeven.audit.tracking import health as judge
from breakeven.console.server import asgi_app
from breakeven.console.source import Trusted
from breakeven.quantity import PICO_PER_USD
from breakeven.report.exposition import exposition
from breakeven.schema.bill import Bill, Line
from breakeven.schema.close import Adjustment, Close, Frozen, Standing
from breakeven.schema.deployment import Deployment
from breakeven.schema.drift import Alert, Drift, Spending
from breakeven.schema.experiment import Effect, Lift, SampleRatio
from breakeven.schema.fact import Fact
from breakeven.schema.finding import Finding
from breakeven.schema.noun import Figure
from breakeven.schema.objective import Objective
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option, Plan, Promise
from breakeven.schema.policy import Policy, Route, RouteTarget, UseCase
from breakeven.schema.readiness import Readiness, Sight
from breakeven.schema.statement import Cut, Latency, Statement, Step
from breakeven.schema.tracking import Bad, BadCount
from breakeven.schema.tracking_health import Arrivals, Coverage, TrackingHealth
from breakeven.schema.workload import Workload

START_S = 1_795_000_000.0


def usd(amount: float) -> int:
    return round(amount * PICO_PER_USD)


def latency(n: int, p50: float | None, p95: float | None, p99: float | None) -> Latency:
    return Latency(n=n, p50_s=p50, p95_s=p95, p99_s=p99, mean_s=p50)


NONE = latency(0, None, None, None)
HOW = "cost of measurable use cases, idle included, less their unobserved rows / useful predictions"


def make_cut(dimension: str, key: str, **changes: Any) -> Cut:
    """One group with realistic totals; `changes` replace fields."""
    made: dict[str, Any] = {
        "dimension": dimension,
        "key": key,
        "predictions": 12850,
        "answered": 12846,
        "in_budget": 12790,
        "used": 1240,
        "converted": 6,
        "useful": 1236,
        "unobserved": 11480,
        "unpriced": 0,
        "cost_pico_usd": usd(0.01724),
        "served_cost_pico_usd": usd(0.00193),
        "idle_pico_usd": usd(0.01724) - usd(0.00193),
        "unobserved_cost_pico_usd": usd(0.0154),
        "cost_per_useful_prediction_usd": Figure(
            value=1.4886e-6,
            unit="USD",
            basis="derived",
            low=1.41e-6,
            high=1.58e-6,
            how=HOW,
            facts=("offer/cpu-hour/usd_per_hour",),
            note="95 % Wilson interval of the useful share, 1236 of 1370 observed; the cost itself is taken as exact",
        ),
        "conversion_rate": Figure(value=None, unit="share", how="converted / useful", note="not enough evidence"),
        "revenue": 0.0,
        "ttft": NONE,
        "tpot": NONE,
        "total": latency(12846, 0.0021, 0.0062, 0.0184),
        "goodput_rps": Figure(value=71.1, unit="1/s", basis="measured", how="in budget / seconds"),
        "input_tokens": 0,
        "output_tokens": 0,
        "emulated": 0,
        "energy_kwh": Figure(value=None, unit="kWh"),
        "gco2": Figure(value=None, unit="gCO2e"),
    }
    return Cut(**(made | changes))


def homepage(dimension: str = "use_case", key: str = "homepage") -> Cut:
    return make_cut(dimension, key)


def assistant(dimension: str = "use_case", key: str = "assistant") -> Cut:
    unknown = Figure(value=None, unit="USD", how=HOW, note="not measurable downstream")
    return make_cut(
        dimension,
        key,
        predictions=484,
        answered=484,
        in_budget=431,
        used=None,
        converted=None,
        useful=None,
        unobserved=0,
        unobserved_cost_pico_usd=0,
        cost_pico_usd=usd(0.3948),
        served_cost_pico_usd=usd(0.1432),
        idle_pico_usd=usd(0.3948) - usd(0.1432),
        cost_per_useful_prediction_usd=unknown,
        ttft=latency(484, 0.142, 0.61, 1.12),
        tpot=latency(480, 0.0231, 0.0412, 0.0893),
        total=latency(484, 4.2, 11.8, 19.0),
        goodput_rps=Figure(value=2.39, unit="1/s", basis="measured", how="in budget / seconds"),
        input_tokens=559_020,
        output_tokens=102_124,
        emulated=484,
        energy_kwh=Figure(value=0.0271, unit="kWh", basis="derived", how="sum of the predictions' energy"),
        gco2=Figure(value=9.4, unit="gCO2e", basis="derived", how="energy x grid intensity"),
    )


STEPS = (
    Step(name="idle", cost_pico_usd=usd(0.01531) + usd(0.2516), predictions=None, basis="derived"),
    Step(name="unobserved", cost_pico_usd=usd(0.0017), predictions=11480, basis="derived"),
    Step(name="not_served", cost_pico_usd=0, predictions=4, basis="derived"),
    Step(name="late", cost_pico_usd=usd(0.0163), predictions=109, basis="derived"),
    Step(name="not_measurable", cost_pico_usd=usd(0.1269), predictions=431, basis="derived"),
    Step(name="not_used", cost_pico_usd=usd(0.00003), predictions=130, basis="derived"),
    Step(name="used", cost_pico_usd=usd(0.000195), predictions=1230, basis="derived"),
    Step(name="converted", cost_pico_usd=usd(0.000005), predictions=6, basis="derived"),
)


def make_statement(use_case: str | None = None) -> Statement:
    """Half a demo: a measured use case with outcomes, and an emulated one without."""
    both = (homepage(), assistant())
    kept = tuple(cut for cut in both if use_case in {None, cut.key})
    total_usd = sum(cut.cost_pico_usd for cut in kept)
    steps = (
        STEPS if use_case is None else (Step(name="idle", cost_pico_usd=total_usd, predictions=None, basis="derived"),)
    )
    if use_case is None:
        total_usd = sum(step.cost_pico_usd for step in steps)
    measured = homepage("total", "")
    total = (
        measured
        if use_case == "homepage"
        else assistant("total", "")
        if use_case == "assistant"
        else make_cut(
            "total",
            "",
            predictions=13334,
            answered=13330,
            in_budget=13221,
            cost_pico_usd=total_usd,
            served_cost_pico_usd=total_usd - STEPS[0].cost_pico_usd,
            idle_pico_usd=STEPS[0].cost_pico_usd,
            input_tokens=559_020,
            output_tokens=102_124,
            emulated=484,
        )
    )
    models = (homepage("model", "homepage-ranker-v1"), assistant("model", "llama-3.1-8b"))
    return Statement(
        start_s=START_S,
        end_s=START_S + 182.5,
        predictions=total.predictions,
        useful_predictions=total.useful,
        cost_total_pico_usd=total_usd,
        capacity_pico_usd=total_usd,
        direct_pico_usd=0,
        idle_pico_usd=total.idle_pico_usd,
        over_attributed_pico_usd=0,
        cost_per_useful_prediction_usd=total.cost_per_useful_prediction_usd,
        total=total,
        cuts=(*kept, *(models if use_case is None else ())),
        waterfall=steps,
        conserved=True,
        warnings=("484 of 13334 predictions were answered by the emulator", "3 outcomes found no prediction"),
        policies=("pol-1",),
    )


def empty_statement() -> Statement:
    nothing = make_cut("total", "", **dict.fromkeys(("predictions", "answered", "in_budget", "cost_pico_usd"), 0))
    return msgspec.structs.replace(
        make_statement(),
        start_s=None,
        end_s=None,
        predictions=0,
        useful_predictions=None,
        cost_total_pico_usd=0,
        total=nothing,
        cuts=(),
        waterfall=(),
        warnings=(),
    )


def interval(value: float, unit: str, spread: float = 0.2) -> Figure:
    return Figure(
        value=value, unit=unit, basis="derived", low=value * (1 - spread), high=value * (1 + spread), how="roofline"
    )


def performance(deployment: str, ttft_s: float) -> Performance:
    return Performance(
        deployment=deployment,
        ttft_p50_s=interval(ttft_s / 3, "s"),
        ttft_p95_s=interval(ttft_s, "s"),
        tpot_p50_s=interval(0.021, "s"),
        tpot_p95_s=interval(0.034, "s"),
        e2e_p95_s=interval(9.0, "s"),
        goodput_rps=interval(5.2, "requests/s"),
        goodput_share=interval(0.97, "share", 0.02),
        max_goodput_rps=interval(7.9, "requests/s"),
        power_w=interval(220, "W"),
        rho=0.61,
        stable=True,
        in_flight_mean=4.2,
    )


def option(name: str, placement: str, monthly: float | None, **changes: Any) -> Option:
    lines = [("accelerator", monthly or 0.0)]
    if changes.get("capex"):
        lines = [
            ("depreciation", (monthly or 0) * 0.55),
            ("power", (monthly or 0) * 0.2),
            ("colocation", (monthly or 0) * 0.25),
        ]
    bill = Bill(
        option=name,
        lines=tuple(
            Line(name=line, amount_usd=amount, formula="price x hours", facts=(f"offer/{line}",))
            for line, amount in lines
        ),
        capex_usd=changes.pop("capex", 0.0),
        unpriced=("input tokens",) if monthly is None else (),
    )
    made: dict[str, Any] = {
        "name": name,
        "use_case": "assistant",
        "placement": placement,
        "deployment": Deployment(id=name, model="llama-3.1-8b", placement=placement),
        "bill": bill,
        "monthly_cost_usd": monthly,
        "cost_per_useful_prediction_usd": None if monthly is None else monthly / 13_400_000,
        "feasible": True,
        "performance": performance(name, 0.42),
    }
    return Option(**(made | changes))


def make_plan(plan_id: str = "plan-7f3a9c21e0") -> Plan:
    """An owned, two rented and two infeasible options."""
    options = (
        option(
            "l40s-x1 owned",
            "on_prem",
            611.0,
            capex=11_800.0,
            break_even_months=14.6,
            break_even_volume_per_month=4_120_000.0,
        ),
        option("l40s-x1 rented", "cloud", 1_095.0, performance=performance("l40s-x1 rented", 0.44)),
        option("gpt-4o-mini API", "api", 2_310.0, performance=None, break_even_volume_per_month=None),
        option("h100-x1 rented", "cloud", 2_182.0),
        option(
            "cpu-32 rented",
            "cpu",
            901.0,
            feasible=False,
            binding="TTFT p95 6.2 s > 0.8 s",
            cost_per_useful_prediction_usd=None,
        ),
        option("mistral-small API", "api", None, feasible=False, binding="unpriced: input tokens", performance=None),
    )
    return Plan(
        id=plan_id,
        use_case="assistant",
        as_of="2026-11-24",
        seed=7,
        objective=Objective(use_case="assistant", ttft_s=0.8, tpot_s=0.06),
        workload=WORKLOAD,
        options=options,
        chosen="l40s-x1 owned",
        reason="l40s-x1 owned meets TTFT and TPOT at 61 % utilisation and costs least per useful prediction.",
        promises=(Promise(metric="ttft_p95_s", predicted=interval(0.42, "s"), use_case="assistant"),),
        facts=(
            Fact(
                key="offer/l40s-server/purchase_usd",
                value=11800,
                unit="USD",
                source="vendor quote list",
                as_of="2026-10-02",
                low=10500,
                high=13900,
                basis="list",
            ),
            Fact(key="energy/de/usd_per_kwh", value=0.21, unit="USD/kWh", source="Eurostat", as_of="2026-07-01"),
        ),
        assumptions=("The accelerator is written off over 48 months.", "Demand stays as in the observed window."),
        flips_if=("rented L40S falls below $0.84 an hour", "demand falls below 4.1 million requests a month"),
    )


WORKLOAD = Workload(
    use_case="assistant", n=484, span_s=90, rate_mean_rps=5.4, rate_p95_rps=9, rate_max_rps=12, window_s=1, iat_cv=1.3,
    idc=1.8, shape="bursty", input_tokens_mean=1155, input_tokens_p50=928, input_tokens_p95=3412,
    output_tokens_mean=211, output_tokens_p50=187, output_tokens_p95=451,
)  # fmt: skip


def finding(metric: str, verdict: str, predicted: float, actual: float | None, **changes: Any) -> Finding:
    made: dict[str, Any] = {
        "plan_id": "plan-7f3a9c21e0",
        "metric": metric,
        "unit": "s",
        "predicted": predicted,
        "predicted_low": predicted * 0.8,
        "predicted_high": predicted * 1.2,
        "actual": actual,
        "low": None if actual is None else actual * 0.93,
        "high": None if actual is None else actual * 1.08,
        "verdict": verdict,
        "n": 242,
        "use_case": "assistant",
        "deployment": "l40s-x1 owned",
        "note": "the deployment is emulated",
    }
    return Finding(**(made | changes))


FINDINGS = (
    finding("ttft_p95_s", "came_true", 0.42, 0.447),
    finding("tpot_p95_s", "worse", 0.034, 0.0412),
    finding("goodput_share", "better", 0.91, 0.98, unit="share"),
    finding("cost_per_1000_in_budget_usd", "came_true", 0.062, 0.0641, unit="USD"),
    finding("monthly_cost_usd", "not_enough_evidence", 611.0, None, unit="USD", n=0),
    finding("cost_per_useful_prediction_usd", "not_measurable", 4.6e-5, None, unit="USD", n=0),
)


def make_policy() -> Policy:
    def rule(name: str, *targets: tuple[str, float], **changes: Any) -> UseCase:
        route = Route(
            strategy="weighted", targets=tuple(RouteTarget(deployment=to, weight=weight) for to, weight in targets)
        )
        return UseCase(name=name, route=route, **changes)

    return Policy(
        id="pol-5b1d",
        use_cases=(
            rule("homepage", ("ranker", 1.0), tier="critical", budget_s=0.1, failure=("cached", "default")),
            rule("assistant", ("l40s-a", 0.9), ("l4-b", 0.1), ttft_s=0.8, tpot_s=0.06),
        ),
        deployments=(),
        backends=(),
        plan_id="plan-7f3a9c21e0",
    )


FIRST_HOUR = int(START_S // 3600)


def make_health() -> TrackingHealth:
    hours = [
        Coverage(use_case=name, hour=FIRST_HOUR + at, delivered=800, exposed=700 if at < 24 else 300, touched=40,
                 identified=790, granted=640, denied=30)
        for name in ("homepage", "assistant") for at in range(48)
    ]  # fmt: skip
    came = [
        Arrivals(use_case="homepage", source=source, hour=FIRST_HOUR + at, events=700, repeated=3, bad=bad)
        for source, bad in (("https://shop.example", 0), ("urn:shop:backend", 61))
        for at in range(48)
    ]
    return judge(hours, came, lost=0, from_hour=FIRST_HOUR + 24, to_hour=FIRST_HOUR + 47)


BAD = Bad(
    event_id="order-17", source="urn:shop:backend", event_type="breakeven.conversion.v1", tenant="default",
    time_s=START_S, received_s=START_S, node="n", sequence=1, rule="schema", path="/data/currency",
    reason="must be one of 'EUR', 'USD', got 'euro'", plan="trk-1", event="{}",
)  # fmt: skip
WRONG = (
    BadCount(
        rule=BAD.rule, event_type=BAD.event_type, path=BAD.path, events=2928, sources=(BAD.source,),
        first_s=START_S, last_s=START_S, examples=(BAD,),
    ),
)  # fmt: skip


def make_trusted() -> Trusted:
    """An alert, a forecast, a drift, a closed month with a late arrival, and an experiment."""
    effect = Effect(
        metric="cost_per_subject", unit="USD", higher_is_better=False, verdict="better", control=0.0004,
        treatment=0.0002, estimate=-0.0002, low=-0.0003, high=-0.0001, relative=-0.5,
        subjects_control=120, subjects_treatment=480,
    )  # fmt: skip
    ratio = SampleRatio(control=120, treatment=480, share=0.8, expected=0.8, p=1.0, p_chi_square=1.0)
    lift = Lift(
        metric="cost_per_subject", unit="USD", estimate=-0.0002, low=-0.0003, high=-0.0001, p_sample_ratio=1.0,
        verdict="better", why="", control="holdout", treatment="plan", confidence=0.95, tuned_for=3000.0, rows=612,
        subjects=600, crossed=0, effects=(effect,), sample_ratio=ratio,
    )  # fmt: skip
    frozen = Frozen(
        predictions=900, useful_predictions=80, cost_pico_usd=usd(1.5), direct_pico_usd=0, capacity_pico_usd=usd(1.5),
        revenue_usd=0.0,
    )  # fmt: skip
    close = Close(
        month="2026-10", closed_at="2026-11-02T00:00:00Z", statement=frozen, statement_hash="a", hash="9f" * 32
    )
    late = Adjustment(predictions=2, useful_predictions=0, cost_pico_usd=usd(0.003), revenue_usd=0.0)
    drift = Drift(
        metric="ttft_p95_s", key="assistant", unit="s", verdict="worse", baseline=0.4, recent=0.5, change=0.25, low=0.1,
        high=0.4, p=0.001, since="2026-11-20", days=28,
    )  # fmt: skip
    month = Spending(budget="", scope="", month="2026-11", spent_usd=41.0, p5_usd=48.0, p50_usd=52.0, p95_usd=57.0)
    alert = Alert(
        id="a", severity="warning", metric="ttft_p95_s", key="assistant", message="TTFT of assistant is worse"
    )
    return Trusted(
        alerts=(alert,),
        spending=(month,),
        drifts=(drift,),
        closes=(Standing(close=close, sound=True, adjustment=late),),
        lifts=(("assistant", lift),),
    )


def make_readiness() -> Readiness:
    """What a policy alone answers: no traffic of its use cases was looked at."""
    return readiness("pol-1", [Sight(use_case=case) for case in make_policy().use_cases])


class Memory:
    """A source over values that a test may change."""

    def __init__(self) -> None:
        self.made: Callable[[str | None], Statement] = make_statement
        self.kept: tuple[Plan, ...] = (make_plan(),)
        self.found: tuple[Finding, ...] = FINDINGS
        self.rules: Policy | None = make_policy()
        self.sound: TrackingHealth = make_health()
        self.wrong: tuple[BadCount, ...] = WRONG
        self.beside = make_trusted()
        self.ready: Readiness | None = make_readiness()
        self.asked: list[tuple[object, ...]] = []

    def statement(
        self, *, use_case: str | None = None, policy_id: str | None = None, hours: float | None = None
    ) -> Statement:
        self.asked.append((use_case, policy_id, hours))
        return self.made(use_case)

    def plans(self) -> tuple[Plan, ...]:
        return self.kept

    def findings(self, plan_id: str) -> tuple[Finding, ...]:
        return tuple(one for one in self.found if one.plan_id == plan_id)

    def policy(self) -> Policy | None:
        return self.rules

    def tracking(self, hours: float) -> TrackingHealth:
        return self.sound

    def trusted(self) -> Trusted:
        return self.beside

    def readiness(self) -> Readiness | None:
        return self.ready

    def metrics(self) -> str:
        return exposition(self.statement())

    def bad(self, hours: float | None) -> tuple[BadCount, ...]:
        return self.wrong


class Empty(Memory):
    """A source before the first prediction."""

    def __init__(self) -> None:
        super().__init__()
        self.made = lambda _: empty_statement()
        self.kept, self.found, self.rules, self.beside, self.ready = (), (), None, Trusted(), None
        self.sound, self.wrong = judge((), (), lost=0, from_hour=0, to_hour=0), ()


class Answer:
    """What the application sent."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {key.decode(): value.decode() for key, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])
        self.text = self.body.decode()

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


async def _call(app: Any, path: str, *, host: str, method: str) -> Answer:
    plain, _, query = path.partition("?")
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1",
        "method": method, "scheme": "http",
        "path": plain, "raw_path": plain.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(b"host", host.encode())], "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8081),
    }  # fmt: skip
    sent: list[dict[str, Any]] = []

    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        return asked.pop() if asked else await asyncio.Future()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


@pytest.fixture
def memory() -> Memory:
    """A source with realistic data."""
    return Memory()


@pytest.fixture
def get() -> Callable[..., Answer]:
    """`get(source, path)` asks the application in process."""

    def ask(
        source: Memory, path: str, *, host: str = "127.0.0.1:8081", method: str = "GET", hosts: tuple[str, ...] = ()
    ) -> Answer:
        return asyncio.run(_call(asgi_app(source, hosts=hosts), path, host=host, method=method))

    return ask


@pytest.fixture
def empty() -> Memory:
    """A source with nothing in it."""
    return Empty()


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """The makers of this file, for tests that need a value with one thing changed."""
    return SimpleNamespace(
        Memory=Memory,
        usd=usd,
        cut=make_cut,
        homepage=homepage,
        assistant=assistant,
        statement=make_statement,
        empty=empty_statement,
        plan=make_plan,
        option=option,
        finding=finding,
        policy=make_policy,
    )
