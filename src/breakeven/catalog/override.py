"""Where a user's own price or fact stands in for a published one: both values, side by side."""

from __future__ import annotations

from collections.abc import Iterator

from breakeven.catalog.find import Catalog
from breakeven.schema.fact import Fact
from breakeven.schema.noun import Noun


class Override(Noun, frozen=True, kw_only=True):
    """The fact that is used, and the one it stands in for; `over` None where nobody published that price."""

    key: str
    used: Fact
    over: Fact | None

    @property
    def percent(self) -> float | None:
        """How far the used value lies above the published one, in per cent; None where either is unknown."""
        old = self.over.value if self.over else None
        return None if not old or self.used.value is None else 100 * (self.used.value / old - 1)


def overrides(catalog: Catalog, on: str) -> tuple[Override, ...]:
    """Every price and fact that the user states and somebody published too, as of an ISO date, by key.

    Raises:
        FactError: `on` is no date.
    """
    return tuple(sorted((*_prices(catalog, on), *_facts(catalog)), key=lambda found: found.key))


def _prices(catalog: Catalog, on: str) -> Iterator[Override]:
    for used in catalog.offers(on=on):
        published = catalog.published(used.id, on) if catalog.layer(used) == "user" else None
        if published is None:
            continue
        theirs = {_field(fact): fact for fact in catalog.facts_of(published)}
        for fact in catalog.facts_of(used):
            yield Override(key=f"offer/{used.id}/{_field(fact)}", used=fact, over=theirs.get(_field(fact)))


def _facts(catalog: Catalog) -> Iterator[Override]:
    for key, below in catalog.beneath.items():
        used = catalog.known.get(key)
        over = next((one.entry for one in reversed(below) if one.layer != "user"), None)
        if used is not None and isinstance(over, Fact) and used.layer == "user":
            yield Override(key=key, used=used, over=over)


def _field(price: Fact) -> str:
    return price.key.split("/", 2)[2]
