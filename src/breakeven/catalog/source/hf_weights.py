"""The number format in which weights are published, from `quantization_config` or `hf_quant_config.json`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from breakeven.catalog.source.hf_layers import experts_of
from breakeven.catalog.source.hf_read import Config

BITS = {"fp8": 8.0, "mxfp8": 8.25, "int8": 8.0, "mxfp4": 4.25, "nvfp4": 4.5, "bf16": 16.0, "fp16": 16.0, "fp32": 32.0}
"""Bits per weight, scales of blocks included: MX formats share 8 bits among 32 weights, NVFP4 among 16."""
ATTENTION = re.compile(r"self_attn(\.\*|\*|\.[qko]\w*_proj|$)")
"""How lists of what is not converted name the projections of attention."""
DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


class Weights(NamedTuple):
    """Format by name, bits per weight of most matrices, of routed experts, and of the cache (0: not said)."""

    weight_format: str
    weight_bits: float
    expert_bits: float
    kv_bits: float


def weights_of(config: Config, beside: Mapping[str, object] | None = None) -> Weights:
    """The format of the published weights; `beside` is a `hf_quant_config.json` that lies beside the configuration."""
    stated, other = config.part("quantization_config"), Config(beside or {}, {}).part("quantization")
    if not stated.text and not other.text:
        form = DTYPES.get(str(config.get("torch_dtype", "dtype")), "")
        return Weights(form, BITS.get(form, 16.0), 0.0, 0.0)
    layered = next((part.part("quantized_layers") for part in (stated, other) if part.get("quantized_layers")), None)
    form, most, expert = _mixed(stated, layered) if layered else _one(config, stated, other)
    return Weights(form, most, 0.0 if expert == most else expert, _cache_bits(stated, other))


def _one(config: Config, stated: Config, other: Config) -> tuple[str, float, float]:
    """A single format, and what it leaves in 16 bits: attention, or all but the experts."""
    form, bits = _form(stated if stated.text else other)
    kept = experts_of(config) > 0 and (form == "mxfp4" or _skips_attention(stated, other))
    most = 16.0 if kept else bits
    return form, most, BITS["mxfp4"] if config.get("expert_dtype") == "fp4" else bits


def _mixed(stated: Config, layered: Config) -> tuple[str, float, float]:
    """Several formats, named layer by layer: the feed-forward's, or what most matrices outside the experts have."""
    named = [
        (name, _known(str(layered.part(name).get("quant_algo")))) for name in layered.text if "lm_head" not in name
    ]
    experts = [form for name, form in named if "experts" in name and "shared" not in name]
    others = [form for name, form in named if "experts" not in name or "shared" in name]
    others = others if experts else [form for name, form in named if ".mlp." in name] or others
    around = _known(str(stated.get("quant_method"))) or "bf16"
    most, expert = _commonest(others) or around, _commonest(experts)
    expert = expert or most
    return expert, BITS.get(most, 16.0), BITS.get(expert, 16.0)


def _commonest(forms: list[str]) -> str:
    """The format that most have, the wider of two that are as common; empty where there is none."""
    counts = Counter(forms)
    return max(counts, key=lambda form: (counts[form], BITS.get(form, 16.0)), default="")


def _known(method: str) -> str:
    return next((name for name in sorted(BITS, key=len, reverse=True) if name in method.lower()), "")


def _form(stated: Config) -> tuple[str, float]:
    name = _known(str(stated.get("quant_algo", "format", "quant_method") or ""))
    return (name, BITS[name]) if name else _counted(stated)


def _counted(stated: Config) -> tuple[str, float]:
    """A format that is only described: its smallest weights, with the scale that a group of them shares."""
    groups = stated.part("config_groups")
    found = [_described(groups.part(name).part("weights")) for name in groups.text]
    bits = stated.size_or(16, "bits")
    return min(found, key=lambda form: form[1], default=(f"int{bits}", _shared(bits, 16.0, stated)))


def _described(weights: Config) -> tuple[str, float]:
    real, bits = weights.get("type") == "float", weights.size_or(16, "num_bits")
    return f"{'fp' if real else 'int'}{bits}", _shared(bits, 8.0 if real else 16.0, weights)


def _shared(bits: int, scale: float, stated: Config) -> float:
    group = stated.size_or(0, "group_size")
    return bits + (scale / group if group > 0 else 0.0)


def _skips_attention(stated: Config, other: Config) -> bool:
    """Whether projections of attention stay in 16 bits: named, by a pattern or each, among what is skipped."""
    names = ("ignore", "modules_to_not_convert", "exclude_modules")
    skipped = [str(name) for part in (stated, other) for key in names for name in part.items(key)]
    return any(ATTENTION.search(name) for name in skipped)


def _cache_bits(stated: Config, other: Config) -> float:
    scheme = stated.part("kv_cache_scheme").size_or(0, "num_bits")
    named = "fp8" in str(other.get("kv_cache_quant_algo") or stated.get("kv_cache_scheme") or "").lower()
    return float(scheme or (8 if named else 0))
