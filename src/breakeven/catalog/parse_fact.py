"""Single facts as people write them: an entry of `facts:`, a specification, an operating assumption, a source."""

from __future__ import annotations

import difflib
from typing import TypedDict, cast, get_args

from breakeven.catalog import fields
from breakeven.catalog.measure import in_measure, known_key
from breakeven.catalog.node import Node, Sources, sourced
from breakeven.catalog.snapshot import Source
from breakeven.schema.fact import Confidence, Fact

PLACES = ("electricity", "carbon")
"""Kinds of facts whose key names the region they hold in."""


def parse_fact(key: str, node: Node, known: Sources) -> Fact:
    """One entry of `facts:`, or a specification of a thing; its figures in the unit that its key asks for.

    Raises:
        FactError: no source or date, a unit that its key does not mean, a figure outside the believable, or a key that
            is none of its kind.
    """
    node.only(fields.ENTRY)
    if key.startswith("offer/") and "@" not in key:
        node.fail("", f"{key} is a price", "state it under offers: with the id of the offer")
    entry = sourced(node, known)
    values, unit, converted = in_measure(entry, ("value", "low", "high"), known_key(key, entry))
    return Fact(
        key=key,
        value=values["value"],
        unit=unit,
        low=values["low"],
        high=values["high"],
        basis=entry.text("basis", "specification"),
        term=entry.text("term", ""),
        **_about(entry, _region(key), converted),
    )


def parse_assumption(key: str, node: Node, known: Sources) -> Fact:
    """One entry of `assumptions:`.

    Raises:
        FactError: not low <= base <= high, a unit that it does not mean, or no source or date.
    """
    node.only(fields.ASSUMPTION)
    entry = sourced(node, known)
    full = f"assumption/{key}"
    values, unit, converted = in_measure(entry, ("base", "low", "high"), known_key(full, entry))
    low, base, high = (values[name] for name in ("low", "base", "high"))
    if low is None or base is None or high is None or not low <= base <= high:
        entry.fail("base", f"needs low <= base <= high, got {low}, {base}, {high}", "state all three")
    about = _about(entry, "", converted)
    return Fact(key=full, value=base, unit=unit, low=low, high=high, basis="assumption", **about)


class _About(TypedDict):
    """What every fact says of itself beside its figures."""

    source: str
    as_of: str
    url: str
    licence: str
    note: str
    region: str
    valid_to: str
    retrieved: str
    confidence: Confidence


def _about(entry: Node, region: str, converted: str) -> _About:
    since, until = entry.date("as_of"), entry.date("valid_to", whole=True, default="")
    refuse_reversed(entry, since, until)
    return {
        "source": entry.text("source"),
        "as_of": since,
        "url": entry.text("url", ""),
        "licence": entry.text("licence", ""),
        "note": "; ".join(part for part in (entry.text("note", ""), converted) if part),
        "region": entry.text("region", region),
        "valid_to": until,
        "retrieved": entry.date("retrieved", whole=True, default=""),
        "confidence": confidence(entry),
    }


def refuse_reversed(entry: Node, since: str, until: str) -> None:
    """Refuse what ends before it begins, or on the day it begins."""
    if until and until <= since:
        entry.fail("valid_to", f"ends on {until} and holds from {since}", "the end is exclusive, and after the start")


def parse_source(node: Node) -> Source:
    """A row of the table of sources."""
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
