"""The catalog at rest: sourced facts, the things they describe, and prices with their dates."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from breakeven.schema.fact import Confidence, Fact
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

Key = TypeVar("Key", str, tuple[str, str])
Value = TypeVar("Value")


class Head(Noun, frozen=True, kw_only=True):
    """The name of an accelerator or a model; its numbers are facts with keys `accelerator/<id>/<field>`.

    `aliases` are other names that it is measured and sold under; `architecture` is an accelerator's generation,
    `attention` and `weight_format` are a model's.
    """

    id: str
    name: str
    vendor: str = ""
    aliases: tuple[str, ...] = ()
    architecture: str = ""
    attention: str = ""
    weight_format: str = ""


class Source(Noun, frozen=True, kw_only=True):
    """Where figures come from; `source` is what facts and offers name it."""

    source: str
    as_of: str = ""
    url: str = ""
    licence: str = ""
    retrieved: str = ""
    confidence: Confidence = ""


class Rejected(Noun, frozen=True, kw_only=True):
    """A published figure that was read and not taken over, with the reason."""

    what: str
    figure: str
    reason: str
    source: str
    as_of: str = ""


class LeftOut(Noun, frozen=True, kw_only=True):
    """Rows of a source that are not taken over though nothing is wrong with them, and why."""

    what: str
    reason: str
    source: str


class Unpriced(Noun, frozen=True, kw_only=True):
    """Something sold for which no sourced price is at hand; `missing` names the fields a user's own fact would fill."""

    id: str
    kind: str
    missing: tuple[str, ...]
    note: str = ""


class Snapshot(Noun, frozen=True, kw_only=True):
    """Everything one file, or all files together, state."""

    facts: tuple[Fact, ...] = ()
    accelerators: tuple[Head, ...] = ()
    models: tuple[Head, ...] = ()
    offers: tuple[Offer, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    sources: tuple[Source, ...] = ()


def entry_key(offer: Offer) -> str:
    """What identifies one dated entry of an offer."""
    return f"offer/{offer.id}@{offer.valid_from}"


def merge(parts: Iterable[Snapshot]) -> Snapshot:
    """One snapshot of several, the later part winning where both state the same key, or the same offer and date.

    An offer of the same id with another date is another entry of its history; one that fills an `unpriced` id
    removes it from that list. The result is sorted, so that the order of files does not show.
    """
    facts: dict[str, Fact] = {}
    accelerators: dict[str, Head] = {}
    models: dict[str, Head] = {}
    offers: dict[tuple[str, str], Offer] = {}
    rejected: dict[tuple[str, str], Rejected] = {}
    left_out: dict[tuple[str, str], LeftOut] = {}
    unpriced: dict[str, Unpriced] = {}
    sources: dict[str, Source] = {}
    for part in parts:
        facts |= {fact.key: fact for fact in part.facts}
        accelerators |= {head.id: _named(head, accelerators) for head in part.accelerators}
        models |= {head.id: _named(head, models) for head in part.models}
        offers |= {(offer.id, offer.valid_from): offer for offer in part.offers}
        rejected |= {(row.what, row.figure): row for row in part.rejected}
        left_out |= {(row.what, row.source): row for row in part.left_out}
        unpriced |= {row.id: row for row in part.unpriced}
        sources |= {row.source: row for row in part.sources}
    sold = {offer.id for offer in offers.values()}
    return Snapshot(
        facts=_sorted(facts),
        accelerators=_sorted(accelerators),
        models=_sorted(models),
        offers=_sorted(offers),
        rejected=_sorted(rejected),
        left_out=_sorted(left_out),
        unpriced=tuple(unpriced[key] for key in sorted(unpriced) if key not in sold),
        sources=_sorted(sources),
    )


def _named(head: Head, before: dict[str, Head]) -> Head:
    """A part that only adds facts to a known thing gives no name; the known one stays."""
    return before[head.id] if head.id in before and head.name == head.id else head


def _sorted(entries: dict[Key, Value]) -> tuple[Value, ...]:
    return tuple(entries[key] for key in sorted(entries))
