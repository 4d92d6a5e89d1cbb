"""A model sheet computed from a published `config.json`: parameters are counted, never remembered."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from breakeven.catalog.source.hf_feed import chosen, expert_width, feed
from breakeven.catalog.source.hf_layers import Layer, experts_of, layers_of
from breakeven.catalog.source.hf_mixer import (
    head_dim,
    heads,
    index_params,
    is_compressed,
    latent,
    mixer_params,
    state_numbers,
    widths,
)
from breakeven.catalog.source.hf_read import PUBLISHED, Config, config_of, read_config
from breakeven.catalog.source.hf_weights import weights_of
from breakeven.errors import FactError
from breakeven.schema.model import Attention, Model
from breakeven.schema.noun import Noun

KNOWN = frozenset({
    "deepseek_ref", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "gemma4", "gemma4_text",
    "glm4_moe", "glm_moe_dsa", "gpt_oss", "gptj", "kimi_k2", "kimi_k25", "kimi_k3", "kimi_linear",
    "llama", "llama4", "llama4_text", "mimo", "mimo_v2_flash", "minimax_m2", "minimax_m3", "minimax_m3_vl",
    "mistral", "mixtral", "nemotron-nas", "nemotron_h", "phi3", "qwen2", "qwen3", "qwen3_5",
    "qwen3_5_moe", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe", "qwen3_next", "qwen3_vl", "qwen3_vl_moe",
    "qwen3_vl_moe_text", "qwen3_vl_text", "step3p7",
})  # fmt: skip
"""The `model_type`s whose weights the formulas below count."""


class Sheet(Noun, frozen=True, kw_only=True):
    """Sizes of a decoder, with the meanings of `schema.model.Model`."""

    params: int
    active_params: int
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    experts: int = 0
    experts_per_token: int = 0
    attention: Attention = "gqa"
    v_head_dim: int = 0
    kv_latent: int = 0
    kv_rope: int = 0
    kv_compression: float = 1.0
    window_layers: int = 0
    window_tokens: int = 0
    window_kv_heads: int = 0
    window_head_dim: int = 0
    linear_layers: int = 0
    state_numbers: int = 0
    plain_layers: int = 0
    sparse_tokens: int = 0
    index_layers: int = 0
    index_heads: int = 0
    index_head_dim: int = 0
    moe_layers: int = 0
    expert_width: int = 0
    expert_params: int = 0
    shared_expert_params: int = 0
    tied_embeddings: bool = False
    weight_format: str = ""
    weight_bits: float = 16.0
    expert_bits: float = 0.0
    kv_bits: float = 0.0
    max_context: int = 0


def sheet(stated: Mapping[str, object], quantization: Mapping[str, object] | None = None) -> Sheet:
    """Count the parameters of a `config.json`; `quantization` is the `hf_quant_config.json` beside it, if there is one.

    params = (2, or 1 when tied) x vocab x hidden + each layer's attention, norms and feed-forward + final norm.
    Layers that only predict further tokens, and towers for pictures and sound, are left out.

    Raises:
        FactError: the architecture is not one of `KNOWN`, or a size is missing.
    """
    config = config_of(stated)
    if not config.kind:
        message = "config.json: has no model_type"
        raise FactError(message, PUBLISHED)
    if config.kind not in KNOWN:
        message = f"config.json: model_type {config.kind!r} is not one of {', '.join(sorted(KNOWN))}"
        raise FactError(message, "state the sizes as facts in a models: entry instead")
    layers = layers_of(config)
    counted = {**_shape(config, layers), **_counts(config, layers), **_cache(config, layers), **_index(config, layers)}
    attention = "mla" if latent(config) else "gqa"
    return msgspec.convert({**counted, "attention": attention, **weights_of(config, quantization)._asdict()}, Sheet)


def model_from_config(text: str, model_id: str, *, shown: str = "config.json", quantization: str = "") -> Model:
    """The sheet of a model that no catalog has, from the text of its `config.json`.

    `shown` names the file in errors and as the sheet's source; `quantization` is the text of a `hf_quant_config.json`.

    Raises:
        FactError: it is not JSON, the architecture is not known, or a size is missing.
    """
    try:
        found = sheet(read_config(text), read_config(quantization) if quantization else None)
    except FactError as error:
        raise FactError(error.message.replace("config.json", shown, 1), error.way_out) from error
    about = {"id": model_id, "name": model_id, "source": shown}
    return msgspec.convert({**msgspec.structs.asdict(found), **about}, Model, strict=False)


def _hidden(config: Config) -> int:
    return config.size("hidden_size", "n_embd")


def _shape(config: Config, layers: tuple[Layer, ...]) -> dict[str, int]:
    return {
        "layers": len(layers),
        "hidden": _hidden(config),
        "heads": heads(config),
        "vocab": config.size("vocab_size"),
        "max_context": config.size_or(0, "max_position_embeddings", "n_positions", "n_ctx"),
        "window_layers": sum(layer.mixer == "window" for layer in layers),
        "linear_layers": sum(layer.mixer == "linear" for layer in layers),
        "plain_layers": sum(layer.mixer == "none" for layer in layers),
        "moe_layers": sum(layer.follow in {"moe", "both"} for layer in layers),
    }


def _counts(config: Config, layers: tuple[Layer, ...]) -> dict[str, int | bool]:
    hidden, table = _hidden(config), config.size("vocab_size") * _hidden(config)
    tied = _tied(config)
    parts = [feed(config, layer) for layer in layers]
    experts, per_token = experts_of(config), chosen(config)
    norms = sum((layer.mixer != "none") + (layer.follow != "none") for layer in layers) * hidden + hidden
    mixers = sum(mixer_params(config, layer) for layer in layers) + _index_count(config, layers) * index_params(config)
    always = norms + mixers + sum(part.always for part in parts)
    shared, one = sum(part.shared for part in parts), sum(part.expert for part in parts)
    return {
        "params": (1 if tied else 2) * table + always + shared + experts * one,
        "active_params": table + always + shared + per_token * one,
        "experts": experts,
        "experts_per_token": per_token,
        "expert_width": expert_width(config),
        "expert_params": experts * one,
        "shared_expert_params": shared,
        "tied_embeddings": tied,
    }


def _tied(config: Config) -> bool:
    return config.flag("tie_word_embeddings")


def _cache(config: Config, layers: tuple[Layer, ...]) -> dict[str, float]:
    if latent(config):
        return {**_latent_cache(config, layers), **_states(config, layers)}
    full = next((layer for layer in layers if layer.mixer == "full"), Layer("full", "none"))
    dim, pairs = widths(config, full)
    value = config.size_or(dim, "v_head_dim")
    found = {"head_dim": dim, "kv_heads": pairs, "v_head_dim": 0 if value == dim else value}
    window = next((layer for layer in layers if layer.mixer == "window"), None)
    if window is not None:
        own_dim, own_pairs = widths(config, window)
        found["window_tokens"] = config.size("sliding_window", "attention_chunk_size")
        found["window_head_dim"] = 0 if own_dim == dim else own_dim
        found["window_kv_heads"] = 0 if own_pairs == pairs else own_pairs
    return {**found, **_states(config, layers)}


def _latent_cache(config: Config, layers: tuple[Layer, ...]) -> dict[str, float]:
    if is_compressed(config):
        ratios = [ratio for ratio in config.items("compress_ratios")[: len(layers)] if isinstance(ratio, int) and ratio]
        return {
            "kv_heads": 1,
            "head_dim": head_dim(config),
            "kv_latent": head_dim(config),
            "kv_compression": round(len(ratios) / sum(1 / ratio for ratio in ratios), 6),
            "window_tokens": config.size("sliding_window"),
        }
    width = config.size("qk_nope_head_dim") + config.size("qk_rope_head_dim")
    value = config.size("v_head_dim")
    return {
        "kv_heads": 1,
        "head_dim": width,
        "v_head_dim": 0 if value == width else value,
        "kv_latent": config.size("kv_lora_rank"),
        "kv_rope": config.size("qk_rope_head_dim"),
    }


def _states(config: Config, layers: tuple[Layer, ...]) -> dict[str, int]:
    return {"state_numbers": state_numbers(config)} if any(layer.mixer == "linear" for layer in layers) else {}


def _index(config: Config, layers: tuple[Layer, ...]) -> dict[str, int]:
    sparse = config.part("sparse_attention_config")
    if sparse.flag("use_sparse_attention"):
        return {
            "sparse_tokens": sparse.size("sparse_topk_blocks") * sparse.size("sparse_block_size"),
            "index_layers": sum(1 for flag in sparse.items("sparse_attention_freq") if flag),
            "index_heads": sparse.size("sparse_num_index_heads"),
            "index_head_dim": sparse.size("sparse_index_dim"),
        }
    if not config.get("index_topk"):
        return {}
    return {
        "sparse_tokens": config.size("index_topk"),
        "index_layers": _index_count(config, layers),
        "index_heads": config.size("index_n_heads"),
        "index_head_dim": config.size("index_head_dim"),
    }


def _index_count(config: Config, layers: tuple[Layer, ...]) -> int:
    """Layers with an index of their own."""
    if not config.get("index_topk"):
        return 0
    if config.items("indexer_types"):
        return sum(name == "full" for name in config.items("indexer_types"))
    if is_compressed(config):
        return sum(ratio == 4 for ratio in config.items("compress_ratios")[: len(layers)])  # noqa: PLR2004
    return len(layers)
