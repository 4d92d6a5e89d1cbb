"""Horizontal bars with intervals and a target: one quantity, compared."""

from __future__ import annotations

from collections.abc import Sequence

from breakeven.report.chart import axis, layout, svg, theme
from breakeven.schema.noun import Noun


class Row(Noun, frozen=True, kw_only=True):
    """One bar; `low`..`high` is its interval. A `value` of None is written as unknown and has no bar, never a zero."""

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    tone: theme.Tone = "accent"
    note: str = ""
    strong: bool = False


def bars(
    rows: Sequence[Row],
    *,
    unit: str,
    title: str,
    description: str,
    width: float = 720,
    target: float | None = None,
    target_label: str = "target",
) -> str:
    """Bars from zero, proportional to their values, with whiskers and a dashed target line across all rows."""
    values = layout.shorten([_value(row, unit) for row in rows], width)
    frame = layout.rows([row.name for row in rows], values, width=width)
    scale = _scale(rows, target, frame)
    body = [svg.line(scale.at(0), frame.top, scale.at(0), frame.top + len(rows) * frame.pitch)]
    foot = 4.0
    if target is not None:
        foot = 24.0
        body.append(_target(target, f"{target_label} {axis.write(target, unit)}", scale, frame, rows))
    for index, (row, value) in enumerate(zip(rows, values, strict=True)):
        body.append(_row(index, row, value, scale=scale, frame=frame))
    return svg.document(*body, width=width, height=frame.height(len(rows), foot), title=title, description=description)


def _scale(rows: Sequence[Row], target: float | None, frame: layout.Rows) -> axis.Scale:
    seen = [value for row in rows for value in (row.value, row.low, row.high) if value is not None]
    seen.append(target or 0.0)
    low, high = min(0.0, *seen), max(0.0, *seen)
    return axis.Scale(low=low, high=high if high > low else low + 1, start=frame.left, end=frame.right)


def _value(row: Row, unit: str) -> layout.Value:
    text = axis.write(row.value, unit)
    return layout.Value(text=text, note=row.note, strong=row.strong, known=row.value is not None)


def _row(index: int, row: Row, value: layout.Value, *, scale: axis.Scale, frame: layout.Rows) -> str:
    end = max(scale.at(point) for point in (0.0, row.value or 0.0, row.high or 0.0))
    bar = _bar(index, row, value.text, scale=scale, frame=frame)
    return svg.element("g", bar, _whisker(index, row, scale, frame), frame.named(index, row.name, value, end))


def _bar(index: int, row: Row, value: str, *, scale: axis.Scale, frame: layout.Rows) -> str:
    if row.value is None:
        return ""
    ends = sorted((scale.at(0), scale.at(row.value)))
    colour = theme.TONES[row.tone]
    return svg.rect(
        ends[0],
        frame.bar_top(index),
        ends[1] - ends[0],
        frame.bar,
        colour=colour,
        class_="bar",
        title=f"{row.name}: {value}",
    )


def _whisker(index: int, row: Row, scale: axis.Scale, frame: layout.Rows) -> str:
    if row.low is None or row.high is None:
        return ""
    left, right = scale.at(row.low), scale.at(row.high)
    middle = frame.bar_top(index) + frame.bar / 2
    caps = [svg.line(x, middle - 5, x, middle + 5, colour=theme.INK, width=1.5) for x in (left, right)]
    return svg.line(left, middle, right, middle, colour=theme.INK, width=1.5) + "".join(caps)


def _target(target: float, label: str, scale: axis.Scale, frame: layout.Rows, rows: Sequence[Row]) -> str:
    x, bottom = scale.at(target), frame.top + len(rows) * frame.pitch
    known = [index for index, row in enumerate(rows) if row.value is not None]
    lines = [
        svg.line(x, top - 4, x, top + frame.bar + 4, colour=theme.INK, width=1.5, dash="4 3")
        for top in map(frame.bar_top, known)
    ]
    half = axis.text_width(label, theme.SMALL_PX) / 2
    centre = axis.push_apart([x], [2 * half], 0, frame.width)[0]
    return "".join(lines) + svg.text(centre, bottom + 16, label, size=theme.SMALL_PX, anchor="middle")
