"""Colours and type of every chart, as CSS custom properties with light and dark fallbacks.

The same string works in the console, in a memo and alone. Colours travel in presentation attributes, never in `style`,
so that a strict content security policy lets them through. Text meets WCAG AA (4.5:1), shapes 3:1, on both surfaces;
blue, orange and grey stay apart for the colour-blind, and no chart says anything by colour alone.
"""

from __future__ import annotations

import re
from typing import Literal

Tone = Literal["accent", "good", "warn", "bad", "idle", "muted"]
Theme = Literal["light", "dark"]

PALETTE: dict[str, tuple[str, str]] = {
    "surface": ("#ffffff", "#171b21"),
    "ink": ("#1b2129", "#e9edf2"),
    "muted": ("#56616e", "#9ba6b3"),
    "line": ("#dde2e8", "#323a45"),
    "accent": ("#1d62b8", "#71b1ff"),
    "good": ("#0b7260", "#4ccbac"),
    "warn": ("#b04a00", "#f2a65e"),
    "bad": ("#b42318", "#ff8d84"),
    "idle": ("#828c98", "#77828f"),
}
"""Light and dark value of each custom property `--be-<name>`."""


def colour(name: str) -> str:
    """A palette colour as CSS."""
    light, dark = PALETTE[name]
    return f"var(--be-{name}, light-dark({light}, {dark}))"


SURFACE = colour("surface")
INK = colour("ink")
MUTED = colour("muted")
LINE = colour("line")
TONES: dict[Tone, str] = {
    "accent": colour("accent"),
    "good": colour("good"),
    "warn": colour("warn"),
    "bad": colour("bad"),
    "idle": colour("idle"),
    "muted": MUTED,
}
FONT = "var(--be-font, ui-sans-serif, system-ui, sans-serif)"
LABEL_PX = 13.0
SMALL_PX = 12.0
NARROW_PX = 520.0
"""Below this width a chart puts its labels above the bars instead of beside them."""

_VARIABLE = re.compile(r"var\(--be-[a-z]+, light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)\)")
_HALO = re.compile(r' stroke="[^"]*" stroke-width="[^"]*" paint-order="stroke"')


def flatten(svg: str, theme: Theme) -> str:
    """The same chart with plain colours, for readers that know no custom properties (PDF, image converters).

    Halos go as well: such readers draw them over the letters, and a point disappears.
    """
    flat = _VARIABLE.sub(r"\1" if theme == "light" else r"\2", _HALO.sub("", svg))
    return flat.replace(FONT, "sans-serif")
