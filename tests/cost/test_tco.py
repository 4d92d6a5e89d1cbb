"""Laws of bills: lines add up, nothing unpriced is free, more costs more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.cost.assumptions import SAVES, Assumptions, assumptions
from breakeven.cost.capacity import capacity_price, case_capacity, usd_per_replica_hour
from breakeven.cost.case import Case, Demand, Fleet, Site
from breakeven.cost.finance import annuity
from breakeven.cost.tco import monthly_bill
from breakeven.errors import FactError
from breakeven.schema.bill import Bill
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer, PriceTier

CATALOG, DAY = load(), "2026-11-24"
SERVER = "lenovo-sr680a-v3-8x-h100-sxm-sale"
BASE = assumptions(CATALOG.assumptions(), "base")
OFFERS = [SERVER, "lambda-h100-sxm-8x-on-demand", "aws-p5-48xlarge-h100-on-demand", "api-openai-gpt-4o-mini"]
offers = st.sampled_from([*OFFERS, "lambda-cpu-4x-general-on-demand"])
demands = st.builds(
    Demand, requests=st.floats(0, 1e8), input_tokens=st.floats(0, 1e12), output_tokens=st.floats(0, 1e11)
)


def case(offer_id: str, **changes: object) -> Case:
    values = {"option": offer_id, "placement": "on_prem", "assumptions": BASE, "fleet": Fleet(tdp_w=700)}
    return Case(offer=CATALOG.offer(offer_id, DAY), **(values | changes))


def total(bill: Bill) -> float:
    assert bill.total_usd is not None
    return bill.total_usd


@given(offer=offers, demand=demands, replicas=st.integers(1, 50), spare=st.integers(0, 2))
def test_a_bill_is_the_sum_of_its_lines(offer: str, demand: Demand, replicas: int, spare: int) -> None:
    """The total is the sum of the lines; none is negative, each says how it was computed and from which facts."""
    fleet = Fleet(replicas=replicas, spare_replicas=spare, tdp_w=700)
    bill = monthly_bill(case(offer, demand=demand, fleet=fleet))
    assert bill.total_usd == sum(line.amount_usd for line in bill.lines)
    for line in bill.lines:
        assert line.amount_usd >= 0
        assert line.formula
        assert CATALOG.facts(line.facts)


@given(length=st.integers(1, 2000), requests=st.integers(1, 10**6))
def test_a_tier_is_that_of_one_request_not_of_the_month(length: int, requests: int) -> None:
    """However many requests a month has, each pays the tier of its own length, and the line names that tier's price."""
    tier = PriceTier(above_input_tokens=1000, input_usd_per_mtok=4.0)
    offer = Offer(id="o", provider="x", kind="api", valid_from=DAY, source="s", input_usd_per_mtok=2.0, tiers=(tier,))
    demand = Demand(requests=requests, input_tokens=length * requests)
    (line,) = monthly_bill(Case(option="", placement="api", offer=offer, assumptions=BASE, demand=demand)).lines
    dear = length > 1000
    assert line.amount_usd == pytest.approx(length * requests * (4e-6 if dear else 2e-6))
    assert line.facts == (f"offer/o@{DAY}/{'tiers/1000/' if dear else ''}input_usd_per_mtok",)


@given(offer=offers, replicas=st.integers(1, 50))
def test_more_machines_never_cost_less(offer: str, replicas: int) -> None:
    """One replica more, or one spare more, never lowers the bill."""
    before, after, spared = (
        total(monthly_bill(case(offer, fleet=Fleet(replicas=n, spare_replicas=spare, tdp_w=700))))
        for n, spare in ((replicas, 0), (replicas + 1, 0), (replicas, 1))
    )
    assert before <= after
    assert before <= spared


@given(offer=offers, demand=demands)
def test_scenarios_are_ordered(offer: str, demand: Demand) -> None:
    """The low scenario costs at most the base one, and that at most the high one."""
    costs = [
        total(monthly_bill(case(offer, demand=demand, assumptions=assumptions(CATALOG.assumptions(), scenario))))
        for scenario in ("low", "base", "high")
    ]
    assert costs == sorted(costs)


@given(dearer=st.floats(1, 3))
def test_a_dearer_server_never_has_a_lower_bill(dearer: float) -> None:
    """The bill is monotone in the purchase price."""
    offer = CATALOG.offer(SERVER, DAY)
    assert offer.purchase_usd is not None
    changed = Offer(**{**_fields(offer), "purchase_usd": offer.purchase_usd * dearer})
    before = monthly_bill(case(SERVER))
    after = monthly_bill(Case(option="", placement="on_prem", offer=changed, assumptions=BASE, fleet=Fleet(tdp_w=700)))
    assert total(after) >= total(before)


def _fields(offer: Offer) -> dict[str, object]:
    return {name: getattr(offer, name) for name in offer.__struct_fields__}


@pytest.mark.parametrize("kind", ["api", "accelerator_hour", "server_purchase", "cpu_hour"])
def test_unpriced_is_never_zero(kind: str) -> None:
    """An offer without a price has a bill without a total that names what is missing."""
    offer = Offer(id="x", provider="x", kind=kind, valid_from="2026-01-01", source="test", accelerator="h100-sxm")
    demand = Demand(requests=1, input_tokens=10, output_tokens=10)
    bill = monthly_bill(
        Case(option="x", placement="api", offer=offer, assumptions=BASE, demand=demand, fleet=Fleet(tdp_w=700))
    )
    assert bill.total_usd is None
    assert bill.unpriced
    assert not bill.lines


def test_a_missing_output_price_is_named() -> None:
    """An API without an output price bills the input and says that the output is unpriced."""
    offer = Offer(id="x", provider="x", kind="api", valid_from="2026-01-01", source="test", input_usd_per_mtok=1.0)
    demand = Demand(input_tokens=1e6, output_tokens=1e6)
    bill = monthly_bill(Case(option="x", placement="api", offer=offer, assumptions=BASE, demand=demand))
    assert bill.unpriced == ("output_tokens of x",)
    assert [line.amount_usd for line in bill.lines] == [1.0]


def test_unknown_power_is_unpriced() -> None:
    """A server whose accelerators' power nobody states has no total: its electricity is not free."""
    bill = monthly_bill(case(SERVER, fleet=Fleet(tdp_w=None)))
    assert bill.total_usd is None
    assert "power" in bill.unpriced[0]


def test_api_bill_by_hand() -> None:
    """gpt-4o-mini: 900 M fresh input at 0.15, 100 M cached at 0.075, 200 M output at 0.60 USD per million."""
    demand = Demand(requests=1e6, input_tokens=1e9, cached_input_tokens=1e8, output_tokens=2e8)
    bill = monthly_bill(case("api-openai-gpt-4o-mini", demand=demand))
    assert {line.name: line.amount_usd for line in bill.lines} == {
        "input_tokens": 135.0,
        "cached_input_tokens": 7.5,
        "output_tokens": 120.0,
    }
    assert not any(line.fixed for line in bill.lines)


def test_a_fee_per_request_is_a_line() -> None:
    """A price per request is billed by requests, on its own line, also where tokens are free of charge of their own."""
    offer = Offer(id="x", provider="x", kind="api", valid_from="2026-01-01", source="test", request_usd=0.005)
    bill = monthly_bill(Case(option="x", placement="api", offer=offer, assumptions=BASE, demand=Demand(requests=1000)))
    assert [(line.name, line.amount_usd) for line in bill.lines] == [("requests", pytest.approx(5.0))]


def test_rent_by_hand() -> None:
    """p5.48xlarge: 55.04 USD/h x 730 h, and three assumed uplifts on it; a smaller provider has no support uplift."""
    bill = monthly_bill(case("aws-p5-48xlarge-h100-on-demand", fleet=Fleet(replicas=8)))
    amounts = {line.name: line.amount_usd for line in bill.lines}
    assert amounts["rent"] == pytest.approx(40_179.2)
    assert amounts["support_uplift_hyperscaler"] == pytest.approx(40_179.2 * 0.05)
    other = monthly_bill(case("lambda-h100-sxm-8x-on-demand", fleet=Fleet(replicas=8)))
    assert "support_uplift_hyperscaler" not in {line.name for line in other.lines}


def test_owned_bill_by_hand() -> None:
    """Every line of an 8x H100 server at base assumptions, from its own formula."""
    bill = monthly_bill(case(SERVER, fleet=Fleet(replicas=8, tdp_w=700)))
    amounts = {line.name: line.amount_usd for line in bill.lines}
    capex = 250_141.8
    assert amounts["depreciation"] == pytest.approx(capex * 0.85 / 60)
    assert amounts["depreciation"] + amounts["cost_of_capital"] == pytest.approx(
        annuity(capex, 0.1 / 12, 60, capex * 0.15)
    )
    assert amounts["power"] == pytest.approx(0.7 * 8 * 1.34 * 1.4 * 730 * 0.12)
    assert amounts["facility"] == pytest.approx(0.7 * 8 * 1.34 * 200)
    assert amounts["maintenance"] == pytest.approx(capex * 0.12 / 12)
    assert amounts["staff"] == pytest.approx(0.25 * 200_000 / 12)
    assert (bill.capex_usd, bill.residual_usd) == (capex, pytest.approx(capex * 0.15))
    assert bill.cash_opex_usd == pytest.approx(total(bill) - amounts["depreciation"] - amounts["cost_of_capital"])


def test_lenovo_operating_cost_of_the_2026_edition() -> None:
    """LP2368: maintenance of 12 % a year and one rack leave 0.89 of the 6.37 USD/h for power and cooling."""
    maintenance = 250_141.8 * 0.12 / 8760
    rack = 1500 / 730
    assert 6.37 - maintenance - rack == pytest.approx(0.889, abs=0.001)


def test_the_tariff_of_the_site_is_used_and_cited() -> None:
    """A stated tariff replaces the assumed one, and the line names the fact it came from."""
    german = CATALOG.electricity("DEU")
    assert german.value is not None
    fleet = Fleet(replicas=8, tdp_w=700)
    site = Site(usd_per_kwh=german.value, tariff_fact=german.key, tdp_fact="accelerator/h100-sxm/tdp_w")
    line = next(row for row in monthly_bill(case(SERVER, fleet=fleet, site=site)).lines if row.name == "power")
    assert line.amount_usd == pytest.approx(0.7 * 8 * 1.34 * 1.4 * 730 * 0.1552)
    assert {german.key, "accelerator/h100-sxm/tdp_w"} <= set(line.facts)


def test_colocation_has_its_own_name() -> None:
    """The place is called colocation where it is rented, facility where it is one's own."""
    bill = monthly_bill(case(SERVER, placement="colocated"))
    assert "colocation" in {line.name for line in bill.lines}


@given(hourly=st.floats(0, 1e4), replicas=st.integers(1, 100))
def test_capacity_keeps_the_hourly_price(hourly: float, replicas: int) -> None:
    """3,600 seconds of a replica cost its hourly price, to two nano-dollars."""
    price = capacity_price(usd_per_hour_per_replica=hourly, replicas=replicas, price_id="x")
    assert abs(price.pico_usd_per_replica_s * 3600 - hourly * 1e12) <= 1800 + hourly * 1e-3


@pytest.mark.parametrize(("hourly", "replicas"), [(-1.0, 1), (float("nan"), 1), (1.0, 0)])
def test_impossible_capacity_is_refused(hourly: float, replicas: int) -> None:
    """A negative or unknown price, or no replica at all, is no capacity price."""
    with pytest.raises(ValueError, match="capacity"):
        capacity_price(usd_per_hour_per_replica=hourly, replicas=replicas, price_id="x")


def test_owned_capacity_charges_the_whole_bill() -> None:
    """Hourly price x replicas x 730 hours is the month's total; an unpriced bill has no capacity price."""
    owned = case(SERVER, fleet=Fleet(replicas=8, tdp_w=700))
    bill = monthly_bill(owned)
    hourly = usd_per_replica_hour(bill, 8)
    assert hourly is not None
    assert hourly * 8 * 730 == pytest.approx(total(bill))
    price = case_capacity(owned, idle_w=100, busy_w=900)
    assert price is not None
    assert (price.price_id, price.replicas) == (f"{SERVER}@2026-01-15", 8)
    assert case_capacity(case(SERVER, fleet=Fleet(tdp_w=None))) is None


def test_low_is_low_cost() -> None:
    """What makes owning cheaper when it is higher takes its high value in the scenario of low cost."""
    low, high = (assumptions(CATALOG.assumptions(), scenario) for scenario in ("low", "high"))
    for name in Assumptions.__struct_fields__[1:]:
        if name in SAVES:
            assert getattr(low, name) >= getattr(high, name)
        else:
            assert getattr(low, name) <= getattr(high, name)


@given(months=st.floats(0, 120), later=st.floats(0, 24))
def test_a_server_never_gains_value(months: float, later: float) -> None:
    """The residual falls with age, from the whole price at 0, and rests on facts that are there."""
    assert BASE.residual_fraction(0) == 1.0
    assert BASE.residual_fraction(months + later) <= BASE.residual_fraction(months) + 1e-12
    assert CATALOG.facts(BASE.residual_keys(months))


def test_residual_between_the_stated_ages() -> None:
    """At 48 months the share lies midway between those at 36 and 60, and both are cited."""
    assert BASE.residual_fraction(48) == pytest.approx((0.27 + 0.15) / 2)
    assert BASE.residual_keys(48) == ("assumption/residual_36m", "assumption/residual_60m")


def test_a_missing_assumption_is_named() -> None:
    """An assumption nobody states is an error that says how to state it."""
    facts = [fact for fact in CATALOG.assumptions() if fact.key != "assumption/pue"]
    with pytest.raises(FactError, match="assumption/pue"):
        assumptions(facts, "base")


def test_one_sided_assumptions_fall_back_to_base() -> None:
    """Where only the base value is stated it stands for every scenario."""
    pue = Fact(key="assumption/pue", value=1.3, unit="ratio", source="test", as_of="2026")
    facts = [*(fact for fact in CATALOG.assumptions() if fact.key != "assumption/pue"), pue]
    assert assumptions(facts, "high").pue == 1.3


def test_a_spare_server_is_bought_and_housed_but_draws_no_power() -> None:
    """N+1: one spare doubles capital, place and upkeep of one server and leaves its electricity as it was."""
    alone = {line.name: line.amount_usd for line in monthly_bill(case(SERVER)).lines}
    fleet = Fleet(spare_replicas=1, tdp_w=700)
    spared = {line.name: line.amount_usd for line in monthly_bill(case(SERVER, fleet=fleet)).lines}
    assert spared.pop("power") == alone.pop("power")
    assert spared == {name: pytest.approx(2 * amount) for name, amount in alone.items()}
