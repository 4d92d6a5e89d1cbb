"""Own prices of `breakeven.yaml` as offers, the form in which everything downstream takes a price."""

from __future__ import annotations

from breakeven.config.settings import DeploymentSettings
from breakeven.schema.offer import Offer, OfferKind


def own_offer(deployment: DeploymentSettings) -> Offer | None:
    """The offer an own price amounts to, with its source and date; None where the file states no price.

    `usd_per_hour` is for one replica: for its accelerators together, or for its CPU.
    """
    price = deployment.price
    if price is None:
        return None
    return Offer(
        id=f"own:{deployment.name}",
        provider="own",
        kind=_kind(deployment, per_hour=price.usd_per_hour is not None),
        valid_from=price.date,
        source=price.source,
        model=deployment.catalog_model or deployment.model,
        accelerator=deployment.accelerator,
        count=max(1, deployment.accelerators),
        basis="own",
        input_usd_per_mtok=price.input_usd_per_mtok,
        cached_input_usd_per_mtok=price.cached_input_usd_per_mtok,
        output_usd_per_mtok=price.output_usd_per_mtok,
        request_usd=price.request_usd,
        usd_per_hour=price.usd_per_hour,
    )


def _kind(deployment: DeploymentSettings, *, per_hour: bool) -> OfferKind:
    if not per_hour:
        return "api"
    return "accelerator_hour" if deployment.accelerator else "cpu_hour"
