"""Laws of single charts: lengths tell the truth, sums add up, unknown is not zero, hostile text stays text."""

# ruff: noqa: S314 - parses only what it has drawn itself

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breakeven.report.chart import band, bars, break_even, funnel, latency, sparkline, stack, svg, tornado, waterfall
from breakeven.schema.outlook import Band, Swing

WORDS = {"title": "t", "description": "d"}
HOSTILE = '"><script>alert(1)</script>&\x00\ud800'
sizes = st.lists(st.floats(0.01, 1e6), min_size=1, max_size=8)


def _bar_widths(drawn: str) -> list[float]:
    root = ET.fromstring(drawn)
    return [float(shape.attrib["width"]) for shape in root.iter() if shape.attrib.get("class") == "bar"]


@given(sizes)
def test_bars_are_proportional(values):
    """The lengths of bars stand in the ratio of their values."""
    rows = [bars.Row(name=str(index), value=value) for index, value in enumerate(values)]
    widths = _bar_widths(bars.bars(rows, unit="count", **WORDS))
    assert widths == pytest.approx([max(widths) * value / max(values) for value in values], abs=0.02)


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=6))
def test_funnel_bars_are_proportional(counts):
    """A stage's bar is as long as its share of the largest, and what was counted is at least visible."""
    stages = [funnel.Stage(name=str(index), count=count) for index, count in enumerate(counts)]
    widths = _bar_widths(funnel.funnel(stages, **WORDS))
    assert widths == pytest.approx([max(1, max(widths) * count / max(counts)) for count in counts], abs=0.02)


def test_unknown_is_written_and_has_no_bar():
    """A value that is None is written as unpriced or not measurable and drawn as no bar."""
    drawn = bars.bars([bars.Row(name="CPU", value=None), bars.Row(name="API", value=1)], unit="USD", **WORDS)
    assert len(_bar_widths(drawn)) == 1
    assert "unpriced" in drawn
    staged = funnel.funnel([funnel.Stage(name="all", count=3), funnel.Stage(name="used", count=None)], **WORDS)
    assert len(_bar_widths(staged)) == 1
    assert "not measurable" in staged


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=10))
def test_waterfall_segments_sum(values):
    """Each bar begins at the level where the one before it ended, and the last level is the sum of the steps."""
    placed = waterfall.segments([waterfall.Bar(name="x", value=value) for value in values])
    assert placed[-1].level == pytest.approx(sum(values), abs=1e-6)
    level = 0.0
    for segment, value in zip(placed, values, strict=True):
        assert {segment.low, segment.high} == {level, segment.level}
        assert segment.high - segment.low == pytest.approx(abs(value), abs=1e-6)
        level = segment.level


def test_a_waterfall_that_does_not_add_up_is_refused():
    """A closing total that differs from its steps is an error that names both numbers, not a picture."""
    steps = [
        waterfall.Bar(name="total", value=10, kind="total"),
        waterfall.Bar(name="idle", value=-4),
        waterfall.Bar(name="useful", value=7, kind="total"),
    ]
    with pytest.raises(ValueError, match=r"useful = 7.*sum to 6"):
        waterfall.waterfall(steps, unit="USD", **WORDS)


def test_waterfall_lengths_are_proportional_to_money():
    """A step of half the total is half as long."""
    steps = [waterfall.Bar(name="total", value=8, kind="total"), waterfall.Bar(name="idle", value=-4)]
    total, idle = _bar_widths(waterfall.waterfall(steps, unit="USD", **WORDS))
    assert idle == pytest.approx(total / 2, abs=0.01)


def test_an_empty_waterfall_is_still_an_image():
    """Nothing to draw is an empty picture, not an error."""
    for drawn in (
        waterfall.waterfall([], unit="USD", **WORDS),
        bars.bars([], unit="USD", **WORDS),
        break_even.curve([], **WORDS),
        latency.percentiles([], **WORDS),
        funnel.funnel([], **WORDS),
        sparkline.sparkline([], **WORDS),
        tornado.tornado([], unit="USD", **WORDS),
        band.band([], unit="USD", **WORDS),
        stack.stack([], unit="USD", **WORDS),
    ):
        assert ET.fromstring(drawn).attrib["role"] == "img"


def _hostile_charts(text: str) -> list[str]:
    words = {"title": text, "description": text}
    return [
        waterfall.waterfall([waterfall.Bar(name=text, value=1, note=text)], unit="USD", **words),
        bars.bars([bars.Row(name=text, value=1, note=text)], unit=text, target=1, target_label=text, **words),
        break_even.curve([break_even.straight(text, upfront_usd=1, monthly_usd=1, months=12)], **words),
        latency.percentiles([latency.Percentiles(name=text, p50_s=1, p95_s=2, p99_s=3)], **words),
        funnel.funnel(
            [funnel.Stage(name=text, count=3, asides=(funnel.Aside(name=text, count=1),), note=text)], **words
        ),
        sparkline.sparkline([1, 2], **words),
        tornado.tornado(
            [Swing(name=text, unit=text, low=1, base=1, high=2, at_low=1, at_high=2)], unit=text, base=1.5, **words
        ),
        band.band(band.certain([-1, 1]), unit=text, crossing=Band(p5=None, p50=0.5, p95=None), **words),
        stack.stack([stack.Stack(name=text, parts=((text, 1),), total=1)], unit=text, **words),
    ]


def test_hostile_text_stays_text():
    """Markup in a name is written, never interpreted, and the file stays well-formed."""
    for drawn in _hostile_charts(HOSTILE):
        assert "<script" not in drawn
        assert ET.fromstring(drawn).find(".//{*}script") is None


@given(st.text())
def test_any_text_gives_wellformed_xml(text):
    """Whatever a name holds, the SVG parses and is UTF-8."""
    for drawn in _hostile_charts(text):
        ET.fromstring(drawn.encode())


@given(st.text())
def test_escaping_keeps_the_text(text):
    """Parsing the escaped text gives back the text, save characters that XML forbids and its line endings."""
    parsed = ET.fromstring(f"<a>{svg.escape(text)}</a>").text or ""
    assert len(parsed) == len(text.replace("\r\n", "\n"))


@pytest.mark.parametrize(
    ("value", "written"), [(1.0, "1"), (-0.001, "0"), (1.239, "1.24"), (100.0, "100"), (1e5, "100000")]
)
def test_coordinates_are_short(value, written):
    """Coordinates carry at most two decimals and no exponent."""
    assert svg.number(value) == written


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_coordinate_is_finite(value):
    """A coordinate that is not a number is refused."""
    with pytest.raises(ValueError, match="finite"):
        svg.number(value)


def test_the_crossing_is_marked_and_said():
    """The break-even month is a mark and a word; a crossing beyond the plot is neither."""
    line = break_even.straight("own", upfront_usd=100, monthly_usd=1, months=24)
    inside = break_even.curve([line], crossing=break_even.Crossing(month=14, cost_usd=114), **WORDS)
    outside = break_even.curve([line], crossing=break_even.Crossing(month=99, cost_usd=199), **WORDS)
    assert "month 14" in inside
    assert "<circle" in inside
    assert "<circle" not in outside


def test_a_band_is_drawn_only_where_an_interval_is_known():
    """Without low and high there is no band that pretends to know them."""
    known = break_even.straight("a", upfront_usd=0, monthly_usd=2, months=12, monthly_low_usd=1, monthly_high_usd=3)
    unknown = break_even.straight("b", upfront_usd=0, monthly_usd=2, months=12)
    assert 'class="band"' in break_even.curve([known], **WORDS)
    assert 'class="band"' not in break_even.curve([unknown], **WORDS)


def test_late_percentiles_say_so():
    """A percentile beyond its budget is late in words, and far beyond it is an arrow at the end."""
    row = latency.Percentiles(name="x", p50_s=0.05, p95_s=0.12, p99_s=9, budget_s=0.1)
    drawn = latency.percentiles([row], **WORDS)
    assert "p95 120 ms late" in drawn
    assert "p50 50 ms<" in drawn
    assert 'class="beyond"' in drawn


def test_unobserved_leaves_to_the_side():
    """What nobody could observe is a dashed box of its own, with its count in words."""
    drawn = funnel.funnel(
        [
            funnel.Stage(name="in", count=100),
            funnel.Stage(name="used", count=5, asides=(funnel.Aside(name="unobserved", count=90),)),
        ],
        **WORDS,
    )
    assert 'class="aside"' in drawn
    assert ">90<" in drawn


def test_a_gap_in_a_sparkline_is_a_gap():
    """A missing value breaks the line instead of bridging it."""
    assert sparkline.sparkline([1, 2, None, 3, 4], **WORDS).count("<polyline") == 2
