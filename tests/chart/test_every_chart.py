"""Laws that every chart keeps, and the golden files of what people see."""

from __future__ import annotations

import os
import re
from itertools import combinations
from pathlib import Path

import pytest

from breakeven.report.chart import theme

GOLDEN = Path(__file__).parent / "golden"
WIDTHS = (300, 340, 479, 480, 560, 720, 1000)


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_stay_inside(sample, read, width):
    """No label leaves the viewBox at any width."""
    drawn = read(sample[1](width))
    for text, left, top, right, bottom in drawn.labels:
        assert left >= -0.5, text
        assert top >= -0.5, text
        assert right <= drawn.width + 0.5, text
        assert bottom <= drawn.height + 0.5, text


@pytest.mark.parametrize("width", WIDTHS)
def test_labels_do_not_overlap(sample, read, width):
    """No two labels cover each other at any width."""
    for one, other in combinations(read(sample[1](width)).labels, 2):
        apart = one[3] <= other[1] + 0.5 or other[3] <= one[1] + 0.5 or one[4] <= other[2] or other[4] <= one[2]
        assert apart, f"{one[0]!r} and {other[0]!r}"


def test_same_inputs_same_bytes(sample):
    """Drawing twice gives the same bytes, and no coordinate has more than two decimals."""
    first = sample[1](720)
    assert first == sample[1](720)
    assert not re.search(r'="[\d.]*\.\d{3,}"', first)


def test_a_chart_is_an_image_with_a_name_and_a_description(sample):
    """Whoever cannot see the chart is told what it is and what it shows."""
    svg = sample[1](720)
    assert re.search(r'<svg [^>]*role="img"', svg)
    assert re.search(r"<svg [^>]*><title>[^<]+</title><desc>[^<]+</desc>", svg)


def test_a_strict_security_policy_lets_a_chart_through(sample):
    """No style attribute, style element, script, link or reference: colours travel as presentation attributes."""
    svg = sample[1](720).replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"style|script|href|url\(|http", svg)


def test_all_colours_are_custom_properties(sample):
    """No colour is fixed, so that light and dark are the page's choice."""
    svg = sample[1](720)
    stripped = re.sub(r"var\(--be-[a-z]+, light-dark\(#[0-9a-f]{6}, #[0-9a-f]{6}\)\)", "", svg)
    assert "#" not in stripped


@pytest.mark.parametrize("name", ["light", "dark"])
def test_a_flat_chart_needs_no_custom_properties(sample, name):
    """The flattened chart has plain colours of one theme."""
    flat = theme.flatten(sample[1](720), name)
    assert "var(" not in flat
    assert "light-dark" not in flat
    assert theme.PALETTE["ink"][name == "dark"] in flat or sample[0] == "sparkline"


def test_golden(sample):
    """What people see changes only on purpose (BREAKEVEN_UPDATE_GOLDEN=1 rewrites the files)."""
    name, draw = sample
    for width in (340, 720):
        path = GOLDEN / f"{name}-{width}.svg"
        if os.environ.get("BREAKEVEN_UPDATE_GOLDEN"):
            path.write_text(draw(width).replace("><", ">\n<") + "\n")
        assert path.read_text() == draw(width).replace("><", ">\n<") + "\n"


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("side", [0, 1])
def test_colours_have_contrast(side):
    """Text colours reach 4.5:1 (WCAG AA) and shapes 3:1 on the surface of their theme."""
    surface = theme.PALETTE["surface"][side]
    for name in ("ink", "muted", "accent", "good", "warn", "bad"):
        assert _contrast(theme.PALETTE[name][side], surface) >= 4.5, name
    assert _contrast(theme.PALETTE["idle"][side], surface) >= 3
