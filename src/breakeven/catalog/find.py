"""Finding in the catalog: things by id, prices as of a day, facts by key; what is unknown is an error with a hint."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from breakeven.catalog import fields
from breakeven.catalog.cite import offer_facts
from breakeven.catalog.node import is_date
from breakeven.catalog.snapshot import Head, Rejected, Snapshot, Unpriced
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.offer import Offer, OfferKind

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The merged facts. Every Accelerator, Model and Offer it returns resolves to facts (`facts_of`)."""

    known: Mapping[str, Fact]
    accelerator_heads: Mapping[str, Head]
    model_heads: Mapping[str, Head]
    history: Mapping[str, tuple[Offer, ...]]
    rejected: tuple[Rejected, ...]
    unpriced: tuple[Unpriced, ...]

    def accelerator(self, accelerator_id: str) -> Accelerator:
        """The accelerator's specification; what no source states is None.

        Raises:
            FactError: unknown id.
        """
        head = _get(self.accelerator_heads, accelerator_id, "accelerator")
        facts = self._under("accelerator", head.id, fields.ACCELERATOR)
        values: dict[str, object] = {name: fact.value for name, fact in facts.items()}
        blank = dict.fromkeys(("memory_bytes", "bandwidth_bytes_s", "flops_fp16"))
        about = {"id": head.id, "name": head.name, "vendor": head.vendor, "facts": tuple(f.key for f in facts.values())}
        return msgspec.convert({**blank, **values, **about, **_origin(facts)}, Accelerator)

    def model(self, model_id: str) -> Model:
        """The model's sheet.

        Raises:
            FactError: unknown id, or a size that every transformer has is stated by no fact.
        """
        head = _get(self.model_heads, model_id, "model")
        facts = self._under("model", head.id, fields.MODEL)
        missing = [name for name in fields.MODEL if name not in facts and not name.startswith("experts")]
        if missing:
            message = f"model {head.id!r} has no {', '.join(missing)}"
            raise FactError(message, f"state models: {head.id}: facts: in a fact file")
        sizes = {name: fact.value for name, fact in facts.items()}
        about = {"id": head.id, "name": head.name, "licence": next(iter(facts.values())).licence}
        return msgspec.convert({**sizes, **about, **_origin(facts)}, Model, strict=False)

    def offer(self, offer_id: str, on: str) -> Offer:
        """The entry of an offer that is valid on an ISO date: the latest that began by then and has not ended.

        Raises:
            FactError: unknown id, no entry valid that day, or `on` is no date.
        """
        entries = _get(self.history, offer_id, "offer")
        found = _valid(entries, on)
        if found is None:
            spans = ", ".join(f"{entry.valid_from}..{entry.valid_to}" for entry in entries)
            message = f"offer {offer_id!r} has no price on {on}; its entries hold {spans}"
            raise FactError(message, "ask for another date, or add a dated entry in a fact file")
        return found

    def offers(
        self, *, on: str, kind: OfferKind | None = None, model: str | None = None, accelerator: str | None = None
    ) -> tuple[Offer, ...]:
        """All offers valid on an ISO date, by id, narrowed by kind, model and accelerator."""
        wanted = {"kind": kind, "model": model, "accelerator": accelerator}
        current = (_valid(entries, on) for _, entries in sorted(self.history.items()))
        return tuple(
            offer
            for offer in current
            if offer and all(value is None or getattr(offer, name) == value for name, value in wanted.items())
        )

    def accelerators(self) -> tuple[Accelerator, ...]:
        """Every accelerator, by id."""
        return tuple(self.accelerator(key) for key in sorted(self.accelerator_heads))

    def models(self) -> tuple[Model, ...]:
        """Every model with a sheet, by id."""
        return tuple(self.model(key) for key in sorted(self.model_heads))

    def fact(self, key: str) -> Fact:
        """The fact of a key, prices (`offer/<id>@<valid_from>/<field>`) included.

        Raises:
            FactError: unknown key.
        """
        if key.startswith("offer/") and key not in self.known:
            return _get({fact.key: fact for fact in self._offer_facts(key)}, key, "fact")
        return _get(self.known, key, "fact")

    def facts(self, keys: Iterable[str]) -> tuple[Fact, ...]:
        """The facts of several keys, in their order, each once."""
        return tuple(self.fact(key) for key in dict.fromkeys(keys))

    def assumption(self, key: str) -> Fact:
        """An operating assumption with low, base (`value`) and high; `pue` and `assumption/pue` are the same."""
        return self.fact(key if key.startswith("assumption/") else f"assumption/{key}")

    def assumptions(self) -> tuple[Fact, ...]:
        """Every operating assumption, by key."""
        return tuple(self.known[key] for key in sorted(self.known) if key.startswith("assumption/"))

    def electricity(self, region: str) -> Fact:
        """Industrial price in USD/kWh of a country (ISO 3166 alpha-3, DEU) or a US state (US-TX)."""
        return self.fact(f"electricity/{region}/usd_per_kwh")

    def carbon(self, region: str) -> Fact:
        """Grid intensity in gCO2e/kWh of a country (DEU) or a cloud region (gcp/europe-west1)."""
        return self.fact(f"carbon/{region}/gco2_per_kwh")

    def facts_of(self, entry: Offer | Accelerator | Model) -> tuple[Fact, ...]:
        """What a number of this entry rests on: value, source and date of each."""
        if isinstance(entry, Offer):
            return offer_facts(entry)
        if isinstance(entry, Accelerator):
            return tuple(self._under("accelerator", entry.id, fields.ACCELERATOR).values())
        return tuple(self._under("model", entry.id, fields.MODEL).values())

    def _under(self, kind: str, entry_id: str, names: Iterable[str]) -> dict[str, Fact]:
        keys = {name: f"{kind}/{entry_id}/{name}" for name in names}
        return {name: self.known[key] for name, key in keys.items() if key in self.known}

    def _offer_facts(self, key: str) -> Iterable[Fact]:
        entries = self.history.get(key.removeprefix("offer/").partition("@")[0], ())
        return (fact for offer in entries for fact in offer_facts(offer))


def index(snapshot: Snapshot) -> Catalog:
    """A catalog of a snapshot.

    Raises:
        FactError: an offer names an accelerator the catalog does not know.
    """
    heads = {head.id: head for head in snapshot.accelerators}
    history: dict[str, tuple[Offer, ...]] = {}
    for offer in snapshot.offers:
        if offer.accelerator and offer.accelerator not in heads:
            _get(heads, offer.accelerator, f"offer {offer.id!r}: accelerator")
        entries = (*history.get(offer.id, ()), offer)
        history[offer.id] = tuple(sorted(entries, key=lambda entry: entry.valid_from))
    return Catalog(
        known={fact.key: fact for fact in snapshot.facts},
        accelerator_heads=heads,
        model_heads={head.id: head for head in snapshot.models},
        history=history,
        rejected=snapshot.rejected,
        unpriced=snapshot.unpriced,
    )


def _valid(entries: tuple[Offer, ...], on: str) -> Offer | None:
    if not is_date(on):
        message = f"{on!r} is not a date"
        raise FactError(message, "write it as 2026-11-24")
    begun = [entry for entry in entries if entry.valid_from <= on]
    return begun[-1] if begun and (not begun[-1].valid_to or on < begun[-1].valid_to) else None


def _origin(facts: Mapping[str, Fact]) -> dict[str, str]:
    dates = [fact.as_of for fact in facts.values()]
    return {"source": "; ".join(dict.fromkeys(fact.source for fact in facts.values())), "as_of": max(dates, default="")}


def _get(table: Mapping[str, Value], key: str, what: str) -> Value:
    if key in table:
        return table[key]
    near = difflib.get_close_matches(key, table, n=3, cutoff=0.5)
    hint = f"did you mean {', '.join(near)}?" if near else "`breakeven catalog list` shows what there is"
    message = f"{what} {key!r} is not in the catalog"
    raise FactError(message, hint)
