"""The catalog as rows of text and numbers: what `breakeven catalog list`, `show` and `diff` print."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from breakeven.catalog.diff import Change
from breakeven.catalog.find import Catalog
from breakeven.catalog.override import Override, overrides
from breakeven.catalog.stale import age_warning
from breakeven.errors import FactError
from breakeven.schema.fact import Fact
from breakeven.schema.hardware import Accelerator
from breakeven.schema.offer import Offer

Row = dict[str, str | float | None]

NEEDED = ("memory_bytes", "bandwidth_bytes_s", "flops_fp16", "tdp_w")
"""What a plan asks of an accelerator; where no source states one, it is listed as missing."""


def rows(catalog: Catalog, section: str, on: str) -> tuple[Row, ...]:
    """One row for each entry of a section (a key of `SECTIONS`), prices as of an ISO date.

    Raises:
        FactError: there is no such section.
    """
    if section not in SECTIONS:
        message = f"the catalog has no section {section!r}"
        raise FactError(message, f"sections: {', '.join(SECTIONS)}")
    return SECTIONS[section](catalog, on)


def show(catalog: Catalog, entry_id: str, on: str) -> tuple[Row, ...]:
    """The facts of an accelerator, model, offer or fact key, each with source and date, second opinions behind them.

    Raises:
        FactError: nothing has this id.
    """
    if entry_id in catalog.accelerator_heads:
        return tuple(_fact(fact, on) for fact in catalog.facts_of(catalog.accelerator(entry_id)))
    if entry_id in catalog.model_heads:
        return tuple(_fact(fact, on) for fact in catalog.facts_of(catalog.model(entry_id)))
    if "/" in entry_id:
        fact = catalog.fact(entry_id)
        others = (other for other in catalog.opinions(entry_id) if other.key != fact.key)
        return tuple(_fact(found, on) for found in (fact, *others))
    return _shown_offer(catalog, catalog.offer(entry_id, on), on)


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
    return tuple(_fact(fact, on) for fact in (*stated, *over, *opinions))


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
    first = [fact for key, fact in catalog.known.items() if key.startswith(kinds)]
    second = [fact for key, said in catalog.elsewhere().items() if key.startswith(kinds) for fact in said]
    return tuple(_fact(fact, on) for fact in sorted((*first, *second), key=lambda fact: fact.key))


def _assumptions(catalog: Catalog, on: str) -> tuple[Row, ...]:
    return tuple(_fact(fact, on) for fact in catalog.assumptions())


def _rejected(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple({name: getattr(row, name) for name in row.__struct_fields__} for row in catalog.rejected)


def _unpriced(catalog: Catalog, on: str) -> tuple[Row, ...]:
    """What is known to be unknown: things without a price, accelerators without a figure or without any offer."""
    sold = {offer.accelerator for offer in catalog.offers(on=on)}
    listed: list[Row] = [
        {"id": row.id, "kind": row.kind, "missing": ", ".join(row.missing), "note": row.note}
        for row in catalog.unpriced
    ]
    return (*listed, *(row for entry in catalog.accelerators() for row in _gaps(entry, entry.id in sold)))


def _gaps(entry: Accelerator, sold: bool) -> Iterable[Row]:  # noqa: FBT001 - a private helper of one caller
    absent = [name for name in NEEDED if getattr(entry, name) is None]
    if absent:
        note = f"no source at hand states it of {entry.name}"
        yield {"id": entry.id, "kind": "accelerator", "missing": ", ".join(absent), "note": note}
    if not sold:
        missing, note = "usd_per_hour, purchase_usd", f"no offer of {entry.name} at hand"
        yield {"id": entry.id, "kind": "accelerator_hour", "missing": missing, "note": note}


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
    "rejected": _rejected,
    "unpriced": _unpriced,
    "sources": _sources,
}
