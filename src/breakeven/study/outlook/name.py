"""An input as people read it: its name, and its values in its own unit."""

from __future__ import annotations

from breakeven.study.reading import Leaf, dotted

DIGITS = 12
"""Significant digits shown of an input: base units and back lose the last of a float."""


PRICES = {
    "usd_per_hour": "price",
    "purchase_usd": "price",
    "request_usd": "price a request",
    "input_usd_per_mtok": "input price",
    "cached_input_usd_per_mtok": "cached input price",
    "output_usd_per_mtok": "output price",
}
"""Fields of catalog offers, as they are said."""


def name_of(leaf: Leaf) -> str:
    """`capex` of `inputs.capex`, `own.purchase.price` of an option's; everything else by its whole path."""
    head = leaf.path[0]
    if isinstance(head, str) and head.startswith("offer/"):
        _, offer, field = head.split("/", 2)
        return f"{PRICES.get(field, field)} of {offer.partition('@')[0]}"
    return dotted(leaf.path[1:]) if head in {"inputs", "options"} and len(leaf.path) > 1 else dotted(leaf.path)


def in_unit(leaf: Leaf, value: float) -> float:
    """A value in base units in the unit that the input is written in."""
    return float(f"{value / leaf.unit.factor:.{DIGITS}g}") + 0.0
