"""Tokens and requests at a provider's price, and reserved throughput with pay-as-you-go for what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Amount, Array, amount, number
from breakeven.config.study.given import Given
from breakeven.config.study.option import Api, Provisioned
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, POSITIVE, SHARE
from breakeven.study.context import Context
from breakeven.study.flow import Flow, recurring
from breakeven.study.known import Known, plain
from breakeven.study.part.offer import offered
from breakeven.study.part.rent import at_least

EXACT = 1e-9
"""Share of the traffic below which nothing lies above the units: the last digits of a float."""
OFFERED = {
    "input": "input_usd_per_mtok",
    "cached_input": "cached_input_usd_per_mtok",
    "output": "output_usd_per_mtok",
    "request": "request_usd",
}


def build(context: Context, stated: Api) -> None:
    """One line each for input, cached input, output and requests; tiers, batch, discounts and minimums included."""
    context.flows.extend(_billed(context, stated, plain(1.0), ("api",), "api"))


def _billed(context: Context, stated: Api, share: Known, where: tuple[str, ...], part: str) -> list[Flow]:
    """The lines of an API for a share of the traffic, and what is missing to its minimum."""
    before = len(context.unpriced)
    flows = _priced_flows(context, stated, share, where, part)
    if not flows and len(context.unpriced) == before:
        message = f"the API of option `{context.name}` has nothing to charge for: the demand is none that it prices"
        way_out = "state `demand: requests:` or tokens, and a price for them"
        raise StudyError(message, way_out, path=context.path(*where))
    _minimum(context, stated, flows, where, part)
    return flows


def _minimum(context: Context, stated: Api, flows: list[Flow], where: tuple[str, ...], part: str) -> None:
    """What is missing to the minimum, as a line of its own."""
    least = context.priced(stated.minimum, *where, "minimum")
    if least is None:
        return
    used = sum((flow.monthly for flow in flows if flow.monthly is not None), np.zeros((1, 1)))
    facts = _once([key for flow in flows for key in flow.facts])
    whole = Flow(name="minimum_commitment", part=part, category="inference", formula="", monthly=used, facts=facts)
    charged = at_least(context, whole, least, *where, "minimum")
    missing = charged.monthly - used if charged.monthly is not None else None
    if missing is not None and np.any(missing > 0):
        flows.append(replace(charged, monthly=missing, formula=f"what is missing to {least.text}"))


def _priced_flows(context: Context, stated: Api, share: Known, where: tuple[str, ...], part: str) -> list[Flow]:
    """The lines of an API, for a share of the traffic."""
    fleet, flows = context.fleet, []
    fresh, cached = _inputs(context)
    cached_price = _price(context, stated, "cached_input", where)
    input_price = _price(context, stated, "input", where)
    plan = (
        ("input_tokens", fresh, input_price),
        ("cached_input_tokens", cached, cached_price if cached_price is not None else input_price),
        ("output_tokens", fleet.served("output_tokens"), _price(context, stated, "output", where)),
        ("requests", fleet.served("requests"), _price(context, stated, "request", where)),
    )
    reduced = _reduction(context, stated, where)
    only_requests = plan[-1][-1] is not None and all(price is None for _, _, price in plan[:-1])
    for name, flow, price in plan:
        if flow is None:
            continue
        if price is None:
            if name != "requests" and not only_requests:
                context.unpriced.append(f"{name} of {'.'.join(where)}")
            continue
        with context.scope.at(*context.path(*where, name)):
            charged = _charged(context, stated, name, flow * share, price, where)
            flows.append(recurring(context.scope, name, part, charged * reduced))
    return flows


def _inputs(context: Context) -> tuple[Known | None, Known | None]:
    """Input that is read anew, and input from the cache: all of it at most, where it is drawn."""
    whole, cached = (context.fleet.served(name) for name in ("input_tokens", "cached_input_tokens"))
    if whole is None or cached is None:
        return whole, cached
    fresh = whole - cached
    if not context.scope.drawn and fresh.amount.values.min() < 0:
        message = f"cached input tokens ({cached.text}) are more than input tokens ({whole.text})"
        raise StudyError(message, "cached input is a part of input", path=("demand", "cached_input_tokens"))
    most = np.minimum(cached.amount.values, whole.amount.values)
    return fresh.based(fresh.amount.mapped(lambda values: np.maximum(0.0, values)), fresh.text), cached.based(
        Amount(most, cached.amount.dims), cached.text
    )


def _price(context: Context, stated: Api, name: str, where: tuple[str, ...]) -> Known | None:
    given: Given | None = getattr(stated, name)
    if given is not None:
        return context.priced(given, *where, name)
    if not stated.offer:
        return None
    scope = context.scope
    with scope.at(*context.path(*where, "offer")):
        offer = scope.catalog.offer(stated.offer, scope.on)
    value: float | None = getattr(offer, OFFERED[name])
    unit = "USD/request" if name == "request" else "USD/Mtok"
    return None if value is None else offered(context, offer.id, OFFERED[name], value, unit)


def _reduction(context: Context, stated: Api, where: tuple[str, ...]) -> Known:
    """What batch traffic and a committed-spend discount leave of a price."""
    left = plain(1.0)
    share = context.within(stated.batch_share, SHARE, "", *where, "batch_share")
    saved = context.within(stated.batch_discount, SHARE, "", *where, "batch_discount")
    discount = context.within(stated.discount, SHARE, "", *where, "discount")
    if (share is None) != (saved is None):
        told = "`batch_share` without `batch_discount`" if saved is None else "`batch_discount` without `batch_share`"
        message = f"option `{context.name}` states {told}"
        raise StudyError(message, "state both", path=context.path(*where))
    if share is not None and saved is not None:
        values = 1 - share.amount.values * saved.amount.values
        left = Known(number(values), (*share.facts, *saved.facts), f"(1 - {share.text} batch x {saved.text})")
    if discount is not None:
        left = left * Known(number(1 - discount.amount.values), discount.facts, f"(1 - {discount.text})")
    return left


def _charged(context: Context, stated: Api, name: str, flow: Known, price: Known, where: tuple[str, ...]) -> Known:
    """Flow x price; with tiers each part of the volume at the price of its tier."""
    field = {"input_tokens": "input", "cached_input_tokens": "cached_input", "output_tokens": "output"}.get(name)
    bands = _bands(context, stated, field, price, where) if field else []
    if not bands:
        return flow * price
    total: Array | float = 0.0
    volume = flow.amount.values
    facts = [*flow.facts, *price.facts]
    for at, (above, tier) in enumerate(bands):
        upper = bands[at + 1][0] if at + 1 < len(bands) else np.inf
        total = total + (np.minimum(volume, upper) - np.minimum(volume, above)) * tier.amount.values
        facts.extend(tier.facts)
    whole = flow * price
    text = f"{flow.text} x {len(bands)} tiers from {price.text}"
    return replace(whole.based(Amount(np.atleast_2d(np.asarray(total)), whole.amount.dims), text), facts=_once(facts))


def _once(facts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(facts))


def _bands(
    context: Context, stated: Api, field: str, price: Known, where: tuple[str, ...]
) -> list[tuple[float, Known]]:
    bands = [(0.0, price)]
    for at, tier in enumerate(stated.tiers):
        given: Given | None = getattr(tier, field)
        cheaper = context.priced(given, *where, "tiers", at, field)
        above = context.within(tier.above, COUNT, "token/month", *where, "tiers", at, "above")
        if cheaper is not None and above is not None:
            with context.scope.at(*context.path(*where, "tiers", at, "above")):
                bands.append((context.scope.single(above).amount.scalar, cheaper))
    return sorted(bands, key=lambda band: band[0]) if len(bands) > 1 else []


def provisioned(context: Context, stated: Provisioned) -> None:
    """Units x price, and the traffic above what they carry at the overflow's prices.

    Without `units` there are enough for the mean rate; without `overflow_share` the share above them is what the mean
    rate exceeds, so that a bursty load needs the share stated (from its load-duration curve).
    """
    carries = context.read(stated.capacity, "provisioned", "capacity")
    context.scope.within(carries, POSITIVE, *context.path("provisioned", "capacity"))
    price = context.priced(stated.price, "provisioned", "price", needed=True)
    if carries is None:
        context.unpriced.append("provisioned.capacity")
    if carries is None or price is None:
        return
    thing = "token" if any(name == "token" for name, _ in carries.amount.dims) else "request"
    flow = context.fleet.served("tokens" if thing == "token" else "requests")
    if flow is None:
        message = f"provisioned units carry {thing}s, and the study states none"
        raise StudyError(message, f"state `demand: {thing}s`", path=context.path("provisioned"))
    units = _units(context, stated, flow / carries)
    context.months(stated.term, "provisioned", "term")
    context.charge("provisioned_units", "provisioned", price * units, "provisioned", "price")
    context.figures["units"] = units
    over = _overflow(context, stated, units, flow / carries)
    context.figures["overflow_share"] = over
    if stated.overflow is not None:
        where = ("provisioned", "overflow")
        flows = _billed(context, stated.overflow, over, where, "provisioned")
        context.flows.extend(replace(flow, name=f"overflow_{flow.name}") for flow in flows)
    elif np.any(over.amount.values > 0):
        most = float(over.amount.values.max())
        message = f"the units ({units.text}) carry all but {most:.1%} of the traffic, and no `overflow:` is priced"
        raise StudyError(message, "add `overflow:` prices, or more `units:`", path=context.path("provisioned"))


def _units(context: Context, stated: Provisioned, needed: Known) -> Known:
    unit = context.scope.unit("unit")
    with context.scope.at(*context.path("provisioned", "capacity")):
        needed.amount.to(unit, "units from demand / capacity")
    found = context.within(stated.units, COUNT, "unit", "provisioned", "units")
    step = context.within(stated.step, POSITIVE, "unit", "provisioned", "step")
    least = context.within(stated.minimum_units, COUNT, "unit", "provisioned", "minimum_units")
    if found is not None:
        if not context.scope.drawn:
            _sold(context, found, least, step)
        return found
    size = step.amount.values if step is not None else 1.0
    steps = needed.amount.values / size
    values = np.maximum(np.ceil(np.round(steps, 9)), steps > 0) * size
    if least is not None:
        values = np.maximum(values, least.amount.values)
    return needed.based(amount(values, unit), f"ceil({needed.text})")


def _sold(context: Context, found: Known, least: Known | None, step: Known | None) -> None:
    """Raise where units are stated that nobody sells: fewer than the least, or no whole number of steps."""
    path, units = context.path("provisioned", "units"), found.amount.values
    if least is not None and np.any(units < least.amount.values):
        message = f"{found.text} provisioned, and at least {least.text} are sold"
        raise StudyError(message, f"state `units: {least.text}`", path=path)
    if step is None or (least is not None and np.all(units == least.amount.values)):
        return
    steps = np.round(units / step.amount.values, 9)
    if np.any(steps != np.ceil(steps)):
        message = f"{found.text} provisioned, and they are sold in steps of {step.text}"
        enough = float((np.ceil(steps) * step.amount.values).max())
        raise StudyError(message, f"state `units: {enough:g} unit`", path=path)


def _overflow(context: Context, stated: Provisioned, units: Known, needed: Known) -> Known:
    share = context.within(stated.overflow_share, SHARE, "", "provisioned", "overflow_share")
    if share is not None:
        return share
    needs = needed.amount.values
    above = np.maximum(0.0, needs - units.amount.values)
    shares = np.divide(above, needs, out=np.zeros_like(above), where=needs > 0)
    values = np.where(shares > EXACT, shares, 0.0)
    return needed.based(number(values), f"share above {units.text}")
