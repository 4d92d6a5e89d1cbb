"""The lines of provisioned throughput and of devices: units by the hour, devices by the month, what they draw."""

from __future__ import annotations

from breakeven.cost.assumptions import PREFIX
from breakeven.cost.case import Case, price_key
from breakeven.cost.depreciation import straight_line_month
from breakeven.cost.finance import MONTHS_PER_YEAR, annuity
from breakeven.quantity import HOURS_PER_MONTH, SECONDS_PER_HOUR
from breakeven.schema.bill import Bill, Line
from breakeven.schema.offer import Offer
from breakeven.schema.placed import Device

JOULES_PER_KWH = 3.6e6
WATTS_PER_KW = 1000.0


def provisioned_bill(case: Case) -> Bill:
    """Units x price x 730 h, used or not; what overflows is another bill's. Unpriced without a price of a unit."""
    offer, units = case.offer, case.fleet.replicas
    if offer.usd_per_hour is None:
        return Bill(option=case.option, lines=(), unpriced=(f"price per unit-hour of {offer.id}",))
    formula = f"{units:,} units x {offer.usd_per_hour:g} USD/h x {HOURS_PER_MONTH:g} h"
    amount = units * offer.usd_per_hour * HOURS_PER_MONTH
    line = Line(name="provisioned_units", amount_usd=amount, formula=formula, facts=(price_key(offer, "usd_per_hour"),))
    return Bill(option=case.option, lines=(line,))


def edge_bill(case: Case) -> Bill:
    """All devices of a class for a month, of which `case.demand` is what they answer; the rest is another bill's.

    Devices that are bought are written off in a straight line to nothing: nobody is known to buy them back. Electricity
    counts where it is ours. What has no price (`usd_per_device_month`, the purchase of devices that are ours, energy
    that we pay for) is named, and the bill has no total then.
    """
    offer, device = case.offer, case.offer.device
    if device is None:
        return Bill(option=case.option, lines=(), unpriced=(f"devices of {offer.id}",))
    lines, missing = list(_upkeep(offer, device)), []
    if offer.usd_per_device_month is None:
        missing.append(f"price per device-month of {offer.id}")
    if device.owned_by == "ours":
        lines += _bought(case, device)
        missing += [] if offer.purchase_usd is not None else [f"purchase price of {offer.id}"]
    if device.electricity == "ours":
        lines += _power(case, device)
        known = device.joules_per_token is not None or device.busy_w is not None
        missing += [] if known else [f"energy of {offer.id}: neither joules_per_token nor busy_w is stated"]
    capex = (offer.purchase_usd or 0.0) * device.devices if device.owned_by == "ours" else 0.0
    return Bill(option=case.option, lines=tuple(lines), capex_usd=capex, unpriced=tuple(missing))


def busy_s(device: Device, requests: float, input_tokens: float, output_tokens: float) -> float:
    """Device-seconds that so many requests with so many tokens in all keep devices busy."""
    alone = input_tokens / device.prompt_tokens_per_s + output_tokens / device.answer_tokens_per_s
    return alone / max(1, device.at_once) if requests > 0 else 0.0


def _upkeep(offer: Offer, device: Device) -> tuple[Line, ...]:
    each = offer.usd_per_device_month
    if each is None:
        return ()
    formula = f"{device.devices:,} devices x {each:g} USD"
    facts = (price_key(offer, "usd_per_device_month"), price_key(offer, "device/devices"))
    return (Line(name="devices", amount_usd=device.devices * each, formula=formula, facts=facts),)


def _bought(case: Case, device: Device) -> tuple[Line, ...]:
    price, life = case.offer.purchase_usd, device.life_months
    if price is None:
        return ()
    capex, rate = price * device.devices, case.assumptions.cost_of_capital
    flat = straight_line_month(capex, 0.0, life)
    level = annuity(capex, rate / MONTHS_PER_YEAR, life, 0.0)
    facts = (price_key(case.offer, "purchase_usd"), price_key(case.offer, "device/devices"))
    bought = f"{device.devices:,} devices x {price:,.2f} USD"
    return (
        Line(name="depreciation", amount_usd=flat, formula=f"{bought} / {life} months, no resale", facts=facts),
        Line(
            name="cost_of_capital",
            amount_usd=level - flat,
            formula=f"annuity of {capex:,.0f} USD at {rate:.1%} a year over {life} months - depreciation",
            basis="assumed",
            facts=(*facts, f"{PREFIX}cost_of_capital"),
        ),
    )


def _power(case: Case, device: Device) -> tuple[Line, ...]:
    """A line for what idles all month, and one for what answering draws on top of it."""
    tariff = case.assumptions.electricity_us_commercial
    key, demand = f"{PREFIX}electricity_us_commercial", case.demand
    stand_by = device.devices * device.idle_w / WATTS_PER_KW * HOURS_PER_MONTH
    tokens = demand.input_tokens + demand.output_tokens
    if device.joules_per_token is not None:
        kwh, what = tokens * device.joules_per_token / JOULES_PER_KWH, f"{tokens:,.0f} tokens"
        what, facts = f"{what} x {device.joules_per_token:g} J", (price_key(case.offer, "device/joules_per_token"),)
    elif device.busy_w is not None:
        seconds = busy_s(device, demand.requests, demand.input_tokens, demand.output_tokens)
        kwh = seconds * max(0.0, device.busy_w - device.idle_w) / WATTS_PER_KW / SECONDS_PER_HOUR
        what = f"{seconds / SECONDS_PER_HOUR:,.0f} busy hours x ({device.busy_w:g} W - {device.idle_w:g} W idle)"
        facts = (price_key(case.offer, "device/busy_w"),)
    else:
        return ()
    formula = f"{device.devices:,} devices x {device.idle_w:g} W x {HOURS_PER_MONTH:g} h x {tariff:g} USD/kWh"
    idle = Line(name="standby_power", amount_usd=stand_by * tariff, formula=formula, facts=(key,))
    busy = Line(
        name="power",
        amount_usd=kwh * tariff,
        formula=f"{what} = {kwh:,.0f} kWh x {tariff:g} USD/kWh",
        facts=(*facts, key),
        fixed=False,
    )
    return (idle, busy) if stand_by else (busy,)
