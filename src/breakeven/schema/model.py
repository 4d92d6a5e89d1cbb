"""A model as its configuration states it."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Model(Noun, frozen=True, kw_only=True):
    """A transformer's size. Counts are parameters; `active_params` < `params` for a mixture of experts."""

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
