"""How old a proposal's prices are on the day of the comparison, by the limits of the catalog."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from breakeven.algebra.unit import currencies
from breakeven.catalog.stale import LIMIT_DAYS, age_days
from breakeven.config.study.option import Option
from breakeven.study.evaluate import Evaluated
from breakeven.study.vendor.case import OFFER, Asked
from breakeven.study.vendor.factor import givens

KINDS = {
    "api": "api",
    "provisioned": "api",
    "rent": "accelerator_hour",
    "mix": "accelerator_hour",
    "purchase": "server_purchase",
    "lease": "server_purchase",
    "housing": "server_purchase",
}
"""What a part of an option is in the catalog's table of limits."""


class Aged(NamedTuple):
    """Prices whose date is not of this day: what they are, their date, and days since then (negative before it)."""

    what: str
    date: str
    days: int
    limit: int

    @property
    def state(self) -> Literal["fresh", "stale", "future"]:
        """Whether they may be used without a word."""
        return "future" if self.days < 0 else "stale" if self.days > self.limit else "fresh"


def limit_days(option: Option) -> int:
    """The days that the shortest-lived of an option's prices are good for; lines alone are a list price."""
    return min((LIMIT_DAYS[_kind(option, name)] for name in KINDS if getattr(option, name)), default=LIMIT_DAYS["api"])


def _kind(option: Option, name: str) -> str:
    reserved = name == "rent" and option.rent is not None and option.rent.basis == "reserved"
    return f"{KINDS[name]}/reserved" if reserved else KINDS[name]


def aged(asked: Asked, found: Evaluated) -> Iterator[Aged]:
    """The proposal's prices as a whole, then those that have a date of their own."""
    today, limit = asked.workload.as_of, limit_days(asked.option)
    if asked.proposal.date is not None:
        date = asked.proposal.date
        yield Aged("The prices are", date, age_days(date, today), limit)
    for path, (_, given) in givens(asked.option).items():
        leaf = found.scope.leaves.get(f"options.{OFFER}.{path}")
        if given.as_of and leaf is not None and currencies(leaf.unit.dims):
            yield Aged(f"`option.{path}` is", given.as_of, age_days(given.as_of, today), limit)
