"""The base of every noun that crosses between stages: frozen, keyword-only, and the same in JSON and MessagePack."""

from __future__ import annotations

from typing import Literal

import msgspec

Basis = Literal["measured", "fitted", "derived", "assumed", "unknown"]
"""How a figure was obtained (invariant 11)."""

Placement = Literal["on_prem", "colocated", "cloud", "api", "cpu", "edge", "provisioned", "unknown"]
"""Where a deployment runs."""

Tier = Literal["critical", "important", "opportunistic"]


class Noun(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=False):
    """A frozen value; equal when all fields are equal."""


class Figure(Noun, frozen=True, kw_only=True):
    """A number that can say how it was computed (invariant 11).

    `low`..`high` is an interval (80 % unless `note` says otherwise); `value` None means unknown or unpriced, never 0.
    `facts` are the keys of the facts it rests on.
    """

    value: float | None
    unit: str
    basis: Basis = "unknown"
    low: float | None = None
    high: float | None = None
    how: str = ""
    facts: tuple[str, ...] = ()
    note: str = ""
