"""A price entry as people write it into an Offer."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import cast, get_args

import msgspec

from breakeven.catalog import fields
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.catalog.parse_fact import refuse_reversed
from breakeven.catalog.parse_placed import parse_placed
from breakeven.schema.offer import Offer, OfferKind, PriceTier

NAMED = {"accelerator_hour": "accelerator", "api": "model", "provisioned": "model", "edge": "model"}
"""Kind of offer -> the key that says what is sold."""
EXAMPLE = {
    "accelerator": "accelerator: h100-sxm; `breakeven catalog list accelerators` shows them, or state your own",
    "model": "model: the name the provider sells it under",
}


def parse_offer(node: Node, known: Sources) -> Offer:
    """One entry of `offers:`.

    Raises:
        FactError: no source or date, an unknown kind or term, a price that is not above zero (unless `free: true` and
            a note with the reason say that it is 0), or tiers that do not ascend.
    """
    node.only(fields.OFFER)
    named = sourced(node, known)
    entry = dataclasses.replace(named, path=f"offers/{named.text('id')}")
    kind = cast("OfferKind", _choice(entry, "kind", get_args(OfferKind)))
    _refuse_other_prices(entry, kind)
    optional = ("model", "accelerator", "region", "url", "licence", "note")
    values: dict[str, object] = {name: entry.text(name, "") for name in optional}
    values |= {name: entry.text(name) for name in ("id", "provider", "source")}
    free = _free(entry)
    values |= {name: _price(entry, name, measure, free) for name, measure in fields.PRICES[kind].items()}
    values |= {
        "kind": kind,
        "valid_from": entry.date("valid_from", whole=True),
        "valid_to": entry.date("valid_to", whole=True, default=""),
        "count": int(entry.number("count", low=1, high=100_000) or 1),
        "term": _choice(entry, "term", fields.TERMS, "purchase" if kind == "server_purchase" else "on_demand"),
        "basis": entry.text("basis", "list"),
        "free": free,
        "tiers": _tiers(entry, kind),
        **parse_placed(entry, kind, known),
    }
    if free and not any(values[name] == 0 for name in fields.PRICES[kind]):
        entry.fail("free", "no price of 0 is stated", "state the price that is 0, or leave free out")
    offer = msgspec.convert(values, Offer)
    _refuse_incomplete(entry, offer)
    return offer


def _price(entry: Node, name: str, measure: fields.Measure, free: bool = False) -> float | None:  # noqa: FBT001, FBT002
    low = 0.0 if free else measure.least
    return entry.number(name, price=not free, low=low, high=measure.most, unit=measure.unit)


def _refuse_incomplete(entry: Node, offer: Offer) -> None:
    """Refuse an offer that says neither what it sells nor for how much, or that ends before it begins."""
    refuse_reversed(entry, offer.valid_from, offer.valid_to)
    wanted = NAMED.get(offer.kind, "")
    if wanted and not getattr(offer, wanted):
        entry.fail(wanted, f"no {wanted}: an offer of the kind {offer.kind} names what it sells", EXAMPLE[wanted])
    names = fields.PRICES[offer.kind]
    if all(getattr(offer, name) is None for name in names):
        stated = ", ".join(f"{name} ({measure.unit})" for name, measure in names.items())
        entry.fail("id", "no price is stated", f"state one of {stated}, or list the id under unpriced:")


def _free(entry: Node) -> bool:
    """Whether a price of 0 is meant; then the note says why."""
    value = entry.get("free")
    if value is None or value is False:
        return False
    if value is not True:
        entry.fail("free", f"should be true, got {value!r}", "write free: true, or leave it out")
    if not entry.text("note", ""):
        entry.fail("free", "a price of 0 needs a reason", "say in note: why it costs nothing, and until when")
    return True


def _tiers(entry: Node, kind: OfferKind) -> tuple[PriceTier, ...]:
    rows = entry.get("tiers")
    if rows is None:
        return ()
    if kind != "api" or not isinstance(rows, list) or not rows or not all(isinstance(row, Mapping) for row in rows):
        entry.fail("tiers", f"should be a list of tiers of an api, got {rows!r}", "- {above_input_tokens: 200000, ...}")
    found = [_tier(Node(file=entry.file, path=f"{entry.path}/tiers", data=row, inherited={})) for row in rows]
    bounds = [tier.above_input_tokens for tier in found]
    if bounds != sorted(set(bounds)):
        entry.fail("tiers", f"above_input_tokens should ascend, got {bounds}", "list each tier once, shortest first")
    return tuple(found)


def _tier(node: Node) -> PriceTier:
    node.only(fields.TIER)
    above = node.number("above_input_tokens", low=1, high=1e9)
    if above is None or above != int(above):
        node.fail("above_input_tokens", f"should be a whole number, got {above}", "say above how many input tokens")
    prices = {name: _price(node, name, fields.PRICES["api"][name]) for name in fields.TIER[1:]}
    if all(price is None for price in prices.values()):
        node.fail("above_input_tokens", f"no price changes above {above:,.0f}", "state at least one price")
    return msgspec.convert({"above_input_tokens": int(above), **prices}, PriceTier)


def _refuse_other_prices(entry: Node, kind: OfferKind) -> None:
    allowed = fields.PRICES[kind]
    every = {name for prices in fields.PRICES.values() for name in prices}
    for name in entry.data:
        if name in every and name not in allowed:
            entry.fail(name, f"is no price of a {kind}", f"prices of a {kind}: {', '.join(allowed)}")


def _choice(node: Node, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    if node.get(key) is None and default is None:
        node.fail(key, f"no {key}", f"one of: {', '.join(allowed)}")
    value = node.text(key, default)
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(allowed)}"
        node.fail(key, f"{value!r} is not known", hint)
    return value
