"""What is known to be unknown: things without a price, boards without a figure, and a fact file that fills them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from breakeven.catalog.fields import ACCELERATOR, PRICES
from breakeven.catalog.find import Catalog
from breakeven.catalog.snapshot import Unpriced
from breakeven.schema.hardware import Accelerator

NEEDED = ("memory_bytes", "bandwidth_bytes_s", "flops_fp16", "tdp_w")
"""What a plan asks of an accelerator; where no source states one, it is listed as missing."""

MADE_UP = {
    "memory_bytes": "{value: 16, unit: GB}",
    "bandwidth_bytes_s": "{value: 100, unit: GB/s}",
    "flops_fp16": "{value: 10, unit: TFLOP/s}",
    "tdp_w": "{value: 25, unit: W}",
    "purchase_usd": "1000",
    "usd_per_hour": "0.10",
    "input_usd_per_mtok": "1",
    "usd_per_device_month": "0.50",
}
"""Figures of the example, each in a unit people have at hand."""

PLACED = {
    "provisioned": (
        "    model: our-model",
        "    capacity: {tokens_per_s: 1000, output_weight: 4, minimum_units: 1}",
    ),
    "edge": (
        "    model: our-model",
        "    device: {prompt_tokens_per_s: 500, answer_tokens_per_s: 20, devices: 100, share: 0.5, owned_by: users,",
        "      electricity: users, fallback: our-api}",
    ),
}
"""What an offer that is no machine says beside its price."""


def unpriced(catalog: Catalog, on: str) -> tuple[Unpriced, ...]:
    """Things nobody prices, then accelerators without a figure or without any offer on an ISO date."""
    sold = {offer.accelerator for offer in catalog.offers(on=on)}
    gaps = (row for entry in catalog.accelerators() for row in _gaps(catalog, entry, sold))
    return (*catalog.unpriced, *gaps)


def example(catalog: Catalog, row: Unpriced) -> str:
    """A fact file that fills the gap; its figures are made up and say so."""
    board = next((one for one in sorted(catalog.accelerator_heads, key=len) if f"-{one}-" in f"-{row.id}-"), row.id)
    lines = [
        "# Made-up figures: replace them with those of your quotation or invoice.",
        "sources:",
        "  quote: {source: quotation 4711, as_of: 2026-11-20, licence: own, retrieved: 2026-11-20, confidence: high}",
        *_accelerator(row, board),
        *_offer(row, board),
    ]
    return "".join(f"{line}\n" for line in lines)


def _accelerator(row: Unpriced, board: str) -> Iterator[str]:
    names = [name for name in row.missing if name in ACCELERATOR]
    if names:
        yield from ("accelerators:", f"  {board}:", "    source: quote", "    facts:")
        yield from (f"      {name}: {MADE_UP[name]}" for name in names)


def _offer(row: Unpriced, board: str) -> Iterator[str]:
    prices = next((names for kind, names in PRICES.items() if kind == row.kind), {})
    stated = [name for name in row.missing if name in prices]
    if not stated:
        return
    named = row.kind == "accelerator_hour" or board != row.id or set(row.missing) & ACCELERATOR.keys()
    yield from ("offers:", f"  - id: {row.id}", "    provider: your dealer", f"    kind: {row.kind}")
    yield from (f"    accelerator: {board}", "    count: 1") if named and row.kind not in {"cpu_hour", *PLACED} else ()
    yield from ("    valid_from: 2026-11-20", "    source: quote", *PLACED.get(row.kind, ()))
    yield from (f"    {name}: {MADE_UP[name]}  # {prices[name].unit}" for name in stated[:1])


def _gaps(catalog: Catalog, entry: Accelerator, sold: Iterable[str]) -> Iterator[Unpriced]:
    absent = tuple(name for name in NEEDED if getattr(entry, name) is None)
    if absent:
        rejected = [name for name in absent if any(row.what == f"{entry.name} {name}" for row in catalog.rejected)]
        why = f"; read and rejected: {', '.join(rejected)} (`catalog list rejected`)" if rejected else ""
        note = f"none of these figures of {entry.name} is taken over{why}"
        yield Unpriced(id=entry.id, kind="accelerator", missing=absent, note=note)
    if entry.id not in sold:
        note = f"no offer of {entry.name} is taken over"
        yield Unpriced(id=entry.id, kind="accelerator_hour", missing=("usd_per_hour", "purchase_usd"), note=note)
