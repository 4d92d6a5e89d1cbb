"""A fact: a value with its unit, source and date. Without a source it does not load."""

from __future__ import annotations

from breakeven.schema.noun import Noun


class Fact(Noun, frozen=True, kw_only=True):
    """One sourced value of the catalog.

    `key` is unique and greppable, such as `accelerator/h100-sxm/memory_bytes`. `value` None is unknown or unpriced.
    `as_of` and `retrieved` are ISO dates; `basis` says what sort of price it is (list, sale, spot, on_demand,
    reserved_1y, assumption, specification, measured); `low` and `high` bound it where sources differ.
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
