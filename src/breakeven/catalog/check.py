"""What looks wrong in a catalog that loads: stale, contradictory, misnamed and impossible prices and figures."""

from __future__ import annotations

from breakeven.catalog.check_history import blip
from breakeven.catalog.check_peer import below_peers, commitment_above_on_demand, posed_as_on_demand, split_price
from breakeven.catalog.check_price import batch_is_list, cache_above_input, missing_term, placeholder, stale
from breakeven.catalog.check_source import disagreement, exact_double
from breakeven.catalog.find import Catalog
from breakeven.catalog.scope import Check, Scope
from breakeven.schema.noun import Noun


class Issue(Noun, frozen=True, kw_only=True):
    """Something an editor should look at; `check` is a key of `CHECKS`, `offer` an offer's id or a fact's key."""

    check: str
    offer: str
    message: str


def check(catalog: Catalog, on: str) -> tuple[Issue, ...]:
    """Every issue on an ISO date, in the order of `CHECKS` and ids. Second opinions are the catalog's own.

    Raises:
        FactError: `on` is no date.
    """
    scope = Scope(catalog=catalog, offers=catalog.offers(on=on), on=on)
    return tuple(
        Issue(check=name, offer=thing, message=message)
        for name, find in CHECKS.items()
        for thing, message in find(scope)
    )


CHECKS: dict[str, Check] = {
    "stale": stale,
    "placeholder": placeholder,
    "cache_above_input": cache_above_input,
    "batch_is_list": batch_is_list,
    "missing_term": missing_term,
    "below_peers": below_peers,
    "posed_as_on_demand": posed_as_on_demand,
    "commitment_above_on_demand": commitment_above_on_demand,
    "split_price": split_price,
    "blip": blip,
    "disagreement": disagreement,
    "exact_double": exact_double,
}
