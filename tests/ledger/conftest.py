"""Records made short, generated ledgers, and the laws that the metrics of a statement keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from breakeven.ledger import importer, store
from breakeven.ledger.engine.port import Query
from breakeven.ledger.source.mapping import Mapping
from breakeven.ledger.statement import build, measures
from breakeven.schema.journal import Record, frame
from breakeven.schema.outcome import Outcome
from breakeven.schema.policy import CapacityPrice, Policy, PolicyDeployment, Route, UseCase
from breakeven.schema.record import Attempt, Capacity, EngineLoad, Prediction, Tokens
from breakeven.schema.statement import Cut, Statement

settings.register_profile("ledger", settings.default, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ledger")

T0 = 1_795_000_000.0 - 1_795_000_000.0 % 86_400 + 86_400 - 3_600
"""An hour before a UTC midnight."""

ROUTE = Route(strategy="fixed", targets=())
USE_CASES = {
    "rank": UseCase(name="rank", route=ROUTE, used_when="exposure", window_s=600.0),
    "shop": UseCase(name="shop", route=ROUTE, used_when="outcome", window_s=3000.0),
    "mail": UseCase(name="mail", route=ROUTE, used_when="delivered"),
    "chat": UseCase(name="chat", route=ROUTE, used_when="unmeasured"),
}


class Make:
    """Factories: everything a record needs, with what a test is about as keywords."""

    t0 = T0
    use_cases = USE_CASES

    @staticmethod
    def prediction(n: int, **more: object) -> Prediction:
        plain = {
            "prediction_id": f"p{n:06d}",
            "request_id": f"r{n}",
            "node": "gw",
            "sequence": n,
            "time_s": T0 + n,
            "use_case": "rank",
            "deployment": "gpu",
            "model": "m",
            "subject": f"s{n}",
            "in_budget": True,
            "cost_pico_usd": 1000,
            "cost_basis": "derived",
            "total_s": 0.25,
        }
        return Prediction(**plain | more)

    @staticmethod
    def outcome(n: int, kind: str = "exposure", **more: object) -> Outcome:
        plain = {
            "event_id": f"e{n}",
            "source": "app",
            "kind": kind,
            "event_type": f"breakeven.{kind}.v1",
            "time_s": T0 + 100 + n,
            "received_s": T0 + 100 + n,
            "node": "gw",
            "sequence": 100_000 + n,
        }
        return Outcome(**plain | more)

    @staticmethod
    def capacity(start: float = 0.0, end: float = 60.0, **more: object) -> Capacity:
        plain = {
            "id": f"{more.get('deployment', 'gpu')}/{start}-{end}/{more.get('policy_id', '')}",
            "deployment": "gpu",
            "start_s": T0 + start,
            "end_s": T0 + end,
            "replicas": 1,
            "pico_usd_per_replica_s": 10**6,
        }
        return Capacity(**plain | more)

    @staticmethod
    def load(start: float = 0.0, end: float = 60.0, **more: object) -> EngineLoad:
        plain = {"id": f"l{start}", "deployment": "gpu", "target": "a:9400", "source": "dcgm", "busy": 0.5}
        return EngineLoad(**plain | {"start_s": T0 + start, "end_s": T0 + end} | more)

    @staticmethod
    def policy(name: str = "pol", rate: int = 10**6, *deployments: str) -> Policy:
        price = CapacityPrice(price_id="rent", replicas=2, pico_usd_per_replica_s=rate)
        owned = [PolicyDeployment(name=one, backend="b", capacity=price) for one in deployments or ("gpu",)]
        rented = PolicyDeployment(name="api", backend="b")
        return Policy(id=name, use_cases=(), deployments=(*owned, rented), backends=())

    @staticmethod
    def journal(data_dir: Path, name: str, records: Sequence[Record], suffix: str = ".journal") -> Path:
        path = data_dir / "journal" / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"".join(map(frame, records)))
        return path

    @staticmethod
    def statement(records: Sequence[Record], engine: str = "memory", **more: object) -> Statement:
        return build(store.of_records(records, engine), USE_CASES, **more)

    @staticmethod
    def query(**more: object) -> Query:
        return Query(measures=measures(USE_CASES), **more)

    @staticmethod
    def cut(statement: Statement, dimension: str, key: str) -> Cut:
        return next(one for one in statement.cuts if (one.dimension, one.key) == (dimension, key))


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


SUBJECTS = st.sampled_from(["", "ann", "bob"])
TENANTS = st.sampled_from(["acme", "zeta"])
CONSENT = st.sampled_from(["granted", "denied", "unknown"])
TIMES = st.integers(0, 4 * 7200).map(lambda quarter: T0 + quarter / 2)
SECONDS = st.none() | st.integers(0, 4000).map(lambda ms: ms / 1000)
POLICIES = st.sampled_from(["pol-a", "pol-b"])
DEPLOYMENTS = st.sampled_from(["gpu", "cpu", "api", ""])
STATUSES = st.sampled_from(["answered", "answered", "answered", "cached", "fallback", "refused", "failed", "cancelled"])
BASES = st.sampled_from(["measured", "derived", "assumed", "unknown"])


@st.composite
def _prediction(draw: st.DrawFn, n: int) -> Prediction:
    policy = draw(POLICIES)
    return Make.prediction(
        n,
        node=f"gw{n % 2}",
        sequence=n // 2 + 1,
        time_s=draw(TIMES),
        use_case=draw(st.sampled_from([*USE_CASES, "new"])),
        tenant=draw(TENANTS),
        deployment=draw(DEPLOYMENTS),
        model=draw(st.sampled_from(["small", "large"])),
        arm=draw(st.sampled_from(["", "plan", "holdout"])),
        subject=draw(SUBJECTS),
        session=draw(st.sampled_from(["", "x"])),
        consent=draw(CONSENT),
        policy_id=policy,
        plan_id=policy.replace("pol", "plan"),
        status=draw(STATUSES),
        in_budget=draw(st.booleans()),
        emulated=draw(st.booleans()),
        cost_pico_usd=draw(st.none() | st.integers(0, 10**12)),
        cost_basis=draw(BASES),
        work_s=draw(st.none() | st.floats(0, 100)),
        total_s=draw(st.floats(0, 10)),
        ttft_s=draw(SECONDS),
        tpot_s=draw(SECONDS),
        served=Tokens(input=draw(st.integers(0, 9)), output=draw(st.integers(0, 9))),
        request_id=draw(st.sampled_from([f"r{n}", "shared"])),
        attempts=tuple(Attempt(deployment="gpu", kind="primary", outcome="ok") for _ in range(draw(st.integers(0, 2)))),
        energy_kwh=draw(st.none() | st.floats(0, 1)),
        energy_basis=draw(BASES),
        labels={"a": "b"} if draw(st.booleans()) else {},
    )


@st.composite
def _outcome(draw: st.DrawFn, n: int, count: int) -> Outcome:
    named = f"p{draw(st.integers(0, count)):06d}" if draw(st.booleans()) else ""
    kinds = ["exposure", "click", "conversion", "revenue", "stage", "unobserved", "custom", "identify", "consent"]
    return Make.outcome(
        draw(st.integers(0, n)),
        draw(st.sampled_from(kinds)),
        node="gw0" if draw(st.booleans()) else "gw7",
        sequence=1000 + n,
        time_s=draw(TIMES),
        tenant=draw(TENANTS),
        prediction_id=named,
        subject=draw(SUBJECTS),
        previous=draw(SUBJECTS),
        use_case=draw(st.sampled_from(["", "", "rank", "shop"])),
        consent=draw(CONSENT),
        value=draw(st.none() | st.floats(0, 1000)),
        currency=draw(st.sampled_from(["", "USD", "usd", "EUR"])),
    )


@st.composite
def _capacity(draw: st.DrawFn, n: int) -> Capacity:
    start = draw(st.integers(0, 4 * 3600))
    return Make.capacity(
        start,
        start + draw(st.floats(0.5, 900)),
        id=f"c{n}",
        deployment=draw(DEPLOYMENTS.filter(bool)),
        model=draw(st.sampled_from(["small", "large"])),
        policy_id=draw(POLICIES),
        replicas=draw(st.integers(1, 3)),
        pico_usd_per_replica_s=draw(st.integers(0, 10**10)),
        basis=draw(BASES),
    )


@st.composite
def _load(draw: st.DrawFn, n: int) -> EngineLoad:
    start, share = draw(st.integers(0, 4 * 3600)), st.none() | st.floats(0, 1)
    return EngineLoad(
        id=f"l{n}",
        deployment=draw(DEPLOYMENTS.filter(bool)),
        target=draw(st.sampled_from(["a:9400", "b:9400"])),
        source=draw(st.sampled_from(["dcgm", "vllm", "kepler"])),
        start_s=T0 + start,
        end_s=T0 + start + draw(st.floats(0.5, 900)),
        busy=draw(share),
        running=draw(st.none() | st.floats(0, 300)),
        output_tokens=draw(st.none() | st.integers(0, 10**6)),
        energy_kwh=draw(share),
    )


@st.composite
def _records(draw: st.DrawFn) -> list[Record]:
    count = draw(st.integers(0, 12))
    made: list[Record] = [draw(_prediction(n)) for n in range(count)]
    made += [draw(_outcome(n, count)) for n in range(draw(st.integers(0, 12)))]
    made += [draw(_capacity(n)) for n in range(draw(st.integers(0, 5)))]
    made += [draw(_load(n)) for n in range(draw(st.integers(0, 4)))]
    return made


@pytest.fixture(scope="session")
def ledgers() -> st.SearchStrategy[list[Record]]:
    """Any ledger: predictions in every state, outcomes by id and by subject, capacity with and without work."""
    return _records()


MEASURES = st.lists(st.sampled_from(["first", "last"]), min_size=len(USE_CASES), max_size=len(USE_CASES)).map(
    lambda touches: tuple(
        msgspec.structs.replace(one, touch=touch) for one, touch in zip(measures(USE_CASES), touches, strict=True)
    )
)


@pytest.fixture(scope="session")
def queries() -> st.SearchStrategy[Query]:
    """Any question about such a ledger."""
    return st.builds(
        Query,
        measures=MEASURES,
        start_s=st.none() | TIMES,
        end_s=st.none() | TIMES,
        policy_id=st.none() | POLICIES,
        plan_id=st.none() | POLICIES.map(lambda name: name.replace("pol", "plan")),
        use_case=st.none() | st.sampled_from([*USE_CASES, "new"]),
        deployment=st.none() | DEPLOYMENTS,
    )


def _bytes(statement: Statement) -> bytes:
    return msgspec.json.encode(statement)


@pytest.fixture(scope="session")
def to_bytes() -> Callable[[Statement], bytes]:
    return _bytes


# --- the laws: one for each metric; a wrong definition of the metric breaks its law ---------------------------------


def percentiles_are_type_7() -> None:
    """Of 1, 2, 3, 4 seconds the median is 2.5 and the 95th percentile 3.85: linear between order statistics."""
    found = Make.statement([Make.prediction(n, total_s=float(n)) for n in (1, 2, 3, 4)]).total.total
    assert found.p50_s == pytest.approx(2.5, abs=1e-9)
    assert found.p95_s == pytest.approx(3.85, abs=1e-9)
    assert found.n == 4


def tpot_leaves_the_first_token_out(path: Path) -> None:
    """Ten seconds in all, the first token after one, ten tokens: one second each for the nine that followed."""
    path.write_text("t,total,first,out\n2026-11-24T10:00:00Z,10,1,10\n")
    mapping = Mapping(time="t", total="total", ttft="first", output_tokens="out")
    ledger, rules = importer.read(path, mapping, engine="memory")
    assert build(ledger, rules).total.tpot.p50_s == pytest.approx(1.0)


def an_answer_past_its_budget_is_late(path: Path) -> None:
    """Of answers after 1, 2 and 3 seconds, two meet a budget of two: the edge belongs to the budget."""
    path.write_text("t,total\n" + "".join(f"2026-11-24T10:00:0{n}Z,{n}\n" for n in (1, 2, 3)))
    mapping = Mapping(time="t", total="total", budget_s=2.0)
    ledger, rules = importer.read(path, mapping, engine="memory")
    assert build(ledger, rules).total.in_budget == 2


def only_what_was_used_is_useful() -> None:
    """An exposed prediction was used, an unexposed one was not, and without a rule nobody can tell."""
    records = [Make.prediction(1), Make.prediction(2), Make.prediction(3, use_case="chat")]
    found = Make.statement([*records, Make.outcome(1, prediction_id="p000001")])
    assert Make.cut(found, "use_case", "rank").useful == 1
    assert Make.cut(found, "use_case", "chat").useful is None


def useful_is_in_budget_identified_and_used() -> None:
    """Delivered in time to somebody and used: one of five, each other one failing one condition."""
    records = [
        Make.prediction(1, use_case="shop"),
        Make.prediction(2, use_case="shop", in_budget=False),
        Make.prediction(3, use_case="shop", subject=""),
        Make.prediction(4, use_case="shop", status="failed"),
        Make.prediction(5, use_case="shop"),
    ]
    clicks = [Make.outcome(n, "click", prediction_id=f"p{n:06d}") for n in (1, 2, 3, 4)]
    assert Make.statement([*records, *clicks]).useful_predictions == 1


def unobserved_rows_leave_both_sides() -> None:
    """Three dollars over four rows, one unobserved at one dollar, one useful: two dollars each."""
    usd = 10**12
    records = [
        Make.prediction(1, cost_pico_usd=usd),
        Make.prediction(2, cost_pico_usd=usd),
        Make.prediction(3, cost_pico_usd=usd // 2),
        Make.prediction(4, cost_pico_usd=usd // 2),
        Make.outcome(1, prediction_id="p000001"),
        Make.outcome(2, "unobserved", prediction_id="p000002"),
    ]
    found = Make.statement(records)
    assert found.cost_per_useful_prediction_usd.value == pytest.approx(2.0)
    assert found.total.unobserved_cost_pico_usd == usd


def idle_follows_work_to_the_last_unit() -> None:
    """Seven idle pico-dollars over work of 1 and 2 are 2 and 5, and everything sums to the capacity's cost."""
    records = [
        Make.prediction(1, work_s=1.0, cost_pico_usd=1, tenant="a"),
        Make.prediction(2, work_s=2.0, cost_pico_usd=2, tenant="b"),
        Make.capacity(0, 10, pico_usd_per_replica_s=1),
    ]
    found = Make.statement(records)
    assert [Make.cut(found, "tenant", name).idle_pico_usd for name in "ab"] == [2, 5]
    assert found.cost_total_pico_usd == 10
    assert found.conserved


def goodput_counts_only_what_was_in_budget() -> None:
    """Two of three in budget over the two seconds between the first arrival and the last: one a second."""
    records = [Make.prediction(n, in_budget=n != 2) for n in (1, 2, 3)]
    assert Make.statement(records).total.goodput_rps.value == pytest.approx(1.0)


def carbon_is_energy_times_intensity() -> None:
    """Two kWh at 300 g/kWh are 600 g."""
    records = [Make.prediction(n, energy_kwh=1.0, energy_basis="derived") for n in (1, 2)]
    found = Make.statement(records, grid_gco2_per_kwh={"gpu": 300.0})
    assert found.total.gco2.value == pytest.approx(600.0)
    assert found.total.energy_kwh.value == pytest.approx(2.0)


def conversions_are_shares_of_the_useful() -> None:
    """Ten of twenty used predictions convert: one half, inside its interval."""
    records: list[Record] = [Make.prediction(n) for n in range(20)]
    records += [Make.outcome(n, prediction_id=f"p{n:06d}") for n in range(20)]
    records += [Make.outcome(50 + n, "conversion", prediction_id=f"p{n:06d}") for n in range(10)]
    rate = Make.statement(records).total.conversion_rate
    assert rate.value == pytest.approx(0.5)
    assert rate.low is not None
    assert rate.high is not None
    assert math.isclose(rate.low + rate.high, 1.0)


@pytest.fixture(scope="session")
def laws(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[], None]]:
    """Every law by its name."""
    folder = tmp_path_factory.mktemp("logs")
    return {
        "percentile": percentiles_are_type_7,
        "tpot": lambda: tpot_leaves_the_first_token_out(folder / "tpot.csv"),
        "in_budget": lambda: an_answer_past_its_budget_is_late(folder / "budget.csv"),
        "used": only_what_was_used_is_useful,
        "useful": useful_is_in_budget_identified_and_used,
        "cost_per_useful": unobserved_rows_leave_both_sides,
        "share_out": idle_follows_work_to_the_last_unit,
        "goodput": goodput_counts_only_what_was_in_budget,
        "carbon": carbon_is_energy_times_intensity,
        "conversion": conversions_are_shares_of_the_useful,
    }
