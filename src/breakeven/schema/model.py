"""A model as its configuration states it."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

Attention = Literal["gqa", "mla"]
"""How a layer with a growing cache keeps it: keys and values per head (multi-head and multi-query attention are the
ends of grouped-query attention), or one latent vector for all heads."""


class Model(Noun, frozen=True, kw_only=True):
    """A transformer's size. Counts are parameters; `active_params` < `params` for a mixture of experts.

    `params` are stored; `active_params` are read for one token (dense parts, shared experts, router, chosen experts and
    the output table, not the input table unless it is the same one). Layers that only predict further tokens and
    towers for pictures or sound are in neither.

    Of `layers`, `window_layers` attend to the last `window_tokens` tokens only, `linear_layers` hold a state of
    `state_numbers` numbers a sequence instead of a cache (recurrence and convolution), `plain_layers` do not mix
    tokens at all; the rest (`full_layers`) keep every token, `kv_compression` tokens to an entry. `sparse_tokens` > 0
    is the most tokens a query of a full layer attends to; `index_layers` of them choose these with `index_heads` heads
    and cache `index_head_dim` more numbers an entry.

    `kv_heads` is by how much tensor parallelism can divide the cache: 1 with latent attention, whose entry of
    `kv_latent` + `kv_rope` numbers every accelerator holds. `head_dim` is the width of a query and key per head,
    `v_head_dim` (0: the same) of a value; `window_kv_heads` and `window_head_dim` (0: the same) hold in window layers.

    `weight_format` and bits (block scales included) are those of the published weights; `expert_bits` 0 is the same as
    `weight_bits`, `kv_bits` 0 is 16, `max_context` 0 is unknown.
    """

    id: str
    name: str
    params: float
    active_params: float
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    experts: int = 0
    experts_per_token: int = 0
    source: str = ""
    as_of: str = ""
    licence: str = ""
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
    state_numbers: float = 0.0
    plain_layers: int = 0
    sparse_tokens: int = 0
    index_layers: int = 0
    index_heads: int = 0
    index_head_dim: int = 0
    moe_layers: int = 0
    expert_width: int = 0
    expert_params: float = 0.0
    shared_expert_params: float = 0.0
    tied_embeddings: bool = False
    weight_format: str = ""
    weight_bits: float = 16.0
    expert_bits: float = 0.0
    kv_bits: float = 0.0
    max_context: int = 0

    @property
    def full_layers(self) -> int:
        """Layers whose cache grows with every token."""
        return self.layers - self.window_layers - self.linear_layers - self.plain_layers

    @property
    def q_width(self) -> int:
        """Multiplications per query-key pair and full layer, scores: heads x query width."""
        return self.heads * self.head_dim

    @property
    def v_width(self) -> int:
        """Multiplications per query-key pair and full layer, values: heads x value width."""
        return self.heads * (self.v_head_dim or self.head_dim)

    @property
    def absorbed_width(self) -> int:
        """Multiplications per pair and full layer when decoding, scores and values.

        Latent attention works on the latent itself then, heads x (2 x latent + rope); else `q_width + v_width`.
        """
        if self.attention == "mla":
            return self.heads * (2 * self.kv_latent + self.kv_rope)
        return self.q_width + self.v_width

    @property
    def window_width(self) -> int:
        """Multiplications per pair and window layer, scores and values."""
        dim = self.window_head_dim or self.head_dim
        return self.heads * (dim + (self.v_head_dim or dim))

    @property
    def kv_width(self) -> float:
        """Numbers cached per token and full layer, before any replication; an index's keys come on top."""
        entry = self._pair(self.kv_heads, self.head_dim) if self.attention == "gqa" else self.kv_latent + self.kv_rope
        return entry / self.kv_compression

    @property
    def window_kv_width(self) -> int:
        """Numbers cached per token and window layer."""
        if self.attention == "mla" and not self.window_kv_heads:
            return self.kv_latent + self.kv_rope
        return self._pair(self.window_kv_heads or self.kv_heads, self.window_head_dim or self.head_dim)

    @property
    def kv_numbers_per_token(self) -> float:
        """Numbers a token adds to the cache over all layers, indexes included, once windows are full."""
        return self.full_layers * self.kv_width + self.index_layers * self.index_head_dim / self.kv_compression

    def kv_numbers(self, context: float) -> float:
        """Numbers cached for a sequence of `context` tokens over all layers, without the states of linear layers."""
        windowed = min(context, float(self.window_tokens)) if self.window_tokens else context
        return self.kv_numbers_per_token * context + self.window_layers * self.window_kv_width * windowed

    @property
    def state_numbers_per_sequence(self) -> float:
        """Numbers of recurrent and convolution state of a sequence over all linear layers (engines keep 32 bits)."""
        return self.linear_layers * self.state_numbers

    @property
    def table_params(self) -> float:
        """Parameters of one embedding table, vocab x hidden: the input's, and the head's."""
        return float(self.vocab * self.hidden)

    @property
    def routed_params(self) -> float:
        """Parameters of all routed experts: stated, else (params - read - unread table) / (1 - k/E)."""
        if self.expert_params or not self.experts or self.experts_per_token >= self.experts:
            return self.expert_params
        unread = 0.0 if self.tied_embeddings else self.table_params
        share = self.experts_per_token / self.experts
        return max(0.0, self.params - self.active_params - unread) / (1.0 - share)

    @property
    def dense_params(self) -> float:
        """Parameters every step reads: without routed experts, the head, and an input table of its own."""
        chosen = self.routed_params * (self.experts_per_token / self.experts if self.experts else 0.0)
        return max(0.0, self.active_params - chosen - self.table_params)

    def _pair(self, heads: int, dim: int) -> int:
        return heads * (dim + (self.v_head_dim or dim))
