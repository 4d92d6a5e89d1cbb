"""The funnel: how many predictions came as far as each stage, and what left on the way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import msgspec

from breakeven.quantity import format_count
from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun


class Stage(Noun, frozen=True, kw_only=True):
    """How many reached a stage; None is "not measurable". `aside` left it without being known either way."""

    name: str
    count: int | None
    aside: int = 0
    aside_name: str = "unobserved"
    note: str = ""


def funnel(stages: Sequence[Stage], *, title: str, description: str, width: float = 720) -> str:
    """Bars in proportion to the counts with the flow between them; what nobody could observe leaves as a dashed box."""
    whole = max((stage.count or 0 for stage in stages), default=0)
    values = layout.shorten([_value(stage, whole) for stage in stages], width)
    frame = layout.rows([stage.name for stage in stages], values, width=width, bar=20.0)
    frame = msgspec.structs.replace(frame, pitch=frame.pitch + (0 if frame.above else 8))
    scale = axis.Scale(low=0, high=max(1, whole), start=frame.left, end=frame.right)
    body = _flows(stages, scale, frame)
    body += [
        _row(index, stage, value, scale=scale, frame=frame)
        for index, (stage, value) in enumerate(zip(stages, values, strict=True))
    ]
    return svg.document(*body, width=width, height=frame.height(len(stages)), title=title, description=description)


def _value(stage: Stage, whole: int) -> layout.Value:
    if stage.count is None:
        return layout.Value(text="not measurable", note=stage.note, known=False)
    notes = [axis.percent(stage.count / whole)] if whole and stage.count != whole else []
    if stage.aside:
        notes.append(f"+ {format_count(stage.aside)} {stage.aside_name}")
    return layout.Value(text=format_count(stage.count), note=", ".join([*notes, *filter(None, [stage.note])]))


def _flows(stages: Sequence[Stage], scale: axis.Scale, frame: layout.Rows) -> list[str]:
    parts = []
    for index, (above, below) in enumerate(pairwise(stages)):
        if above.count is None or below.count is None or frame.above:
            continue
        top, bottom = frame.bar_top(index) + frame.bar, frame.bar_top(index + 1)
        corners = [
            (frame.left, top),
            (scale.at(above.count), top),
            (scale.at(below.count), bottom),
            (frame.left, bottom),
        ]
        parts.append(svg.polygon(corners, colour=theme.TONES["accent"], opacity=0.16, class_="flow"))
    return parts


def _row(index: int, stage: Stage, value: layout.Value, *, scale: axis.Scale, frame: layout.Rows) -> str:
    top = frame.bar_top(index)
    if stage.count is None:
        box = svg.outline(frame.left + 1, top, 24, frame.bar, colour=theme.MUTED, class_="unknown")
        return svg.element("g", box, frame.named(index, stage.name, value, frame.left + 25))
    stop, end = scale.at(stage.count), scale.at(stage.count + stage.aside)
    length = max(1.0, stop - frame.left) if stage.count else 0.0
    tip = f"{stage.name}: {value.text}"
    box = svg.rect(frame.left, top, length, frame.bar, colour=theme.TONES["accent"], class_="bar", title=tip)
    aside = _aside(stage, stop, end, top, frame) if stage.aside else ""
    return svg.element("g", box, aside, frame.named(index, stage.name, value, end))


def _aside(stage: Stage, start: float, end: float, top: float, frame: layout.Rows) -> str:
    tip = f"{stage.aside_name}: {format_count(stage.aside)}"
    return svg.outline(
        start + 1, top + 0.5, max(1.0, end - start - 1), frame.bar - 1, colour=theme.MUTED, class_="aside", title=tip
    )
