"""Single facts as people write them: an entry of `facts:`, a specification, an operating assumption, a source."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import cast, get_args

from breakeven.catalog import fields
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.catalog.snapshot import Source
from breakeven.schema.fact import Confidence, Fact

PLACES = ("electricity", "carbon")
"""Kinds of facts whose key names the region they hold in."""


def parse_fact(key: str, node: Node, known: Sources) -> Fact:
    """One entry of `facts:`.

    Raises:
        FactError: no unit, source or date; a price not above zero; an unknown confidence.
    """
    node.only(fields.ENTRY)
    entry = sourced(node, known)
    unit = entry.text("unit")
    price = unit.startswith(fields.PRICE_UNITS)
    return Fact(
        key=key,
        value=entry.number("value", price=price),
        unit=unit,
        source=entry.text("source"),
        as_of=entry.date("as_of"),
        url=entry.text("url", ""),
        licence=entry.text("licence", ""),
        basis=entry.text("basis", "specification"),
        low=entry.number("low", price=price),
        high=entry.number("high", price=price),
        note=entry.text("note", ""),
        region=entry.text("region", _region(key)),
        term=entry.text("term", ""),
        valid_to=entry.date("valid_to", whole=True, default=""),
        retrieved=entry.date("retrieved", whole=True, default=""),
        confidence=confidence(entry),
    )


def parse_measure(key: str, node: Node, bounds: tuple[str, float, float], known: Sources) -> Fact:
    """A specification, inside the bounds outside which it is a typing error.

    Raises:
        FactError: it lies outside, or lacks source or date.
    """
    unit, low, high = bounds
    node.number("value", low=low, high=high)
    inherited = {**node.inherited, "unit": unit}
    return parse_fact(key, Node(file=node.file, path=node.path, data=node.data, inherited=inherited), known)


def parse_assumption(key: str, node: Node, known: Sources) -> Fact:
    """One entry of `assumptions:`.

    Raises:
        FactError: not low <= base <= high, or no unit, source or date.
    """
    node.only(fields.ASSUMPTION)
    entry = sourced(node, known)
    low, base, high = (entry.number(name) for name in ("low", "base", "high"))
    if low is None or base is None or high is None or not low <= base <= high:
        entry.fail("base", f"needs low <= base <= high, got {low}, {base}, {high}", "state all three")
    return Fact(
        key=f"assumption/{key}",
        value=base,
        unit=entry.text("unit"),
        source=entry.text("source"),
        as_of=entry.date("as_of"),
        url=entry.text("url", ""),
        licence=entry.text("licence", ""),
        basis="assumption",
        low=low,
        high=high,
        note=entry.text("note", ""),
        region=entry.text("region", ""),
        valid_to=entry.date("valid_to", whole=True, default=""),
        retrieved=entry.date("retrieved", whole=True, default=""),
        confidence=confidence(entry),
    )


def parse_source(data: Mapping[str, object], file: str) -> Source:
    """A row of the table of sources."""
    node = Node(file=file, path="sources", data=data, inherited={})
    return Source(
        source=node.text("source"),
        as_of=node.date("as_of", default=""),
        url=node.text("url", ""),
        licence=node.text("licence", ""),
        retrieved=node.date("retrieved", whole=True, default=""),
        confidence=confidence(node),
    )


def confidence(node: Node) -> Confidence:
    """How far the source is trusted; empty where nobody judged it."""
    value, allowed = node.text("confidence", ""), get_args(Confidence)
    if value not in allowed:
        near = difflib.get_close_matches(value, allowed, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "one of: high, medium, low"
        node.fail("confidence", f"{value!r} is not known", hint)
    return cast("Confidence", value)


def _region(key: str) -> str:
    kind, _, rest = key.partition("@")[0].partition("/")
    return rest.rpartition("/")[0] if kind in PLACES else ""
