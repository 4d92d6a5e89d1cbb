"""A fact: a value with its unit, source and date. Without a source it does not load."""

from __future__ import annotations

from typing import Literal

from breakeven.schema.noun import Noun

CURRENCIES = ("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "INR")
"""What a unit of money begins with."""

Confidence = Literal["high", "medium", "low", ""]
"""high: official, or first-hand from who sets the figure; medium: collected by somebody else from such sources;
low: second-hand, inferred, or assumed by this project; empty: nobody judged it."""

LayerName = Literal["shipped", "refreshed", "user", "study"]
"""Who states an entry, in rising order of say: the shipped snapshot, a refreshed one, the user's quotes."""


class Fact(Noun, frozen=True, kw_only=True):
    """One sourced value of the catalog.

    `key` is unique and greppable, such as `accelerator/h100-sxm/memory_bytes`; a second source's word on the same thing
    has `@` and the id of that source behind it. `value` None is unknown or unpriced.
    `as_of`..`valid_to` are ISO dates, the end exclusive and empty while open; `retrieved` is the day it was read there.
    `basis` says what sort of figure it is (list, sale, spot, on_demand, reserved_1y, assumption, specification,
    measured); `low` and `high` bound it where sources differ. `layer` is who states it.
    """

    key: str
    value: float | None
    unit: str
    source: str
    as_of: str
    url: str = ""
    licence: str = ""
    basis: str = ""
    low: float | None = None
    high: float | None = None
    note: str = ""
    region: str = ""
    term: str = ""
    valid_to: str = ""
    retrieved: str = ""
    confidence: Confidence = ""
    layer: LayerName = "shipped"

    @property
    def kind(self) -> str:
        """The first part of the key: accelerator, model, offer, electricity, carbon, assumption."""
        return self.key.partition("/")[0]

    @property
    def currency(self) -> str:
        """The currency its unit is counted in, empty where it is no money."""
        return self.unit[:3] if self.unit[:3] in CURRENCIES and self.unit[3:4] in {"", "/", " "} else ""

    @property
    def valid_from(self) -> str:
        """Since when it holds: `as_of`."""
        return self.as_of

    def holds(self, on: str) -> bool:
        """Whether it is in force on an ISO date; a month or a year as `as_of` begins with its first day."""
        return self.as_of <= on and (not self.valid_to or on < self.valid_to)
