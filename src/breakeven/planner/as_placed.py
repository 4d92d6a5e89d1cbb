"""Provisioned units and devices as options of a study, in the study's own words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from breakeven.planner.candidate import Candidate
from breakeven.planner.doubt.terms import term_months
from breakeven.schema.offer import Offer
from breakeven.schema.placed import Device
from breakeven.schema.plan import Option

ROUNDING = 1e-9
"""A study adds up the same demand in another order, and refuses a share below what its mean leaves above the units."""
Priced = Callable[[float, str, Offer], dict[str, Any]]
"""A price with its unit, source and date."""


def placed_parts(option: Option, candidate: Candidate, offer: Offer, priced: Priced) -> dict[str, Any]:
    """The parts of an option that is units or devices."""
    if offer.device is not None:
        return _devices(option, offer, offer.device, priced)
    return {"provisioned": _units(option, candidate, offer, priced)}


def _units(option: Option, candidate: Candidate, offer: Offer, priced: Priced) -> dict[str, Any]:
    held = option.capacity
    each = 0.0 if held is None or held.goodput_rps is None else held.goodput_rps
    found: dict[str, Any] = {
        "price": priced(offer.usd_per_hour or 0.0, "USD/unit/h", offer) | {"trend": "= api_price_change"},
        "capacity": priced(each, "request/s/unit", offer),
        "units": {"value": f"{option.deployment.replicas} unit", "distribution": "fixed"},
    }
    if term_months(offer.term):
        found["term"] = f"{term_months(offer.term)} month"
    rest = None if candidate.rest is None else candidate.rest.offer
    if rest is None or not isinstance(option.rest, Option):
        return found
    over = min(1.0, max(0.0, 1.0 - _share(option)) + ROUNDING)
    prices = {
        "input": (rest.input_usd_per_mtok, "USD/Mtok"),
        "cached_input": (rest.cached_input_usd_per_mtok, "USD/Mtok"),
        "output": (rest.output_usd_per_mtok, "USD/Mtok"),
        "request": (rest.request_usd, "USD/request"),
    }
    overflow = {
        name: priced(value, unit, rest) | {"trend": "= api_price_change"}
        for name, (value, unit) in prices.items()
        if value is not None
    }
    return found | {"overflow": overflow, "overflow_share": {"value": over, "source": "the load-duration curve"}}


def _share(option: Option) -> float:
    return getattr(option.placed, "share", 1.0)


def _devices(option: Option, offer: Offer, device: Device, priced: Priced) -> dict[str, Any]:
    """Devices bought again at the end of their life; other lines by the month, as the bill has them."""
    lines: dict[str, Any] = {}
    if offer.usd_per_device_month is not None:
        rate = priced(offer.usd_per_device_month, "USD/device/month", offer)
        lines["device_upkeep"] = {"rate": rate, "count": f"{device.devices} device"}
    if device.owned_by == "ours" and offer.purchase_usd is not None:
        rate = priced(offer.purchase_usd, "USD/device", offer)
        bought = {"rate": rate, "count": f"{device.devices} device", "month": 0, "category": "capital"}
        lines["devices_bought"] = bought | {"every": f"{device.life_months} month"}
    power = sum(line.amount_usd for line in option.bill.lines if line.name in {"power", "standby_power"})
    if power:
        lines["device_power"] = {"rate": f"{power!r} USD/month", "category": "energy"}
    if option.rest is not None:
        lines["rest_answered"] = {"rate": f"{option.rest.monthly_cost_usd or 0.0!r} USD/month"}
    return {"lines": lines}
