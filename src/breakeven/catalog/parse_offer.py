"""A price entry as people write it into an Offer."""

from __future__ import annotations

import difflib
from typing import cast, get_args

import msgspec

from breakeven.catalog import fields
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.schema.offer import Offer, OfferKind


def parse_offer(node: Node, known: Sources) -> Offer:
    """One entry of `offers:`.

    Raises:
        FactError: no source or date, an unknown kind or term, or a price that is not above zero.
    """
    node.only(fields.OFFER)
    named = sourced(node, known)
    entry = Node(file=node.file, path=f"offers/{named.text('id')}", data=named.data, inherited=named.inherited)
    kind = cast("OfferKind", _choice(entry, "kind", get_args(OfferKind)))
    _refuse_other_prices(entry, kind)
    optional = ("model", "accelerator", "region", "url", "licence", "note")
    values: dict[str, object] = {name: entry.text(name, "") for name in optional}
    values |= {name: entry.text(name) for name in ("id", "provider", "source")}
    values |= {name: entry.number(name, price=True) for name in fields.PRICES[kind]}
    values |= {
        "kind": kind,
        "valid_from": entry.date("valid_from", whole=True),
        "valid_to": entry.date("valid_to", whole=True, default=""),
        "count": int(entry.number("count", low=1, high=100_000) or 1),
        "term": _choice(entry, "term", fields.TERMS, "purchase" if kind == "server_purchase" else "on_demand"),
        "basis": entry.text("basis", "list"),
    }
    return msgspec.convert(values, Offer)


def _refuse_other_prices(entry: Node, kind: OfferKind) -> None:
    allowed = fields.PRICES[kind]
    every = {name for prices in fields.PRICES.values() for name in prices}
    for name in entry.data:
        if name in every and name not in allowed:
            entry.fail(name, f"is no price of a {kind}", f"prices of a {kind}: {', '.join(allowed)}")


def _choice(node: Node, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
    value = node.text(key, default)
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"one of: {', '.join(allowed)}"
        node.fail(key, f"{value!r} is not known", hint)
    return value
