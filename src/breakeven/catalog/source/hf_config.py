"""A model sheet computed from a published `config.json`: parameters are counted, never remembered."""

from __future__ import annotations

from collections.abc import Mapping

from breakeven.errors import FactError
from breakeven.schema.noun import Noun

KNOWN = frozenset({"llama", "mistral", "mixtral", "qwen3", "qwen3_moe", "gpt_oss", "deepseek_v3", "kimi_k2"})
"""The `model_type`s whose weights the formulas below count."""


class Sheet(Noun, frozen=True, kw_only=True):
    """Sizes of a decoder. `active_params` are read for one token: all but unchosen experts and the input embedding.

    With multi-head latent attention `kv_heads` is 1 and `head_dim` half the latent width, so that the usual
    2 x kv_heads x head_dim numbers per token and layer are what the cache really holds.
    """

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


def sheet(config: Mapping[str, object]) -> Sheet:
    """Count the parameters of a `config.json`.

    params = (2, or 1 when tied) x vocab x hidden + layers x (attention + norms) + feed-forward layers + final norm, a
    gated feed-forward being 3 x hidden x width, a mixture experts x that + router. Layers that only predict further
    tokens (`num_nextn_predict_layers`) are left out.

    Raises:
        FactError: the architecture is not one of `KNOWN`, or a size is missing.
    """
    kind = str(config.get("model_type", ""))
    if kind not in KNOWN:
        message = f"config.json: model_type {kind!r} is not one of {', '.join(sorted(KNOWN))}"
        raise FactError(message, "state the sizes as facts in a models: entry instead")
    layers, hidden, vocab = (_int(config, k) for k in ("num_hidden_layers", "hidden_size", "vocab_size"))
    table = vocab * hidden
    tables = table if config.get("tie_word_embeddings") else 2 * table
    trunk = layers * (_attention(config) + 2 * hidden) + hidden
    stored, read = _feed_forward(config)
    latent = _latent(config)
    return Sheet(
        params=tables + trunk + stored,
        active_params=table + trunk + read,
        layers=layers,
        hidden=hidden,
        heads=_int(config, "num_attention_heads"),
        kv_heads=1 if latent else _int(config, "num_key_value_heads"),
        head_dim=latent // 2 if latent else _head_dim(config),
        vocab=vocab,
        experts=_experts(config),
        experts_per_token=_int(config, "num_experts_per_tok") if _experts(config) else 0,
    )


def _int(config: Mapping[str, object], key: str) -> int:
    value = config.get(key)
    if isinstance(value, bool) or not isinstance(value, int):
        message = f"config.json: {key} should be a whole number, got {value!r}"
        raise FactError(message, f"add {key} to the configuration, or state the sizes as facts")
    return value


def _or(config: Mapping[str, object], key: str, default: int) -> int:
    return default if config.get(key) is None else _int(config, key)


def _head_dim(config: Mapping[str, object]) -> int:
    return _or(config, "head_dim", _int(config, "hidden_size") // _int(config, "num_attention_heads"))


def _latent(config: Mapping[str, object]) -> int:
    rank = _or(config, "kv_lora_rank", 0)
    return rank + _int(config, "qk_rope_head_dim") if rank else 0


def _experts(config: Mapping[str, object]) -> int:
    return next((_int(config, k) for k in ("num_local_experts", "num_experts", "n_routed_experts") if k in config), 0)


def _attention(config: Mapping[str, object]) -> int:
    if _latent(config):
        return _latent_attention(config)
    hidden, dim = _int(config, "hidden_size"), _head_dim(config)
    heads, kv_heads = _int(config, "num_attention_heads"), _int(config, "num_key_value_heads")
    weights = 2 * hidden * heads * dim + 2 * hidden * kv_heads * dim
    bias = (heads + 2 * kv_heads) * dim + hidden if config.get("attention_bias") else 0
    query_key_norm = 2 * dim if str(config["model_type"]).startswith("qwen3") else 0
    sinks = heads if config["model_type"] == "gpt_oss" else 0
    return weights + bias + query_key_norm + sinks


def _latent_attention(config: Mapping[str, object]) -> int:
    hidden, heads = _int(config, "hidden_size"), _int(config, "num_attention_heads")
    rank, query_rank = _int(config, "kv_lora_rank"), _int(config, "q_lora_rank")
    rope, nope, value = (_int(config, k) for k in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"))
    query = hidden * query_rank + query_rank + query_rank * heads * (nope + rope)
    key_value = hidden * (rank + rope) + rank + rank * heads * (nope + value)
    return query + key_value + heads * value * hidden


def _feed_forward(config: Mapping[str, object]) -> tuple[int, int]:
    """Parameters stored and read for one token, over all layers."""
    hidden, layers, experts = _int(config, "hidden_size"), _int(config, "num_hidden_layers"), _experts(config)
    dense_layers = layers if not experts else _or(config, "first_k_dense_replace", 0)
    dense = dense_layers * 3 * hidden * _int(config, "intermediate_size")
    if not experts:
        return dense, dense
    width = _or(config, "moe_intermediate_size", _int(config, "intermediate_size"))
    one = 3 * hidden * width + (2 * width + hidden if config["model_type"] == "gpt_oss" else 0)
    always = experts * hidden + _or(config, "n_shared_experts", 0) * one
    mixed = layers - dense_layers
    chosen = _int(config, "num_experts_per_tok")
    return dense + mixed * (always + experts * one), dense + mixed * (always + chosen * one)
