"""The catalog as rows of text and numbers: what `breakeven catalog list` and `show` print."""

from __future__ import annotations

from collections.abc import Callable

from breakeven.catalog.find import Catalog
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


def show(catalog: Catalog, entry_id: str, on: str) -> tuple[Row, ...]:
    """The facts of an accelerator, model, offer or fact key, each with source and date.

    Raises:
        FactError: nothing has this id.
    """
    if entry_id in catalog.accelerator_heads:
        return tuple(_fact(fact) for fact in catalog.facts_of(catalog.accelerator(entry_id)))
    if entry_id in catalog.model_heads:
        return tuple(_fact(fact) for fact in catalog.facts_of(catalog.model(entry_id)))
    if "/" in entry_id:
        return (_fact(catalog.fact(entry_id)),)
    return tuple(_fact(fact) for fact in catalog.facts_of(catalog.offer(entry_id, on)))


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
    return tuple(_offer(offer) for offer in catalog.offers(on=on))


def _offer(offer: Offer) -> Row:
    prices = ("input_usd_per_mtok", "output_usd_per_mtok", "usd_per_hour", "purchase_usd")
    about = {"id": offer.id, "kind": offer.kind, "for": offer.model or offer.accelerator, "count": float(offer.count)}
    ends: Row = {"basis": offer.basis, "valid_from": offer.valid_from, "source": offer.source}
    return {**about, **{name: getattr(offer, name) for name in prices}, **ends}


def _fact(fact: Fact) -> Row:
    names = ("key", "value", "low", "high", "unit", "basis", "as_of", "source", "url", "licence", "note")
    return {name: getattr(fact, name) for name in names}


def _energy(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    keys = sorted(key for key in catalog.known if key.startswith(("electricity/", "carbon/")))
    return tuple(_fact(catalog.known[key]) for key in keys)


def _assumptions(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple(_fact(fact) for fact in catalog.assumptions())


def _rejected(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple({name: getattr(row, name) for name in row.__struct_fields__} for row in catalog.rejected)


def _unpriced(catalog: Catalog, on: str) -> tuple[Row, ...]:
    del on
    return tuple(
        {"id": row.id, "kind": row.kind, "missing": ", ".join(row.missing), "note": row.note}
        for row in catalog.unpriced
    )


SECTIONS: dict[str, Callable[[Catalog, str], tuple[Row, ...]]] = {
    "accelerators": _accelerators,
    "models": _models,
    "offers": _offers,
    "energy": _energy,
    "assumptions": _assumptions,
    "rejected": _rejected,
    "unpriced": _unpriced,
}
