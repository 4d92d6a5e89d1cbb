"""Finding in the catalog: things by id, prices as of a day, facts by key; what is unknown is an error with a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from breakeven.catalog import fields
from breakeven.catalog.cite import offer_facts
from breakeven.catalog.layer import Beneath, Stack
from breakeven.catalog.lookup import by_date, check_date, named, valid
from breakeven.catalog.snapshot import Head, LeftOut, Rejected, Snapshot, Source, Unpriced, entry_key
from breakeven.errors import FactError
from breakeven.schema.fact import Fact, LayerName
from breakeven.schema.hardware import Accelerator
from breakeven.schema.model import Model
from breakeven.schema.offer import Offer, OfferKind

Opinions = Mapping[str, tuple[Fact, ...]]
"""Fact key, or `offer/<id>/<field>` -> what other sources say of the same thing."""


def _no_opinions() -> Opinions:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The merged facts. Every Accelerator, Model and Offer it returns resolves to facts (`facts_of`)."""

    known: Mapping[str, Fact]
    accelerator_heads: Mapping[str, Head]
    model_heads: Mapping[str, Head]
    history: Mapping[str, tuple[Offer, ...]]
    rejected: tuple[Rejected, ...]
    left_out: tuple[LeftOut, ...]
    unpriced: tuple[Unpriced, ...]
    sources: Mapping[str, Source] = field(default_factory=dict)
    layer_of: Mapping[str, LayerName] = field(default_factory=dict)
    beneath: Mapping[str, tuple[Beneath, ...]] = field(default_factory=dict)
    elsewhere: Callable[[], Opinions] = _no_opinions
    """Other sources' words, read when first asked for."""

    def accelerator(self, accelerator_id: str) -> Accelerator:
        """The accelerator's specification; what no source states is None.

        Raises:
            FactError: unknown id.
        """
        head = named(self.accelerator_heads, accelerator_id, "accelerator")
        facts = self._under("accelerator", head.id, fields.ACCELERATOR)
        values: dict[str, object] = {name: fact.value for name, fact in facts.items()}
        blank = dict.fromkeys(("memory_bytes", "bandwidth_bytes_s", "flops_fp16"))
        about = {"id": head.id, "name": head.name, "vendor": head.vendor, "architecture": head.architecture}
        keys = {"facts": tuple(fact.key for fact in facts.values())}
        return msgspec.convert({**blank, **values, **about, **keys, **_origin(facts)}, Accelerator)

    def model(self, model_id: str) -> Model:
        """The model's sheet.

        Raises:
            FactError: unknown id, or a size that every transformer has is stated by no fact.
        """
        head = named(self.model_heads, model_id, "model")
        facts = self._under("model", head.id, fields.MODEL)
        missing = [name for name in fields.SIZE if name not in facts]
        if missing:
            message = f"model {head.id!r} has no {', '.join(missing)}"
            raise FactError(message, f"state models: {head.id}: facts: in a fact file")
        sizes: dict[str, object] = {name: fact.value for name, fact in facts.items()}
        sizes |= {name: bool(sizes[name]) for name in ("tied_embeddings",) if name in sizes}
        words = {name: getattr(head, name) for name in fields.MODEL_WORDS if getattr(head, name)}
        about = {"id": head.id, "name": head.name, "licence": next(iter(facts.values())).licence}
        return msgspec.convert({**sizes, **words, **about, **_origin(facts)}, Model, strict=False)

    def offer(self, offer_id: str, on: str) -> Offer:
        """The entry of an offer in force on an ISO date: the user's own if one is, else the latest that began by then.

        Raises:
            FactError: unknown id, no entry valid that day, or `on` is no date.
        """
        entries = named(self.history, offer_id, "offer")
        found = self._in_force(offer_id, on)
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
        current = (self._in_force(offer_id, on) for offer_id in sorted(self.history))
        return tuple(
            offer
            for offer in current
            if offer and all(value is None or getattr(offer, name) == value for name, value in wanted.items())
        )

    def published(self, offer_id: str, on: str) -> Offer | None:
        """The entry that would hold without the user's own files; None where there is none."""
        entries = self.history.get(offer_id, ())
        own = [entry for entry in entries if self.layer(entry) == "user"]
        under = (below for entry in own for below in self.beneath.get(entry_key(entry), ()) if below.layer != "user")
        kept = [below.entry for below in under if isinstance(below.entry, Offer)]
        return valid(sorted([*kept, *(entry for entry in entries if entry not in own)], key=by_date), on)

    def layer(self, offer: Offer) -> LayerName:
        """Who states this entry of an offer."""
        key = entry_key(offer)
        under = (below.layer for below in self.beneath.get(key, ()) if below.entry is offer)
        return next(under, self.layer_of.get(key, "shipped"))

    def accelerators(self) -> tuple[Accelerator, ...]:
        """Every accelerator, by id."""
        return tuple(self.accelerator(key) for key in sorted(self.accelerator_heads))

    def models(self) -> tuple[Model, ...]:
        """Every model with a sheet, by id."""
        return tuple(self.model(key) for key in sorted(self.model_heads))

    def fact(self, key: str, on: str = "") -> Fact:
        """The fact of a key, prices (`offer/<id>@<valid_from>/<field>`) and second opinions (`...@<source>`) included.

        With an ISO date the uppermost layer's that holds on it. A thing of which only a second source speaks is found
        under its plain key too; the fact's own key says whose word it is.

        Raises:
            FactError: unknown key, or nothing stated of it holds on that date.
        """
        if key in self.known:
            return self._fact_on(key, on) if on else self.known[key]
        if key.startswith("offer/"):
            prices = {fact.key: fact for fact in self._offer_facts(key)}
            if prices or "@" not in key:
                return named(prices, key, "fact")
        return self._opinion(key)

    def facts_on(self, on: str) -> tuple[Fact, ...]:
        """Every fact that holds on an ISO date, by key: the uppermost layer's, and none of what nobody stated by then.

        Raises:
            FactError: `on` is no date.
        """
        check_date(on)
        held = (self._held(key, on) for key in sorted(self.known))
        return tuple(fact for fact in held if fact is not None)

    def facts(self, keys: Iterable[str]) -> tuple[Fact, ...]:
        """The facts of several keys, in their order, each once."""
        return tuple(self.fact(key) for key in dict.fromkeys(keys))

    def opinions(self, key: str) -> tuple[Fact, ...]:
        """What other sources say of a fact (its key) or of a price (`offer/<id>/<field>`)."""
        return self.elsewhere().get(key, ())

    def assumption(self, key: str) -> Fact:
        """An operating assumption with low, base (`value`) and high; `pue` and `assumption/pue` are the same."""
        return self.fact(key if key.startswith("assumption/") else f"assumption/{key}")

    def assumptions(self) -> tuple[Fact, ...]:
        """Every operating assumption, by key."""
        return tuple(self.known[key] for key in sorted(self.known) if key.startswith("assumption/"))

    def electricity(self, region: str, on: str = "") -> Fact:
        """Industrial price in USD/kWh of a country (ISO 3166 alpha-3, DEU), a US state (US-TX) or division (US-NEW)."""
        return _as_kept(self.fact(f"electricity/{region}/usd_per_kwh", on))

    def carbon(self, region: str, on: str = "") -> Fact:
        """Grid intensity in gCO2e/kWh of a country (DEU), the world (WOR) or a cloud region (gcp/europe-west1)."""
        return _as_kept(self.fact(f"carbon/{region}/gco2_per_kwh", on))

    def facts_of(self, entry: Offer | Accelerator | Model) -> tuple[Fact, ...]:
        """What a number of this entry rests on: value, source and date of each."""
        if isinstance(entry, Offer):
            return offer_facts(entry, self.layer(entry), self.sources.get(entry.source))
        if isinstance(entry, Accelerator):
            return tuple(self._under("accelerator", entry.id, fields.ACCELERATOR).values())
        return tuple(self._under("model", entry.id, fields.MODEL).values())

    def _in_force(self, offer_id: str, on: str) -> Offer | None:
        entries = self.history[offer_id]
        if not self.layer_of:
            return valid(entries, on)
        own = valid([entry for entry in entries if self.layer(entry) == "user"], on)
        return own or self.published(offer_id, on)

    def _fact_on(self, key: str, on: str) -> Fact:
        check_date(on)
        held = self._held(key, on)
        if held is None:
            message = f"fact {key!r} does not hold on {on}; it is of {self.known[key].as_of}"
            raise FactError(message, "ask for another date, or state the earlier figure in a fact file")
        return held

    def _held(self, key: str, on: str) -> Fact | None:
        stated = [self.known[key], *(below.entry for below in reversed(self.beneath.get(key, ())))]
        return next((fact for fact in stated if isinstance(fact, Fact) and fact.holds(on)), None)

    def _opinion(self, key: str) -> Fact:
        found = self.opinions(key.partition("@")[0])
        match = next((fact for fact in found if key in {fact.key, fact.key.partition("@")[0]}), None)
        return named(self.known, key, "fact") if match is None else match

    def _under(self, kind: str, entry_id: str, names: Iterable[str]) -> dict[str, Fact]:
        keys = {name: f"{kind}/{entry_id}/{name}" for name in names}
        return {name: self.known[key] for name, key in keys.items() if key in self.known}

    def _offer_facts(self, key: str) -> Iterable[Fact]:
        entries = self.history.get(key.removeprefix("offer/").partition("@")[0], ())
        return (fact for offer in entries for fact in self.facts_of(offer))


def index(snapshot: Snapshot, laid: Stack | None = None, elsewhere: Callable[[], Opinions] = _no_opinions) -> Catalog:
    """A catalog of a snapshot; `laid` tells which layers it was stacked from.

    Raises:
        FactError: an offer or a fact is of an accelerator or model the catalog does not know.
    """
    heads = {head.id: head for head in snapshot.accelerators}
    history: dict[str, tuple[Offer, ...]] = {}
    for offer in snapshot.offers:
        if offer.accelerator and offer.accelerator not in heads:
            named(heads, offer.accelerator, f"{_place(laid, entry_key(offer))}offer {offer.id!r}: accelerator")
        history[offer.id] = tuple(sorted((*history.get(offer.id, ()), offer), key=by_date))
    models = {head.id: head for head in snapshot.models}
    _refuse_orphans(laid, {"accelerator": heads, "model": models})
    return Catalog(
        known={fact.key: fact for fact in snapshot.facts},
        accelerator_heads=heads,
        model_heads=models,
        history=history,
        rejected=snapshot.rejected,
        left_out=snapshot.left_out,
        unpriced=snapshot.unpriced,
        sources={row.source: row for row in snapshot.sources},
        layer_of=laid.layer_of if laid else {},
        beneath=laid.beneath if laid else {},
        elsewhere=elsewhere,
    )


def _refuse_orphans(laid: Stack | None, heads: Mapping[str, Mapping[str, Head]]) -> None:
    """A figure of a layer is of a thing that some layer names."""
    for key in laid.layer_of if laid else ():
        kind, _, rest = key.partition("/")
        if kind in heads:
            named(heads[kind], rest.rpartition("/")[0], f"{_place(laid, key)}{kind}")


def _as_kept(fact: Fact) -> Fact:
    """The fact, which is in the unit its key asks for, or nobody may read its number."""
    measure = fields.measure_of(fact.key)
    if measure is not None and fact.unit != measure.unit:
        message = f"fact {fact.key!r} is in {fact.unit}, and {measure.unit} is needed"
        raise FactError(message, f"state it in {measure.unit}")
    return fact


def _place(laid: Stack | None, key: str) -> str:
    place = laid.places.get(key, "") if laid else ""
    return f"{place}: " if place else ""


def _origin(facts: Mapping[str, Fact]) -> dict[str, str]:
    dates = [fact.as_of for fact in facts.values()]
    return {"source": "; ".join(dict.fromkeys(fact.source for fact in facts.values())), "as_of": max(dates, default="")}
