"""The prices of an offer as facts, so that a memo can name number, source and date."""

from __future__ import annotations

import msgspec

from breakeven.catalog.fields import PRICES, TIER
from breakeven.catalog.snapshot import Source, entry_key
from breakeven.schema.fact import Fact, LayerName
from breakeven.schema.noun import Noun
from breakeven.schema.offer import Offer

MEASURED = {
    "prompt_tokens_per_s": "token/s",
    "answer_tokens_per_s": "token/s",
    "tokens_per_s": "token/s/unit",
    "input_tokens_per_s": "token/s/unit",
    "output_tokens_per_s": "token/s/unit",
    "output_weight": "input tokens/output token",
    "devices": "devices",
    "share": "share of the requests",
    "joules_per_token": "J/token",
    "busy_w": "W",
    "idle_w": "W",
    "ttft_p50_s": "s",
    "ttft_p95_s": "s",
    "tpot_p50_s": "s",
    "tpot_p95_s": "s",
}
"""What units, devices and measured latencies state that a plan rests on, and its unit."""


def offer_facts(offer: Offer, layer: LayerName = "shipped", source: Source | None = None) -> tuple[Fact, ...]:
    """One fact for each price field of the offer's kind that it states, keyed `offer/<id>@<valid_from>/<field>`.

    A tier's price has `tiers/<above_input_tokens>/<field>` in the place of the field.
    `layer` and `source` are what the catalog knows of the entry beyond the offer (`Catalog.facts_of` passes them).
    """
    units = {name: measure.unit for name, measure in PRICES[offer.kind].items()}
    origin = source or Source(source=offer.source)
    own = [(name, getattr(offer, name), unit) for name, unit in units.items()]
    tiers = [
        (f"tiers/{tier.above_input_tokens}/{name}", getattr(tier, name), units[name])
        for tier in offer.tiers
        for name in TIER[1:]
    ]
    stated = (figure for figure in (*own, *tiers) if figure[1] is not None)
    priced = (_fact(offer, name, value, unit, layer, origin) for name, value, unit in stated)
    return (*priced, *_measured(offer, layer, origin))


def _measured(offer: Offer, layer: LayerName, origin: Source) -> tuple[Fact, ...]:
    """What a plan rests on beside the price, keyed `offer/<id>@<valid_from>/<part>/<field>`."""
    parts = {"capacity": offer.capacity, "device": offer.device, "latency": offer.latency}
    return tuple(
        fact for part, noun in parts.items() if noun is not None for fact in _figures(offer, part, noun, layer, origin)
    )


def _figures(offer: Offer, part: str, noun: Noun, layer: LayerName, origin: Source) -> tuple[Fact, ...]:
    own = {name: getattr(noun, name) for name in ("source", "as_of") if getattr(noun, name, "")}
    found = ((name, getattr(noun, name, None), unit) for name, unit in MEASURED.items())
    made = (_fact(offer, f"{part}/{name}", float(value), unit, layer, origin) for name, value, unit in found if value)
    return tuple(msgspec.structs.replace(fact, basis="measured" if own else "stated", **own) for fact in made)


def _fact(offer: Offer, name: str, value: float, unit: str, layer: LayerName, origin: Source) -> Fact:
    return Fact(
        key=f"{entry_key(offer)}/{name}",
        value=value,
        unit=unit,
        source=offer.source,
        as_of=offer.valid_from,
        url=offer.url,
        licence=offer.licence,
        basis=offer.basis if offer.term in {"on_demand", "purchase"} else offer.term,
        note=offer.note,
        region=offer.region,
        term=offer.term,
        valid_to=offer.valid_to,
        retrieved=getattr(offer, "retrieved", "") or origin.retrieved,
        confidence=getattr(offer, "confidence", "") or origin.confidence,
        layer=layer,
    )
