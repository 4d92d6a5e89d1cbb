"""Prices that a catalog offer states, in the study's currency."""

from __future__ import annotations

from breakeven.catalog.stale import age_warning
from breakeven.config.study.given import Given
from breakeven.study.context import Context
from breakeven.study.known import Known
from breakeven.study.reading import Leaf


def offered(context: Context, offer_id: str, field: str, value: float, unit: str) -> Known:
    """A price of an offer as of the study's day, with its fact; drawn by the key of that fact. Its age is warned of.

    Raises:
        UnitError: it is in another currency, and the study states no rate.
    """
    scope = context.scope
    offer = scope.catalog.offer(offer_id, scope.on)
    if aged := age_warning(offer, scope.on):
        scope.warnings[f"option `{context.name}`: {offer.id}: {aged}"] = None
    key = f"offer/{offer.id}@{offer.valid_from}/{field}"
    parsed, fact = scope.unit(unit), scope.catalog.fact(key)
    low, high = (None if end is None else end * parsed.factor for end in (fact.low, fact.high))
    given = Given(value=value, unit=unit)
    base = value * parsed.factor
    return scope.leaf(key, Leaf(path=(key,), given=given, unit=parsed, base=base, low=low, high=high, fact=fact))
