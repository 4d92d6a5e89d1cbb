"""Units and devices by the month: what is stated is charged, what is not has no total."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.catalog.load import load
from breakeven.cost.assumptions import assumptions
from breakeven.cost.case import Case, Demand, Fleet
from breakeven.cost.tco import monthly_bill
from breakeven.schema.bill import Bill
from breakeven.schema.offer import Offer
from breakeven.schema.placed import Device, Throughput

ASSUMED = assumptions(load().assumptions(), "base")
BASE = {"provider": "us", "valid_from": "2026-11-01", "source": "our quote", "model": "llama-3.2-1b"}
DEVICE = Device(
    prompt_tokens_per_s=200.0, answer_tokens_per_s=20.0, devices=1000, share=0.5, owned_by="ours", electricity="ours",
    busy_w=250.0, idle_w=30.0, life_months=48,
)  # fmt: skip
BOX = Offer(id="box", kind="edge", usd_per_device_month=2.0, purchase_usd=4800.0, device=DEVICE, **BASE)
MONTH = Demand(requests=1e6, input_tokens=7e8, output_tokens=2e8)


def bill(offer: Offer, replicas: int = 1) -> Bill:
    place = "edge" if offer.kind == "edge" else "provisioned"
    fleet = Fleet(replicas=replicas)
    return monthly_bill(
        Case(option=offer.id, placement=place, offer=offer, assumptions=ASSUMED, demand=MONTH, fleet=fleet)
    )


def boxes(**changes: object) -> Offer:
    return msgspec.structs.replace(BOX, device=msgspec.structs.replace(DEVICE, **changes))


def without_answers(found: Bill) -> float:
    """What is paid for devices whether or not they answer."""
    return sum(line.amount_usd for line in found.lines if line.fixed)


@given(st.integers(min_value=1, max_value=10**7), st.integers(min_value=2, max_value=50))
def test_the_bill_of_devices_is_proportional_to_them(devices: int, times: int) -> None:
    """Twice the devices cost twice as much, the energy of the answers aside, which are as many as before."""
    few, many = bill(boxes(devices=devices)), bill(boxes(devices=devices * times))
    assert without_answers(many) == pytest.approx(times * without_answers(few))
    assert many.capex_usd == pytest.approx(times * few.capex_usd)
    (one,), (other,) = ([line.amount_usd for line in each.lines if line.name == "power"] for each in (few, many))
    assert one == pytest.approx(other)


@given(st.integers(min_value=1, max_value=10**5))
def test_more_units_are_never_cheaper_each(units: int) -> None:
    """Every unit costs its price for all hours, used or not."""
    offer = Offer(id="u", kind="provisioned", usd_per_hour=1.5, capacity=Throughput(tokens_per_s=100.0), **BASE)
    assert (bill(offer, units).total_usd or 0.0) / units == pytest.approx(1.5 * 730)


def test_what_the_users_own_and_pay_for_is_not_in_the_bill() -> None:
    """Of their own devices and electricity only support, updates and distribution are ours."""
    offer = msgspec.structs.replace(boxes(owned_by="users", electricity="users"), purchase_usd=None)
    assert [line.name for line in bill(offer).lines] == ["devices"]
    assert bill(offer).capex_usd == 0


def test_energy_is_by_token_or_by_watt() -> None:
    """Both come to the same where a token takes as long as it takes."""
    seconds = 7e8 / 200 + 2e8 / 20
    joules = seconds * 250.0 / 9e8
    by_watt, by_token = bill(boxes(idle_w=0.0)), bill(boxes(busy_w=None, idle_w=0.0, joules_per_token=joules))
    assert by_watt.total_usd == pytest.approx(by_token.total_usd)


@pytest.mark.parametrize(
    ("offer", "missing"),
    [
        (msgspec.structs.replace(BOX, usd_per_device_month=None), "price per device-month of box"),
        (msgspec.structs.replace(BOX, purchase_usd=None), "purchase price of box"),
        (boxes(busy_w=None), "energy of box"),
        (
            Offer(id="u", kind="provisioned", capacity=Throughput(tokens_per_s=9.0), **BASE),
            "price per unit-hour of u",
        ),
    ],
)
def test_what_has_no_price_is_named_and_never_free(offer: Offer, missing: str) -> None:
    """An unknown price leaves the bill without a total."""
    found = bill(offer)
    assert found.total_usd is None
    assert found.unpriced[0].startswith(missing)
