"""Layers over one another: shipped, refreshed, the user's own; who wins is told, what lies beneath is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from breakeven.catalog.snapshot import Snapshot, entry_key, merge
from breakeven.schema.fact import Fact, LayerName
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer


class Layer(Noun, frozen=True, kw_only=True):
    """What one file states, and in whose name."""

    name: LayerName
    snapshot: Snapshot
    places: Mapping[str, str] = {}
    """Where its entries stand: a fact's key, or `offer/<id>@<valid_from>` -> file, line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneath:
    """An entry that a later layer replaced: the same fact key, or the same offer and date."""

    layer: LayerName
    entry: Fact | Offer


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Layers laid over one another.

    `layer_of` names the layer of each entry that is not shipped (fact key, or `offer/<id>@<valid_from>`); `beneath`
    holds what those entries replaced, lowest first.
    """

    snapshot: Snapshot
    layer_of: Mapping[str, LayerName] = field(default_factory=dict)
    beneath: Mapping[str, tuple[Beneath, ...]] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)


def stack(layers: Iterable[Layer]) -> Stack:
    """Later layers win by fact key and by offer and date; nothing they replace is lost."""
    named = [_signed(layer) for layer in layers]
    layer_of: dict[str, LayerName] = {}
    beneath: dict[str, tuple[Beneath, ...]] = {}
    seen: dict[str, Beneath] = {}
    for layer in named:
        for key, entry in _entries(layer.snapshot):
            if key in seen:
                beneath[key] = (*beneath.get(key, ()), seen[key])
            seen[key] = Beneath(layer=layer.name, entry=entry)
            if layer.name != "shipped":
                layer_of[key] = layer.name
    places = {key: place for layer in named for key, place in layer.places.items()}
    merged = merge(layer.snapshot for layer in named)
    return Stack(snapshot=merged, layer_of=layer_of, beneath=beneath, places=places)


def _signed(layer: Layer) -> Layer:
    """The layer with its name on each of its facts."""
    if layer.name == "shipped":
        return layer
    facts = tuple(msgspec.structs.replace(fact, layer=layer.name) for fact in layer.snapshot.facts)
    return msgspec.structs.replace(layer, snapshot=msgspec.structs.replace(layer.snapshot, facts=facts))


def _entries(snapshot: Snapshot) -> Iterable[tuple[str, Fact | Offer]]:
    yield from ((fact.key, fact) for fact in snapshot.facts)
    yield from ((entry_key(offer), offer) for offer in snapshot.offers)
