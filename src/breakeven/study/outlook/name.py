"""An input as people read it: its name, and its values in its own unit."""

from __future__ import annotations

from breakeven.study.reading import Leaf, dotted

DIGITS = 12
"""Significant digits shown of an input: base units and back lose the last of a float."""


def name_of(leaf: Leaf) -> str:
    """`capex` of `inputs.capex`, `own.purchase.price` of an option's; everything else by its whole path."""
    head = leaf.path[0]
    return dotted(leaf.path[1:]) if head in {"inputs", "options"} and len(leaf.path) > 1 else dotted(leaf.path)


def in_unit(leaf: Leaf, value: float) -> float:
    """A value in base units in the unit that the input is written in."""
    return float(f"{value / leaf.unit.factor:.{DIGITS}g}") + 0.0
