"""Which layers a configuration has: what mixes tokens in each, and what follows it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from breakeven.catalog.source.hf_read import Config
from breakeven.errors import FactError

Mixer = Literal["full", "window", "linear", "none"]
Follow = Literal["dense", "moe", "both", "none"]

MIXERS: dict[str, Mixer] = {
    "full_attention": "full", "deepseek_sparse_attention": "full", "attention": "full", "*": "full",
    "sliding_attention": "window", "chunked_attention": "window",
    "linear_attention": "linear", "mamba": "linear", "M": "linear",
}  # fmt: skip
FOLLOWS: dict[str, Follow] = {"moe": "moe", "E": "moe", "mlp": "dense", "-": "dense"}
"""Layers of their own in architectures whose layers do one thing only."""

NO_ROPE_INTERVAL = 4
"""Llama 4: every fourth layer attends to everything, where the configuration names no other interval (the default in
the documentation of transformers' Llama4TextConfig)."""


class Layer(NamedTuple):
    """What mixes tokens in a layer, what comes after it, and (nemotron-nas) its own widths, 0 where general."""

    mixer: Mixer
    follow: Follow
    kv_heads: int = 0
    width: int = 0


def layers_of(config: Config) -> tuple[Layer, ...]:
    """Every layer in order.

    Raises:
        FactError: a size is missing, or a layer is of a kind that is not known.
    """
    if config.items("block_configs"):
        return tuple(_block(config, block) for block in config.items("block_configs"))
    pattern = config.get("hybrid_override_pattern")
    single = tuple(pattern) if isinstance(pattern, str) else config.items("layers_block_type")
    if single:
        return tuple(_single(str(name)) for name in single)
    count = config.size("num_hidden_layers", "n_layer", "num_layers")
    mixers, follows = _mixers(config, count), _follows(config, count)
    if not len(mixers) == len(follows) == count:
        message = f"config.json: {count} num_hidden_layers, and a list of {min(len(mixers), len(follows))} layers"
        raise FactError(message, "correct num_hidden_layers, or the list of layer types")
    return tuple(Layer(mixer, follow) for mixer, follow in zip(mixers, follows, strict=True))


def experts_of(config: Config) -> int:
    """Routed experts of a mixture; 0 for a dense model."""
    names = ("num_local_experts", "num_experts", "n_routed_experts")
    return config.size_or(0, *names)


def _single(name: str) -> Layer:
    return Layer("none", FOLLOWS[name]) if name in FOLLOWS else Layer(_mixer(name), "none")


def _mixer(name: str) -> Mixer:
    if name not in MIXERS:
        message = f"config.json: layers of type {name!r} are not known"
        raise FactError(message, "state the sizes as facts in a models: entry instead")
    return MIXERS[name]


def _mixers(config: Config, count: int) -> tuple[Mixer, ...]:
    """Named layer by layer, else by a rule of every so many, else all alike."""
    named = _named_mixers(config)[:count]
    if named:
        return named
    every, other = _interval(config)
    if every:
        return tuple("full" if (at + 1) % every == 0 else other for at in range(count))
    return (("window" if _all_windows(config) else "full"),) * count


def _named_mixers(config: Config) -> tuple[Mixer, ...]:
    if config.items("layer_types"):
        return tuple(_mixer(str(name)) for name in config.items("layer_types"))
    if config.items("hybrid_layer_pattern"):
        return tuple("window" if flag else "full" for flag in config.items("hybrid_layer_pattern"))
    if config.items("compress_ratios"):
        return tuple("full" if ratio else "window" for ratio in config.items("compress_ratios"))
    part = config.part("linear_attn_config")
    full, linear = part.items("full_attn_layers"), part.items("kda_layers")
    return tuple("full" if at + 1 in full else "linear" for at in range(len(full) + len(linear))) if full else ()


def _interval(config: Config) -> tuple[int, Mixer]:
    """Every how many layers one attends to everything (0: no such rule), and what the others are."""
    if config.get("full_attention_interval"):
        return config.size("full_attention_interval"), "linear"
    if config.get("attention_chunk_size") and config.kind.startswith("llama4"):
        return config.size_or(NO_ROPE_INTERVAL, "no_rope_layer_interval"), "window"
    return 0, "full"


def _all_windows(config: Config) -> bool:
    """Mistral's first generation slides everywhere; elsewhere a window alone, without a list of layers, is unused."""
    return bool(config.get("sliding_window")) and config.kind in {"mistral", "mixtral", "phi3"}


def _follows(config: Config, count: int) -> tuple[Follow, ...]:
    alike: Follow = "dense"
    if not experts_of(config):
        return (alike,) * count
    mixed: Follow = "both" if config.flag("enable_moe_block") else "moe"
    kinds: dict[bool, Follow] = {True: mixed, False: "dense"}
    stated = config.items("moe_layer_freq") or tuple(int(n == "sparse") for n in config.items("mlp_layer_types"))
    if stated:
        return tuple(kinds[bool(flag)] for flag in stated[:count])
    first, alone = config.size_or(0, "first_k_dense_replace"), config.items("mlp_only_layers")
    step = config.size_or(1, "interleave_moe_layer_step", "decoder_sparse_step")
    moe = (at >= first and (at + 1) % step == 0 and at not in alone for at in range(count))
    return tuple(kinds[flag] for flag in moe)


def _block(config: Config, block: object) -> Layer:
    """A layer of a searched architecture (nemotron-nas): its group size and width, or nothing."""
    inner = Config(block if isinstance(block, dict) else {}, {})
    attention, follow = inner.part("attention"), inner.part("ffn")
    if attention.flag("replace_with_linear") or follow.flag("replace_with_linear"):
        message = "config.json: block_configs with replace_with_linear are not known"
        raise FactError(message, "state the sizes as facts in a models: entry instead")
    group = 0 if attention.flag("no_op") else attention.size("n_heads_in_group")
    kv_heads = config.size("num_attention_heads") // group if group else 0
    width = 0 if follow.flag("no_op") else _multiple(config, follow.get("ffn_mult"))
    return Layer("full" if group else "none", "dense" if width else "none", kv_heads, width)


def _multiple(config: Config, factor: object) -> int:
    """2/3 of `ffn_mult` x 2 x hidden, rounded up to a multiple of 256: how searched Llamas state their widths."""
    if not isinstance(factor, int | float):
        message = f"config.json: ffn_mult should be a number, got {factor!r}"
        raise FactError(message, "state the sizes as facts in a models: entry instead")
    exact = int(2 * factor * config.size("hidden_size") / 3)
    return -(-exact // 256) * 256
