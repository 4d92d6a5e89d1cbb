"""Who pays what: token prices, work, energy, and what is known about each."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.cost.price import charge_pico_usd
from breakeven.gateway.decision.charge import Consumption, charge, consumption, estimated_pico_usd, marginal_pico_usd
from breakeven.gateway.decision.event import Observed
from breakeven.metric.energy import energy_kwh
from breakeven.metric.work import work_s
from breakeven.schema.policy import CapacityPrice, PolicyDeployment, TokenPrice, WorkCurve
from breakeven.schema.record import Tokens

PRICE = TokenPrice(price_id="api", input_pico_usd=5, cached_input_pico_usd=1, output_pico_usd=9)
CAPACITY = CapacityPrice(price_id="gpu", replicas=4, pico_usd_per_replica_s=7 * 10**8, power_busy_w=500.0)
WORK = WorkCurve(prefill_s_per_token=1e-5, tpot_s=((1.0, 0.01), (8.0, 0.02)), row_s=1e-4, request_s=1e-3)
token_counts = st.builds(
    Tokens, input=st.integers(100, 9999), cached_input=st.integers(0, 100), output=st.integers(0, 999)
)


def deployment(**parts) -> PolicyDeployment:
    return PolicyDeployment(name="d", backend="b", **parts)


@given(token_counts, st.floats(0, 64), st.integers(0, 99))
def test_a_charge_is_the_definitions_put_together(tokens, in_flight, rows) -> None:
    """Cost = token charge + work x price; work takes b per replica and uncached input; energy = watts x work."""
    used = Consumption(tokens=tokens, rows=rows, in_flight=in_flight, happened=True)
    found = charge(deployment(tokens=PRICE, capacity=CAPACITY, work=WORK), used)
    work = work_s(
        WORK,
        input_tokens=tokens.input - tokens.cached_input,
        output_tokens=tokens.output,
        rows=rows,
        in_flight=in_flight / 4,
    )
    assert found.work_s == pytest.approx(work)
    assert found.cost_pico_usd == charge_pico_usd(PRICE, tokens) + round(work * 7 * 10**8)
    assert found.energy_kwh == pytest.approx(energy_kwh(500.0, work))
    assert (found.price_id, found.basis, found.energy_basis) == ("api+gpu", "derived", "derived")
    assert found.billable == found.priced == tokens


@pytest.mark.parametrize(
    "parts",
    [
        {},
        {"work": WORK},
        {"capacity": CAPACITY},
        {"tokens": TokenPrice(price_id="x", input_pico_usd=5)},
        {"tokens": TokenPrice(price_id="x"), "capacity": CAPACITY, "work": WORK},
        {"tokens": PRICE, "capacity": CAPACITY},
    ],
)
def test_what_is_not_fully_known_is_unpriced(parts) -> None:
    """No price, no output price, or capacity without a work curve: the cost is None, never 0 or a part of it."""
    used = Consumption(tokens=Tokens(input=10, output=2), happened=True)
    found = charge(deployment(**parts), used)
    assert (found.cost_pico_usd, found.basis) == (None, "unknown")


def test_capacity_without_a_work_curve_is_charged_by_shared_time() -> None:
    """Nobody knows the coefficients of a rented box at first: its time is split among those in flight, and says so."""
    alone = Consumption(tokens=Tokens(input=10, output=2), busy_s=2.0, in_flight=1.0, happened=True)
    crowd = msgspec.structs.replace(alone, in_flight=8.0 * CAPACITY.replicas)
    first, second = charge(deployment(capacity=CAPACITY), alone), charge(deployment(capacity=CAPACITY), crowd)
    assert (first.work_s, second.work_s) == (2.0, 0.25)
    assert first.cost_pico_usd == 2 * CAPACITY.pico_usd_per_replica_s
    assert first.basis == second.basis == "assumed"


def test_power_that_is_unknown_gives_no_energy() -> None:
    """Energy without a power figure, or without work, is unknown."""
    used = Consumption(tokens=Tokens(input=10, output=2), happened=True)
    dark = msgspec.structs.replace(CAPACITY, power_busy_w=None)
    for parts in ({"capacity": dark, "work": WORK}, {"capacity": CAPACITY}, {"tokens": PRICE}):
        found = charge(deployment(**parts), used)
        assert (found.energy_kwh, found.energy_basis) == (None, "unknown")


def test_what_did_not_happen_costs_nothing() -> None:
    """Without consumption the charge is 0 even where the deployment is unpriced."""
    assert charge(deployment(), Consumption()).cost_pico_usd == 0
    assert charge(deployment(tokens=PRICE), Consumption()).billable == Tokens()


def test_tokens_nobody_counted_are_assumed_and_say_so() -> None:
    """Four bytes a token in, one chunk a token out; basis assumed, so the cost's basis is assumed too."""
    used = consumption(Observed(accepted=True, chunks=7), text=True, body_bytes=401, rows=0)
    assert (used.tokens, used.basis) == (Tokens(input=101, output=7), "assumed")
    found = charge(deployment(tokens=PRICE, capacity=CAPACITY, work=WORK), used)
    assert (found.basis, found.energy_basis) == ("assumed", "assumed")


def test_what_the_server_counted_is_measured() -> None:
    """Usage wins over estimates; an attempt that was not accepted consumed nothing; v2 has rows, not tokens."""
    usage = Tokens(input=3, output=2)
    measured = consumption(Observed(accepted=True, chunks=7, usage=usage), text=True, body_bytes=400, rows=0)
    assert (measured.tokens, measured.basis) == (usage, "measured")
    assert consumption(Observed(chunks=7), text=True, body_bytes=400, rows=0) == Consumption()
    rows = consumption(Observed(accepted=True), text=False, body_bytes=400, rows=30)
    assert (rows.tokens, rows.rows, rows.basis) == (Tokens(), 30, "measured")


@given(token_counts, st.integers(1, 9))
def test_more_tokens_never_cost_less(tokens, more) -> None:
    """Charge and work grow with output."""
    parts = deployment(tokens=PRICE, capacity=CAPACITY, work=WORK)
    longer = msgspec.structs.replace(tokens, output=tokens.output + more)
    costs = [charge(parts, Consumption(tokens=one, happened=True)).cost_pico_usd for one in (tokens, longer)]
    assert costs[0] < costs[1]


@given(st.integers(0, 9999), st.integers(0, 999))
def test_what_stands_adds_nothing_to_the_bill(read, written) -> None:
    """A further request adds its tokens where these are priced, nothing on capacity alone, and is unknown without both.

    The estimate that money is reserved by charges the capacity all the same.
    """
    sizes = {"input_tokens": read, "output_tokens": written}
    tokens = charge_pico_usd(PRICE, Tokens(input=read, output=written))
    rented = deployment(capacity=CAPACITY, work=WORK)
    assert marginal_pico_usd(deployment(tokens=PRICE), **sizes) == tokens
    assert marginal_pico_usd(deployment(tokens=PRICE, capacity=CAPACITY, work=WORK), **sizes) == tokens
    assert marginal_pico_usd(rented, **sizes) == 0
    assert marginal_pico_usd(deployment(work=WORK), **sizes) is None
    assert estimated_pico_usd(rented, **sizes, rows=0) > 0
