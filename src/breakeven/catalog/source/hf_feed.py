"""Parameters of feed-forward layers: gated or plain, dense or a mixture of experts, in the hidden or a latent width."""

from __future__ import annotations

from typing import NamedTuple

from breakeven.catalog.source.hf_layers import Layer, experts_of
from breakeven.catalog.source.hf_read import Config

PLAIN = frozenset({"nemotron_h", "gptj"})
"""Families whose feed-forward has two matrices instead of three."""
BIASED = frozenset({"gptj", "gpt_oss"})
"""Families whose feed-forward has biases."""


class Feed(NamedTuple):
    """Parameters of a layer's feed-forward: always read, in shared experts (read too), and in one routed expert."""

    always: int = 0
    shared: int = 0
    expert: int = 0


def expert_width(config: Config) -> int:
    """Width of one routed expert; 0 for a dense model."""
    return (
        config.size("moe_intermediate_size", "expert_ffn_hidden_size", "intermediate_size") if experts_of(config) else 0
    )


def chosen(config: Config) -> int:
    """Experts one token is sent to; 0 for a dense model."""
    names = ("num_experts_per_tok", "num_experts_per_token", "experts_per_token", "top_k_experts")
    return config.size(*names) if experts_of(config) else 0


def feed(config: Config, layer: Layer) -> Feed:
    """Parameters of what follows the mixer of a layer.

    Raises:
        FactError: a size is missing.
    """
    hidden = config.size("hidden_size", "n_embd")
    dense = _matrices(config, hidden, _dense_width(config, layer)) if layer.follow in {"dense", "both"} else 0
    if layer.follow in {"dense", "none"}:
        return Feed(always=dense)
    inner = config.size_or(hidden, "moe_latent_size", "routed_expert_hidden_size")
    around = 2 * hidden * inner if inner != hidden else 0
    router = experts_of(config) * hidden
    width = shared_width(config)
    return Feed(
        always=dense + router + around,
        shared=_matrices(config, hidden, width) if width else 0,
        expert=_matrices(config, inner, expert_width(config)),
    )


def shared_width(config: Config) -> int:
    """Width of all shared experts of a layer together.

    Raises:
        FactError: what states it is no whole number.
    """
    names = ("shared_expert_intermediate_size", "moe_shared_expert_intermediate_size", "share_expert_dim")
    stated = config.size_or(0, *names, "shared_intermediate_size")
    if stated:
        return stated
    if config.kind.startswith("llama4"):
        return config.size("intermediate_size")
    return config.size_or(0, "n_shared_experts", "num_shared_experts") * expert_width(config)


def _dense_width(config: Config, layer: Layer) -> int:
    if layer.width:
        return layer.width
    names = ("dense_intermediate_size", "intermediate_size_mlp", "intermediate_size", "n_inner")
    if config.kind == "gptj" and config.get(*names) is None:
        return 4 * config.size("n_embd")
    return config.size(*names)


def _matrices(config: Config, outer: int, width: int) -> int:
    if config.kind in PLAIN:
        return 2 * outer * width + (width + outer if config.kind in BIASED else 0)
    return 3 * outer * width + (2 * width + outer if config.kind in BIASED else 0)
