"""The funnel: how many predictions came as far as each stage, and what left on the way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from breakeven.quantity import format_count
from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun


class Aside(Noun, frozen=True, kw_only=True):
    """Predictions that left without its being known whether they would have come further."""

    name: str
    count: int


class Stage(Noun, frozen=True, kw_only=True):
    """How many reached a stage; None is "not measurable". `asides` left before it, unknown either way."""

    name: str
    count: int | None
    asides: tuple[Aside, ...] = ()
    note: str = ""


class Band(Noun, frozen=True, kw_only=True):
    """One row: a solid bar from zero, or a dashed box between counts; without counts, what is not measurable."""

    name: str
    value: layout.Value
    low: int = 0
    high: int | None = None
    dashed: bool = False


def funnel(stages: Sequence[Stage], *, title: str, description: str, width: float = 720) -> str:
    """Bars in proportion to the counts with the flow between them; what nobody could observe leaves as dashed boxes."""
    whole = max((stage.count or 0 for stage in stages), default=0)
    bands = [band for stage in stages for band in _bands(stage, whole)]
    values = layout.shorten([band.value for band in bands], width)
    frame = layout.rows([band.name for band in bands], values, width=width, bar=20.0)
    frame = msgspec.structs.replace(frame, pitch=frame.pitch + (0 if frame.above else 8))
    scale = axis.Scale(low=0, high=max(1, whole), start=frame.left, end=frame.right)
    body = _flows(bands, scale, frame)
    body += [
        _row(index, band, value, scale=scale, frame=frame)
        for index, (band, value) in enumerate(zip(bands, values, strict=True))
    ]
    return svg.document(*body, width=width, height=frame.height(len(bands)), title=title, description=description)


def _bands(stage: Stage, whole: int) -> list[Band]:
    bands, reached = [], stage.count or 0
    for aside in stage.asides:
        value = layout.Value(text=format_count(aside.count), note=_share(aside.count, whole), known=False)
        bands.append(Band(name=aside.name, value=value, low=reached, high=reached + aside.count, dashed=True))
        reached += aside.count
    return [*reversed(bands), Band(name=stage.name, value=_value(stage, whole), high=stage.count)]


def _value(stage: Stage, whole: int) -> layout.Value:
    if stage.count is None:
        return layout.Value(text="not measurable", note=stage.note, known=False)
    notes = [_share(stage.count, whole), stage.note]
    return layout.Value(text=format_count(stage.count), note=", ".join(filter(None, notes)))


def _share(count: int, whole: int) -> str:
    return axis.percent(count / whole) if whole and count != whole else ""


def _flows(bands: Sequence[Band], scale: axis.Scale, frame: layout.Rows) -> list[str]:
    solid = [(index, band.high) for index, band in enumerate(bands) if not band.dashed and band.high is not None]
    parts = []
    for (above, more), (below, less) in pairwise([] if frame.above else solid):
        top, bottom = frame.bar_top(above) + frame.bar, frame.bar_top(below)
        corners = [(frame.left, top), (scale.at(more), top), (scale.at(less), bottom), (frame.left, bottom)]
        parts.append(svg.polygon(corners, colour=theme.TONES["accent"], opacity=0.16, class_="flow"))
    return parts


def _row(index: int, band: Band, value: layout.Value, *, scale: axis.Scale, frame: layout.Rows) -> str:
    top, tip = frame.bar_top(index), f"{band.name}: {value.text}"
    if band.high is None:
        box = svg.outline(frame.left + 1, top, 24, frame.bar, colour=theme.MUTED, class_="unknown", title=tip)
        return svg.element("g", box, frame.named(index, band.name, value, frame.left + 25))
    left, right = scale.at(band.low), scale.at(band.high)
    length = max(1.0, right - left) if band.high > band.low else 0.0
    if band.dashed:
        box = svg.outline(left, top + 0.5, length, frame.bar - 1, colour=theme.MUTED, class_="aside", title=tip)
    else:
        box = svg.rect(left, top, length, frame.bar, colour=theme.TONES["accent"], class_="bar", title=tip)
    return svg.element("g", box, frame.named(index, band.name, value, right))
