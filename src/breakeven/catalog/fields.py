"""What can be stated about each thing: names, units and the bounds outside which a figure is a typing error."""

from __future__ import annotations

from breakeven.schema.fact import CURRENCIES
from breakeven.schema.offer import OfferKind

ACCELERATOR: dict[str, tuple[str, float, float]] = {
    "memory_bytes": ("byte", 1e9, 1e12),
    "bandwidth_bytes_s": ("byte/s", 1e10, 1e14),
    "flops_fp16": ("FLOP/s, dense", 1e12, 1e17),
    "flops_fp8": ("FLOP/s, dense", 1e12, 1e17),
    "flops_int8": ("OP/s, dense", 1e12, 1e17),
    "link_bytes_s": ("byte/s, one direction", 1e9, 1e13),
    "tdp_w": ("W", 10, 5000),
}
"""Field -> unit, lowest and highest believable value of one board."""

MODEL: dict[str, tuple[str, float, float]] = {
    "params": ("parameters", 1e5, 1e14),
    "active_params": ("parameters", 1e5, 1e14),
    "layers": ("layers", 1, 10_000),
    "hidden": ("dimensions", 1, 1e6),
    "heads": ("heads", 1, 10_000),
    "kv_heads": ("heads", 1, 10_000),
    "head_dim": ("dimensions", 1, 100_000),
    "vocab": ("tokens", 2, 1e8),
    "experts": ("experts", 0, 100_000),
    "experts_per_token": ("experts", 0, 100_000),
}
"""Field -> unit, lowest and highest believable value."""

PRICES: dict[OfferKind, dict[str, str]] = {
    "api": {
        "input_usd_per_mtok": "USD/Mtok",
        "cached_input_usd_per_mtok": "USD/Mtok",
        "cache_write_usd_per_mtok": "USD/Mtok",
        "output_usd_per_mtok": "USD/Mtok",
        "batch_input_usd_per_mtok": "USD/Mtok",
        "batch_cached_input_usd_per_mtok": "USD/Mtok",
        "batch_cache_write_usd_per_mtok": "USD/Mtok",
        "batch_output_usd_per_mtok": "USD/Mtok",
        "request_usd": "USD/request",
    },
    "accelerator_hour": {"usd_per_hour": "USD/hour"},
    "server_purchase": {"purchase_usd": "USD"},
    "cpu_hour": {"usd_per_hour": "USD/vCPU/hour"},
}
"""Kind of offer -> price fields and their units."""

TIER = ("above_input_tokens", *(name for name in PRICES["api"] if name.endswith("_usd_per_mtok")))
"""Keys of one of an offer's `tiers`: from which input length on, and the prices that change there."""

PRICE_UNITS = CURRENCIES
"""A unit that starts so is a price: it is never zero."""

PLACE = ("source", "as_of", "url", "licence")
SOURCE = (*PLACE, "retrieved", "confidence")
TIME = ("region", "term", "valid_to")
ENTRY = ("value", "unit", *SOURCE, *TIME, "basis", "low", "high", "note")
ASSUMPTION = ("low", "base", "high", "unit", *SOURCE, "region", "valid_to", "note")
HEAD = ("name", "vendor", *SOURCE, "facts")
OFFER_TEXT = ("id", "provider", "kind", "model", "accelerator", "region", "term", "basis", "note", *PLACE)
OFFER_MORE = ("count", "valid_from", "valid_to", "free", "tiers")
OFFER = (*OFFER_TEXT, *OFFER_MORE, *{name for prices in PRICES.values() for name in prices})
SECTIONS = ("sources", "accelerators", "models", "offers", "facts", "assumptions", "rejected", "unpriced")
TERMS = ("on_demand", "spot", "reserved_1y", "reserved_3y", "reserved_5y", "purchase")
