"""What can be stated about each thing: names, units and the bounds outside which a figure is a typing error."""

from __future__ import annotations

from typing import NamedTuple

from breakeven.schema.fact import CURRENCIES
from breakeven.schema.offer import OfferKind


class Measure(NamedTuple):
    """The unit a figure is kept in, and the least and most that are believable of it."""

    unit: str
    least: float
    most: float


ACCELERATOR: dict[str, Measure] = {
    "memory_bytes": Measure("byte", 1e9, 1e12),
    "bandwidth_bytes_s": Measure("byte/s", 1e10, 1e14),
    "flops_fp16": Measure("FLOP/s, dense", 1e10, 1e17),
    "flops_fp8": Measure("FLOP/s, dense", 1e12, 1e17),
    "flops_fp4": Measure("FLOP/s, dense", 1e12, 1e17),
    "flops_int8": Measure("OP/s, dense", 1e10, 1e17),
    "link_bytes_s": Measure("byte/s, one direction", 1e9, 1e13),
    "tdp_w": Measure("W", 10, 5000),
}
"""Field -> its measure, of one board."""

SIZE: dict[str, Measure] = {
    "params": Measure("parameters", 1e5, 1e14),
    "active_params": Measure("parameters", 1e5, 1e14),
    "layers": Measure("layers", 1, 10_000),
    "hidden": Measure("dimensions", 1, 1e6),
    "heads": Measure("heads", 1, 10_000),
    "kv_heads": Measure("heads", 1, 10_000),
    "head_dim": Measure("dimensions", 1, 100_000),
    "vocab": Measure("tokens", 2, 1e8),
}
"""What every transformer states -> its measure."""

_WIDTH, _LAYERS, _HEADS = (Measure("dimensions", 0, 100_000), Measure("layers", 0, 10_000), Measure("heads", 0, 10_000))
_TOKENS, _COUNT = Measure("tokens", 0, 1e9), Measure("parameters", 0, 1e14)
MODEL: dict[str, Measure] = {
    **SIZE,
    "experts": Measure("experts", 0, 100_000),
    "experts_per_token": Measure("experts", 0, 100_000),
    "v_head_dim": _WIDTH,
    "kv_latent": _WIDTH,
    "kv_rope": _WIDTH,
    "kv_compression": Measure("tokens per entry", 1, 100_000),
    "window_layers": _LAYERS,
    "window_tokens": _TOKENS,
    "window_kv_heads": _HEADS,
    "window_head_dim": _WIDTH,
    "linear_layers": _LAYERS,
    "state_numbers": Measure("numbers per layer", 0, 1e12),
    "plain_layers": _LAYERS,
    "sparse_tokens": _TOKENS,
    "index_layers": _LAYERS,
    "index_heads": _HEADS,
    "index_head_dim": _WIDTH,
    "moe_layers": _LAYERS,
    "expert_width": _WIDTH,
    "expert_params": _COUNT,
    "shared_expert_params": _COUNT,
    "tied_embeddings": Measure("1 if tied", 0, 1),
    "weight_bits": Measure("bits", 1, 64),
    "expert_bits": Measure("bits", 0, 64),
    "kv_bits": Measure("bits", 0, 64),
    "max_context": _TOKENS,
}
"""Field -> its measure; beyond `SIZE`, what is not stated is as in a plain dense transformer in 16 bits."""

ARCHITECTURES = ("volta", "turing", "ampere", "ada", "hopper", "blackwell", "cdna2", "cdna3", "cdna4")
"""Generations of accelerators that engines tell apart by the number formats they multiply on them."""

ACCELERATOR_WORDS = {"architecture": ARCHITECTURES}
MODEL_WORDS = {"attention": ("gqa", "mla"), "weight_format": ()}
"""What an accelerator, a model says of itself in a word -> the words there are; none listed: any."""

TOKENS = Measure("USD/Mtok", 1e-5, 10_000)
PRICES: dict[OfferKind, dict[str, Measure]] = {
    "api": {
        "input_usd_per_mtok": TOKENS,
        "cached_input_usd_per_mtok": TOKENS,
        "cache_write_usd_per_mtok": TOKENS,
        "output_usd_per_mtok": TOKENS,
        "batch_input_usd_per_mtok": TOKENS,
        "batch_cached_input_usd_per_mtok": TOKENS,
        "batch_cache_write_usd_per_mtok": TOKENS,
        "batch_output_usd_per_mtok": TOKENS,
        "request_usd": Measure("USD/request", 1e-9, 1000),
    },
    "accelerator_hour": {"usd_per_hour": Measure("USD/hour", 1e-3, 1e5)},
    "server_purchase": {"purchase_usd": Measure("USD", 1, 1e8)},
    "cpu_hour": {"usd_per_hour": Measure("USD/vCPU/hour", 1e-4, 1000)},
    "provisioned": {"usd_per_hour": Measure("USD/unit/hour", 1e-4, 1e5)},
    "edge": {
        "usd_per_device_month": Measure("USD/device/month", 1e-6, 1e4),
        "purchase_usd": Measure("USD", 0.1, 1e6),
    },
}
"""Kind of offer -> price fields and their measures. What is lower than the least is no price, but a typing error."""

ASSUMPTIONS: dict[str, Measure] = {
    "electricity_us_commercial": Measure("USD/kWh", 1e-3, 2),
    "cooling_adder_air": Measure("USD/kWh", 0, 2),
    "cooling_adder_liquid": Measure("USD/kWh", 0, 2),
    "pue": Measure("ratio", 1, 3),
    "maintenance": Measure("fraction of capex per year", 0, 1),
    "colocation_rack_high_density": Measure("USD/rack/month", 10, 1e5),
    "colocation_per_kw": Measure("USD/kW/month", 1, 5000),
    "staff_loaded": Measure("USD/FTE/year", 1000, 2e6),
    "staff_fte_per_8gpu_node": Measure("FTE", 0, 20),
    "gpu_failure_rate": Measure("fraction/year replaced", 0, 1),
    "egress_aws_first10TB": Measure("USD/GB", 1e-5, 5),
    "egress_aws_10_to_50TB": Measure("USD/GB", 1e-5, 5),
    "egress_aws_free": Measure("GB/month", 0, 1e7),
    "egress_azure": Measure("USD/GB", 1e-5, 5),
    "egress_gcp": Measure("USD/GB", 1e-5, 5),
    "egress_oci": Measure("USD/GB", 1e-5, 5),
    "egress_oci_free": Measure("TB/month", 0, 1e4),
    "object_storage": Measure("USD/GB/month", 1e-5, 5),
    **{f"residual_{months}m": Measure("fraction of purchase", 0, 1) for months in (12, 24, 36, 60)},
    "useful_life": Measure("years", 0.5, 15),
    "cost_of_capital": Measure("per year", 0, 1),
    "api_price_decay": Measure("per year", 0, 1),
    "cloud_gpu_price_decay": Measure("per year", 0, 1),
    "goodput_loss": Measure("fraction of GPU cost", 0, 1),
    "support_uplift_hyperscaler": Measure("fraction of cloud spend", 0, 1),
    "server_power_ratio": Measure("power of the server / TDP of its accelerators", 1, 5),
    "idle_power_ratio": Measure("power of an idle accelerator / its TDP", 0, 1),
    "autoscaling_overhead": Measure("fraction of rent", 0, 1),
    **{f"macrs5_year_{year}": Measure("fraction of purchase", 0, 1) for year in range(1, 7)},
}
"""Operating assumption -> its measure; one that is not named is the user's own, in the unit it states."""

FACTS: dict[str, Measure] = {
    **{f"engine/*/{name}": Measure("1 supported, 0 not", 0, 1) for name in ARCHITECTURES},
    "electricity/*/usd_per_kwh": Measure("USD/kWh", 1e-3, 2),
    "carbon/*/gco2_per_kwh": Measure("gCO2e/kWh", 1, 2000),
    **{f"accelerator/*/{name}": measure for name, measure in ACCELERATOR.items()},
    **{f"model/*/{name}": measure for name, measure in MODEL.items()},
    **{f"offer/*/{name}": measure for prices in reversed(PRICES.values()) for name, measure in prices.items()},
    **{f"assumption/{name}": measure for name, measure in ASSUMPTIONS.items()},
}
"""Pattern of a fact's key -> its measure; `engine/<engine>/<precision>/<architecture>` is whether that runs.

Industrial electricity costs 0.01 (subsidised) to 0.34 USD/kWh (Hawaii) in this catalog, retail at most about twice
that; a grid without any emission is a missing value."""

KINDS = ("electricity", "carbon", "accelerator", "model", "offer", "assumption", "engine")
"""What the keys of facts begin with. Other kinds are the user's own, unless they look like one of these misspelt."""


def measure_of(key: str) -> Measure | None:
    """What a fact of this key is measured in; None where the catalog has no say (a kind of the user's own)."""
    plain = key.partition("@")[0]
    return FACTS.get(plain) or FACTS.get(f"{plain.partition('/')[0]}/*/{plain.rpartition('/')[2]}")


TIER = ("above_input_tokens", *(name for name in PRICES["api"] if name.endswith("_usd_per_mtok")))
"""Keys of one of an offer's `tiers`: from which input length on, and the prices that change there."""

PRICE_UNITS = CURRENCIES
"""A unit that starts so is a price: it is never zero."""

PLACE = ("source", "as_of", "url", "licence")
SOURCE = (*PLACE, "retrieved", "confidence")
TIME = ("region", "term", "valid_to")
ENTRY = ("value", "unit", *SOURCE, *TIME, "basis", "low", "high", "note")
ASSUMPTION = ("low", "base", "high", "unit", *SOURCE, "region", "valid_to", "note")
HEAD = ("name", "vendor", "aliases", *SOURCE, "facts")
ACCELERATOR_HEAD = (*HEAD, *ACCELERATOR_WORDS)
MODEL_HEAD = (*HEAD, *MODEL_WORDS)
OFFER_TEXT = ("id", "provider", "kind", "model", "accelerator", "region", "term", "basis", "note", *PLACE)
OFFER_MORE = ("count", "valid_from", "valid_to", "free", "tiers", "capacity", "device", "latency")
OFFER = (*OFFER_TEXT, *OFFER_MORE, *{name for prices in PRICES.values() for name in prices})
SECTIONS = ("sources", "accelerators", "models", "offers", "facts", "assumptions", "rejected", "left_out", "unpriced")
TERMS = ("on_demand", "spot", "reserved_1m", "reserved_6m", "reserved_1y", "reserved_3y", "reserved_5y", "purchase")
