"""Parameters of what mixes tokens: grouped-query and latent attention, their indexes, and recurrent layers."""

from __future__ import annotations

from breakeven.catalog.source.hf_layers import Layer
from breakeven.catalog.source.hf_read import Config

HEAD_NORM = ("qwen3", "glm", "gemma", "hunyuan")
"""Families with a norm over each head's queries and keys."""
GATED = ("qwen3_5", "qwen3_next")
"""Families whose attention has a gate as wide as the queries, computed with them."""


def head_dim(config: Config) -> int:
    """Width of a head: stated, else hidden / heads."""
    stated = config.size_or(0, "head_dim", "attention_head_dim")
    return stated or config.size("hidden_size", "n_embd") // heads(config)


def heads(config: Config) -> int:
    """Query heads."""
    return config.size("num_attention_heads", "n_head")


def kv_heads(config: Config) -> int:
    """Key-value heads; as many as there are query heads where the configuration does not know any other number."""
    if config.flag("multi_query"):
        return 1
    return config.size_or(heads(config), "num_key_value_heads", "num_kv_heads")


def latent(config: Config) -> int:
    """Width of the latent all heads share; 0 without latent attention."""
    return head_dim(config) if is_compressed(config) else config.size_or(0, "kv_lora_rank")


def is_compressed(config: Config) -> bool:
    """Whether neighbouring tokens share cache entries (DeepSeek V4)."""
    return bool(config.items("compress_ratios"))


def mixer_params(config: Config, layer: Layer) -> int:
    """Parameters of a layer's mixer.

    Raises:
        FactError: a size is missing.
    """
    if layer.mixer == "none":
        return 0
    if layer.mixer == "linear":
        return _linear(config)
    if is_compressed(config):
        return _compressed(config)
    return _latent(config) if latent(config) else _grouped(config, layer)


def _grouped(config: Config, layer: Layer) -> int:
    hidden, count = config.size("hidden_size", "n_embd"), heads(config)
    dim, pairs = widths(config, layer)
    value = dim if not config.get("v_head_dim") else config.size("v_head_dim")
    own = not (config.flag("attention_k_eq_v") and layer.mixer == "full")
    query, key, out = count * dim, pairs * dim, count * value
    gate = query if config.kind.startswith(GATED) and config.flag("attn_output_gate") else 0
    weights = hidden * (query + gate + key + (pairs * value if own else 0) + out)
    return weights + _bias(config, query + key + pairs * value) + _small(config, dim, pairs)


def widths(config: Config, layer: Layer) -> tuple[int, int]:
    """Head width and key-value heads of a layer of grouped-query attention."""
    if layer.mixer == "window":
        return (
            config.size_or(head_dim(config), "swa_head_dim"),
            config.size_or(kv_heads(config), "swa_num_key_value_heads"),
        )
    pairs = layer.kv_heads or config.size_or(kv_heads(config), "num_global_key_value_heads")
    return config.size_or(head_dim(config), "global_head_dim"), pairs


def _bias(config: Config, width: int) -> int:
    if config.kind in {"qwen2", "qwen2_moe", "mimo"}:
        return width
    return width + config.size("hidden_size") if config.flag("attention_bias") else 0


def _small(config: Config, dim: int, pairs: int) -> int:
    """Norms of queries and keys, and sinks."""
    if config.get("qk_norm_type") == "per_layer":
        return heads(config) * dim + pairs * dim
    stated = config.get("use_qk_norm")
    normed = config.kind.startswith(HEAD_NORM) if stated is None else bool(stated)
    return (2 * dim if normed else 0) + (heads(config) if config.kind == "gpt_oss" else 0) + _block_index(config)


def _block_index(config: Config) -> int:
    """The index that chooses blocks (MiniMax M3): queries of its heads and one key."""
    sparse = config.part("sparse_attention_config")
    if not sparse.flag("use_sparse_attention"):
        return 0
    return config.size("hidden_size") * sparse.size("sparse_index_dim") * (sparse.size("sparse_num_index_heads") + 1)


def _latent(config: Config) -> int:
    hidden, count, rank = config.size("hidden_size"), heads(config), config.size("kv_lora_rank")
    rope, nope, value = (config.size(name) for name in ("qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"))
    query_rank, query = config.size_or(0, "q_lora_rank"), count * (nope + rope)
    queries = hidden * query_rank + query_rank + query_rank * query if query_rank else hidden * query
    key_value = hidden * (rank + rope) + rank + rank * count * (nope + value)
    gate = hidden * count * value if config.flag("mla_use_output_gate") else 0
    return queries + key_value + count * value * hidden + gate


def index_params(config: Config) -> int:
    """Parameters of one layer's index of sparse latent attention: queries, one key with its norm, weights of heads."""
    if not config.get("index_n_heads"):
        return 0
    count, dim = config.size("index_n_heads"), config.size("index_head_dim")
    hidden = config.size("hidden_size")
    return config.size("q_lora_rank") * count * dim + hidden * dim + 2 * dim + hidden * count


def _compressed(config: Config) -> int:
    """DeepSeek V4: low-rank queries, one shared key-value head, and a grouped low-rank output; compressors left out."""
    hidden, query_rank, dim = config.size("hidden_size"), config.size("q_lora_rank"), head_dim(config)
    wide, out_rank = heads(config) * dim, config.size("o_lora_rank")
    return (
        hidden * (query_rank + dim) + query_rank * wide + wide * out_rank + config.size("o_groups") * out_rank * hidden
    )


def _linear(config: Config) -> int:
    if config.get("mamba_num_heads") is not None:
        return _mamba(config)
    return _delta(config) if config.part("linear_attn_config").text else _gated_delta(config)


def _mamba(config: Config) -> int:
    """Mamba 2: input projection, convolution, decay and skip of each head, norm, output projection."""
    hidden, count = config.size("hidden_size"), config.size("mamba_num_heads")
    inner = count * config.size("mamba_head_dim")
    convolved = inner + 2 * config.size("n_groups") * config.size("ssm_state_size")
    return (
        hidden * (inner + convolved + count)
        + convolved * (config.size("conv_kernel") + 1)
        + 3 * count
        + inner * (1 + hidden)
    )


def _delta(config: Config) -> int:
    """Kimi delta attention: queries, keys, values and gate, their convolutions, forget gate, output."""
    hidden, part = config.size("hidden_size"), config.part("linear_attn_config")
    count, dim = part.size("num_heads"), part.size("head_dim")
    wide = count * dim
    forget = hidden * (dim + count) + dim * wide + count + wide
    return 5 * hidden * wide + 3 * wide * part.size("short_conv_kernel_size") + forget + dim


def _gated_delta(config: Config) -> int:
    """Gated delta net: queries and keys, values, gate, two scalars a head, convolution, norm, output."""
    hidden, value_heads = config.size("hidden_size"), config.size("linear_num_value_heads")
    key = config.size("linear_num_key_heads") * config.size("linear_key_head_dim")
    value = value_heads * config.size("linear_value_head_dim")
    convolved = 2 * key + value
    projections = hidden * (convolved + value + 2 * value_heads) + value * hidden
    return projections + convolved * config.size("linear_conv_kernel_dim") + 2 * value_heads + value // value_heads


def state_numbers(config: Config) -> int:
    """Numbers a sequence keeps in one linear layer: the recurrent state and the convolution's last inputs.

    Raises:
        FactError: a size is missing.
    """
    if config.get("mamba_num_heads") is not None:
        inner, state = config.size("mamba_num_heads") * config.size("mamba_head_dim"), config.size("ssm_state_size")
        return inner * state + (inner + 2 * config.size("n_groups") * state) * (config.size("conv_kernel") - 1)
    part = config.part("linear_attn_config")
    if part.text:
        wide, dim = part.size("num_heads") * part.size("head_dim"), part.size("head_dim")
        return wide * dim + 3 * wide * (part.size("short_conv_kernel_size") - 1)
    key_dim = config.size("linear_key_head_dim")
    key = config.size("linear_num_key_heads") * key_dim
    value = config.size("linear_num_value_heads") * config.size("linear_value_head_dim")
    return value * key_dim + (2 * key + value) * (config.size("linear_conv_kernel_dim") - 1)
