"""Appending what a price list says to a history of offers: entries are added, never edited, and overrides win."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from breakeven.catalog.fields import PRICES
from breakeven.catalog.source.genai import Left, Listing
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

OVERRIDE = "override"
"""The `basis` of an entry of ours that no import may overrule."""
NEVER = "9999-12-31"
PRICED = (*PRICES["api"], "tiers")
"""Fields that make one price of an API the same as another."""


class Kept(Noun, frozen=True, kw_only=True):
    """An override of ours that says otherwise than the list on a day, and stands."""

    offer: str
    on: str
    ours: str
    listed: str


class Summary(Noun, frozen=True, kw_only=True):
    """What an import did to which ids: a first entry, a further one, none as prices agree, none as it has them no more.

    `left` are models it did not take over, with the reason; `kept` the overrides of ours that contradict it.
    """

    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    left: tuple[Left, ...] = ()


class Imported(Noun, frozen=True, kw_only=True):
    """The entries to append, by id and date, and what happened."""

    offers: tuple[Offer, ...]
    summary: Summary


def append(found: Iterable[Listing | Left], existing: Sequence[Offer], *, retrieved: str, source: str) -> Imported:
    """The entries that make the history say what the list says, as of `retrieved`, the ISO date it is of.

    A price that the list dates begins that day; one it does not date begins the day of the list. Where an entry of the
    history contradicts a dated price, the correction begins the day after that entry. A price without a stated start
    that had ended by the day of the list is left out, and a list never overrules entries that are younger than it. The
    same list read twice appends nothing the second time.
    """
    rows = tuple(found)
    history = _history(existing)
    named, collided = _named([row for row in rows if isinstance(row, Listing)], history)
    left = [*(row for row in rows if isinstance(row, Left)), *collided]
    results = {
        key: _append(listing, _entry(key, listing, history, source), history.get(key, ()), retrieved)
        for key, listing in named.items()
    }
    offers = tuple(offer for new, _ in results.values() for offer in new)
    ids = {offer.id for offer in offers}
    mine = {key for key, entries in history.items() if entries[-1].provider in {row.provider for row in named.values()}}
    summary = Summary(
        added=tuple(sorted(ids - mine)),
        changed=tuple(sorted(ids & mine)),
        unchanged=tuple(sorted((mine & set(named)) - ids)),
        gone=tuple(sorted(mine - set(named))),
        kept=tuple(kept for _, stood in results.values() for kept in stood),
        left=tuple(left),
    )
    return Imported(offers=offers, summary=summary)


def fill(found: Iterable[Listing | Left], existing: Sequence[Offer], *, retrieved: str, source: str) -> Imported:
    """The entries by which an older list says what held on its day, of ids that have no price yet on that day.

    What is there stays in force from its day on, so that nothing a younger list says is overruled; ids that the history
    does not have, because a younger list had dropped them, are not brought back.
    """
    rows = tuple(found)
    history = _history(existing)
    named, collided = _named([row for row in rows if isinstance(row, Listing)], history)
    offers = tuple(
        entry
        for key, listing in named.items()
        if key in history and history[key][0].valid_from > retrieved
        for entry in _before(listing, _entry(key, listing, history, source), history[key][0].valid_from, retrieved)
    )
    ids = {offer.id for offer in offers}
    left = (*(row for row in rows if isinstance(row, Left)), *collided)
    kept = tuple(sorted(named.keys() & history.keys() - ids))
    return Imported(offers=offers, summary=Summary(changed=tuple(sorted(ids)), unchanged=kept, left=left))


def _before(listing: Listing, common: Offer, first: str, retrieved: str) -> Iterator[Offer]:
    """The price in force on the day of the list, and changes it announced, up to the first entry there is."""
    for start, end, step in _spans(listing):
        begin = start or retrieved
        if begin < first and end > retrieved:
            yield _dated(step, common, begin)


def priced_alike(one: Offer, other: Offer) -> bool:
    """Whether two entries ask the same prices; their dates, sources and notes aside."""
    return all(getattr(one, name) == getattr(other, name) for name in PRICED)


def price_text(offer: Offer) -> str:
    """An offer's prices in a line: input, output and what else it states, USD per million tokens."""
    shown = [
        f"{name.removesuffix('_usd_per_mtok')} {getattr(offer, name):g}" for name in PRICES["api"] if _has(offer, name)
    ]
    return ", ".join([*shown, *(f"above {tier.above_input_tokens:,} dearer" for tier in offer.tiers)])


def _has(offer: Offer, name: str) -> bool:
    return getattr(offer, name) is not None


def _history(existing: Sequence[Offer]) -> dict[str, tuple[Offer, ...]]:
    entries: dict[str, list[Offer]] = {}
    for offer in sorted(existing, key=lambda one: one.valid_from):
        if offer.kind == "api":
            entries.setdefault(offer.id, []).append(offer)
    return {key: tuple(found) for key, found in entries.items()}


def _named(
    listed: Sequence[Listing], history: Mapping[str, tuple[Offer, ...]]
) -> tuple[dict[str, Listing], list[Left]]:
    """Each listing by its id: that of the entry whose note says it is sold under this name, else made of its name."""
    aliases = {(entries[-1].provider, name): key for key, entries in history.items() if (name := _sold_as(entries))}
    named: dict[str, Listing] = {}
    left: list[Left] = []
    for row in sorted(listed, key=lambda one: (one.provider, one.model) not in aliases):
        key = aliases.get((row.provider, row.model), f"api-{row.provider}-{_slug(row.model)}")
        if key in named or (key in aliases.values() and (row.provider, row.model) not in aliases):
            left.append(Left(provider=row.provider, model=row.model, reason=f"the id {key} is another model's"))
        elif row.deprecated and key not in history:
            left.append(Left(provider=row.provider, model=row.model, reason="deprecated"))
        else:
            named[key] = row
    return dict(sorted(named.items())), left


def _sold_as(entries: tuple[Offer, ...]) -> str:
    for entry in entries:
        found = re.search(r"sold as ([^\s;]+)", entry.note)
        if found:
            return found.group(1)
    return ""


def _slug(model: str) -> str:
    return re.sub(r"[^a-z0-9._]+", "-", model.lower()).strip("-")


def _entry(key: str, listing: Listing, history: Mapping[str, tuple[Offer, ...]], source: str) -> Offer:
    """What all new entries of an id have in common."""
    last = history[key][-1] if key in history else None
    model = last.model if last is not None else listing.model
    note = f"sold as {listing.model}" if model != listing.model else ""
    return Offer(id=key, provider=listing.provider, kind="api", valid_from="", source=source, model=model, note=note)


def _append(
    listing: Listing, common: Offer, history: tuple[Offer, ...], retrieved: str
) -> tuple[list[Offer], list[Kept]]:
    new: list[Offer] = []
    kept: list[Kept] = []
    for start, end, step in _spans(listing):
        known = sorted([*history, *new], key=lambda one: one.valid_from)
        begin = _begin(step, known, start, end, retrieved)
        if not begin:
            continue
        ours = next((entry for entry in history if entry.basis == OVERRIDE and _holds(entry, begin)), None)
        if ours is not None:
            kept.append(Kept(offer=common.id, on=begin, ours=price_text(ours), listed=price_text(step)))
            continue
        new.append(_dated(step, common, begin))
    return new, kept


def _dated(step: Offer, common: Offer, begin: str) -> Offer:
    note = "; ".join(part for part in (common.note, step.note) if part)
    about = {name: getattr(common, name) for name in ("id", "source", "model")}
    return msgspec.structs.replace(step, **about, valid_from=begin, note=note)


def _spans(listing: Listing) -> Iterator[tuple[str, str, Offer]]:
    ends = [*(start for start, _ in listing.steps[1:]), NEVER]
    for (start, step), end in zip(listing.steps, ends, strict=True):
        yield start, end, step


def _begin(step: Offer, known: Sequence[Offer], start: str, end: str, retrieved: str) -> str:
    """The day from which an entry must say what the list says of start..end; empty where none must."""
    inside = [entry for entry in known if start <= entry.valid_from < end]
    before = [entry for entry in known if entry.valid_from < start]
    last = inside[-1] if inside else None
    if last is not None and (priced_alike(last, step) or last.valid_from > max(start, retrieved)):
        return ""
    if not start:
        return retrieved if retrieved < end and (last is None or last.valid_from < retrieved) else ""
    if last is None:
        return "" if before and priced_alike(before[-1], step) else start
    day_after = (dt.date.fromisoformat(last.valid_from) + dt.timedelta(days=1)).isoformat()
    return day_after if day_after < end else ""


def _holds(entry: Offer, on: str) -> bool:
    return entry.valid_from <= on and (not entry.valid_to or on < entry.valid_to)
