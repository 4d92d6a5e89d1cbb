"""The waterfall: where a total went, step by step, and that it adds up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun


class Bar(Noun, frozen=True, kw_only=True):
    """One bar. A `step` moves the running level by `value`, a `total` stands on zero and states the level.

    `note` is written after the value.
    """

    name: str
    value: float
    kind: Literal["step", "total"] = "step"
    tone: theme.Tone = "accent"
    note: str = ""


class Segment(Noun, frozen=True, kw_only=True):
    """Where a bar lies on the axis of its quantity; `level` is the running level after it."""

    bar: Bar
    low: float
    high: float
    level: float


def segments(steps: Sequence[Bar]) -> tuple[Segment, ...]:
    """The place of each bar.

    Raises:
        ValueError: a total after the first bar differs from the running level; a waterfall that does not add up is
            not drawn.
    """
    level, placed = 0.0, []
    for index, bar in enumerate(steps):
        after = bar.value if bar.kind == "total" else level + bar.value
        if bar.kind == "total" and index and not math.isclose(after, level, rel_tol=1e-6, abs_tol=1e-12):
            message = f"the waterfall says {bar.name} = {bar.value}, its steps sum to {level}"
            raise ValueError(message)
        start = 0.0 if bar.kind == "total" else level
        placed.append(Segment(bar=bar, low=min(start, after), high=max(start, after), level=after))
        level = after
    return tuple(placed)


def waterfall(
    steps: Sequence[Bar], *, unit: str, title: str, description: str, width: float = 720, height: float | None = None
) -> str:
    """Rows from top to bottom, each bar beginning where the one above ended; values are written after the bars.

    `height` None takes what the rows need.
    """
    placed = segments(steps)
    values = layout.shorten([_value(bar, unit) for bar in steps], width)
    rows = layout.rows([bar.name for bar in steps], values, width=width)
    scale = _scale(placed, rows)
    body = [_zero(scale, rows, len(placed)), *_connectors(placed, scale, rows)]
    for index, (segment, value) in enumerate(zip(placed, values, strict=True)):
        body.append(_row(index, segment, value, scale=scale, rows=rows))
    return svg.document(
        *body, width=width, height=height or rows.height(len(placed)), title=title, description=description
    )


def _scale(placed: Sequence[Segment], rows: layout.Rows) -> axis.Scale:
    low = min((segment.low for segment in placed), default=0.0)
    high = max((segment.high for segment in placed), default=0.0)
    return axis.Scale(low=min(0.0, low), high=high if high > low else low + 1, start=rows.left, end=rows.right)


def _zero(scale: axis.Scale, rows: layout.Rows, count: int) -> str:
    x = scale.at(0)
    return svg.line(x, rows.top, x, rows.top + count * rows.pitch)


def _connectors(placed: Sequence[Segment], scale: axis.Scale, rows: layout.Rows) -> list[str]:
    return [
        svg.line(x, rows.bar_top(index) + rows.bar, x, rows.bar_top(index + 1), colour=theme.MUTED, dash="2 3")
        for index, (above, _) in enumerate(pairwise([] if rows.above else placed))
        for x in [scale.at(above.level)]
    ]


def _value(bar: Bar, unit: str) -> layout.Value:
    return layout.Value(text=axis.write(bar.value, unit), note=bar.note, strong=bar.kind == "total")


def _row(index: int, segment: Segment, value: layout.Value, *, scale: axis.Scale, rows: layout.Rows) -> str:
    bar = segment.bar
    left, right = scale.at(segment.low), scale.at(segment.high)
    tip = f"{bar.name}: {value.text}{', ' + bar.note if bar.note else ''}"
    length = max(1.0, right - left) if segment.high > segment.low else 0.0
    box = svg.rect(left, rows.bar_top(index), length, rows.bar, colour=theme.TONES[bar.tone], class_="bar", title=tip)
    return svg.element("g", box, rows.named(index, bar.name, value, right))
