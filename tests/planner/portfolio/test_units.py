"""Options of the cost engine as units: their prices add up to the bills they came from."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from breakeven.catalog.find import Catalog
from breakeven.catalog.load import load as load_catalog
from breakeven.cost.assumptions import assumptions
from breakeven.cost.case import Case, Demand, Fleet
from breakeven.cost.fleet import servers_needed
from breakeven.cost.tco import monthly_bill
from breakeven.planner.portfolio.decide import Facets, decide, load_of, load_of_rates
from breakeven.planner.portfolio.load import duration
from breakeven.planner.portfolio.schedule import Course
from breakeven.planner.portfolio.units import Terms, shortlist, units_of
from breakeven.schema.bill import Bill
from breakeven.schema.deployment import Deployment
from breakeven.schema.noun import Figure, Placement
from breakeven.schema.offer import Offer
from breakeven.schema.performance import Performance
from breakeven.schema.plan import Option
from breakeven.schema.workload import Trace, Workload, pack

ON = "2026-11-01"
REQUESTS = 5e6


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def offer(kind: str, term: str, count: int) -> Offer:
    priced = {"purchase_usd": 200_000.0} if kind == "server_purchase" else {"usd_per_hour": 2.5 * count}
    return Offer(
        id=f"{term}-{count}",
        provider="shop",
        kind=kind,
        valid_from="2026-01-01",
        source="a quote",
        accelerator="h100-sxm",
        count=count,
        term=term,
        **priced,
    )


def figure(value: float | None, unit: str = "s") -> Figure:
    return Figure(value=value, unit=unit, basis="derived")


def performance(goodput_rps: float, watts: float | None = 900.0) -> Performance:
    return Performance(
        deployment="d",
        ttft_p50_s=figure(0.1),
        ttft_p95_s=figure(0.3),
        tpot_p50_s=figure(0.02),
        tpot_p95_s=figure(0.03),
        e2e_p95_s=figure(4.0),
        goodput_rps=figure(2.0, "requests/s"),
        goodput_share=figure(0.97, "share"),
        max_goodput_rps=figure(goodput_rps, "requests/s"),
        power_w=figure(watts, "W"),
        rho=0.5,
        stable=True,
        in_flight_mean=1.0,
    )


def option(
    name: str, bill: Bill, placement: Placement, sold: Offer, *, replicas: int = 1, accelerators: int = 1
) -> Option:
    deployment = Deployment(
        id=name, model="m", placement=placement, offer=sold.id, accelerators=accelerators, replicas=replicas
    )
    speed = None if placement == "api" else performance(3.0)
    return Option(
        name=name,
        use_case="chat",
        placement=placement,
        deployment=deployment,
        bill=bill,
        monthly_cost_usd=bill.total_usd,
        cost_per_useful_prediction_usd=(bill.total_usd or 0.0) / REQUESTS,
        feasible=True,
        performance=speed,
        useful_share=0.97,
    )


def weighed(catalog: Catalog, sold: Offer, *, replicas: int, spare: int, accelerators: int) -> Option:
    assumed = assumptions(catalog.assumptions(), "base")
    placement: Placement = "on_prem" if sold.kind == "server_purchase" else "cloud"
    fleet = Fleet(replicas=replicas, spare_replicas=spare, accelerators=accelerators, tdp_w=700.0)
    bill = monthly_bill(Case(option="o", placement=placement, offer=sold, assumptions=assumed, fleet=fleet))
    found = option(sold.id, bill, placement, sold, replicas=replicas + spare, accelerators=accelerators)
    return msgspec.structs.replace(found, spare_replicas=spare)


@settings(max_examples=60, deadline=None)
@given(
    bought=st.booleans(),
    count=st.sampled_from([1, 4, 8]),
    accelerators=st.sampled_from([1, 2, 4]),
    replicas=st.integers(1, 20),
    spare=st.integers(0, 2),
    idle=st.floats(0, 1),
)
def test_units_add_up_to_the_bill(
    catalog: Catalog, bought: bool, count: int, accelerators: int, replicas: int, spare: int, idle: float
) -> None:
    """As many machines as were billed, the serving ones busy all month, cost what the bill says."""
    sold = offer("server_purchase" if bought else "accelerator_hour", "purchase" if bought else "on_demand", count)
    if accelerators > count:
        return
    one = weighed(catalog, sold, replicas=replicas, spare=spare, accelerators=accelerators)
    terms = Terms(idle_power_ratio=idle)
    [unit], left = units_of([one], {sold.id: sold}, requests=REQUESTS, terms=terms)
    serving = servers_needed(replicas, accelerators, count)
    every = serving + servers_needed(spare, accelerators, count)
    if not bought:
        every = servers_needed(replicas + spare, accelerators, count)
    rebuilt = 730 * (every * unit.fixed_usd_per_h + serving * unit.variable_usd_per_busy_h)
    assert rebuilt == pytest.approx(one.bill.total_usd)
    assert unit.spare == every - serving, "a spare that fits beside what serves needs no machine of its own"
    assert unit.goodput_rps == pytest.approx(3.0 * (count // accelerators))
    assert unit.kind == ("owned" if bought else "on_demand")
    assert (unit.variable_usd_per_busy_h > 0) == (bought and idle < 1)
    assert not left


@pytest.mark.parametrize(
    ("term", "kind", "months"),
    [("on_demand", "on_demand", None), ("reserved_1y", "reserved_1y", 12), ("reserved_3y", "reserved_3y", 36)],
)
def test_terms_become_kinds(catalog: Catalog, term: str, kind: str, months: int | None) -> None:
    """The term of a rented machine says how it is had, and for how long."""
    sold = offer("accelerator_hour", term, 1)
    [unit], _ = units_of(
        [weighed(catalog, sold, replicas=1, spare=0, accelerators=1)], {sold.id: sold}, requests=1.0, terms=Terms()
    )
    assert (unit.kind, unit.term_months) == (kind, months)


def test_what_cannot_be_a_unit_says_why(catalog: Catalog) -> None:
    """A miss of the objective, an unknown goodput, spot without a share: each is left out with its reason."""
    spot, rented = offer("accelerator_hour", "spot", 1), offer("accelerator_hour", "on_demand", 1)
    seen = {spot.id: spot, rented.id: rented}
    fine = weighed(catalog, rented, replicas=1, spare=0, accelerators=1)
    replace = msgspec.structs.replace
    given = [
        weighed(catalog, spot, replicas=1, spare=0, accelerators=1),
        replace(fine, name="slow", feasible=False, binding="ttft p95: 3 s > 1 s"),
        replace(fine, name="unknown", performance=None),
        fine,
    ]
    units, left = units_of(given, seen, requests=1.0, terms=Terms())
    assert [unit.name for unit in units] == [fine.name]
    assert dict(left) == {
        spot.id: "spot: no share of the need is stated that it may serve",
        "slow": "ttft p95: 3 s > 1 s",
        "unknown": "goodput: unknown",
    }
    units, _ = units_of(given, seen, requests=1.0, terms=Terms(spot_share=0.3))
    assert next(unit.most_share for unit in units if unit.kind == "spot") == 0.3


def test_a_shortlist_keeps_the_cheapest_and_the_smallest(catalog: Catalog) -> None:
    """Of many units of one kind few stay, and the others say which is cheaper."""
    sold = offer("accelerator_hour", "reserved_1y", 8)
    first = units_of(
        [weighed(catalog, sold, replicas=8, spare=0, accelerators=1)], {sold.id: sold}, requests=1.0, terms=Terms()
    )[0][0]
    many = [
        msgspec.structs.replace(first, name=f"{at}", fixed_usd_per_h=20.0 + at, goodput_rps=24.0 if at < 9 else 3.0)
        for at in range(9)
    ]
    small = msgspec.structs.replace(first, name="small", fixed_usd_per_h=3.0, goodput_rps=1.0)
    kept, left = shortlist([*many, small], most=2)
    assert [unit.name for unit in kept] == ["0", "1", "small"]
    assert dict(left)["5"] == "0 of its kind is cheaper per useful answer"


def api_option() -> Option:
    sold = Offer(id="api", provider="p", kind="api", valid_from="2026-01-01", source="list", model="m")
    bill = Bill(option="api", lines=())
    line = monthly_bill(
        Case(
            option="api",
            placement="api",
            offer=msgspec.structs.replace(sold, input_usd_per_mtok=1.0, output_usd_per_mtok=2.0),
            assumptions=assumptions(load_catalog().assumptions(), "base"),
            demand=Demand(requests=REQUESTS, input_tokens=REQUESTS * 1000, output_tokens=REQUESTS * 200),
        )
    )
    return option("api", msgspec.structs.replace(bill, lines=line.lines), "api", sold)


def test_everything_is_decided_from_options(catalog: Catalog) -> None:
    """Portfolio, regret, schedules and front come from one call, on units that the cost engine priced."""
    bought, yearly = offer("server_purchase", "purchase", 8), offer("accelerator_hour", "reserved_1y", 1)
    options = [
        weighed(catalog, bought, replicas=8, spare=0, accelerators=1),
        weighed(catalog, yearly, replicas=4, spare=0, accelerators=1),
        api_option(),
    ]
    load = duration(2 + 2 * np.sin(np.arange(24) / 4), window_s=3600)
    load = load.scaled(REQUESTS / load.requests)
    found = decide(
        options,
        offers={bought.id: bought, yearly.id: yearly},
        load=load,
        requests=REQUESTS,
        terms=Terms(idle_power_ratio=0.2),
        courses=[Course(name="grows", growth_per_year=0.5)],
        facets=Facets(grid_gco2_per_kwh={"purchase-8": 380.0}, power_overhead=1.8),
    )
    assert not found.missing
    assert found.portfolio is not None
    assert found.portfolio.monthly_usd <= min(one.monthly_cost_usd or np.inf for one in options)
    assert found.regret is not None
    assert found.regret.scenarios == ("low", "medium", "peak")
    medium = min(row.cost_usd[1] or np.inf for row in found.regret.rows)
    assert medium == pytest.approx(found.portfolio.monthly_usd)
    assert [name for name, _ in found.commitments] == ["grows"]
    carbon = {entry.name: entry.carbon_g_per_1000 for entry in found.pareto}
    assert carbon["purchase-8"] == pytest.approx(0.9 * 1.8 * 380 / (load.mean_rps * 3600) * 1000)
    assert carbon["api"] is None
    assert any("api follow windows" in words for words in found.assumed)


def test_a_part_that_cannot_be_made_says_why(catalog: Catalog) -> None:
    """Without anything that follows the load there is a portfolio, but no schedule."""
    bought = offer("server_purchase", "purchase", 8)
    one = weighed(catalog, bought, replicas=8, spare=0, accelerators=1)
    load = duration([1.0, 2.0], window_s=3600)
    found = decide([one], offers={bought.id: bought}, load=load, requests=1.0, terms=Terms(), courses=[Course()])
    assert found.portfolio is not None
    assert found.missing == (
        "schedule, as observed: none of 1 units follows the load, and commitments leave its peaks",
    )
    nothing = decide([], offers={}, load=load, requests=1.0, terms=Terms())
    assert nothing.portfolio is None
    assert "portfolio: no mix of 0 committed units" in nothing.missing[0]


def test_a_trace_becomes_a_month() -> None:
    """A curve has the workload's mean rate, whatever stretch the trace is, and hours where it is long enough."""
    arrivals = np.sort(np.random.default_rng(0).uniform(0, 240, 2000))
    trace = Trace(name="t", arrival_s=pack(arrivals), input_tokens=b"", output_tokens=b"")
    workload = Workload(
        use_case="t", n=2000, span_s=240, rate_mean_rps=9.0, rate_p95_rps=12, rate_max_rps=15, window_s=1,
        iat_cv=1, idc=1, shape="steady", input_tokens_mean=1, input_tokens_p50=1, input_tokens_p95=1,
        output_tokens_mean=1, output_tokens_p50=1, output_tokens_p95=1,
    )  # fmt: skip
    load = load_of(trace, workload)
    assert load.mean_rps == pytest.approx(9.0)
    assert load.rate_rps.size == 24
    minutes = load_of(trace, msgspec.structs.replace(workload, window_s=60.0))
    assert minutes.rate_rps.size == 3, "rates of seconds are chance where the workload's are of minutes"
    assert load.hours.sum() == pytest.approx(730)


@pytest.mark.parametrize(("windows", "step_s", "joined"), [(6 * 24 * 3, 600.0, 72), (240, 1.0, 24), (5, 600.0, 5)])
def test_rates_that_are_known_for_longer_become_the_month(windows, step_s, joined) -> None:
    """The curve of a series has the workload's mean rate and, where no window is joined, its very peaks."""
    rates = 10 + 5 * np.sin(np.arange(windows))
    workload = Workload(
        use_case="t", n=0, span_s=0, rate_mean_rps=20.0, rate_p95_rps=30, rate_max_rps=30, window_s=step_s,
        iat_cv=1, idc=1, shape="steady", input_tokens_mean=1, input_tokens_p50=1, input_tokens_p95=1,
        output_tokens_mean=1, output_tokens_p50=1, output_tokens_p95=1,
    )  # fmt: skip
    load = load_of_rates(rates, step_s, workload)
    assert load.rate_rps.size == joined
    assert load.mean_rps == pytest.approx(20.0)
    if joined == windows:
        assert load.rate_rps == pytest.approx(rates * 20 / rates.mean())
