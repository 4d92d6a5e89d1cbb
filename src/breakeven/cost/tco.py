"""The monthly bill of an option: every line itemised, with its formula and the facts it rests on."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from breakeven.cost.assumptions import PREFIX
from breakeven.cost.case import Case, Demand, price_key
from breakeven.cost.fleet import servers_needed
from breakeven.cost.owned import owned_bill
from breakeven.cost.placed import edge_bill, provisioned_bill
from breakeven.cost.price import charge_pico_usd, offer_at, price_field, token_price
from breakeven.quantity import HOURS_PER_MONTH, usd_from_pico
from breakeven.schema.bill import Bill, Line
from breakeven.schema.offer import Offer, OfferKind
from breakeven.schema.policy import TokenPrice
from breakeven.schema.record import Tokens

HYPERSCALERS = frozenset({"aws", "azure", "gcp", "oci"})
"""Providers whose support is sold on top of the price."""


def monthly_bill(case: Case) -> Bill:
    """The bill of one month of 730 hours.

    `api`: tokens at list price, that of the tier the mean request's input falls in. `accelerator_hour`: machines x
    price x 730 h, plus warm capacity, goodput loss and support as assumed fractions of the rent. `server_purchase`: see
    `owned_bill`. `cpu_hour`: vCPUs x price x 730 h. `provisioned` and `edge`: see `cost.placed`. What
    has no price is named in `unpriced`, and the bill has no total then. A replica that needs more accelerators than the
    offer's machine holds is spread over several machines: whether that works is the planner's question.
    """
    return BILLS[case.offer.kind](case)


def _api(case: Case) -> Bill:
    demand = case.demand
    length = demand.input_tokens / demand.requests if demand.requests > 0 else 0.0
    offer = offer_at(case.offer, length)
    price = token_price(offer)
    lines = [line for part in _parts(demand) if (line := _token_line(case.offer, length, price, *part))]
    missing = [name for name, _, tokens in _parts(demand) if _charge(price, tokens) is None]
    if price.request_pico_usd is not None:
        formula = f"{demand.requests:,.0f} requests x {offer.request_usd:g} USD"
        fee = usd_from_pico(price.request_pico_usd) * demand.requests
        key = price_key(offer, "request_usd")
        lines.append(Line(name="requests", amount_usd=fee, formula=formula, facts=(key,), fixed=False))
    if charge_pico_usd(price, Tokens()) is None:
        missing = ["every price"]
    return Bill(option=case.option, lines=tuple(lines), unpriced=tuple(f"{name} of {offer.id}" for name in missing))


def _parts(demand: Demand) -> tuple[tuple[str, str, Tokens], ...]:
    """Name, price field and tokens of each kind that there is."""
    cached = round(min(demand.cached_input_tokens, demand.input_tokens))
    fresh, output = round(demand.input_tokens) - cached, round(demand.output_tokens)
    parts = (
        ("input_tokens", "input_usd_per_mtok", Tokens(input=fresh)),
        ("cached_input_tokens", "cached_input_usd_per_mtok", Tokens(input=cached, cached_input=cached)),
        ("output_tokens", "output_usd_per_mtok", Tokens(output=output)),
    )
    return tuple(part for part in parts if part[2].input or part[2].output)


def _charge(price: TokenPrice, tokens: Tokens) -> int | None:
    """The charge of the tokens alone; the fee per request is a line of its own."""
    return charge_pico_usd(msgspec.structs.replace(price, request_pico_usd=None), tokens)


def _token_line(offer: Offer, length: float, price: TokenPrice, name: str, field: str, tokens: Tokens) -> Line | None:
    """One kind of tokens at the price of a request of the mean input `length`."""
    charge = _charge(price, tokens)
    if charge is None:
        return None
    paid = offer_at(offer, length)
    stated = field if getattr(paid, field) is not None else "input_usd_per_mtok"
    formula = f"{tokens.input + tokens.output:,} tokens x {getattr(paid, stated):g} USD per million"
    key = price_key(offer, price_field(offer, stated, length))
    return Line(name=name, amount_usd=usd_from_pico(charge), formula=formula, facts=(key,), fixed=False)


def _rented(case: Case) -> Bill:
    offer, fleet = case.offer, case.fleet
    if offer.usd_per_hour is None:
        return Bill(option=case.option, lines=(), unpriced=(f"price per hour of {offer.id}",))
    machines = servers_needed(fleet.replicas + fleet.spare_replicas, fleet.accelerators, offer.count)
    rent = machines * offer.usd_per_hour * HOURS_PER_MONTH
    key = price_key(offer, "usd_per_hour")
    formula = f"{machines} x {offer.usd_per_hour:g} USD/h x {HOURS_PER_MONTH:g} h"
    first = Line(name="rent", amount_usd=rent, formula=formula, facts=(key,))
    uplifts = ["autoscaling_overhead", "goodput_loss"]
    if offer.provider in HYPERSCALERS:
        uplifts.append("support_uplift_hyperscaler")
    return Bill(option=case.option, lines=(first, *(_uplift(case, name, rent, key) for name in uplifts)))


def _uplift(case: Case, name: str, rent: float, key: str) -> Line:
    share: float = getattr(case.assumptions, name)
    formula = f"{rent:,.2f} USD rent x {share:.1%}"
    return Line(name=name, amount_usd=rent * share, formula=formula, basis="assumed", facts=(key, f"{PREFIX}{name}"))


def _cpu(case: Case) -> Bill:
    offer, fleet = case.offer, case.fleet
    if offer.usd_per_hour is None:
        return Bill(option=case.option, lines=(), unpriced=(f"price per vCPU-hour of {offer.id}",))
    vcpus = (fleet.replicas + fleet.spare_replicas) * fleet.vcpus
    formula = f"{vcpus:g} vCPU x {offer.usd_per_hour:g} USD/h x {HOURS_PER_MONTH:g} h"
    amount = vcpus * offer.usd_per_hour * HOURS_PER_MONTH
    facts = (price_key(offer, "usd_per_hour"),)
    return Bill(option=case.option, lines=(Line(name="rent", amount_usd=amount, formula=formula, facts=facts),))


BILLS: dict[OfferKind, Callable[[Case], Bill]] = {
    "api": _api,
    "accelerator_hour": _rented,
    "server_purchase": owned_bill,
    "cpu_hour": _cpu,
    "provisioned": provisioned_bill,
    "edge": edge_bill,
}
