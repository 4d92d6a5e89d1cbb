"""The catalog as rows of text and numbers: what `breakeven catalog list`, `show` and `diff` print."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from breakeven.catalog.diff import Change
from breakeven.catalog.find import Catalog
from breakeven.catalog.lookup import named
from breakeven.catalog.override import Override, overrides
from breakeven.catalog.snapshot import Unpriced
from breakeven.catalog.stale import age_warning
from breakeven.catalog.unpriced import example, unpriced
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

Row = dict[str, str | float | None]


def rows(catalog: Catalog, section: str, on: str) -> tuple[Row, ...]:
    """One row for each entry of a section (a key of `SECTIONS`), prices as of an ISO date.

    Raises:
        FactError: there is no such section.
    """
    if section not in SECTIONS:
        message = f"the catalog has no section {section!r}"
        raise FactError(message, f"sections: {', '.join(SECTIONS)}")
    return SECTIONS[section](catalog, on)


def show(catalog: Catalog, name: str, on: str) -> tuple[Row, ...]:
    """The facts of an accelerator, model, offer, assumption, region or fact key, second opinions behind them.

    Of a thing that is known to have no price, one row with what is missing and a fact file that would state it.

    Raises:
        FactError: nothing has this name.
    """
    if name in catalog.accelerator_heads:
        return tuple(_fact(fact, on) for fact in catalog.facts_of(catalog.accelerator(name)))
    if name in catalog.model_heads:
        return tuple(_fact(fact, on) for fact in catalog.facts_of(catalog.model(name)))
    if name in catalog.history:
        return _shown_offer(catalog, catalog.offer(name, on), on)
    if name in {row.id for row in catalog.unpriced}:
        return tuple(_missing(catalog, row) for row in catalog.unpriced if row.id == name)
    keys = _keys(catalog, name)
    if not keys:
        named({one: one for one in _names(catalog)}, name, "entry")
    return tuple(_fact(fact, on) for key in keys for fact in _with_opinions(catalog, key, on))


def _keys(catalog: Catalog, name: str) -> tuple[str, ...]:
    """The keys a name stands for: itself, an assumption, or what is known of a region."""
    if "/" in name and not catalog.known.keys() & _regional(name):
        return (name,)
    wanted = {f"assumption/{name}", *_regional(name)}
    return tuple(key for key in sorted(wanted) if key in catalog.known or catalog.opinions(key))


def _regional(name: str) -> set[str]:
    return {f"electricity/{name}/usd_per_kwh", f"carbon/{name}/gco2_per_kwh"}


def _names(catalog: Catalog) -> Iterable[str]:
    yield from (*catalog.accelerator_heads, *catalog.model_heads, *catalog.history)
    yield from (*(row.id for row in catalog.unpriced), *catalog.known)
    yield from (key.removeprefix("assumption/") for key in catalog.known if key.startswith("assumption/"))


def _with_opinions(catalog: Catalog, key: str, on: str) -> tuple[Fact, ...]:
    fact = catalog.fact(key, on)
    below = (one.entry for one in reversed(catalog.beneath.get(key, ())) if isinstance(one.entry, Fact))
    others = (other for other in catalog.opinions(key) if other.key != fact.key)
    return (fact, *(one for one in below if one is not fact), *others)


def _missing(catalog: Catalog, row: Unpriced) -> Row:
    return {**_gap(row), "example": example(catalog, row)}


def override_rows(catalog: Catalog, on: str) -> tuple[Row, ...]:
    """Each price and fact of the user's that stands in for a published one, with both values."""
    return tuple(_override(found) for found in overrides(catalog, on))


def change_rows(changes: Iterable[Change]) -> tuple[Row, ...]:
    """Each change between two states of the catalog, with both values and dates and the difference in per cent."""
    return tuple(_change(change) for change in changes)


def _shown_offer(catalog: Catalog, offer: Offer, on: str) -> tuple[Row, ...]:
    stated = catalog.facts_of(offer)
    names = [fact.key.split("/", 2)[2] for fact in stated]
    opinions = [fact for name in names for fact in catalog.opinions(f"offer/{offer.id}/{name}")]
    published = catalog.published(offer.id, on) if catalog.layer(offer) == "user" else None
    over = catalog.facts_of(published) if published else ()
    aged = age_warning(offer, on)
    return (
        *({**_fact(fact, on), "warning": aged} for fact in stated),
        *(_fact(fact, on) for fact in (*over, *opinions)),
    )


def _accelerators(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    shown = ("memory_bytes", "bandwidth_bytes_s", "flops_fp16", "flops_fp8", "tdp_w")
    return tuple(
        {"id": entry.id, "name": entry.name, **{name: getattr(entry, name) for name in shown}, "source": entry.source}
        for entry in catalog.accelerators()
    )


def _models(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    shown = ("params", "active_params", "layers", "hidden")
    return tuple(
        {"id": entry.id, **{name: getattr(entry, name) for name in shown}, "source": entry.source}
        for entry in catalog.models()
    )


def _offers(catalog: Catalog, on: str) -> tuple[Row, ...]:
    return tuple(_offer(catalog, offer, on) for offer in catalog.offers(on=on))


def _offer(catalog: Catalog, offer: Offer, on: str) -> Row:
    prices = ("input_usd_per_mtok", "output_usd_per_mtok", "usd_per_hour", "purchase_usd")
    about = {"id": offer.id, "kind": offer.kind, "for": offer.model or offer.accelerator, "count": float(offer.count)}
    held: Row = {"region": offer.region, "term": offer.term, "basis": offer.basis, "valid_from": offer.valid_from}
    ends: Row = {"source": offer.source, "layer": catalog.layer(offer), "warning": age_warning(offer, on)}
    return {**about, **{name: getattr(offer, name) for name in prices}, **held, **ends}


def _fact(fact: Fact, on: str) -> Row:
    names = ("key", "value", "low", "high", "unit", "region", "term", "basis", "as_of", "valid_to", "source", "url")
    ends = ("retrieved", "licence", "confidence", "layer", "note")
    return {name: getattr(fact, name) for name in (*names, *ends)} | {"warning": age_warning(fact, on)}


def _override(found: Override) -> Row:
    used, over = found.used, found.over
    ours: Row = {"key": found.key, "value": used.value, "unit": used.unit, "layer": used.layer, "as_of": used.as_of}
    theirs: Row = {
        "published": over.value if over else None,
        "published_layer": over.layer if over else "",
        "published_as_of": over.as_of if over else "",
        "published_source": over.source if over else "",
    }
    return {**ours, "source": used.source, **theirs, "percent": found.percent}


def _change(change: Change) -> Row:
    old, new = change.before, change.after
    stated = new or old
    return {
        "key": change.key,
        "what": change.what,
        "before": old.value if old else None,
        "after": new.value if new else None,
        "unit": stated.unit if stated else "",
        "percent": change.percent,
        "before_as_of": old.as_of if old else "",
        "after_as_of": new.as_of if new else "",
        "before_source": old.source if old else "",
        "after_source": new.source if new else "",
        "fields": ", ".join(change.fields),
    }


def _energy(catalog: Catalog, on: str) -> tuple[Row, ...]:
    kinds = ("electricity/", "carbon/")
    first = [fact for fact in catalog.facts_on(on) if fact.key.startswith(kinds)]
    second = [fact for key, said in catalog.elsewhere().items() if key.startswith(kinds) for fact in said]
    return tuple(_fact(fact, on) for fact in sorted((*first, *second), key=lambda fact: fact.key))


def _assumptions(catalog: Catalog, on: str) -> tuple[Row, ...]:
    return tuple(_fact(fact, on) for fact in catalog.facts_on(on) if fact.kind == "assumption")


def _rejected(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple({name: getattr(row, name) for name in row.__struct_fields__} for row in catalog.rejected)


def _left_out(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple({name: getattr(row, name) for name in row.__struct_fields__} for row in catalog.left_out)


def _unpriced(catalog: Catalog, on: str) -> tuple[Row, ...]:
    return tuple(_gap(row) for row in unpriced(catalog, on))


def _gap(row: Unpriced) -> Row:
    return {"id": row.id, "kind": row.kind, "missing": ", ".join(row.missing), "note": row.note}


def _sources(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    listed = sorted(catalog.sources.values(), key=lambda row: row.source)
    return tuple({name: getattr(row, name) for name in row.__struct_fields__} for row in listed)


SECTIONS: dict[str, Callable[[Catalog, str], tuple[Row, ...]]] = {
    "accelerators": _accelerators,
    "models": _models,
    "offers": _offers,
    "energy": _energy,
    "assumptions": _assumptions,
    "overrides": override_rows,
    "rejected": _rejected,
    "left_out": _left_out,
    "unpriced": _unpriced,
    "sources": _sources,
}
