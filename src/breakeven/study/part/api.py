"""Tokens and requests at a provider's price."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from breakeven.algebra.amount import Amount, Array, number
from breakeven.algebra.unit import UnitError
from breakeven.config.study.given import Given
from breakeven.config.study.option import Api
from breakeven.errors import StudyError
from breakeven.study.bound import COUNT, SHARE
from breakeven.study.context import Context
from breakeven.study.flow import Flow, recurring
from breakeven.study.known import Known, plain
from breakeven.study.part.offer import offered
from breakeven.study.part.rent import at_least

OFFERED = {
    "input": "input_usd_per_mtok",
    "cached_input": "cached_input_usd_per_mtok",
    "output": "output_usd_per_mtok",
    "request": "request_usd",
}


def build(context: Context, stated: Api) -> None:
    """One line each for input, cached input, output and requests; tiers, batch, discounts and minimums included."""
    context.flows.extend(billed(context, stated, plain(1.0), ("api",), "api"))


def billed(context: Context, stated: Api, share: Known, where: tuple[str, ...], part: str) -> list[Flow]:
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
                bound = context.scope.single(above).amount.scalar
                if any(bound == other for other, _ in bands):
                    message = f"two prices of {field} hold from {above.text} on"
                    raise UnitError(message, "let every tier begin at another volume, above 0")
                bands.append((bound, cheaper))
    return sorted(bands, key=lambda band: band[0]) if len(bands) > 1 else []
