"""Who sells the rented capacity that a ledger's policies name, from the catalog entries of their prices."""

from __future__ import annotations

from collections.abc import Iterable

from breakeven.catalog.find import Catalog
from breakeven.schema.focus_row import Seller
from breakeven.schema.policy import Policy, PolicyDeployment

RENTABLE = frozenset({"cloud", "cpu"})
"""Placements that a catalog's price by the hour makes rented: `cpu` says what runs, not whose it is."""


def sellers(policies: Iterable[Policy], catalog: Catalog) -> dict[str, Seller]:
    """Provider and region by rented deployment; none where its price is not the catalog's, or policies disagree."""
    found: dict[str, set[Seller | None]] = {}
    for policy in policies:
        for one in policy.deployments:
            found.setdefault(one.name, set()).add(_seller(one, catalog))
    agreed = {name: next(iter(told)) for name, told in found.items() if len(told) == 1}
    return {name: seller for name, seller in agreed.items() if seller is not None}


def _seller(deployment: PolicyDeployment, catalog: Catalog) -> Seller | None:
    if deployment.placement not in RENTABLE or deployment.capacity is None:
        return None
    entries = catalog.history.get(deployment.capacity.price_id.partition("@")[0])
    return Seller(provider=entries[-1].provider, region=entries[-1].region, rented=True) if entries else None
