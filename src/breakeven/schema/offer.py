"""An offer: what a provider sells at a price from a date."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

OfferKind = Literal["api", "accelerator_hour", "server_purchase", "cpu_hour"]


class Offer(Noun, frozen=True, kw_only=True):
    """A price with its conditions. A price that is None is unpriced, never 0.

    `api`: `input_usd_per_mtok`, `cached_input_usd_per_mtok`, `output_usd_per_mtok` and `request_usd`, for `model`.
    `accelerator_hour`: `usd_per_hour` for `count` x `accelerator`. `server_purchase`: `purchase_usd` likewise.
    `cpu_hour`: `usd_per_hour` for one vCPU. `valid_from`..`valid_to` are ISO dates, the end exclusive.
    """

    id: str
    provider: str
    kind: OfferKind
    valid_from: str
    source: str
    model: str = ""
    accelerator: str = ""
    count: int = 1
    region: str = ""
    term: str = "on_demand"
    basis: str = "list"
    input_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    request_usd: float | None = None
    usd_per_hour: float | None = None
    purchase_usd: float | None = None
    valid_to: str = ""
    url: str = ""
    licence: str = ""
    note: str = ""
