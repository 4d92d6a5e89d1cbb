"""Laws of the tornado, the band and the stacked bars: lengths are money, nothing is dropped silently, never is said."""

# ruff: noqa: S314 - parses only what it has drawn itself

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.report.chart import axis, band, stack, tornado
from breakeven.schema.outlook import Band, Swing

WORDS = {"title": "t", "description": "d"}
money = st.floats(-1e7, 1e7).map(lambda value: round(value, 2))


def swing(name: str, at_low: float, at_high: float) -> Swing:
    return Swing(name=name, unit="h", low=1, base=2, high=3, at_low=at_low, at_high=at_high)


def boxes(drawn: str, name: str) -> list[tuple[float, float]]:
    """Left edge and width of each shape of a class."""
    found = [shape.attrib for shape in ET.fromstring(drawn).iter() if shape.attrib.get("class") == name]
    return [(float(one["x"]), float(one["width"])) for one in found]


@given(st.lists(st.tuples(money, money), min_size=1, max_size=10))
def test_the_bars_of_a_tornado_are_proportional_and_sorted(ends):
    """Each bar is as wide as its input moves the result, and none is wider than the one above it."""
    swings = [swing(str(index), *pair) for index, pair in enumerate(ends)]
    widths = [width for _, width in boxes(tornado.tornado(swings, unit="USD", **WORDS), "bar")]
    sizes = sorted((one.width for one in swings), reverse=True)
    assert len(widths) == len(swings)
    assert widths == pytest.approx([widths[0] * size / sizes[0] if sizes[0] else 0 for size in sizes], abs=0.03)


@given(st.lists(st.tuples(money, money), min_size=1, max_size=14), st.sampled_from([340.0, 720.0]), money)
def test_a_tornado_stays_inside(read, ends, width, base):
    """No bar and no label leaves the picture, wherever the results lie."""
    drawn = read(tornado.tornado([swing("x" * 40, *e) for e in ends], unit="EUR", base=base, width=width, **WORDS))
    assert all(bar["x"] >= -0.01 and bar["x"] + bar["width"] <= width + 0.01 for bar in drawn.marked("bar"))
    for text, left, _, right, bottom in drawn.labels:
        assert left >= -0.5, text
        assert right <= width + 0.5, text
        assert bottom <= drawn.height + 0.5, text


def test_what_a_tornado_leaves_out_is_counted(read):
    """Ten bars, then how many others there are and the most that one of them moves the result."""
    swings = [swing(f"input {at}", 0, at) for at in range(1, 14)]
    drawn = read(tornado.tornado(swings, unit="USD", **WORDS))
    assert len(drawn.marked("bar")) == 10
    assert "3 others move it by at most $3.00" in drawn.words
    assert "input 13" in drawn.words
    assert "input 3\n" not in drawn.words


def test_an_input_that_lowers_the_result_has_its_high_end_on_the_left(read):
    """The ends are written where the results lie, not by habit."""
    drawn = read(tornado.tornado([swing("a", 100, 50)], unit="USD", **WORDS))
    at = {text: left for text, left, *_ in drawn.labels}
    assert at["3 h"] < at["1 h"]


def test_the_base_is_drawn_only_where_it_is_known():
    """No line is invented between the bars."""
    swings = [swing("a", -50, 100)]
    assert "base $20.00" in tornado.tornado(swings, unit="USD", base=20, **WORDS)
    assert "base" not in tornado.tornado(swings, unit="USD", **WORDS)


@given(st.lists(st.tuples(money, money, money).map(sorted), min_size=1, max_size=60), st.sampled_from([340.0, 720.0]))
def test_a_band_stays_inside(read, draws, width):
    """Points and labels lie in the picture, and the median inside its band."""
    saved = [Band(p5=low, p50=middle, p95=high) for low, middle, high in draws]
    svg = band.band(saved, unit="CHF", crossing=Band(p5=1, p50=2, p95=None), width=width, **WORDS)
    for text, left, top, right, bottom in read(svg).labels:
        assert left >= -0.5, text
        assert right <= width + 0.5, text
        assert top >= -0.5, text
        assert bottom <= 300.5, text
    lines = [shape for shape in ET.fromstring(svg).iter() if shape.tag.endswith("polyline")]
    upper, middle, lower = ([pair.split(",") for pair in one.attrib["points"].split()] for one in _top_down(lines))
    assert len(middle) == len(saved)
    for high, mid, low in zip(upper, middle, lower, strict=True):
        assert float(high[1]) <= float(mid[1]) <= float(low[1])
        assert 0 <= float(mid[0]) <= width


def _top_down(lines: list[ET.Element]) -> list[ET.Element]:
    """As they are drawn: the 95th percentile, the median, the 5th."""
    assert len(lines) == 3
    return lines


def test_a_certain_saving_has_no_band(read):
    """One line, and a month without an interval."""
    svg = band.band(band.certain([-10, 0, 10]), unit="USD", crossing=Band(p5=None, p50=1, p95=None), **WORDS)
    assert 'class="band"' not in svg
    assert read(svg).words.splitlines()[-1] == "month 1"


@pytest.mark.parametrize(
    ("crossing", "words"),
    [
        (Band(p5=None, p50=None, p95=None), "not within these months"),
        (Band(p5=3, p50=None, p95=None), "month 3 at best, median never"),
        (Band(p5=None, p50=99, p95=None), "not within these months"),
        (Band(p5=2, p50=3, p95=4), "month 3 (2 to 4)"),
        (Band(p5=2, p50=3, p95=None), "month 3 (2 to never)"),
    ],
)
def test_never_is_said(read, crossing, words):
    """A break-even outside the months is written in words and has no mark at the edge."""
    svg = band.band(band.certain([-9.0] * 6), unit="USD", crossing=crossing, **WORDS)
    assert words in read(svg).words
    assert ("<circle" in svg) == (crossing.p50 == 3)


parts = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.integers(-1000, 1000)), max_size=10)


@given(st.lists(parts, min_size=1, max_size=4))
def test_the_parts_of_a_stack_lie_side_by_side_and_add_up(options):
    """From zero, costs to the right and income to the left, without gap or overlap, and their sum is the option's."""
    stacks = [
        stack.Stack(name=str(at), parts=tuple(one), total=sum(v for _, v in one)) for at, one in enumerate(options)
    ]
    names = stack.parts(stacks)
    assert len(names) <= len(stack.TONES)
    scale = axis.Scale(low=-10_000, high=10_000, start=0, end=20_000)
    for one in stacks:
        pieces = stack.pieces(one, names, scale)
        assert sum(piece.value for piece in pieces) == pytest.approx(sum(value for _, value in one.parts))
        covered = sorted((piece.left, piece.right) for piece in pieces)
        assert all(left[1] == pytest.approx(right[0]) for left, right in pairwise(covered))
        assert all(right - left == pytest.approx(abs(p.value)) for p in pieces for left, right in [(p.left, p.right)])


def test_small_income_does_not_hide_in_small_costs():
    """Where parts are put together, costs and income stay apart."""
    many = tuple((name, 100 - at) for at, name in enumerate("abcdefgh"))
    names = stack.parts([stack.Stack(name="x", parts=(*many, ("resale", -1)), total=1)])
    assert names == ("a", "b", "c", "d", stack.OTHER, stack.INCOME)


def test_an_unpriced_option_has_a_name_and_no_bar(read):
    """And its parts are not in the legend."""
    drawn = read(
        stack.stack(
            [
                stack.Stack(name="known", parts=(("rent", 5),), total=5),
                stack.Stack(name="unknown", parts=(("tokens", 9),), total=None),
            ],
            unit="USD",
            **WORDS,
        )
    )
    assert len(drawn.marked("part")) == 1
    assert "unpriced" in drawn.words
    assert "tokens" not in drawn.words


def test_every_swatch_has_its_number(read):
    """Colour says nothing alone: what the legend numbers, the bar numbers."""
    made = stack.Stack(name="x", parts=(("rent", 5), ("staff", 4)), total=9)
    words = read(stack.stack([made], unit="USD", **WORDS)).words.splitlines()
    assert {"1", "2", "1 rent", "2 staff"} <= set(words)
