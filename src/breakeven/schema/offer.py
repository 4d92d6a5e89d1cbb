"""An offer: what a provider sells at a price from a date."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun
from breakeven.schema.placed import Device, Latency, Throughput

OfferKind = Literal["api", "accelerator_hour", "server_purchase", "cpu_hour", "provisioned", "edge"]


class PriceTier(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """Prices of a request whose input is longer than `above_input_tokens`; they hold for all of its tokens.

    A price that a tier does not state stays as it is below that tier.
    """

    above_input_tokens: int
    input_usd_per_mtok: float | None = None
    cached_input_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    batch_input_usd_per_mtok: float | None = None
    batch_cached_input_usd_per_mtok: float | None = None
    batch_cache_write_usd_per_mtok: float | None = None
    batch_output_usd_per_mtok: float | None = None


class Offer(Noun, frozen=True, kw_only=True, omit_defaults=True):
    """A price with its conditions. A price that is None is unpriced, never 0; 0 is a price only where `free` says so.

    `api`: USD per million tokens of input, cached input (read), cache write and output, the same in a batch, and
    `request_usd`, for `model`; `tiers` ascend by input length. A batch price that is not stated is the standard one.
    `accelerator_hour`: `usd_per_hour` for `count` x `accelerator`. `server_purchase`: `purchase_usd` likewise.
    `cpu_hour`: `usd_per_hour` for one vCPU. `provisioned`: `usd_per_hour` for a unit of `model`'s throughput, with its
    `capacity`. `edge`: a class of devices that runs `model`, with its `device`, `usd_per_device_month` for support,
    updates and distribution, and `purchase_usd` of one device where it is bought. `latency` is what was measured at an
    API or at its units. `valid_from`..`valid_to` are ISO dates, the end exclusive.
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
    cache_write_usd_per_mtok: float | None = None
    output_usd_per_mtok: float | None = None
    batch_input_usd_per_mtok: float | None = None
    batch_cached_input_usd_per_mtok: float | None = None
    batch_cache_write_usd_per_mtok: float | None = None
    batch_output_usd_per_mtok: float | None = None
    request_usd: float | None = None
    tiers: tuple[PriceTier, ...] = ()
    free: bool = False
    usd_per_hour: float | None = None
    purchase_usd: float | None = None
    usd_per_device_month: float | None = None
    capacity: Throughput | None = None
    device: Device | None = None
    latency: Latency | None = None
    valid_to: str = ""
    url: str = ""
    licence: str = ""
    note: str = ""
