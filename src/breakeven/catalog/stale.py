"""How old a figure may be before it is used only with a warning that says its age."""

from __future__ import annotations

import datetime as dt

from breakeven.catalog.lookup import check_date
from breakeven.schema.fact import Fact
from breakeven.schema.offer import Offer

LIMIT_DAYS: dict[str, int] = {
    "api": 90,
    "accelerator_hour": 90,
    "accelerator_hour/reserved": 180,
    "cpu_hour": 90,
    "cpu_hour/reserved": 180,
    "server_purchase": 180,
    "assumption": 365,
    "electricity": 730,
    "carbon": 1095,
    "stated": 365,
    "fx": 90,
}
"""Days by kind of offer (`/reserved` for commitments) or kind of fact; what is not named (specifications) does not age.

Choices of this project. List prices of tokens and of rented accelerators changed several times a year (claude-sonnet-5,
gpt-5.6-luna, p5.48xlarge in this catalog); commitments and servers are quoted for longer; statistics of electricity and
of grids appear one to two years late. `stated` prices and `fx` rates are those that a study writes down with a date.
"""


def age_warning(entry: Offer | Fact, on: str) -> str:
    """What to say where a price or figure is used on an ISO date; empty while it is fresh enough.

    The age counts from the day it began to hold, from the end of the month or year where the source says no more. A
    figure that states its end (`valid_to`) does not age before it, and is reported once it is over.

    Raises:
        FactError: `on` is no date.
    """
    check_date(on)
    since = entry.valid_from
    if entry.valid_to:
        return "" if on < entry.valid_to else f"ended on {entry.valid_to}; it held since {since}"
    limit = limit_days(entry)
    days = age_days(since, on)
    if limit is None or days <= limit:
        return ""
    what = "price" if isinstance(entry, Offer) or entry.currency else "figure"
    return f"{what} is of {since}, {days} days old (limit {limit})"


def limit_days(entry: Offer | Fact) -> int | None:
    """The limit of its kind; None for what does not age."""
    if isinstance(entry, Fact):
        return LIMIT_DAYS.get(entry.kind)
    narrower = f"{entry.kind}/{entry.term.partition('_')[0]}"
    return LIMIT_DAYS.get(narrower, LIMIT_DAYS.get(entry.kind))


def age_days(since: str, on: str) -> int:
    """Days from a date, or from the last day of a month or year, to an ISO date; negative before it."""
    return (dt.date.fromisoformat(on) - _last_day(since)).days


def _last_day(since: str) -> dt.date:
    year, month, day = (int(part) if part else 0 for part in [*since.split("-"), "", ""][:3])
    if day:
        return dt.date(year, month, day)
    end = dt.date(year + 1, 1, 1) if month in {0, 12} else dt.date(year, month + 1, 1)
    return end - dt.timedelta(days=1)


def stated_warning(what: str, since: str, on: str, kind: str) -> str:
    """The same for what a study states itself: `stated` prices and `fx` rates; a day after `on` is told as well.

    Raises:
        FactError: `on` is no date.
    """
    check_date(on)
    days, limit = age_days(since, on), LIMIT_DAYS[kind]
    if days < 0:
        return f"{what} is of {since}, after the study's prices of {on}"
    return f"{what} is of {since}, {days} days old (limit {limit})" if days > limit else ""
